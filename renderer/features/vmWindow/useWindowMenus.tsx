import type { ReactNode } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import type { MenuEntry } from '../../components/EntryMenu.tsx';
import { t } from '../../i18n/i18n.ts';
import { focusConsole } from '../console/consoleFocus.ts';
import { isLive, whyNot, type CommandName } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { useCommands } from '../library/useCommands.ts';
import { hostKeys, type HostCommand } from '../screen/hostKey.ts';
import { setScreenMode, useScreenActions } from '../screen/screenActions.ts';
import { focusScreen } from '../screen/screenFocus.ts';
import { screenModes } from '../screen/screenLayout.ts';
import { useHostCommands } from '../screen/useHostCommands.ts';
import { useDeviceEntries } from '../statusBar/useDeviceEntries.tsx';
import { useDevices } from '../statusBar/useDevices.ts';
import type { BarMenu } from './MenuBar.tsx';
import { showManager } from './ownWindow.ts';

/** The menus of a machine's window, and the dialog that one of them may have open. */
export function useWindowMenus(vm: VmSummary): { menus: readonly BarMenu[]; chooser: ReactNode } {
  const run = useCommands();
  const hostCommand = useHostCommands(vm);
  const openDialog = useDialogs((store) => store.open);
  const { mode, actions } = useScreenActions();
  const tab = useLibrary((store) => store.tab);
  const devices = useDevices(vm);
  const { media, cables, chooser } = useDeviceEntries(vm, devices);
  const live = isLive(vm);
  const off = live ? undefined : whyNot('powerOff', vm);
  const noScreen = actions ? undefined : (off ?? t('vmWindow.noScreen'));

  const command = (name: CommandName, word: string, key?: HostCommand): MenuEntry => ({
    word,
    ...(key && { key: hostKeys(key) }),
    why: whyNot(name, vm),
    act: () => run(name, vm),
  });
  const onScreen = (name: HostCommand, word: string): MenuEntry => ({
    word,
    key: hostKeys(name),
    why: noScreen,
    act: () => actions?.command(name),
  });
  const menus: BarMenu[] = [
    {
      name: t('vmWindow.file'),
      entries: [
        { word: t('vmWindow.manager'), act: showManager },
        command('export', `${t('transfer.export')}…`),
        'divider',
        { word: t('vmWindow.close'), key: hostKeys('close'), act: () => hostCommand('close') },
      ],
    },
    {
      name: t('vmWindow.machine'),
      entries: [
        command('settings', t('menu.settings')),
        {
          word: t('vmWindow.snapshot'),
          key: hostKeys('snapshot'),
          act: () => hostCommand('snapshot'),
        },
        'divider',
        !live && command('start', t('command.start')),
        vm.state === 'paused'
          ? command('resume', t('command.resume'), 'pause')
          : command('pause', t('command.pause'), 'pause'),
        command('reset', t('menu.reset'), 'reset'),
        command('shutDown', t('command.shutDown'), 'shutDown'),
        command('saveState', t('command.saveState')),
        command('powerOff', t('menu.powerOff')),
      ],
    },
    {
      name: t('vmWindow.view'),
      entries: [
        ...(['screen', 'console'] as const).map((one) => ({
          word: t(`tabs.${one}`),
          checked: tab === one || (one === 'screen' && tab !== 'console'),
          act: () => {
            useLibrary.getState().showTab(one);
            if (one === 'screen') focusScreen();
            else focusConsole();
          },
        })),
        'divider',
        ...screenModes.map((one) => ({
          word: t(`vmWindow.mode.${one}`),
          ...(one === 'scaled' && { key: hostKeys('scaled') }),
          checked: one === mode,
          why: noScreen,
          act: () => setScreenMode(one),
        })),
        'divider',
        onScreen('fullScreen', t('vmWindow.fullScreen')),
        onScreen('screenshot', t('vmWindow.screenshot')),
      ],
    },
    {
      name: t('vmWindow.input'),
      entries: [
        onScreen('ctrlAltDelete', t('vmWindow.ctrlAltDelete')),
        { word: t('screen.paste'), why: noScreen, act: () => actions?.paste() },
      ],
    },
    {
      name: t('vmWindow.devices'),
      entries: [
        ...media,
        media.length > 0 && cables.length > 0 && 'divider',
        ...cables,
        media.length + cables.length === 0 && {
          word: t('menu.settings'),
          act: () => openDialog({ kind: 'settings', vmId: vm.id, category: 'storage' }),
        },
      ],
    },
    {
      name: t('vmWindow.help'),
      entries: [{ word: t('vmWindow.keys'), act: () => openDialog({ kind: 'keys' }) }],
    },
  ];
  return { menus, chooser };
}
