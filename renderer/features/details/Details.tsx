import EditOutlined from '@mui/icons-material/EditOutlined';
import Alert from '@mui/material/Alert';
import AlertTitle from '@mui/material/AlertTitle';
import Box from '@mui/material/Box';
import Chip from '@mui/material/Chip';
import IconButton from '@mui/material/IconButton';
import Paper from '@mui/material/Paper';
import Skeleton from '@mui/material/Skeleton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import Link from '@mui/material/Link';
import type { ReactNode } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { VmConfig } from '../../../shared/vm/config.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { monospace } from '../../app/theme.ts';
import { focusConsole } from '../console/consoleFocus.ts';
import { isLive } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';
import { cpuModelNames, engineNames, graphicsCardNames } from '../vmForm/cpuModelNames.ts';
import type { SettingsCategory } from '../vmForm/SettingsDialog.tsx';
import { ActivityCard } from './ActivityCard.tsx';
import { PreviewCard } from './PreviewCard.tsx';
import { useVmConfig } from './useVmConfig.ts';

export function Details({ vm }: { readonly vm: VmSummary }) {
  const { data: config, error } = useVmConfig(vm);
  return (
    <Box sx={{ flex: 1, overflowY: 'auto', p: 2 }}>
      {vm.unusable && (
        <Reason title="This machine cannot be used" reason={vm.reason} hint={vm.hint} />
      )}
      {!vm.unusable && vm.state === 'aborted' && (
        <Reason title="The machine was aborted" reason={vm.reason} hint={vm.hint} />
      )}
      {!vm.unusable && vm.state === 'poweredOff' && vm.reason && (
        <Reason title="The machine could not be started" reason={vm.reason} hint={vm.hint} />
      )}
      {!vm.unusable && vm.state === 'paused' && vm.reason && (
        <Reason title="The machine was paused" reason={vm.reason} hint={vm.hint} />
      )}
      {error && !vm.unusable ? (
        <Reason
          title="The machine’s file cannot be read"
          reason={explain(error).message}
          hint={explain(error).hint}
        />
      ) : null}
      <Box sx={{ columns: '2 360px', columnGap: 2 }}>
        {config && <Cards vm={vm} config={config} />}
        {!config && !error && !vm.unusable && <Skeleton variant="rounded" height={140} />}
      </Box>
    </Box>
  );
}

function Reason(props: {
  readonly title: string;
  readonly reason: string | undefined;
  readonly hint: string | undefined;
}) {
  return (
    <Alert severity="error" sx={{ mb: 2, overflowWrap: 'anywhere' }}>
      <AlertTitle component="h2" sx={{ fontSize: '0.95rem' }}>
        {props.title}
      </AlertTitle>
      {props.reason ?? 'The reason is not known.'} {props.hint && <b>{props.hint}</b>}
    </Alert>
  );
}

function Cards({ vm, config }: { readonly vm: VmSummary; readonly config: VmConfig }) {
  const showTab = useLibrary((store) => store.showTab);
  const engine = engineNames[config.engine];
  return (
    <>
      {isLive(vm) && config.display.card !== 'none' && <PreviewCard vm={vm} />}
      <Card title="General" vm={vm} category="general">
        <Row name="Name">{config.name}</Row>
        {config.description && (
          <Row name="Description">
            <span style={{ whiteSpace: 'pre-wrap' }}>{config.description}</span>
          </Row>
        )}
        <Row name="Created">{new Date(config.createdAt).toLocaleString()}</Row>
      </Card>
      <Card title="System" vm={vm} category="system">
        <Row name="Memory">{config.memoryMiB} MiB</Row>
        <Row name="CPUs">{config.cpus}</Row>
        <Row name="CPU model">{cpuModelNames[config.cpuModel]}</Row>
        <Row name="Engine">{engine}</Row>
      </Card>
      <Card title="Boot" vm={vm} category="boot">
        <Row name="Kernel">
          {config.boot.kernel ? <Path path={config.boot.kernel} /> : 'None: the drives are booted'}
        </Row>
        <Row name="Initrd">{config.boot.initrd ? <Path path={config.boot.initrd} /> : 'None'}</Row>
        <Row name="Command line">
          {config.boot.commandLine ? <Path path={config.boot.commandLine} /> : 'None'}
        </Row>
      </Card>
      <Card title="Display" vm={vm} category="display">
        <Row name="Graphics card">{graphicsCardNames[config.display.card]}</Row>
      </Card>
      <Card title="Storage" vm={vm} category="storage">
        {config.disks.length === 0 && <Row name="Disks">None</Row>}
        {config.disks.map((disk, index) => (
          <Row key={disk.path} name={`Disk ${index + 1} (${disk.interface})`}>
            <Path path={disk.path} />{' '}
            {disk.readOnly && <Chip size="small" variant="outlined" label="Read-only" />}
          </Row>
        ))}
        {config.cdroms.map(({ path, interface: where }, index) => (
          <Row key={index} name={`CD-ROM ${index + 1} (${where})`}>
            {path === undefined ? 'Empty' : <Path path={path} />}
          </Row>
        ))}
        {config.floppies.map(({ path, readOnly }, index) => (
          <Row key={index} name={`Floppy ${index + 1}`}>
            {path === undefined ? 'Empty' : <Path path={path} />}{' '}
            {readOnly && <Chip size="small" variant="outlined" label="Read-only" />}
          </Row>
        ))}
      </Card>
      <Card title="Serial ports" vm={vm}>
        <Row name="COM1, ttyS0">
          <Link
            component="button"
            sx={{ verticalAlign: 'baseline' }}
            onClick={() => {
              showTab('console');
              focusConsole();
            }}
          >
            The Console tab
          </Link>
        </Row>
      </Card>
      {isLive(vm) && <ActivityCard vm={vm} />}
    </>
  );
}

export function Card(props: {
  readonly title: string;
  readonly vm: VmSummary;
  readonly category?: SettingsCategory;
  readonly children: ReactNode;
}) {
  const open = useDialogs((store) => store.open);
  const { category, vm, title } = props;
  return (
    <Paper
      variant="outlined"
      component="section"
      aria-label={title}
      sx={{ p: 2, pt: 1.25, mb: 2, breakInside: 'avoid' }}
    >
      <Box sx={{ display: 'flex', alignItems: 'center', mb: 0.75, minHeight: 34 }}>
        <Typography variant="h2" sx={{ flex: 1 }}>
          {title}
        </Typography>
        {category && (
          <Tooltip title={`Change ${title}`}>
            <IconButton
              size="small"
              aria-label={`Change ${title}`}
              onClick={() => open({ kind: 'settings', vmId: vm.id, category })}
            >
              <EditOutlined fontSize="small" />
            </IconButton>
          </Tooltip>
        )}
      </Box>
      <Box
        component="dl"
        sx={{
          m: 0,
          display: 'grid',
          gridTemplateColumns: '112px 1fr',
          columnGap: 2,
          rowGap: 0.75,
          fontSize: '0.875rem',
        }}
      >
        {props.children}
      </Box>
    </Paper>
  );
}

export function Row({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <Box component="dt" sx={{ color: 'text.secondary' }}>
        {name}
      </Box>
      <Box component="dd" sx={{ m: 0, minWidth: 0, overflowWrap: 'anywhere' }}>
        {children}
      </Box>
    </>
  );
}

function Path({ path }: { readonly path: string }) {
  return <span style={{ fontFamily: monospace, fontSize: '0.82rem' }}>{path}</span>;
}
