import type { VmSummary } from '../../shared/services/library.ts';

/** What to ask before the app is closed; undefined when nothing would be lost. */
export function closeQuestion(
  vms: readonly VmSummary[],
): { message: string; detail: string } | undefined {
  const off = ['poweredOff', 'saved', 'aborted'];
  const live = vms.filter(({ state }) => !off.includes(state));
  if (live.length === 0) return undefined;
  const names = live.map(({ name }) => `“${name}”`).join(', ');
  return {
    message: live.length === 1 ? `${names} is running` : `${live.length} machines are running`,
    detail:
      (live.length === 1 ? '' : `${names}. `) +
      'Closing Guesthouse powers off at once; what a guest has not written to its disks is lost.',
  };
}
