import { create } from 'zustand';

const storageKey = 'guesthouse.closedGroups';

function stored(): Set<string> {
  try {
    const ids: unknown = JSON.parse(globalThis.localStorage?.getItem(storageKey) ?? '[]');
    return new Set(Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []);
  } catch {
    return new Set();
  }
}

interface ListStore {
  readonly search: string;
  readonly closed: ReadonlySet<string>;
  setSearch(search: string): void;
  /** Remembered over restarts of the window. */
  setOpen(group: string, open: boolean): void;
}

/** How this window shows the list. */
export const useListView = create<ListStore>((set) => ({
  search: '',
  closed: stored(),
  setSearch: (search) => set({ search }),
  setOpen: (group, open) =>
    set(({ closed }) => {
      const next = new Set(closed);
      if (open) next.delete(group);
      else next.add(group);
      globalThis.localStorage?.setItem(storageKey, JSON.stringify([...next]));
      return { closed: next };
    }),
}));
