import Box from '@mui/material/Box';
import InputAdornment from '@mui/material/InputAdornment';
import MenuItem from '@mui/material/MenuItem';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { useQuery } from '@tanstack/react-query';
import {
  graphicsCards,
  mostCoreMemoryMiB,
  mostMemoryMiB,
  vmConfigSchema,
} from '../../../shared/vm/config.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import type { Problems, VmDraft } from './vmDraft.ts';

const cpuModels = vmConfigSchema.shape.cpuModel.unwrap().options;
const engines = vmConfigSchema.shape.engine.unwrap().options;

export interface FieldsProps {
  readonly draft: VmDraft;
  /** Only the problems that shall be shown already. */
  readonly problems: Problems;
  readonly disabled?: boolean;
  change(changes: Partial<VmDraft>): void;
}

export function MachineName({
  draft,
  problems,
  change,
  ...rest
}: FieldsProps & { autoFocus?: boolean; help?: string }) {
  return (
    <TextField
      label={t('general.name')}
      required
      autoFocus={rest.autoFocus ?? false}
      value={draft.name}
      error={problems.name !== undefined}
      helperText={problems.name ?? rest.help}
      onChange={(event) => change({ name: event.target.value })}
      slotProps={{ htmlInput: { autoComplete: 'off' } }}
    />
  );
}

export function GeneralFields({
  draft,
  problems,
  change,
  ...rest
}: FieldsProps & { autoFocus?: boolean }) {
  return (
    <Stack spacing={2}>
      <MachineName {...{ draft, problems, change }} autoFocus={rest.autoFocus ?? false} />
      <TextField
        label={t('general.description')}
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
  const limits = { limit: mostCoreMemoryMiB, kvm: mostMemoryMiB };
  const range = info
    ? t('system.memoryHelpHost', { ...limits, memory: info.memoryMiB })
    : t('system.memoryHelp', limits);
  return (
    <Box sx={{ display: 'grid', gap: 2, gridTemplateColumns: { xs: '1fr', sm: '4fr 3fr 6fr' } }}>
      <TextField
        label={t('system.memory')}
        required
        disabled={disabled}
        value={draft.memoryMiB}
        error={problems.memoryMiB !== undefined}
        helperText={problems.memoryMiB ?? range}
        onChange={(event) => change({ memoryMiB: event.target.value })}
        slotProps={{
          htmlInput: { inputMode: 'numeric', autoComplete: 'off' },
          input: {
            endAdornment: <InputAdornment position="end">{t('system.unit')}</InputAdornment>,
          },
        }}
      />
      <TextField
        label={t('system.cpus')}
        required
        disabled={disabled}
        value={draft.cpus}
        error={problems.cpus !== undefined}
        helperText={problems.cpus ?? t('system.cpusHelp')}
        onChange={(event) => change({ cpus: event.target.value })}
        slotProps={{ htmlInput: { inputMode: 'numeric', autoComplete: 'off' } }}
      />
      <TextField
        select
        label={t('system.cpuModel')}
        disabled={disabled}
        value={draft.cpuModel}
        error={problems.cpuModel !== undefined}
        helperText={problems.cpuModel ?? t('system.cpuModelHelp')}
        onChange={(event) => change({ cpuModel: event.target.value as VmDraft['cpuModel'] })}
      >
        {cpuModels.map((model) => (
          <MenuItem key={model} value={model}>
            {t(`system.cpuModels.${model}`)}
          </MenuItem>
        ))}
      </TextField>
    </Box>
  );
}

/** The hardware and, as only its settings have it, the engine of a machine. */
export function MachineSystemFields(props: FieldsProps) {
  const { draft, disabled = false, change } = props;
  return (
    <Stack spacing={2}>
      <SystemFields {...props} />
      <TextField
        label={t('system.cpuCap')}
        sx={{ maxWidth: 480 }}
        disabled={disabled}
        value={draft.cpuCap}
        error={props.problems.cpuCap !== undefined}
        helperText={props.problems.cpuCap ?? t('system.cpuCapHelp')}
        onChange={(event) => change({ cpuCap: event.target.value })}
        slotProps={{
          htmlInput: { inputMode: 'numeric', autoComplete: 'off' },
          input: { endAdornment: <InputAdornment position="end">%</InputAdornment> },
        }}
      />
      <TextField
        select
        label={t('system.engine')}
        sx={{ maxWidth: 480 }}
        disabled={disabled}
        value={draft.engine}
        helperText={t(`system.engineHelp.${draft.engine}`)}
        onChange={(event) => change({ engine: event.target.value as VmDraft['engine'] })}
      >
        {engines.map((engine) => (
          <MenuItem key={engine} value={engine}>
            {t(`system.engines.${engine}`)}
          </MenuItem>
        ))}
      </TextField>
    </Stack>
  );
}

export function DisplayFields({ draft, disabled = false, change }: FieldsProps) {
  return (
    <TextField
      select
      label={t('display.card')}
      sx={{ width: 320 }}
      disabled={disabled}
      value={draft.card}
      helperText={t('display.cardHelp')}
      onChange={(event) => change({ card: event.target.value as VmDraft['card'] })}
    >
      {graphicsCards.map((card) => (
        <MenuItem key={card} value={card}>
          {t(`display.cards.${card}`)}
        </MenuItem>
      ))}
    </TextField>
  );
}
