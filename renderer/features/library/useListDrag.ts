/** Dragging machines and groups in the list to where they shall stand. Keys do the same: see useListKeys. */
import { useState, type DragEvent } from 'react';
import { itemId } from '../../../shared/vm/arrangement.ts';
import { useLibrary } from './libraryStore.ts';
import type { ListRow } from './listRows.ts';
import type { ListActions } from './useListActions.ts';

const itemsType = 'application/x-guesthouse-items';

/** Where it would go: a line above or below a row, or the row, a group, as a whole. */
export interface DropPlace {
  readonly id: string;
  readonly where: 'before' | 'after' | 'into';
}

function whereIn(event: DragEvent, row: ListRow): DropPlace['where'] {
  const { top, height } = event.currentTarget.getBoundingClientRect();
  const part = (event.clientY - top) / height;
  if (row.kind === 'vm') return part < 0.5 ? 'before' : 'after';
  if (part < 0.25) return 'before';
  return part > 0.75 && !row.open ? 'after' : 'into';
}

export function useListDrag(actions: ListActions) {
  const [place, setPlace] = useState<DropPlace>();
  const carries = (event: DragEvent): boolean => event.dataTransfer.types.includes(itemsType);
  const bind = (row: ListRow) => ({
    draggable: true,
    onDragStart: (event: DragEvent) => {
      const { marked } = useLibrary.getState();
      const items = row.kind === 'vm' && marked.has(row.id) ? [...marked] : [row.id];
      event.dataTransfer.setData(itemsType, JSON.stringify(items));
      event.dataTransfer.effectAllowed = 'move';
    },
    onDragOver: (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'move';
      const where = whereIn(event, row);
      if (place?.id !== row.id || place.where !== where) setPlace({ id: row.id, where });
    },
    onDragLeave: () => setPlace(undefined),
    onDragEnd: () => setPlace(undefined),
    onDrop: (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      event.stopPropagation();
      setPlace(undefined);
      const items = dragged(event);
      const where = whereIn(event, row);
      if (items.includes(row.id)) return;
      if (where === 'into') void actions.move(items, row.id);
      else if (where === 'before') void actions.move(items, row.parent, row.id);
      else void actions.move(items, row.parent, row.next && itemId(row.next));
    },
  });
  /** Below the last row: to the end, out of all groups. */
  const bindRest = {
    onDragOver: (event: DragEvent) => {
      if (carries(event)) event.preventDefault();
    },
    onDrop: (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      void actions.move(dragged(event));
    },
  };
  return { place, bind, bindRest };
}

function dragged(event: DragEvent): string[] {
  const items: unknown = JSON.parse(event.dataTransfer.getData(itemsType) || '[]');
  return Array.isArray(items) ? items.filter((id) => typeof id === 'string') : [];
}
