import ArrowDownward from '@mui/icons-material/ArrowDownward';
import ArrowUpward from '@mui/icons-material/ArrowUpward';
import Box from '@mui/material/Box';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { t } from '../../i18n/i18n.ts';
import type { FieldsProps } from './fields.tsx';
import { FirmwareFields } from './FirmwareFields.tsx';
import { PathField } from './PathField.tsx';
import { splitPath } from './vmDraft.ts';

/** What the machine starts from: its drives in an order, or a kernel of the host's. */
export function BootFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const nearby = draft.kernel.trim() ? splitPath(draft.kernel.trim()).folder : undefined;
  return (
    <Stack spacing={2}>
      <BootOrder
        order={draft.order}
        disabled={disabled || draft.kernel.trim() !== ''}
        change={(order) => change({ order })}
      />
      {/* In a box of its own, as the stack would take away what makes up for the checkbox's own margin. */}
      <Box>
        <FormControlLabel
          disabled={disabled || draft.kernel.trim() !== ''}
          control={
            <Checkbox
              size="small"
              checked={draft.menu}
              onChange={(event) => change({ menu: event.target.checked })}
            />
          }
          label={t('boot.menu')}
        />
      </Box>
      <FirmwareFields draft={draft} problems={problems} disabled={disabled} change={change} />
      <PathField
        label={t('boot.kernel')}
        disabled={disabled}
        value={draft.kernel}
        problem={problems['boot.kernel']}
        help={t('boot.kernelHelp')}
        onChange={(kernel) => change({ kernel })}
      />
      <PathField
        label={t('boot.initrd')}
        disabled={disabled}
        value={draft.initrd}
        problem={problems['boot.initrd']}
        help={t('boot.initrdHelp')}
        nearby={nearby}
        onChange={(initrd) => change({ initrd })}
      />
      <TextField
        label={t('boot.commandLine')}
        disabled={disabled}
        value={draft.commandLine}
        error={problems['boot.commandLine'] !== undefined}
        helperText={problems['boot.commandLine'] ?? t('boot.commandLineHelp')}
        onChange={(event) => change({ commandLine: event.target.value })}
        slotProps={{ htmlInput: { spellCheck: false, autoComplete: 'off' } }}
      />
    </Stack>
  );
}

const driveKinds = ['c', 'd', 'a', 'n'] as const;

/** `order` names those that are tried, first to last; the others follow, unchecked. */
function BootOrder(props: {
  readonly order: string;
  readonly disabled: boolean;
  change(order: string): void;
}) {
  const { order, disabled, change } = props;
  const tried = [...order];
  const rows = [...tried, ...driveKinds.filter((kind) => !order.includes(kind))];
  const swap = (at: number, other: number) => {
    const next = [...tried];
    [next[at], next[other]] = [next[other]!, next[at]!];
    change(next.join(''));
  };
  return (
    <Box component="fieldset" disabled={disabled} sx={{ m: 0, p: 0, border: 0 }}>
      <Typography component="legend" variant="caption" sx={{ color: 'text.secondary' }}>
        {t('boot.order')}
      </Typography>
      {rows.map((letter, at) => {
        const word = t(`boot.drive.${letter as (typeof driveKinds)[number]}`);
        const on = order.includes(letter);
        const last = tried.length === 1 && on;
        return (
          <Box key={letter} sx={{ display: 'flex', alignItems: 'center', maxWidth: 320 }}>
            <FormControlLabel
              sx={{ flex: 1 }}
              disabled={disabled || last}
              control={
                <Checkbox
                  size="small"
                  checked={on}
                  onChange={() => change(on ? order.replace(letter, '') : order + letter)}
                />
              }
              label={word}
            />
            <MoveButton
              label={t('boot.earlier', { drive: word })}
              off={disabled || !on || at === 0}
              icon={<ArrowUpward fontSize="small" />}
              act={() => swap(at, at - 1)}
            />
            <MoveButton
              label={t('boot.later', { drive: word })}
              off={disabled || !on || at >= tried.length - 1}
              icon={<ArrowDownward fontSize="small" />}
              act={() => swap(at, at + 1)}
            />
          </Box>
        );
      })}
    </Box>
  );
}

function MoveButton(props: {
  readonly label: string;
  readonly off: boolean;
  readonly icon: React.ReactNode;
  act(): void;
}) {
  return (
    <Tooltip title={props.label} describeChild={false}>
      <span>
        <IconButton size="small" aria-label={props.label} disabled={props.off} onClick={props.act}>
          {props.icon}
        </IconButton>
      </span>
    </Tooltip>
  );
}
