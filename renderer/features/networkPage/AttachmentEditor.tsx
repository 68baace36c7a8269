import Box from '@mui/material/Box';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import {
  adapterModels,
  networkLabel,
  networkSchema,
  type AdapterConfig,
  type NetworkConfig,
} from '../../../shared/vm/network.ts';
import { t } from '../../i18n/i18n.ts';

type Mode = NetworkConfig['mode'];
const modes: readonly Mode[] = [
  ...(['user', 'natNetwork', 'internal', 'hostOnly', 'bridged', 'tap', 'none'] as const),
];
/** What a mode calls its network by, with a first name. */
const labels: Partial<Record<Mode, { readonly key: string; readonly first: string }>> = {
  natNetwork: { key: 'name', first: 'nat' },
  internal: { key: 'name', first: 'internal' },
  hostOnly: { key: 'name', first: 'host' },
  bridged: { key: 'bridge', first: 'br0' },
  tap: { key: 'device', first: 'tap0' },
};

/** What an adapter is, and what it is plugged into; for a machine that is off. */
export function AttachmentEditor(props: {
  readonly adapter: AdapterConfig;
  save(changed: AdapterConfig): void;
}) {
  const { adapter, save } = props;
  const { network } = adapter;
  const [draft, setDraft] = useState<string>();
  const label = labels[network.mode];
  const attach = (mode: Mode, name?: string) => {
    const of = labels[mode];
    const parsed = networkSchema.safeParse({
      mode,
      ...(of && { [of.key]: name ?? of.first }),
    });
    if (parsed.success) save({ ...adapter, network: parsed.data });
    return parsed.success;
  };
  const shown = draft ?? networkLabel(network);
  const wrong =
    label !== undefined &&
    !networkSchema.safeParse({ mode: network.mode, [label.key]: shown }).success;
  return (
    <Box sx={{ display: 'flex', gap: 1.5, my: 1.5, alignItems: 'flex-start', maxWidth: 960 }}>
      <TextField
        select
        label={t('networkPage.attachedTo')}
        value={network.mode}
        onChange={(event) => {
          setDraft(undefined);
          attach(event.target.value as Mode);
        }}
      >
        {modes.map((mode) => (
          <MenuItem key={mode} value={mode}>
            {t(`networkPage.modes.${mode}`)}
          </MenuItem>
        ))}
      </TextField>
      {label && (
        <TextField
          label={t(`networkPage.labels.${label.key as 'name' | 'bridge' | 'device'}`)}
          value={shown}
          error={wrong}
          helperText={wrong && t('networkPage.wrongLabel')}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={() => {
            if (draft !== undefined && attach(network.mode, draft)) setDraft(undefined);
          }}
        />
      )}
      <TextField
        select
        label={t('networkPage.model')}
        value={adapter.model}
        onChange={(event) =>
          save({ ...adapter, model: event.target.value as AdapterConfig['model'] })
        }
      >
        {adapterModels.map((model) => (
          <MenuItem key={model} value={model}>
            {t(`networkPage.models.${model}`)}
          </MenuItem>
        ))}
      </TextField>
    </Box>
  );
}
