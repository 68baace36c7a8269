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
import { currentLanguage, t } from '../../i18n/i18n.ts';
import type { DriveInterface, VmConfig } from '../../../shared/vm/config.ts';
import { networkLabel } from '../../../shared/vm/network.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { monospace } from '../../app/theme.ts';
import { focusConsole } from '../console/consoleFocus.ts';
import { isLive } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';
import type { SettingsCategory } from '../vmForm/SettingsDialog.tsx';
import { AttachDisk, DetachDisk } from './DiskPlugs.tsx';
import { MediumMenu } from './MediumMenu.tsx';
import { PreviewCard } from './PreviewCard.tsx';
import { useVmConfig } from './useVmConfig.ts';

export function Details({ vm }: { readonly vm: VmSummary }) {
  const { data: config, error } = useVmConfig(vm);
  return (
    <Box sx={{ flex: 1, overflowY: 'auto', p: 2 }}>
      {vm.unusable && <Reason title={t('details.unusable')} reason={vm.reason} hint={vm.hint} />}
      {!vm.unusable && vm.state === 'aborted' && (
        <Reason title={t('details.aborted')} reason={vm.reason} hint={vm.hint} />
      )}
      {!vm.unusable && vm.state === 'poweredOff' && vm.reason && (
        <Reason title={t('details.notStarted')} reason={vm.reason} hint={vm.hint} />
      )}
      {!vm.unusable && vm.state === 'paused' && vm.reason && (
        <Reason title={t('details.paused')} reason={vm.reason} hint={vm.hint} />
      )}
      {error && !vm.unusable ? (
        <Reason
          title={t('details.unreadable')}
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
      {props.reason ?? t('details.noReason')} {props.hint && <b>{props.hint}</b>}
    </Alert>
  );
}

function Cards({ vm, config }: { readonly vm: VmSummary; readonly config: VmConfig }) {
  const showTab = useLibrary((store) => store.showTab);
  const showPage = useLibrary((store) => store.showPage);
  const setting = t(`system.engines.${config.engine}`);
  const engine =
    vm.engine === undefined || vm.engine.name === config.engine
      ? setting
      : t('system.engineNow', { setting, engine: t(`system.engines.${vm.engine.name}`) });
  return (
    <>
      {isLive(vm) && config.display.card !== 'none' && <PreviewCard vm={vm} />}
      <Card title={t('settings.category.general')} vm={vm} category="general">
        <Row name={t('general.name')}>{config.name}</Row>
        {config.description && (
          <Row name={t('general.description')}>
            <span style={{ whiteSpace: 'pre-wrap' }}>{config.description}</span>
          </Row>
        )}
        <Row name={t('details.created')}>
          {new Date(config.createdAt).toLocaleString(currentLanguage())}
        </Row>
      </Card>
      <Card title={t('settings.category.system')} vm={vm} category="system">
        <Row name={t('system.memory')}>{t('system.mebibytes', { count: config.memoryMiB })}</Row>
        <Row name={t('system.cpus')}>{config.cpus}</Row>
        <Row name={t('system.cpuModel')}>{t(`system.cpuModels.${config.cpuModel}`)}</Row>
        <Row name={t('system.engine')}>{engine}</Row>
      </Card>
      <Card title={t('settings.category.boot')} vm={vm} category="boot">
        <Row name={t('boot.kernel')}>
          {config.boot.kernel ? (
            <Path path={config.boot.kernel} />
          ) : (
            t('details.bootsDrives', { order: bootOrder(config.boot.order) })
          )}
        </Row>
        {config.boot.kernel && (
          <Row name={t('details.initrd')}>
            {config.boot.initrd ? <Path path={config.boot.initrd} /> : t('details.none')}
          </Row>
        )}
        {config.boot.kernel && (
          <Row name={t('details.commandLine')}>
            {config.boot.commandLine ? <Path path={config.boot.commandLine} /> : t('details.none')}
          </Row>
        )}
      </Card>
      <Card title={t('settings.category.display')} vm={vm} category="display">
        <Row name={t('display.card')}>{t(`display.cards.${config.display.card}`)}</Row>
      </Card>
      <Card title={t('settings.category.storage')} vm={vm} category="storage">
        {config.disks.length === 0 && <Row name={t('details.disks')}>{t('details.none')}</Row>}
        {config.disks.map((disk, index) => (
          <Row
            key={disk.path}
            name={driveName(t('storage.disk', { number: index + 1 }), disk.interface)}
          >
            <Path path={disk.path} />{' '}
            {disk.readOnly && (
              <Chip size="small" variant="outlined" label={t('storage.readOnly')} />
            )}
            {isLive(vm) && disk.interface === 'ahci' && (
              <DetachDisk {...{ vm, index }} name={t('storage.disk', { number: index + 1 })} />
            )}
          </Row>
        ))}
        {isLive(vm) && hasSata(config) && (
          <Row name={t('hotPlug.another')}>
            <AttachDisk vm={vm} />
          </Row>
        )}
        {config.cdroms.map(({ path, interface: where }, index) => (
          <Row key={index} name={driveName(t('storage.cdrom', { number: index + 1 }), where)}>
            {path === undefined ? t('details.empty') : <Path path={path} />}
            <MediumMenu
              {...{ vm, path, drive: { kind: 'cdrom', index } }}
              name={t('storage.cdrom', { number: index + 1 })}
            />
          </Row>
        ))}
        {config.floppies.map(({ path, readOnly }, index) => (
          <Row key={index} name={t('storage.floppy', { number: index + 1 })}>
            {path === undefined ? t('details.empty') : <Path path={path} />}{' '}
            {readOnly && <Chip size="small" variant="outlined" label={t('storage.readOnly')} />}
            <MediumMenu
              {...{ vm, path, drive: { kind: 'floppy', index } }}
              name={t('storage.floppy', { number: index + 1 })}
            />
          </Row>
        ))}
      </Card>
      <Card title={t('rail.network')} vm={vm} change={() => showPage('network')}>
        {config.adapters.length === 0 && (
          <Row name={t('details.adapters')}>{t('details.none')}</Row>
        )}
        {config.adapters.map(({ network, model, connected }, index) => (
          <Row key={index} name={t('networkPage.adapter', { number: index + 1 })}>
            {t(`networkPage.models.${model}`)} · {t(`networkPage.modes.${network.mode}`)}
            {networkLabel(network) !== '' && ` “${networkLabel(network)}”`}
            {!connected && ` · ${t('details.unplugged')}`}
          </Row>
        ))}
      </Card>
      <Card title={t('details.serialPorts')} vm={vm}>
        <Row name={t('details.com1')}>
          <Link
            component="button"
            sx={{ verticalAlign: 'baseline' }}
            onClick={() => {
              showTab('console');
              focusConsole();
            }}
          >
            {t('details.consoleTab')}
          </Link>
        </Row>
      </Card>
    </>
  );
}

export function Card(props: {
  readonly title: string;
  readonly vm: VmSummary;
  /** Where in the settings its values are changed. */
  readonly category?: SettingsCategory;
  /** Leads to where they are changed otherwise. */
  readonly change?: () => void;
  readonly children: ReactNode;
}) {
  const open = useDialogs((store) => store.open);
  const { category, vm, title } = props;
  const change =
    props.change ?? (category && (() => open({ kind: 'settings', vmId: vm.id, category })));
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
        {change && (
          <Tooltip title={t('details.change', { what: title })}>
            <IconButton
              size="small"
              aria-label={t('details.change', { what: title })}
              onClick={change}
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
          gridTemplateColumns: '128px 1fr',
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

/** Letters as in the configuration, as words. */
const bootOrder = (order: string): string =>
  [...order].map((letter) => t(`boot.drive.${letter as 'a' | 'c' | 'd' | 'n'}`)).join(', ');

/** Only a machine that was started with a SATA drive has ports for more. */
const hasSata = ({ disks, cdroms }: VmConfig): boolean =>
  [...disks, ...cdroms].some((drive) => drive.interface === 'ahci');

const driveName = (drive: string, where: DriveInterface): string =>
  t('details.driveAt', { drive, interface: t(`storage.interfaces.${where}`) });

function Path({ path }: { readonly path: string }) {
  return <span style={{ fontFamily: monospace, fontSize: '0.82rem' }}>{path}</span>;
}
