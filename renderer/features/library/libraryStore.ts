import { create } from 'zustand';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { completed, type Arrangement } from '../../../shared/vm/arrangement.ts';
import type { Connection, ConnectionState } from '../../transport/connection.ts';
import { report } from '../notices/noticeStore.ts';

export type MachineTab = 'details' | 'screen' | 'console' | 'snapshots' | 'logs' | 'activity';
/** What the tools rail leads to. */
export type Page = 'home' | 'machines' | 'media' | 'network' | 'activity' | 'preferences';

interface LibraryStore {
  readonly connection: ConnectionState;
  /** Undefined until the list was first received. */
  readonly vms: readonly VmSummary[] | undefined;
  readonly arrangement: Arrangement;
  readonly page: Page;
  /** The machine that the window is about. */
  readonly selectedId: string | undefined;
  /** Row of the list that the keyboard is at: a machine, or a group. */
  readonly cursor: string | undefined;
  /** Machines that commands are for; the selected one is among them. */
  readonly marked: ReadonlySet<string>;
  readonly tab: MachineTab;
  select(id: string | undefined, tab?: MachineTab): void;
  /** Several machines; `cursor` is the row, `selectedId` the machine at it. */
  mark(marked: Iterable<string>, cursor: string, selectedId?: string): void;
  showTab(tab: MachineTab): void;
  showPage(page: Page): void;
}

export const useLibrary = create<LibraryStore>((set) => ({
  connection: { kind: 'connecting' },
  vms: undefined,
  arrangement: [],
  page: 'machines',
  selectedId: undefined,
  cursor: undefined,
  marked: new Set(),
  tab: 'details',
  select: (selectedId, tab) =>
    set({
      ...{ selectedId, cursor: selectedId, page: 'machines' },
      marked: new Set(selectedId === undefined ? [] : [selectedId]),
      ...(tab && { tab }),
    }),
  mark: (ids, cursor, selectedId) =>
    set((before) => {
      const marked = new Set(ids);
      const keeps = before.selectedId !== undefined && marked.has(before.selectedId);
      const selected = selectedId ?? (keeps ? before.selectedId : [...marked][0]);
      return {
        ...{ marked, cursor, page: 'machines' },
        selectedId: selected ?? before.selectedId,
      };
    }),
  showTab: (tab) => set({ tab }),
  showPage: (page) => set({ page }),
}));

type Selection = Pick<LibraryStore, 'vms' | 'selectedId'> & Partial<LibraryStore>;

/** The list with a selection that exists: what was selected, or else its neighbour. */
export function withList(
  before: Selection,
  vms: readonly VmSummary[],
): Pick<LibraryStore, 'vms' | 'selectedId' | 'marked' | 'cursor'> {
  const there = new Set(vms.map(({ id }) => id));
  const marked = new Set([...(before.marked ?? [])].filter((id) => there.has(id)));
  if (before.selectedId !== undefined && there.has(before.selectedId)) {
    const { selectedId, cursor = selectedId } = before;
    return { vms, selectedId, cursor, marked: marked.size > 0 ? marked : new Set([selectedId]) };
  }
  const index = before.vms?.findIndex(({ id }) => id === before.selectedId) ?? -1;
  const neighbour = vms[Math.min(Math.max(index, 0), vms.length - 1)];
  const selectedId = [...marked][0] ?? neighbour?.id;
  if (marked.size === 0 && selectedId !== undefined) marked.add(selectedId);
  return { vms, selectedId, cursor: selectedId, marked };
}

export function useSelectedVm(): VmSummary | undefined {
  return useLibrary(({ vms, selectedId }) => vms?.find(({ id }) => id === selectedId));
}

/** The machines that commands are for, in the list's order. */
export function targetsOf({
  vms,
  marked,
}: Pick<LibraryStore, 'vms' | 'marked'>): readonly VmSummary[] {
  return (vms ?? []).filter(({ id }) => marked.has(id));
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
    const first = before.vms === undefined && vms.length === 0;
    useLibrary.setState({ ...withList(before, vms), ...(first && { page: 'home' as const }) });
    if (before.vms === undefined) requestAnimationFrame(() => performance.mark('usable'));
  };
  const load = async () => {
    try {
      const [arrangement, vms] = await Promise.all([
        connection.library.arrangement(),
        connection.library.list(),
      ]);
      useLibrary.setState({ arrangement });
      receive(vms);
    } catch (error) {
      if (connection.state.kind === 'open') report(t('notice.listFailed'), error);
    }
  };
  const follow = (state: ConnectionState) => {
    useLibrary.setState({ connection: state });
    if (state.kind === 'open') void load();
  };
  const stops = [
    connection.onState(follow),
    connection.events.on('listChanged', receive),
    connection.events.on('arrangementChanged', (arrangement) =>
      useLibrary.setState({ arrangement }),
    ),
  ];
  follow(connection.state);
  return () => {
    for (const stop of stops) stop();
  };
}

/** A machine that has just been made, before the list's own event. */
export function addMachine(vm: VmSummary): void {
  useLibrary.setState(({ vms }) =>
    vms?.some(({ id }) => id === vm.id) ? {} : { vms: [...(vms ?? []), vm] },
  );
}

/** The arrangement with every machine that is known, whichever event came first. */
export const fullArrangement = ({
  arrangement,
  vms,
}: Pick<LibraryStore, 'arrangement' | 'vms'>): Arrangement =>
  completed(
    arrangement,
    (vms ?? []).map(({ id }) => id),
  );
