import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import InputAdornment from '@mui/material/InputAdornment';
import MenuItem from '@mui/material/MenuItem';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { PathField } from './PathField.tsx';
import { cpuModelNames, graphicsCardNames } from './cpuModelNames.ts';
import { splitPath, type Problems, type VmDraft } from './vmDraft.ts';

export interface FieldsProps {
  readonly draft: VmDraft;
  /** Only the problems that shall be shown already. */
  readonly problems: Problems;
  readonly disabled?: boolean;
  change(changes: Partial<VmDraft>): void;
}

export function GeneralFields({
  draft,
  problems,
  change,
  ...rest
}: FieldsProps & { autoFocus?: boolean }) {
  return (
    <Stack spacing={2}>
      <TextField
        label="Name"
        required
        autoFocus={rest.autoFocus ?? false}
        value={draft.name}
        error={problems.name !== undefined}
        helperText={problems.name}
        onChange={(event) => change({ name: event.target.value })}
        slotProps={{ htmlInput: { autoComplete: 'off' } }}
      />
      <TextField
        label="Description"
        value={draft.description}
        multiline
        minRows={2}
        maxRows={8}
        error={problems.description !== undefined}
        helperText={problems.description}
        onChange={(event) => change({ description: event.target.value })}
      />
    </Stack>
  );
}

export function SystemFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const { host } = useConnection();
  const { data: info } = useQuery({
    queryKey: ['host'],
    queryFn: () => host.info(),
    staleTime: Infinity,
  });
  const ofHost = info ? `; this computer has ${info.memoryMiB}` : '';
  return (
    <Box sx={{ display: 'grid', gap: 2, gridTemplateColumns: { xs: '1fr', sm: '4fr 3fr 6fr' } }}>
      <TextField
        label="Memory"
        required
        disabled={disabled}
        value={draft.memoryMiB}
        error={problems.memoryMiB !== undefined}
        helperText={problems.memoryMiB ?? `16 to 3584${ofHost}`}
        onChange={(event) => change({ memoryMiB: event.target.value })}
        slotProps={{
          htmlInput: { inputMode: 'numeric', autoComplete: 'off' },
          input: { endAdornment: <InputAdornment position="end">MiB</InputAdornment> },
        }}
      />
      <TextField
        label="CPUs"
        required
        disabled={disabled}
        value={draft.cpus}
        error={problems.cpus !== undefined}
        helperText={problems.cpus ?? 'The engine runs one'}
        onChange={(event) => change({ cpus: event.target.value })}
        slotProps={{ htmlInput: { inputMode: 'numeric', autoComplete: 'off' } }}
      />
      <TextField
        select
        label="CPU model"
        disabled={disabled}
        value={draft.cpuModel}
        helperText="What the guest sees"
        onChange={(event) => change({ cpuModel: event.target.value as VmDraft['cpuModel'] })}
      >
        {Object.entries(cpuModelNames).map(([model, name]) => (
          <MenuItem key={model} value={model}>
            {name}
          </MenuItem>
        ))}
      </TextField>
    </Box>
  );
}

export function DisplayFields({ draft, disabled = false, change }: FieldsProps) {
  return (
    <TextField
      select
      label="Graphics card"
      sx={{ width: 320 }}
      disabled={disabled}
      value={draft.card}
      helperText="Without one there is only the serial console"
      onChange={(event) => change({ card: event.target.value as VmDraft['card'] })}
    >
      {Object.entries(graphicsCardNames).map(([card, name]) => (
        <MenuItem key={card} value={card}>
          {name}
        </MenuItem>
      ))}
    </TextField>
  );
}

export function BootFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const nearby = draft.kernel.trim() ? splitPath(draft.kernel.trim()).folder : undefined;
  return (
    <Stack spacing={2}>
      <PathField
        label="Kernel"
        required
        disabled={disabled}
        value={draft.kernel}
        problem={problems['boot.kernel']}
        help="A Linux bzImage or vmlinux, or a Multiboot ELF file"
        onChange={(kernel) => change({ kernel })}
      />
      <PathField
        label="Initial RAM disk (initrd)"
        disabled={disabled}
        value={draft.initrd}
        problem={problems['boot.initrd']}
        help="Optional"
        nearby={nearby}
        onChange={(initrd) => change({ initrd })}
      />
      <TextField
        label="Kernel command line"
        disabled={disabled}
        value={draft.commandLine}
        error={problems['boot.commandLine'] !== undefined}
        helperText={
          problems['boot.commandLine'] ?? 'console=ttyS0 makes Linux talk to the Console tab'
        }
        onChange={(event) => change({ commandLine: event.target.value })}
        slotProps={{ htmlInput: { spellCheck: false, autoComplete: 'off' } }}
      />
    </Stack>
  );
}

export function StorageFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const disks = draft.disks;
  const replace = (index: number, changes: Partial<VmDraft['disks'][number]>) =>
    change({ disks: disks.map((disk, at) => (at === index ? { ...disk, ...changes } : disk)) });
  const last = disks.at(-1)?.path.trim();
  return (
    <Stack spacing={1.5}>
      {disks.length === 0 && (
        <Typography sx={{ color: 'text.secondary', fontSize: '0.875rem' }}>
          No disks. A guest that lives in its initial RAM disk needs none.
        </Typography>
      )}
      {disks.map((disk, index) => (
        <Box key={index} sx={{ display: 'flex', gap: 1, alignItems: 'flex-start' }}>
          <PathField
            label={`Disk ${index + 1} (${disk.interface})`}
            disabled={disabled}
            value={disk.path}
            problem={problems[`disks.${index}.path`]}
            help="A raw disk image"
            nearby={last ? splitPath(last).folder : undefined}
            onChange={(path) => replace(index, { path })}
          />
          <FormControlLabel
            sx={{ whiteSpace: 'nowrap', mt: 0.25, mr: 0 }}
            disabled={disabled}
            control={
              <Checkbox
                size="small"
                checked={disk.readOnly}
                onChange={(event) => replace(index, { readOnly: event.target.checked })}
              />
            }
            label="Read-only"
          />
          <Tooltip title="Take this disk out (its file stays)">
            <span>
              <IconButton
                aria-label={`Remove disk ${index + 1}`}
                disabled={disabled}
                onClick={() => change({ disks: disks.filter((_, at) => at !== index) })}
              >
                <DeleteOutlined />
              </IconButton>
            </span>
          </Tooltip>
        </Box>
      ))}
      {problems.disks && (
        <Typography color="error" variant="caption">
          {problems.disks}
        </Typography>
      )}
      <Button
        startIcon={<Add />}
        disabled={disabled}
        onClick={() =>
          change({ disks: [...disks, { path: '', readOnly: false, interface: 'virtio' }] })
        }
        sx={{ alignSelf: 'flex-start' }}
      >
        Add disk
      </Button>
    </Stack>
  );
}
