import CameraAlt from '@mui/icons-material/CameraAlt';
import ContentPaste from '@mui/icons-material/ContentPaste';
import CropFree from '@mui/icons-material/CropFree';
import FitScreen from '@mui/icons-material/FitScreen';
import Fullscreen from '@mui/icons-material/Fullscreen';
import KeyboardCommandKey from '@mui/icons-material/KeyboardCommandKey';
import AspectRatio from '@mui/icons-material/AspectRatio';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { t } from '../../i18n/i18n.ts';
import { hostKeyName } from './hostKey.ts';
import { setScreenMode } from './screenActions.ts';
import { screenModes, type ScreenMode } from './screenLayout.ts';

const modeIcons: Readonly<Record<ScreenMode, ReactNode>> = {
  fit: <FitScreen fontSize="small" />,
  scaled: <AspectRatio fontSize="small" />,
  actual: <CropFree fontSize="small" />,
};

export interface ScreenToolsProps {
  readonly mode: ScreenMode;
  readonly status: string;
  readonly indicators: ReactNode;
  fullScreen(): void;
  ctrlAltDelete(): void;
  screenshot(): void;
  paste(): void;
}

export function ScreenTools(props: ScreenToolsProps) {
  const hostKey = hostKeyName();
  return (
    <Box
      sx={{
        display: 'flex',
        alignItems: 'center',
        gap: 0.5,
        px: 1.5,
        py: 0.25,
        borderTop: 1,
        borderColor: 'divider',
        bgcolor: 'background.paper',
      }}
    >
      <Typography
        noWrap
        variant="caption"
        title={props.status}
        sx={{ color: 'text.secondary', flex: 1, minWidth: 0 }}
      >
        {props.status}
      </Typography>
      {props.indicators}
      {screenModes.map((mode) => (
        <Tool
          key={mode}
          label={t(`screen.mode.${mode}`, { hostKey })}
          pressed={props.mode === mode}
          icon={modeIcons[mode]}
          act={() => setScreenMode(mode)}
        />
      ))}
      <Tool
        label={t('screen.fullScreen', { hostKey })}
        icon={<Fullscreen fontSize="small" />}
        act={props.fullScreen}
      />
      <Tool
        label={t('screen.ctrlAltDelete', { hostKey })}
        icon={<KeyboardCommandKey fontSize="small" />}
        act={props.ctrlAltDelete}
      />
      <Tool label={t('screen.paste')} icon={<ContentPaste fontSize="small" />} act={props.paste} />
      <Tool
        label={t('screen.screenshot', { hostKey })}
        icon={<CameraAlt fontSize="small" />}
        act={props.screenshot}
      />
    </Box>
  );
}

function Tool(props: {
  readonly label: string;
  readonly pressed?: boolean;
  readonly icon: ReactNode;
  act(): void;
}) {
  return (
    <Tooltip title={props.label}>
      <IconButton
        size="small"
        aria-label={props.label}
        aria-pressed={props.pressed}
        color={props.pressed ? 'primary' : 'default'}
        onClick={props.act}
      >
        {props.icon}
      </IconButton>
    </Tooltip>
  );
}
