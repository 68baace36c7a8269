import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceMap } from '../../shared/rpc/serviceContract.ts';
import type { VmSummary } from '../../shared/services/library.ts';

export type CloseChoice = 'saveStates' | 'shutDown' | 'powerOff' | 'cancel';

/** In the order of the buttons; the first is the one for Enter, the last the one for Escape. */
export const closeChoices: readonly (readonly [choice: CloseChoice, button: string])[] = [
  ['saveStates', 'Save the states and close'],
  ['shutDown', 'Shut down and close'],
  ['powerOff', 'Power off and close'],
  ['cancel', 'Cancel'],
];

const isLive = ({ state }: VmSummary): boolean =>
  !['poweredOff', 'saved', 'aborted'].includes(state);

/** What to ask before the app is closed; undefined when nothing would be lost. */
export function closeQuestion(
  vms: readonly VmSummary[],
): { message: string; detail: string } | undefined {
  const live = vms.filter(isLive);
  if (live.length === 0) return undefined;
  const names = live.map(({ name }) => `“${name}”`).join(', ');
  return {
    message: live.length === 1 ? `${names} is running` : `${live.length} machines are running`,
    detail:
      (live.length === 1 ? '' : `${names}. `) +
      'A saved state goes on at the next start. Powering off pulls the plug; what a guest has not written to its disks is lost.',
  };
}

/**
 * Does to the running machines what was chosen; those that 'powerOff' is for are left to the manager's own end. Returns
 * why the app must stay, for people: a machine whose state cannot be saved, or that does not shut down in time.
 */
export async function endMachines(
  { library, session, snapshots }: Pick<ServiceMap, 'library' | 'session' | 'snapshots'>,
  choice: CloseChoice,
  patienceMs = 120_000,
): Promise<string | undefined> {
  if (choice === 'cancel') return '';
  if (choice === 'powerOff') return undefined;
  const problems: string[] = [];
  const told = async ({ name }: VmSummary, work: Promise<unknown>): Promise<void> => {
    await work.catch((error: Error) => problems.push(`“${name}”: ${error.message}`));
  };
  const live = async (): Promise<VmSummary[]> => (await library.list()).filter(isLive);
  for (const vm of await live()) {
    if (choice === 'saveStates') await told(vm, snapshots.saveState(vm.id));
    else await told(vm, session.stop(vm.id, 'acpi'));
  }
  const end = Date.now() + patienceMs;
  let left = await live();
  for (; problems.length === 0 && left.length > 0 && Date.now() < end; left = await live())
    await delay(200);
  if (problems.length === 0 && left.length > 0)
    problems.push(`Still running: ${left.map(({ name }) => `“${name}”`).join(', ')}.`);
  return problems.length > 0 ? problems.join('\n') : undefined;
}
