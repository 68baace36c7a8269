import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import InputAdornment from '@mui/material/InputAdornment';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { diskInterfaces, newDiskSchema } from '../../../shared/vm/config.ts';
import { t } from '../../i18n/i18n.ts';
import { ChoiceField } from './ChoiceField.tsx';
import type { FieldsProps } from './fields.tsx';
import { defaultDisk, type VmDraft } from './vmDraft.ts';

const formats = newDiskSchema.shape.format.unwrap().options;

/** Disks that are made with the machine: empty, and as large as is said. */
export function NewDiskFields({ draft, problems, change }: FieldsProps) {
  const { newDisks } = draft;
  const set = (index: number, changes: Partial<VmDraft['newDisks'][number]>) =>
    change({ newDisks: newDisks.map((one, at) => (at === index ? { ...one, ...changes } : one)) });
  return (
    <Stack spacing={1.5} sx={{ mt: 1.5 }}>
      {newDisks.map((disk, index) => {
        const name = t('newDisk.name', { number: draft.disks.length + index + 1 });
        const problem = problems[`newDisks.${index}.sizeMiB`];
        return (
          <Box key={index} sx={{ display: 'flex', gap: 1, alignItems: 'flex-start' }}>
            <TextField
              label={name}
              value={disk.size}
              error={problem !== undefined}
              helperText={problem ?? t('newDisk.help')}
              onChange={(event) => set(index, { size: event.target.value })}
              slotProps={{
                htmlInput: { inputMode: 'decimal', autoComplete: 'off' },
                input: {
                  endAdornment: <InputAdornment position="end">{t('newDisk.unit')}</InputAdornment>,
                },
              }}
            />
            <ChoiceField
              width={130}
              label={t('newDisk.format')}
              name={t('newDisk.formatOf', { disk: name })}
              value={disk.format}
              choices={formats}
              word={(format) => t(`newDisk.formats.${format}`)}
              onChange={(format) => set(index, { format })}
            />
            <ChoiceField
              width={130}
              label={t('storage.interface')}
              name={t('storage.interfaceOf', { drive: name })}
              value={disk.interface}
              choices={diskInterfaces}
              word={(choice) => t(`storage.interfaces.${choice}`)}
              onChange={(choice) => set(index, { interface: choice })}
            />
            <IconButton
              aria-label={t('newDisk.remove', { number: draft.disks.length + index + 1 })}
              onClick={() => change({ newDisks: newDisks.filter((_, at) => at !== index) })}
            >
              <DeleteOutlined />
            </IconButton>
          </Box>
        );
      })}
      <Box>
        <Button
          startIcon={<Add />}
          onClick={() => change({ newDisks: [...newDisks, { ...defaultDisk }] })}
        >
          {t('newDisk.add')}
        </Button>
      </Box>
    </Stack>
  );
}
