import { useMemo } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import type { Connection } from '../../transport/connection.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { focusConsole } from '../console/consoleFocus.ts';
import { focusScreen } from '../screen/screenFocus.ts';
import { report } from '../notices/noticeStore.ts';
import { whyNot, type CommandName } from './commands.ts';
import { useLibrary } from './libraryStore.ts';

export type RunCommand = (command: CommandName, vm: VmSummary | undefined) => void;

/** What each command does; a command that is not possible now does nothing. */
export function useCommands(): RunCommand {
  const connection = useConnection();
  return useMemo(() => commandsOf(connection), [connection]);
}

function commandsOf({ library, session }: Connection): RunCommand {
  const attempt = (title: string, action: Promise<unknown>) => {
    action.catch((error: unknown) => report(title, error));
  };
  /** A machine with a kernel of its own usually talks on its serial port, any other on its screen. */
  const show = async (vm: VmSummary) => {
    const config = await library.get(vm.id).catch(() => undefined);
    const onScreen = config?.boot.kernel === undefined && config?.display.card !== 'none';
    useLibrary.getState().select(vm.id, onScreen ? 'screen' : 'console');
    if (onScreen) focusScreen();
    else focusConsole();
  };
  const ask = (title: string, text: string, action: string, act: () => void) =>
    useDialogs.getState().open({ kind: 'confirm', question: { title, text, action, act } });

  return (command, vm) => {
    if (!vm || whyNot(command, vm) !== undefined) return;
    const { name } = vm;
    switch (command) {
      case 'start':
        return session.start(vm.id).then(
          () => show(vm),
          (error: unknown) => report(t('failed.start', { name }), error),
        );
      case 'show':
        return void show(vm);
      case 'pause':
        return attempt(t('failed.pause', { name }), session.pause(vm.id));
      case 'resume':
        return attempt(t('failed.resume', { name }), session.resume(vm.id));
      case 'reset':
        return ask(t('ask.reset', { name }), t('ask.resetText'), t('command.reset'), () =>
          attempt(t('failed.reset', { name }), session.reset(vm.id)),
        );
      case 'shutDown':
        return attempt(t('failed.shutDown', { name }), session.stop(vm.id, 'acpi'));
      case 'powerOff':
        return ask(t('ask.powerOff', { name }), t('ask.powerOffText'), t('command.powerOff'), () =>
          attempt(t('failed.powerOff', { name }), session.stop(vm.id, 'powerOff')),
        );
      case 'settings':
        return useDialogs.getState().open({ kind: 'settings', vmId: vm.id, category: 'general' });
      case 'delete':
        return ask(t('ask.delete', { name }), t('ask.deleteText'), t('command.delete'), () =>
          attempt(t('failed.delete', { name }), library.delete(vm.id)),
        );
    }
  };
}
