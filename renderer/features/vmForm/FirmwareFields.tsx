import MenuItem from '@mui/material/MenuItem';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { t } from '../../i18n/i18n.ts';
import type { FieldsProps } from './fields.tsx';
import { PathField } from './PathField.tsx';

/** Our own BIOS, or an image in its place: OVMF for UEFI, SeaBIOS. */
export function FirmwareFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const { firmware, kernel } = draft;
  const off = disabled || kernel.trim() !== '';
  return (
    <Stack spacing={2}>
      <TextField
        select
        label={t('firmware.label')}
        sx={{ maxWidth: 360 }}
        disabled={off}
        value={firmware ? 'file' : 'bios'}
        helperText={t('firmware.help')}
        onChange={(event) =>
          change({ firmware: event.target.value === 'file' ? { code: '' } : undefined })
        }
      >
        <MenuItem value="bios">{t('firmware.bios')}</MenuItem>
        <MenuItem value="file">{t('firmware.file')}</MenuItem>
      </TextField>
      {firmware && (
        <PathField
          label={t('firmware.code')}
          disabled={off}
          value={firmware.code}
          problem={problems['boot.firmware.code']}
          help={t('firmware.codeHelp')}
          nearby="/usr/share/OVMF"
          onChange={(code) => change({ firmware: { ...firmware, code } })}
        />
      )}
    </Stack>
  );
}
