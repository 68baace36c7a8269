import { useDialogs } from '../../app/dialogStore.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useCommands } from '../library/useCommands.ts';
import { useSnapshotActions, useSnapshots } from '../snapshots/useSnapshots.ts';
import type { HostCommand } from './hostKey.ts';

/** Commands with the host key that are for the machine, not for its screen. */
export const machineCommands = ['snapshot', 'pause', 'reset', 'shutDown', 'close'] as const;
export type MachineCommand = (typeof machineCommands)[number] & HostCommand;

export const isMachineCommand = (command: HostCommand): command is MachineCommand =>
  (machineCommands as readonly HostCommand[]).includes(command);

export function useHostCommands(vm: VmSummary): (command: MachineCommand) => void {
  const run = useCommands();
  const { data: tree } = useSnapshots(vm);
  const { take } = useSnapshotActions(vm, tree);
  return (command) => {
    switch (command) {
      case 'snapshot':
        return take();
      case 'close':
        return useDialogs.getState().open({ kind: 'close', vm });
      case 'pause':
        return run(vm.state === 'paused' ? 'resume' : 'pause', vm);
      default:
        return run(command, vm);
    }
  };
}
