import Box from '@mui/material/Box';
import InputAdornment from '@mui/material/InputAdornment';
import MenuItem from '@mui/material/MenuItem';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { useQuery } from '@tanstack/react-query';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { cpuModelNames, graphicsCardNames } from './cpuModelNames.ts';
import type { Problems, VmDraft } from './vmDraft.ts';

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
