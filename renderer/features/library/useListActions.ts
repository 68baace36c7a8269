import { useMemo } from 'react';
import type { Arrangement } from '../../../shared/vm/arrangement.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { report } from '../notices/noticeStore.ts';
import { fullArrangement, useLibrary } from './libraryStore.ts';
import { machinesOf, type ListRow } from './listRows.ts';
import { useListView } from './listStore.ts';

export interface ListActions {
  /** 'one' alone, 'toggle' it, 'add' it to what is marked. */
  choose(row: ListRow, how: 'one' | 'toggle' | 'add'): void;
  /** Everything between the row of the keyboard and this one. */
  chooseTo(rows: readonly ListRow[], row: ListRow): void;
  rename(row: ListRow): void;
  addGroup(items: readonly string[], into?: string): void;
  removeGroup(id: string): void;
  move(items: readonly string[], into?: string, before?: string): Promise<void>;
  /** To the place after its group. */
  moveOut(id: string, group: string): Promise<void>;
}

export function useListActions(): ListActions {
  const { library } = useConnection();
  return useMemo(() => {
    const arrange = async (change: Parameters<typeof library.arrange>[0]) => {
      try {
        useLibrary.setState({ arrangement: await library.arrange(change) });
      } catch (error) {
        report(t('groups.failed'), error);
      }
    };
    const place = (into?: string, before?: string) => ({
      ...(into !== undefined && { into }),
      ...(before !== undefined && { before }),
    });
    const mark = (ids: Iterable<string>, row: ListRow) =>
      useLibrary.getState().mark(ids, row.id, row.kind === 'vm' ? row.id : undefined);
    return {
      choose: (row, how) => {
        const { marked, select } = useLibrary.getState();
        const machines = machinesOf(row);
        const all = machines.length > 0 && machines.every((id) => marked.has(id));
        if (how === 'one' && row.kind === 'vm') select(row.id);
        else if (how === 'one') mark(machines, row);
        else if (how === 'toggle' && all && marked.size > machines.length) {
          const left = [...marked].filter((id) => !machines.includes(id));
          useLibrary.getState().mark(left, row.id, left[0]);
        } else mark([...marked, ...machines], row);
      },
      chooseTo: (rows, row) => {
        const from = rows.findIndex(({ id }) => id === useLibrary.getState().cursor);
        const to = rows.indexOf(row);
        const between = rows.slice(Math.min(from, to), Math.max(from, to) + 1);
        mark((from < 0 ? [row] : between).flatMap(machinesOf), row);
      },
      rename: (row) =>
        useDialogs.getState().open({
          kind: 'name',
          title: t(row.kind === 'group' ? 'groups.rename' : 'groups.renameMachine'),
          name: row.kind === 'group' ? row.name : row.vm.name,
          act: async (name) => {
            if (row.kind === 'vm') await library.modify(row.id, { name });
            else await library.arrange({ kind: 'renameGroup', group: row.id, name });
          },
        }),
      addGroup: (items, into) =>
        useDialogs.getState().open({
          kind: 'name',
          title: t('groups.new'),
          name: t('groups.newName'),
          act: async (name) => {
            const id = crypto.randomUUID();
            const change = { kind: 'addGroup' as const, id, name, items: [...items] };
            const arrangement = await library.arrange({ ...change, ...place(into) });
            useLibrary.setState({ arrangement });
            useListView.getState().setOpen(id, true);
          },
        }),
      removeGroup: (group) => void arrange({ kind: 'removeGroup', group }),
      move: (items, into, before) =>
        arrange({ kind: 'move', items: [...items], ...place(into, before) }),
      moveOut: async (id, group) => {
        const found = placeOf(fullArrangement(useLibrary.getState()), group);
        if (found) await arrange({ kind: 'move', items: [id], ...place(found.parent, found.next) });
      },
    };
  }, [library]);
}

/** Where a group stands: what it lies in, and what follows it. */
export function placeOf(
  items: Arrangement,
  group: string,
  parent?: string,
): { readonly parent: string | undefined; readonly next: string | undefined } | undefined {
  for (const [index, item] of items.entries()) {
    if ('vm' in item) continue;
    if (item.group.id === group) {
      const after = items[index + 1];
      const next = after === undefined ? undefined : 'vm' in after ? after.vm : after.group.id;
      return { parent, next };
    }
    const inside = placeOf(item.group.items, group, item.group.id);
    if (inside) return inside;
  }
  return undefined;
}
