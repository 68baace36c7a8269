import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import FormControlLabel from '@mui/material/FormControlLabel';
import MenuItem from '@mui/material/MenuItem';
import Paper from '@mui/material/Paper';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { AdapterChange, AdapterStatus } from '../../../shared/net/networkStatus.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import {
  adapterSchema,
  mostAdapters,
  networkLabel,
  type AdapterConfig,
  type FirewallRuleConfig,
  type PortForwardConfig,
} from '../../../shared/vm/network.ts';
import { monospace } from '../../app/theme.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { useVmConfig } from '../details/useVmConfig.ts';
import { formatSize } from '../files/formatSize.ts';
import { isLive } from '../library/commands.ts';
import { useLibrary, useSelectedVm } from '../library/libraryStore.ts';
import { report } from '../notices/noticeStore.ts';
import { AttachmentEditor } from './AttachmentEditor.tsx';
import { ForwardsEditor } from './ForwardsEditor.tsx';
import { LineEditor } from './LineEditor.tsx';
import { RulesEditor } from './RulesEditor.tsx';

/** The adapters of a machine: what they are plugged into, and which ports of this computer lead to the guest. */
export function NetworkPage() {
  const vms = (useLibrary((store) => store.vms) ?? []).filter(({ unusable }) => !unusable);
  const selected = useSelectedVm();
  const vm = vms.find(({ id }) => id === selected?.id) ?? vms[0];
  return (
    <Box tabIndex={0} sx={{ p: 2, overflowY: 'auto', minHeight: 0, outlineOffset: -3 }}>
      <Typography variant="h1" sx={{ mb: 2 }}>
        {t('networkPage.title')}
      </Typography>
      {!vm && <Typography sx={{ color: 'text.secondary' }}>{t('list.empty')}</Typography>}
      {vm && (
        <TextField
          select
          label={t('drop.machine')}
          value={vm.id}
          sx={{ maxWidth: 360, mb: 2 }}
          onChange={(event) =>
            useLibrary.setState({
              selectedId: event.target.value,
              cursor: event.target.value,
              marked: new Set([event.target.value]),
            })
          }
        >
          {vms.map(({ id, name }) => (
            <MenuItem key={id} value={id}>
              {name}
            </MenuItem>
          ))}
        </TextField>
      )}
      {vm && <Adapters key={vm.id} vm={vm} />}
    </Box>
  );
}

function Adapters({ vm }: { readonly vm: VmSummary }) {
  const { library, session } = useConnection();
  const live = isLive(vm);
  const { data: config } = useVmConfig(vm);
  const { data: status } = useQuery({
    queryKey: ['network', vm.id],
    queryFn: () => session.networkStatus(vm.id),
    enabled: live,
    refetchInterval: 2000,
    retry: false,
    gcTime: 0,
  });
  if (!config) return null;
  const add = () => {
    library
      .modify(vm.id, { adapters: [...config.adapters, adapterSchema.parse({})] })
      .catch((error: unknown) => report(t('networkPage.failed', { name: vm.name }), error));
  };
  return (
    <>
      {config.adapters.length === 0 && (
        <Typography sx={{ color: 'text.secondary', mb: 2 }}>{t('networkPage.none')}</Typography>
      )}
      {config.adapters.map((adapter, index) => (
        <Adapter
          key={index}
          {...{ vm, adapter, index, all: config.adapters }}
          status={live ? status?.[index] : undefined}
        />
      ))}
      {!live && config.adapters.length < mostAdapters && (
        <Button variant="outlined" onClick={add}>
          {t('networkPage.addAdapter')}
        </Button>
      )}
    </>
  );
}

function Adapter(props: {
  readonly vm: VmSummary;
  readonly adapter: AdapterConfig;
  readonly all: readonly AdapterConfig[];
  readonly index: number;
  readonly status: AdapterStatus | undefined;
}) {
  const { vm, adapter, all, index, status } = props;
  const { library, session } = useConnection();
  const queries = useQueryClient();
  const { network } = adapter;
  const live = isLive(vm);
  const connected = status?.connected ?? adapter.connected;
  const configured = network.mode === 'user' ? network.forwards : [];
  const forwards = status?.forwards ?? configured;
  const rules = status?.rules ?? (network.mode === 'user' ? network.rules : []);

  const save = async (changed: AdapterConfig): Promise<void> => {
    await library.modify(vm.id, { adapters: all.with(index, changed) });
  };
  const changeNow = async (change: AdapterChange): Promise<void> => {
    await session.changeAdapter(vm.id, index, change);
    await queries.invalidateQueries({ queryKey: ['network', vm.id] });
  };
  const setRules = async (next: readonly FirewallRuleConfig[]): Promise<void> => {
    if (live) await changeNow({ rules: [...next] });
    else if (network.mode === 'user')
      await save({ ...adapter, network: { ...network, rules: [...next] } });
  };
  const remove = () => {
    library
      .modify(vm.id, { adapters: all.filter((_, at) => at !== index) })
      .catch((error: unknown) => report(t('networkPage.failed', { name: vm.name }), error));
  };
  const setForwards = async (next: readonly PortForwardConfig[]): Promise<void> => {
    if (live) await changeNow({ forwards: [...next] });
    else if (network.mode === 'user')
      await save({ ...adapter, network: { ...network, forwards: [...next] } });
  };
  const setConnected = (on: boolean) => {
    const changed = live
      ? session.changeAdapter(vm.id, index, { connected: on })
      : save({ ...adapter, connected: on });
    changed
      .then(() => queries.invalidateQueries({ queryKey: ['network', vm.id] }))
      .catch((error: unknown) => report(t('networkPage.failed', { name: vm.name }), error));
  };
  const name = t('networkPage.adapter', { number: index + 1 });
  return (
    <Paper variant="outlined" component="section" aria-label={name} sx={{ p: 2, mb: 2 }}>
      <Typography variant="h2">{name}</Typography>
      <Typography sx={{ fontSize: '0.875rem', color: 'text.secondary' }}>
        {t(`networkPage.models.${adapter.model}`)} · {t(`networkPage.modes.${network.mode}`)}
        {networkLabel(network) !== '' && ` “${networkLabel(network)}”`}
        {status && (
          <>
            {' · '}
            <span style={{ fontFamily: monospace }}>{status.mac}</span>
            {status.address !== undefined && ` · ${status.address}`}
            {' · '}
            {t('networkPage.traffic', {
              in: formatSize(status.bytesIn),
              out: formatSize(status.bytesOut),
            })}
          </>
        )}
      </Typography>
      <FormControlLabel
        control={
          <Switch checked={connected} onChange={(event) => setConnected(event.target.checked)} />
        }
        label={t('networkPage.cable')}
      />
      {!live && (
        <AttachmentEditor
          adapter={adapter}
          save={(changed) =>
            void save(changed).catch((error: unknown) =>
              report(t('networkPage.failed', { name: vm.name }), error),
            )
          }
        />
      )}
      {network.mode === 'user' && (
        <>
          {live && (
            <Alert severity="info" sx={{ mb: 2, py: 0 }}>
              {t('networkPage.untilOff')}
            </Alert>
          )}
          <ForwardsEditor forwards={forwards} save={setForwards} />
          <RulesEditor rules={rules} save={setRules} />
        </>
      )}
      {status && network.mode !== 'none' && <LineEditor status={status} change={changeNow} />}
      {!live && (
        <Button color="error" sx={{ mt: 2 }} onClick={remove}>
          {t('networkPage.removeAdapter', { number: index + 1 })}
        </Button>
      )}
    </Paper>
  );
}
