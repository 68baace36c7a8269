import { useMemo } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { VmConfig } from '../../../shared/vm/config.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import type { Connection } from '../../transport/connection.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { focusConsole } from '../console/consoleFocus.ts';
import { focusScreen } from '../screen/screenFocus.ts';
import { allowFolder, askForFolder, wantsFolder } from './askForFolder.ts';
import { report } from '../notices/noticeStore.ts';
import { whyNot, whyNotAny, type CommandName } from './commands.ts';
import { useLibrary } from './libraryStore.ts';

export type RunCommand = (
  command: CommandName,
  vms: VmSummary | readonly VmSummary[] | undefined,
  /** What is started is not shown. */
  headless?: boolean,
) => void;

/** What each command does; a command that is not possible now does nothing. */
export function useCommands(): RunCommand {
  const connection = useConnection();
  return useMemo(() => commandsOf(connection), [connection]);
}

/** A machine with a kernel of its own usually talks on its serial port, any other on its screen. */
export const talksOnScreen = ({ boot, display }: Pick<VmConfig, 'boot' | 'display'>): boolean =>
  boot.kernel === undefined && display.card !== 'none';

/** What the window shows. */
const whereabouts = (): string => {
  const { page, selectedId, tab } = useLibrary.getState();
  return [page, selectedId, tab, useDialogs.getState().dialog?.kind].join();
};

type Asking = 'reset' | 'powerOff' | 'discardState';

function commandsOf({ library, session, snapshots }: Connection): RunCommand {
  const attempt = (title: string, action: Promise<unknown>) => {
    action.catch((error: unknown) => report(title, error));
  };
  /** Whoever has gone elsewhere since he gave the command at `from` stays there. */
  const show = async (vm: VmSummary, from = whereabouts()) => {
    const config = await library.get(vm.id).catch(() => undefined);
    if (whereabouts() !== from) return;
    const onScreen = config === undefined || talksOnScreen(config);
    useLibrary.getState().select(vm.id, onScreen ? 'screen' : 'console');
    if (onScreen) focusScreen();
    else focusConsole();
  };
  const actions: Record<
    Exclude<CommandName, 'show' | 'settings' | 'clone' | 'export' | 'delete'>,
    (vm: VmSummary) => Promise<unknown>
  > = {
    start: ({ id }) => session.start(id),
    pause: ({ id }) => session.pause(id),
    resume: ({ id }) => session.resume(id),
    reset: ({ id }) => session.reset(id),
    shutDown: ({ id }) => session.stop(id, 'acpi'),
    powerOff: ({ id }) => session.stop(id, 'powerOff'),
    saveState: ({ id }) => snapshots.saveState(id),
    discardState: ({ id }) => snapshots.discardState(id),
  };
  const act = (command: keyof typeof actions, vms: readonly VmSummary[]) => {
    for (const vm of vms) attempt(t(`failed.${command}`, { name: vm.name }), actions[command](vm));
  };
  const ask = (command: Asking, vms: readonly VmSummary[]) =>
    useDialogs.getState().open({
      kind: 'confirm',
      question: {
        title:
          vms.length === 1
            ? t(`ask.${command}`, { name: vms[0]!.name })
            : t(`many.${command}`, { count: vms.length }),
        text: t(`ask.${command}Text`),
        names: vms.length > 1 ? vms.map(({ name }) => name) : [],
        action: t(`command.${command}`),
        act: () => act(command, vms),
      },
    });

  /** Starts a machine and shows it; an image that it may not read yet is asked about. */
  const start = (vm: VmSummary): void => {
    const from = whereabouts();
    session.start(vm.id).then(
      () => show(vm, from),
      (error: unknown) => {
        const failed = (why: unknown) => report(t('failed.start', { name: vm.name }), why);
        if (!wantsFolder(error)) return failed(error);
        askForFolder(vm.name, error, () => {
          allowFolder(library, vm.id, error).then(() => start(vm), failed);
        });
      },
    );
  };

  return (command, targets, headless = false) => {
    const all = targets === undefined ? [] : 'id' in targets ? [targets] : targets;
    const vms = all.filter((vm) => whyNot(command, vm) === undefined);
    const [vm] = vms;
    if (!vm || whyNotAny(command, all) !== undefined) return;
    switch (command) {
      case 'start':
        if (all.length > 1 || headless) return act(command, vms);
        return start(vm);
      case 'show':
        return void show(vm);
      case 'settings':
        return useDialogs.getState().open({ kind: 'settings', vmId: vm.id, category: 'general' });
      case 'clone':
        return useDialogs.getState().open({ kind: 'clone', vm });
      case 'export':
        return useDialogs.getState().open({ kind: 'export', vm });
      case 'delete':
        return useDialogs.getState().open({ kind: 'delete', vms });
      case 'reset':
      case 'discardState':
      case 'powerOff':
        return ask(command, vms);
      default:
        return act(command, vms);
    }
  };
}
