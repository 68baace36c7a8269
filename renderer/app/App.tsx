import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import Tab from '@mui/material/Tab';
import Tabs from '@mui/material/Tabs';
import Typography from '@mui/material/Typography';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { t } from '../i18n/i18n.ts';
import type { VmSummary } from '../../shared/services/library.ts';
import { Logo, VmIcon } from '../components/Artwork.tsx';
import { ConfirmDialog } from '../components/ConfirmDialog.tsx';
import { NameDialog } from '../components/NameDialog.tsx';
import { Console } from '../features/console/Console.tsx';
import { focusConsole } from '../features/console/consoleFocus.ts';
import { keepTerminals } from '../features/console/serialTerminal.ts';
import { Details } from '../features/details/Details.tsx';
import { useVmConfig } from '../features/details/useVmConfig.ts';
import { Home } from '../features/home/Home.tsx';
import {
  targetsOf,
  useLibrary,
  useSelectedVm,
  type MachineTab,
} from '../features/library/libraryStore.ts';
import { GalleryDialog } from '../features/gallery/GalleryDialog.tsx';
import { CloneDialog } from '../features/library/CloneDialog.tsx';
import { DeleteDialog } from '../features/library/DeleteDialog.tsx';
import { Tasks } from '../features/tasks/Tasks.tsx';
import { searchFieldId } from '../features/library/ListSearch.tsx';
import { SelectionPane } from '../features/library/SelectionPane.tsx';
import { StateLabel, stateWord } from '../features/library/StateLabel.tsx';
import { Toolbar } from '../features/library/Toolbar.tsx';
import { useCommands } from '../features/library/useCommands.ts';
import { VmList } from '../features/library/VmList.tsx';
import { Screen } from '../features/screen/Screen.tsx';
import { focusScreen } from '../features/screen/screenFocus.ts';
import { DroppedDialog } from '../features/media/DroppedDialog.tsx';
import { DropTarget } from '../features/media/DropTarget.tsx';
import { Logs } from '../features/logs/Logs.tsx';
import { MediaPage } from '../features/mediaManager/MediaPage.tsx';
import { NetworkPage } from '../features/networkPage/NetworkPage.tsx';
import { PreferencesPage } from '../features/preferences/PreferencesPage.tsx';
import { SnapshotDialog } from '../features/snapshots/SnapshotDialog.tsx';
import { SnapshotsTab } from '../features/snapshots/SnapshotsTab.tsx';
import { Notices } from '../features/notices/Notices.tsx';
import { NewVmDialog } from '../features/vmForm/NewVmDialog.tsx';
import { SettingsDialog, type SettingsCategory } from '../features/vmForm/SettingsDialog.tsx';
import { ExportDialog } from '../features/transfer/ExportDialog.tsx';
import { ImportDialog } from '../features/transfer/ImportDialog.tsx';
import { useConnection } from '../transport/ConnectionContext.tsx';
import { AboutHost } from './AboutHost.tsx';
import { useDialogs } from './dialogStore.ts';
import { shortcutOf } from './shortcuts.ts';
import { ToolsRail } from './ToolsRail.tsx';

/** The charts are a large part of the program, and nobody's first wish. */
const ActivityTab = lazy(async () => ({
  default: (await import('../features/activity/ActivityTab.tsx')).ActivityTab,
}));
const ActivityPage = lazy(async () => ({
  default: (await import('../features/activity/ActivityPage.tsx')).ActivityPage,
}));

export function App() {
  const connection = useLibrary((store) => store.connection);
  const vms = useLibrary((store) => store.vms);
  useShortcuts();
  useFreshness(vms);
  useTitle();

  if (connection.kind === 'refused')
    return <Refused message={connection.message} hint={connection.hint} />;
  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', height: '100%' }}>
      <ConnectionBanner />
      <Toolbar />
      <Box sx={{ display: 'flex', flex: 1, minHeight: 0 }}>
        <ToolsRail />
        <Box
          component="nav"
          aria-label={t('app.library')}
          sx={{
            width: { xs: 208, md: 264 },
            position: 'relative',
            flexShrink: 0,
            display: 'flex',
            flexDirection: 'column',
            borderRight: 1,
            borderColor: 'divider',
            bgcolor: 'background.paper',
          }}
        >
          {vms && vms.length > 0 && <VmList />}
          {vms?.length === 0 && (
            <Typography sx={{ p: 2, color: 'text.secondary', fontSize: '0.875rem', flex: 1 }}>
              {t('list.empty')}
            </Typography>
          )}
          {!vms && <Box sx={{ flex: 1 }} />}
          <AboutHost />
        </Box>
        <Box
          component="main"
          sx={{ flex: 1, minWidth: 0, display: 'flex', flexDirection: 'column' }}
        >
          <Notices />
          <Tasks />
          <MainPane />
        </Box>
      </Box>
      <OpenDialog />
      <DropTarget />
    </Box>
  );
}

function MainPane() {
  const vms = useLibrary((store) => store.vms);
  const marked = useLibrary((store) => store.marked);
  const page = useLibrary((store) => store.page);
  const vm = useSelectedVm();
  if (!vms) return <LinearProgress aria-label={t('app.loading')} />;
  if (page === 'activity')
    return (
      <Suspense fallback={<LinearProgress aria-label={t('app.loading')} />}>
        <ActivityPage />
      </Suspense>
    );
  if (page === 'media') return <MediaPage />;
  if (page === 'network') return <NetworkPage />;
  if (page === 'preferences') return <PreferencesPage />;
  if (page === 'home' || !vm) return <Home />;
  return marked.size > 1 ? <SelectionPane vms={targetsOf({ vms, marked })} /> : <Machine vm={vm} />;
}

function Machine({ vm }: { readonly vm: VmSummary }) {
  const tab = useLibrary((store) => store.tab);
  const showTab = useLibrary((store) => store.showTab);
  const shown: MachineTab = vm.unusable ? 'details' : tab;
  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', flex: 1, minHeight: 0 }}>
      <Box
        sx={{
          display: 'flex',
          alignItems: 'center',
          gap: 1.5,
          px: 2,
          pt: 1.5,
          // The list says the same where the window is low.
          '@media (max-height: 600px)': { display: 'none' },
        }}
      >
        <VmIcon id={vm.id} size={40} dimmed={vm.unusable === true} />
        <Box sx={{ minWidth: 0 }}>
          <Typography variant="h1" noWrap title={vm.name}>
            {vm.name}
          </Typography>
          <span role="status" aria-label={t('app.state')}>
            <StateLabel vm={vm} />
          </span>
        </Box>
      </Box>
      <Tabs
        value={shown}
        aria-label={t('tabs.views')}
        onChange={(_, next: MachineTab) => showTab(next)}
        sx={{ px: 1, borderBottom: 1, borderColor: 'divider', flexShrink: 0 }}
      >
        <Tab
          value="details"
          label={t('tabs.details')}
          id="tab-details"
          aria-controls="panel-details"
        />
        {!vm.unusable && (
          <Tab
            value="screen"
            label={t('tabs.screen')}
            id="tab-screen"
            aria-controls="panel-screen"
            onClick={focusScreen}
          />
        )}
        {!vm.unusable && (
          <Tab
            value="console"
            label={t('tabs.console')}
            id="tab-console"
            aria-controls="panel-console"
            onClick={focusConsole}
          />
        )}
        {!vm.unusable && (
          <Tab
            value="snapshots"
            label={t('snapshots.title')}
            id="tab-snapshots"
            aria-controls="panel-snapshots"
          />
        )}
        {!vm.unusable && (
          <Tab value="logs" label={t('tabs.logs')} id="tab-logs" aria-controls="panel-logs" />
        )}
        {!vm.unusable && (
          <Tab
            value="activity"
            label={t('activity.title')}
            id="tab-activity"
            aria-controls="panel-activity"
          />
        )}
      </Tabs>
      <Box
        role="tabpanel"
        id={`panel-${shown}`}
        aria-labelledby={`tab-${shown}`}
        sx={{ flex: 1, minHeight: 0, display: 'flex', flexDirection: 'column' }}
      >
        {shown === 'details' && <Details vm={vm} />}
        {shown === 'screen' && <Screen key={vm.id} vm={vm} />}
        {shown === 'console' && <Console key={vm.id} vm={vm} />}
        {shown === 'snapshots' && <SnapshotsTab key={vm.id} vm={vm} />}
        {shown === 'logs' && <Logs key={vm.id} vm={vm} />}
        {shown === 'activity' && (
          <Suspense fallback={<LinearProgress aria-label={t('app.loading')} />}>
            <ActivityTab key={vm.id} vm={vm} />
          </Suspense>
        )}
      </Box>
    </Box>
  );
}

function ConnectionBanner() {
  const state = useLibrary((store) => store.connection);
  const known = useLibrary((store) => store.vms !== undefined);
  const { retryNow } = useConnection();
  const away = state.kind === 'lost' || (state.kind === 'connecting' && known);
  if (!away) return null;
  return (
    <Alert
      severity="warning"
      role="alert"
      sx={{ borderRadius: 0 }}
      action={
        <Button size="small" color="inherit" onClick={retryNow}>
          {t('connection.tryNow')}
        </Button>
      }
    >
      {t('connection.lost')}
    </Alert>
  );
}

function Refused({ message, hint }: { readonly message: string; readonly hint: string }) {
  return (
    <Box
      role="alert"
      sx={{
        height: '100%',
        display: 'flex',
        flexDirection: 'column',
        alignItems: 'center',
        justifyContent: 'center',
        gap: 1.5,
        p: 3,
        textAlign: 'center',
      }}
    >
      <Logo size={64} />
      <Typography variant="h1">{message}</Typography>
      <Typography sx={{ color: 'text.secondary', maxWidth: 480 }}>{hint}</Typography>
    </Box>
  );
}

function OpenDialog() {
  const dialog = useDialogs((store) => store.dialog);
  const close = useDialogs((store) => store.close);
  const vms = useLibrary((store) => store.vms);
  switch (dialog?.kind) {
    case undefined:
      return null;
    case 'newVm':
      return <NewVmDialog {...(dialog.draft && { draft: dialog.draft })} onClose={close} />;
    case 'dropped':
      return <DroppedDialog files={dialog.files} vmId={dialog.vmId} onClose={close} />;
    case 'confirm':
      return <ConfirmDialog question={dialog.question} onClose={close} />;
    case 'snapshot':
      return <SnapshotDialog {...dialog} onClose={close} />;
    case 'import':
      return <ImportDialog {...dialog} onClose={close} />;
    case 'export':
      return <ExportDialog vm={dialog.vm} onClose={close} />;
    case 'gallery':
      return <GalleryDialog onClose={close} />;
    case 'clone':
      return <CloneDialog vm={dialog.vm} onClose={close} />;
    case 'delete':
      return <DeleteDialog vms={dialog.vms} onClose={close} />;
    case 'name':
      return <NameDialog {...dialog} onClose={close} />;
    case 'settings': {
      const vm = vms?.find(({ id }) => id === dialog.vmId);
      return vm ? <Settings vm={vm} category={dialog.category} onClose={close} /> : null;
    }
  }
}

function Settings(props: {
  readonly vm: VmSummary;
  readonly category: SettingsCategory;
  onClose(): void;
}) {
  const { data: config } = useVmConfig(props.vm);
  return config ? <SettingsDialog {...props} config={config} /> : null;
}

/** Configurations are read anew with every change of the list; terminals of deleted machines go. */
function useFreshness(vms: readonly VmSummary[] | undefined): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!vms) return;
    void queries.invalidateQueries({ queryKey: ['vm'] });
    keepTerminals(new Set(vms.map(({ id }) => id)));
  }, [queries, vms]);
}

/** Tells windows and browser tabs apart. */
function useTitle(): void {
  const vm = useSelectedVm();
  useEffect(() => {
    document.title = vm ? t('app.titleOf', { name: vm.name, state: stateWord(vm) }) : t('app.name');
  }, [vm]);
}

function useShortcuts(): void {
  const run = useCommands();
  const vm = useSelectedVm();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const shortcut = shortcutOf(event);
      if (!shortcut) return;
      event.preventDefault();
      const { dialog, open } = useDialogs.getState();
      if (dialog || useLibrary.getState().connection.kind !== 'open') return;
      if (shortcut === 'newVm') open({ kind: 'newVm' });
      else if (shortcut === 'media' || shortcut === 'network')
        useLibrary.getState().showPage(shortcut);
      else if (shortcut === 'log') {
        useLibrary.getState().showPage('machines');
        useLibrary.getState().showTab('logs');
      } else if (shortcut === 'search') document.getElementById(searchFieldId)?.focus();
      else run(shortcut, vm);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [run, vm]);
}
