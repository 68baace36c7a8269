import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { adapterSchema, mostAdapters, type AdapterConfig } from '../../../shared/vm/network.ts';
import { t } from '../../i18n/i18n.ts';
import { AdapterFields, labelKeyOf } from './AdapterFields.tsx';
import type { FieldsProps } from './fields.tsx';
import type { Problems } from './vmDraft.ts';

/** The machine's network adapters. Ports, rules and the line are changed on the network page, also while it runs. */
export function NetworkFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const { adapters = [] } = draft;
  return (
    <Stack spacing={2}>
      {adapters.length === 0 && (
        <Typography sx={{ color: 'text.secondary', fontSize: '0.875rem' }}>
          {t('networkPage.none')}
        </Typography>
      )}
      {adapters.map((adapter, index) => (
        <Adapter
          key={index}
          {...{ adapter, index, problems, disabled }}
          set={(changed) => change({ adapters: adapters.with(index, changed) })}
          remove={() => change({ adapters: adapters.filter((_, at) => at !== index) })}
        />
      ))}
      <Box>
        <Button
          startIcon={<Add />}
          disabled={disabled || adapters.length >= mostAdapters}
          onClick={() => change({ adapters: [...adapters, adapterSchema.parse({})] })}
        >
          {t('networkPage.addAdapter')}
        </Button>
      </Box>
    </Stack>
  );
}

function Adapter(props: {
  readonly adapter: AdapterConfig;
  readonly index: number;
  readonly problems: Problems;
  readonly disabled: boolean;
  set(changed: AdapterConfig): void;
  remove(): void;
}) {
  const { adapter, index, problems, disabled, set, remove } = props;
  const { network } = adapter;
  const key = labelKeyOf(network);
  const name = t('networkPage.adapter', { number: index + 1 });
  /** An empty text is not in the configuration at all. */
  const setText = (field: 'bootFolder' | 'bootFile', text: string) => {
    if (network.mode !== 'user') return;
    const { [field]: _before, ...rest } = network;
    set({ ...adapter, network: text === '' ? rest : { ...rest, [field]: text } });
  };
  return (
    <Box component="section" aria-label={name}>
      <Box sx={{ display: 'flex', alignItems: 'center', mb: 1 }}>
        <Typography variant="h3" sx={{ flex: 1 }}>
          {name}
        </Typography>
        <IconButton
          aria-label={t('networkPage.removeAdapter', { number: index + 1 })}
          disabled={disabled}
          onClick={remove}
        >
          <DeleteOutlined />
        </IconButton>
      </Box>
      <AdapterFields
        adapter={adapter}
        disabled={disabled}
        problems={{
          label: key && problems[`adapters.${index}.network.${key}`],
          mac: problems[`adapters.${index}.mac`],
        }}
        choose={set}
        type={set}
      />
      <FormControlLabel
        disabled={disabled}
        control={
          <Checkbox
            checked={adapter.connected}
            onChange={(event) => set({ ...adapter, connected: event.target.checked })}
          />
        }
        label={t('networkPage.cable')}
      />
      {network.mode === 'user' && (
        <>
          <FormControlLabel
            disabled={disabled}
            control={
              <Checkbox
                checked={network.hostLoopback}
                onChange={(event) =>
                  set({ ...adapter, network: { ...network, hostLoopback: event.target.checked } })
                }
              />
            }
            label={t('networkPage.hostLoopback')}
          />
          <Box sx={{ display: 'grid', gap: 1.5, gridTemplateColumns: '2fr 1fr', mt: 1 }}>
            <TextField
              label={t('networkPage.bootFolder')}
              disabled={disabled}
              value={network.bootFolder ?? ''}
              error={problems[`adapters.${index}.network.bootFolder`] !== undefined}
              helperText={
                problems[`adapters.${index}.network.bootFolder`] ?? t('networkPage.bootFolderHelp')
              }
              onChange={(event) => setText('bootFolder', event.target.value)}
            />
            <TextField
              label={t('networkPage.bootFile')}
              disabled={disabled || network.bootFolder === undefined}
              value={network.bootFile ?? ''}
              error={problems[`adapters.${index}.network.bootFile`] !== undefined}
              helperText={problems[`adapters.${index}.network.bootFile`]}
              onChange={(event) => setText('bootFile', event.target.value)}
            />
          </Box>
        </>
      )}
    </Box>
  );
}
