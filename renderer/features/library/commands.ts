import type { VmSummary } from '../../../shared/services/library.ts';

export const commandNames = [
  'start',
  'show',
  'pause',
  'resume',
  'reset',
  'shutDown',
  'powerOff',
  'settings',
  'delete',
] as const;
export type CommandName = (typeof commandNames)[number];

const stateWords = {
  poweredOff: 'is powered off',
  starting: 'is starting',
  running: 'is running',
  paused: 'is paused',
  stopping: 'is stopping',
  aborted: 'is not running',
} as const;

export function isLive(vm: VmSummary): boolean {
  return vm.state !== 'poweredOff' && vm.state !== 'aborted';
}

/**
 * Why a command cannot be given to this VM now, in words for the tooltip of its button;
 * undefined when it can.
 */
export function whyNot(command: CommandName, vm: VmSummary | undefined): string | undefined {
  if (!vm) return 'Select a machine first';
  if (vm.unusable) {
    return command === 'delete'
      ? 'Guesthouse does not delete what it cannot read; remove the folder by hand'
      : 'The machine’s file cannot be used';
  }
  const itIs = `“${vm.name}” ${stateWords[vm.state]}`;
  switch (command) {
    case 'start':
      return isLive(vm) ? itIs : undefined;
    case 'show':
      return isLive(vm) ? undefined : itIs;
    case 'pause':
    case 'shutDown':
      return vm.state === 'running' ? undefined : itIs;
    case 'resume':
      return vm.state === 'paused' ? undefined : itIs;
    case 'reset':
      return vm.state === 'running' || vm.state === 'paused' ? undefined : itIs;
    case 'powerOff':
      return isLive(vm) ? undefined : itIs;
    case 'settings':
      return undefined;
    case 'delete':
      return isLive(vm) ? `${itIs}; power it off first` : undefined;
  }
}
