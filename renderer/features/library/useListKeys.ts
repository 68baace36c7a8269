/** The keys of the list, as trees and file managers have them. */
import type { KeyboardEvent } from 'react';
import { itemId } from '../../../shared/vm/arrangement.ts';
import { isLive } from './commands.ts';
import { useLibrary, targetsOf } from './libraryStore.ts';
import { machinesOf, type ListRow } from './listRows.ts';
import { useListView } from './listStore.ts';
import type { ListActions } from './useListActions.ts';
import { useCommands } from './useCommands.ts';

export function useListKeys(rows: readonly ListRow[], actions: ListActions) {
  const run = useCommands();
  return (event: KeyboardEvent) => {
    const { cursor, marked } = useLibrary.getState();
    const index = rows.findIndex(({ id }) => id === cursor);
    const row = rows[index];
    const targets = targetsOf(useLibrary.getState());
    const goTo = (next: number) => {
      const to = rows[Math.min(Math.max(next, 0), rows.length - 1)];
      if (to) actions.choose(to, event.shiftKey ? 'add' : 'one');
    };
    const act = (): boolean => {
      if (event.altKey) return row !== undefined && moveByKey(event.key, row, actions);
      switch (event.key) {
        case 'ArrowDown':
          goTo(index + 1);
          return true;
        case 'ArrowUp':
          goTo(index - 1);
          return true;
        case 'Home':
          goTo(0);
          return true;
        case 'End':
          goTo(rows.length - 1);
          return true;
        case 'PageDown':
          goTo(index + 10);
          return true;
        case 'PageUp':
          goTo(index - 10);
          return true;
        case 'ArrowRight':
          if (row?.kind !== 'group') return false;
          if (row.open) goTo(index + 1);
          else useListView.getState().setOpen(row.id, true);
          return true;
        case 'ArrowLeft':
          if (row?.kind === 'group' && row.open) useListView.getState().setOpen(row.id, false);
          else goTo(rows.findIndex(({ id }) => id === row?.parent));
          return row !== undefined;
        case 'Enter':
          if (row?.kind === 'group') useListView.getState().setOpen(row.id, !row.open);
          else if (row) run(isLive(row.vm) && marked.size < 2 ? 'show' : 'start', targets);
          return true;
        case 'Delete':
          run('delete', targets);
          return true;
        case 'F2':
          if (row) actions.rename(row);
          return true;
        case 'a':
          if (!(event.ctrlKey || event.metaKey) || cursor === undefined) return false;
          useLibrary.getState().mark(rows.flatMap(machinesOf), cursor);
          return true;
        default:
          return false;
      }
    };
    if (act()) event.preventDefault();
  };
}

/** Alt and an arrow moves what the keyboard is at: up, down, out of its group, into the next one. */
function moveByKey(key: string, row: ListRow, actions: ListActions): boolean {
  const { id, parent, previous, next } = row;
  switch (key) {
    case 'ArrowUp':
      if (previous) void actions.move([id], parent, itemId(previous));
      return true;
    case 'ArrowDown':
      if (next) void actions.move([itemId(next)], parent, id);
      return true;
    case 'ArrowRight': {
      const into = [previous, next].find((item) => item !== undefined && 'group' in item);
      if (into && 'group' in into) void actions.move([id], into.group.id);
      return true;
    }
    case 'ArrowLeft':
      if (parent !== undefined) void actions.moveOut(id, parent);
      return true;
    default:
      return false;
  }
}
