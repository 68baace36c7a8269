import Box from '@mui/material/Box';
import LinearProgress from '@mui/material/LinearProgress';
import Tab from '@mui/material/Tab';
import Tabs from '@mui/material/Tabs';
import Typography from '@mui/material/Typography';
import { useEffect, useLayoutEffect, useState } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { ConnectionBanner, Refused } from '../../app/ConnectionState.tsx';
import { useDialogs } from '../../app/dialogStore.ts';
import { OpenDialog } from '../../app/OpenDialog.tsx';
import { useShellRequests } from '../../app/useShellRequests.ts';
import { useFreshness, useTitle } from '../../app/useFreshness.ts';
import { t } from '../../i18n/i18n.ts';
import { Console } from '../console/Console.tsx';
import { focusConsole } from '../console/consoleFocus.ts';
import { useVmConfig } from '../details/useVmConfig.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { talksOnScreen } from '../library/useCommands.ts';
import { Notices } from '../notices/Notices.tsx';
import { Screen } from '../screen/Screen.tsx';
import { focusScreen } from '../screen/screenFocus.ts';
import { Tasks } from '../tasks/Tasks.tsx';
import { MenuBar } from './MenuBar.tsx';
import { useWindowMenus } from './useWindowMenus.tsx';

/** A machine in a window of its own: menus, its screen or console, and its status bar. */
export function VmWindow({ id }: { readonly id: string }) {
  const connection = useLibrary((store) => store.connection);
  const vms = useLibrary((store) => store.vms);
  const vm = vms?.find((one) => one.id === id && !one.unusable);
  useFreshness(vms);
  useTitle(vm);
  if (connection.kind === 'refused')
    return <Refused message={connection.message} hint={connection.hint} />;
  if (!vms) return <LinearProgress aria-label={t('app.loading')} />;
  if (!vm) return <Refused message={t('vmWindow.gone')} hint={t('vmWindow.goneHint')} />;
  return <Present vm={vm} />;
}

/** What the machine talks on is known before there are tabs: nobody's choice is overruled later. */
function Present({ vm }: { readonly vm: VmSummary }) {
  const { data: config, isPending } = useVmConfig(vm);
  if (isPending) return <LinearProgress aria-label={t('app.loading')} />;
  return (
    <Views vm={vm} first={config === undefined || talksOnScreen(config) ? 'screen' : 'console'} />
  );
}

function Views({ vm, first }: { readonly vm: VmSummary; readonly first: 'screen' | 'console' }) {
  const { menus, chooser } = useWindowMenus(vm);
  const tab = useLibrary((store) => store.tab);
  const shown = tab === 'console' ? 'console' : 'screen';

  useEffect(() => {
    useLibrary.setState({ selectedId: vm.id, marked: new Set([vm.id]), page: 'machines' });
  }, [vm.id]);
  const [opening] = useState(first);
  useLayoutEffect(() => {
    useLibrary.getState().showTab(opening);
    if (opening === 'screen') focusScreen();
    else focusConsole();
  }, [opening]);
  useShellRequests(({ kind }) => {
    if (kind === 'close') useDialogs.getState().open({ kind: 'close', vm });
  });

  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', height: '100%' }}>
      <ConnectionBanner />
      <Box
        component="header"
        sx={{
          display: 'flex',
          alignItems: 'center',
          borderBottom: 1,
          borderColor: 'divider',
          bgcolor: 'background.paper',
        }}
      >
        <Typography component="h1" sx={visuallyHidden}>
          {vm.name}
        </Typography>
        <MenuBar label={t('vmWindow.menus', { name: vm.name })} menus={menus} />
        <Box sx={{ flex: 1 }} />
        <Tabs
          value={shown}
          aria-label={t('tabs.views')}
          onChange={(_, next: 'screen' | 'console') => useLibrary.getState().showTab(next)}
          sx={{ minHeight: 36, '& .MuiTab-root': { minHeight: 36, py: 0 } }}
        >
          <Tab
            value="screen"
            label={t('tabs.screen')}
            id="tab-screen"
            aria-controls="panel-screen"
            onClick={focusScreen}
          />
          <Tab
            value="console"
            label={t('tabs.console')}
            id="tab-console"
            aria-controls="panel-console"
            onClick={focusConsole}
          />
        </Tabs>
      </Box>
      <Box
        component="main"
        sx={{ flex: 1, minHeight: 0, display: 'flex', flexDirection: 'column' }}
      >
        <Notices />
        <Tasks />
        <Box
          role="tabpanel"
          id={`panel-${shown}`}
          aria-labelledby={`tab-${shown}`}
          sx={{ flex: 1, minHeight: 0, display: 'flex', flexDirection: 'column' }}
        >
          {shown === 'screen' ? <Screen vm={vm} /> : <Console vm={vm} />}
        </Box>
      </Box>
      <OpenDialog />
      {chooser}
    </Box>
  );
}

const visuallyHidden = {
  position: 'absolute',
  width: '1px',
  height: '1px',
  overflow: 'hidden',
  clipPath: 'inset(50%)',
} as const;
