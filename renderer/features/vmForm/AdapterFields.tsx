import Box from '@mui/material/Box';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import {
  adapterModels,
  networkLabel,
  userNetworkSchema,
  type AdapterConfig,
  type NetworkConfig,
} from '../../../shared/vm/network.ts';
import { t } from '../../i18n/i18n.ts';

type Mode = NetworkConfig['mode'];
const modes: readonly Mode[] = [
  ...(['user', 'natNetwork', 'internal', 'hostOnly', 'bridged', 'tap', 'none'] as const),
];

/** A network of a mode, with a first name where it has one. */
function firstOf(mode: Mode): NetworkConfig {
  switch (mode) {
    case 'none':
      return { mode };
    case 'user':
      return userNetworkSchema.parse({ mode });
    case 'natNetwork':
      return { mode, name: 'nat' };
    case 'internal':
      return { mode, name: 'internal' };
    case 'hostOnly':
      return { mode, name: 'host' };
    case 'bridged':
      return { mode, bridge: 'br0' };
    case 'tap':
      return { mode, device: 'tap0' };
  }
}

/** What the name of a network is called in its configuration, if it has one. */
export const labelKeyOf = (network: NetworkConfig): 'name' | 'bridge' | 'device' | undefined =>
  (['name', 'bridge', 'device'] as const).find((key) => key in network);

export interface AdapterFieldsProps {
  /** May hold a name or a MAC address that is not valid yet. */
  readonly adapter: AdapterConfig;
  /** What is wrong with them, in words. */
  readonly problems: {
    readonly label?: string | undefined;
    readonly mac?: string | undefined;
  };
  readonly disabled?: boolean;
  /** Something was chosen from a list. */
  choose(changed: AdapterConfig): void;
  /** Something is being typed. */
  type(changed: AdapterConfig): void;
}

/** What an adapter is, and what it is plugged into. */
export function AdapterFields(props: AdapterFieldsProps) {
  const { adapter, problems, disabled = false, choose, type } = props;
  const { network } = adapter;
  const key = labelKeyOf(network);
  const setMac = (text: string) => {
    const { mac: _before, ...rest } = adapter;
    type(text.trim() === '' ? rest : { ...rest, mac: text.trim() });
  };
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 1.5,
        gridTemplateColumns: 'repeat(auto-fit, minmax(190px, 1fr))',
        maxWidth: 960,
      }}
    >
      <TextField
        select
        label={t('networkPage.attachedTo')}
        value={network.mode}
        disabled={disabled}
        onChange={(event) =>
          choose({ ...adapter, network: firstOf(event.target.value as NetworkConfig['mode']) })
        }
      >
        {modes.map((mode) => (
          <MenuItem key={mode} value={mode}>
            {t(`networkPage.modes.${mode}`)}
          </MenuItem>
        ))}
      </TextField>
      {key && (
        <TextField
          label={t(`networkPage.labels.${key}`)}
          value={networkLabel(network)}
          disabled={disabled}
          error={problems.label !== undefined}
          helperText={problems.label}
          onChange={(event) =>
            type({ ...adapter, network: { ...network, [key]: event.target.value } })
          }
        />
      )}
      <TextField
        select
        label={t('networkPage.model')}
        value={adapter.model}
        disabled={disabled}
        onChange={(event) =>
          choose({ ...adapter, model: event.target.value as AdapterConfig['model'] })
        }
      >
        {adapterModels.map((model) => (
          <MenuItem key={model} value={model}>
            {t(`networkPage.models.${model}`)}
          </MenuItem>
        ))}
      </TextField>
      <TextField
        label={t('networkPage.mac')}
        value={adapter.mac ?? ''}
        placeholder={t('networkPage.macGenerated')}
        disabled={disabled}
        error={problems.mac !== undefined}
        helperText={problems.mac}
        onChange={(event) => setMac(event.target.value)}
        slotProps={{
          htmlInput: { spellCheck: false, autoComplete: 'off' },
          inputLabel: { shrink: true },
        }}
      />
    </Box>
  );
}
