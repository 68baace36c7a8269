import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';

export const commandNames = [
  'start',
  'show',
  'pause',
  'resume',
  'reset',
  'shutDown',
  'saveState',
  'discardState',
  'powerOff',
  'settings',
  'clone',
  'export',
  'delete',
] as const;
export type CommandName = (typeof commandNames)[number];

export function isLive(vm: VmSummary): boolean {
  return !['poweredOff', 'saved', 'aborted'].includes(vm.state);
}

/** As below, for all machines that are selected: a command is for those that it is possible for. */
export function whyNotAny(command: CommandName, vms: readonly VmSummary[]): string | undefined {
  if (vms.length < 2) return whyNot(command, vms[0]);
  if (command === 'show' || command === 'settings' || command === 'clone' || command === 'export')
    return t('whyNot.oneMachine');
  const reasons = vms.map((vm) => whyNot(command, vm));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

/**
 * Why a command cannot be given to this VM now, in words for the tooltip of its button;
 * undefined when it can.
 */
export function whyNot(command: CommandName, vm: VmSummary | undefined): string | undefined {
  if (!vm) return t('whyNot.noMachine');
  if (vm.unusable) {
    return command === 'delete' ? t('whyNot.unusableDelete') : t('whyNot.unusable');
  }
  const itIs = t(`whyNot.state.${vm.state}`, { name: vm.name });
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
    case 'saveState':
      return vm.state === 'running' || vm.state === 'paused' ? undefined : itIs;
    case 'discardState':
      return vm.state === 'saved' ? undefined : itIs;
    case 'powerOff':
      return isLive(vm) ? undefined : itIs;
    case 'settings':
      return undefined;
    case 'clone':
    case 'export':
    case 'delete':
      return isLive(vm) ? t('whyNot.powerOffFirst', { itIs }) : undefined;
  }
}
