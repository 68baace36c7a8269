import Button from '@mui/material/Button';
import Tooltip from '@mui/material/Tooltip';
import { narrow } from '../app/theme.ts';
import type { ComponentProps, MouseEvent, ReactNode } from 'react';

type ButtonProps = ComponentProps<typeof Button>;

export interface CommandButtonProps extends Omit<ButtonProps, 'title' | 'disabled'> {
  readonly label: string;
  readonly icon: ReactNode;
  /** Why it cannot be used now. It stays focusable, so that everybody can learn the reason. */
  readonly why?: string | undefined;
  /** What it does, when it can be used, and its key. */
  readonly tip?: string | undefined;
}

/** A button of the toolbar: picture above word; when it is off its tooltip says why. */
export function CommandButton({ label, icon, why, tip, onClick, sx, ...rest }: CommandButtonProps) {
  const off = why !== undefined;
  const click = (event: MouseEvent<HTMLButtonElement>) => {
    if (!off) onClick?.(event);
  };
  return (
    <Tooltip title={why ?? tip ?? ''}>
      <Button
        {...rest}
        aria-disabled={off}
        onClick={click}
        color="inherit"
        sx={[
          {
            flexDirection: 'column',
            gap: 0.25,
            minWidth: 72,
            px: 1,
            py: 0.5,
            [narrow]: { minWidth: 54, px: 0.5 },
            lineHeight: 1.3,
            fontSize: '0.78rem',
            whiteSpace: 'nowrap',
            '& svg': { color: 'primary.main' },
          },
          off && {
            opacity: 0.45,
            cursor: 'default',
            '& svg': { color: 'inherit' },
            '&:hover': { backgroundColor: 'transparent' },
          },
          ...(Array.isArray(sx) ? sx : [sx]),
        ]}
      >
        {icon}
        {label}
      </Button>
    </Tooltip>
  );
}
