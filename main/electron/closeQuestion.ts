import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceMap } from '../../shared/rpc/serviceContract.ts';
import type { VmSummary } from '../../shared/services/library.ts';
import { filled, type ShellTexts } from './shellTexts.ts';

export type CloseChoice = keyof ShellTexts['close'];

/**
 * In the order of the buttons; the first is the one for Enter, the last the one for Escape. In the background machines
 * go on only where the app can be found again, by its tray or the dock.
 */
export const closeChoices = (background: boolean): readonly CloseChoice[] => [
  ...(['saveStates', 'shutDown', 'powerOff'] as const),
  ...(background ? (['background'] as const) : []),
  'cancel',
];

const isLive = ({ state }: VmSummary): boolean =>
  !['poweredOff', 'saved', 'aborted'].includes(state);

/** What to ask before the app is closed; undefined when nothing would be lost. */
export function closeQuestion(
  vms: readonly VmSummary[],
  texts: ShellTexts,
): { message: string; detail: string } | undefined {
  const live = vms.filter(isLive);
  if (live.length === 0) return undefined;
  const names = live.map(({ name }) => `“${name}”`).join(', ');
  return {
    message:
      live.length === 1
        ? filled(texts.isRunning, { name: live[0]!.name })
        : filled(texts.areRunning, { count: live.length }),
    detail: (live.length === 1 ? '' : `${names}. `) + texts.whatIsLost,
  };
}

/**
 * Does to the running machines what was chosen; those that 'powerOff' is for are left to the manager's own end. Returns
 * why the app must stay, for people: a machine whose state cannot be saved, or that does not shut down in time.
 */
export async function endMachines(
  { library, session, snapshots }: Pick<ServiceMap, 'library' | 'session' | 'snapshots'>,
  choice: Exclude<CloseChoice, 'background'>,
  texts: ShellTexts,
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
    problems.push(
      filled(texts.stillRunning, { names: left.map(({ name }) => `“${name}”`).join(', ') }),
    );
  return problems.length > 0 ? problems.join('\n') : undefined;
}
