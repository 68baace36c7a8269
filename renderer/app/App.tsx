import OpenInNew from '@mui/icons-material/OpenInNew';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import Tab from '@mui/material/Tab';
import Tabs from '@mui/material/Tabs';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { lazy, Suspense, useEffect } from 'react';
import { t } from '../i18n/i18n.ts';
import type { VmSummary } from '../../shared/services/library.ts';
import { VmIcon } from '../components/Artwork.tsx';
import { Console } from '../features/console/Console.tsx';
import { focusConsole } from '../features/console/consoleFocus.ts';
import { Details } from '../features/details/Details.tsx';
import { Home } from '../features/home/Home.tsx';
import {
  targetsOf,
  useLibrary,
  useSelectedVm,
  type MachineTab,
} from '../features/library/libraryStore.ts';
import { Tasks } from '../features/tasks/Tasks.tsx';
import { searchFieldId } from '../features/library/ListSearch.tsx';
import { SelectionPane } from '../features/library/SelectionPane.tsx';
import { StateLabel } from '../features/library/StateLabel.tsx';
import { Toolbar } from '../features/library/Toolbar.tsx';
import { useCommands } from '../features/library/useCommands.ts';
import { VmList } from '../features/library/VmList.tsx';
import { Screen } from '../features/screen/Screen.tsx';
import { focusScreen } from '../features/screen/screenFocus.ts';
import { DropTarget } from '../features/media/DropTarget.tsx';
import { Logs } from '../features/logs/Logs.tsx';
import { MediaPage } from '../features/mediaManager/MediaPage.tsx';
import { NetworkPage } from '../features/networkPage/NetworkPage.tsx';
import { PreferencesPage } from '../features/preferences/PreferencesPage.tsx';
import { SnapshotsTab } from '../features/snapshots/SnapshotsTab.tsx';
import { openVmWindow } from '../features/vmWindow/ownWindow.ts';
import { Notices } from '../features/notices/Notices.tsx';
import { AboutHost } from './AboutHost.tsx';
import { ConnectionBanner, Refused } from './ConnectionState.tsx';
import { useDialogs } from './dialogStore.ts';
import { OpenDialog } from './OpenDialog.tsx';
import { managerRequest, useShellRequests } from './useShellRequests.ts';
import { useFreshness, useTitle } from './useFreshness.ts';
import { shortcutOf } from './shortcuts.ts';
import { narrow } from './theme.ts';
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
  useShellRequests(managerRequest);
  useFreshness(vms);
  useTitle(useSelectedVm());

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
            [narrow]: { width: 188 },
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
        {!vm.unusable && (
          <Tooltip title={t('vmWindow.openTip')}>
            <IconButton
              aria-label={t('vmWindow.open')}
              sx={{ ml: 'auto' }}
              onClick={() => openVmWindow(vm.id)}
            >
              <OpenInNew fontSize="small" />
            </IconButton>
          </Tooltip>
        )}
      </Box>
      <Tabs
        value={shown}
        aria-label={t('tabs.views')}
        variant="scrollable"
        onChange={(_, next: MachineTab) => showTab(next)}
        sx={{
          ...{ px: 1, borderBottom: 1, borderColor: 'divider', flexShrink: 0 },
          [narrow]: { px: 0, '& .MuiTab-root': { minWidth: 0, px: 0.75 } },
        }}
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
      else if (shortcut === 'add') open({ kind: 'import' });
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
