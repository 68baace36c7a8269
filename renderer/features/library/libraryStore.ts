import { create } from 'zustand';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { Connection, ConnectionState } from '../../transport/connection.ts';
import { report } from '../notices/noticeStore.ts';

export type MachineTab = 'details' | 'screen' | 'console' | 'logs';

interface LibraryStore {
  readonly connection: ConnectionState;
  /** Undefined until the list was first received. */
  readonly vms: readonly VmSummary[] | undefined;
  readonly selectedId: string | undefined;
  readonly tab: MachineTab;
  select(id: string | undefined, tab?: MachineTab): void;
  showTab(tab: MachineTab): void;
}

export const useLibrary = create<LibraryStore>((set) => ({
  connection: { kind: 'connecting' },
  vms: undefined,
  selectedId: undefined,
  tab: 'details',
  select: (selectedId, tab) => set(tab ? { selectedId, tab } : { selectedId }),
  showTab: (tab) => set({ tab }),
}));

/** The list with a selection that exists: what was selected, or else its neighbour. */
export function withList(
  before: Pick<LibraryStore, 'vms' | 'selectedId'>,
  vms: readonly VmSummary[],
): Pick<LibraryStore, 'vms' | 'selectedId'> {
  if (vms.some(({ id }) => id === before.selectedId)) return { ...before, vms };
  const index = before.vms?.findIndex(({ id }) => id === before.selectedId) ?? -1;
  const neighbour = vms[Math.min(Math.max(index, 0), vms.length - 1)];
  return { vms, selectedId: neighbour?.id };
}

export function useSelectedVm(): VmSummary | undefined {
  return useLibrary(({ vms, selectedId }) => vms?.find(({ id }) => id === selectedId));
}

/** Keeps the store in step with the manager, over every reconnect; returns how to stop. */
export function followLibrary(connection: Connection): () => void {
  const receive = (vms: readonly VmSummary[]) => {
    const before = useLibrary.getState();
    for (const vm of vms) {
      const known = before.vms?.find(({ id }) => id === vm.id);
      // One that does not come up is told of by the start that fails.
      const wasUp = known?.state === 'running' || known?.state === 'paused';
      if (wasUp && vm.state === 'aborted')
        report(t('notice.aborted', { name: vm.name }), {
          message: vm.reason ?? t('notice.processEnded'),
          hint: vm.hint,
        });
    }
    useLibrary.setState(withList(before, vms));
  };
  const load = () =>
    connection.library.list().then(receive, (error: unknown) => {
      if (connection.state.kind === 'open') report(t('notice.listFailed'), error);
    });
  const follow = (state: ConnectionState) => {
    useLibrary.setState({ connection: state });
    if (state.kind === 'open') void load();
  };
  const stops = [connection.onState(follow), connection.events.on('listChanged', receive)];
  follow(connection.state);
  return () => {
    for (const stop of stops) stop();
  };
}
