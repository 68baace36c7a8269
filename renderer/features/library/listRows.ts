/** The machines and groups of the list as the rows that are seen. */
import { itemId, machinesIn, type Arrangement, type Item } from '../../../shared/vm/arrangement.ts';
import type { VmSummary } from '../../../shared/services/library.ts';

interface Place {
  readonly id: string;
  /** 0 at the top. */
  readonly depth: number;
  /** The group it lies in. */
  readonly parent: string | undefined;
  /** Its neighbours in the same place. */
  readonly previous: Item | undefined;
  readonly next: Item | undefined;
  /** For screen readers: the how manieth of how many in the same place, from 1. */
  readonly position: number;
  readonly siblings: number;
}
export type ListRow = Place &
  (
    | { readonly kind: 'vm'; readonly vm: VmSummary }
    | {
        readonly kind: 'group';
        readonly name: string;
        readonly open: boolean;
        /** Machines in it that match the search. */
        readonly machines: readonly string[];
      }
  );

export function listRows(
  arrangement: Arrangement,
  vms: readonly VmSummary[],
  options: { readonly closed: ReadonlySet<string>; readonly search: string },
): ListRow[] {
  const byId = new Map(vms.map((vm) => [vm.id, vm]));
  const search = options.search.trim().toLowerCase();
  const matches = (id: string): boolean =>
    byId.get(id)?.name.toLowerCase().includes(search) === true;
  const rowsOf = (items: Arrangement, depth: number, parent: string | undefined): ListRow[] => {
    const shown = items.filter((item) =>
      'vm' in item
        ? matches(item.vm)
        : search === '' || machinesIn(item.group.items).some((id) => matches(id)),
    );
    return shown.flatMap((item, index): ListRow[] => {
      const place: Place = {
        ...{ id: itemId(item), depth, parent },
        ...{ previous: shown[index - 1], next: shown[index + 1] },
        ...{ position: index + 1, siblings: shown.length },
      };
      if ('vm' in item) return [{ ...place, kind: 'vm', vm: byId.get(item.vm)! }];
      const { name, items: inside } = item.group;
      // What is looked for is shown.
      const open = search !== '' || !options.closed.has(place.id);
      const machines = machinesIn(inside).filter((id) => matches(id));
      return [
        { ...place, kind: 'group', name, open, machines },
        ...(open ? rowsOf(inside, depth + 1, place.id) : []),
      ];
    });
  };
  return rowsOf(arrangement, 0, undefined);
}

/** The machines of a row. */
export const machinesOf = (row: ListRow): readonly string[] =>
  row.kind === 'vm' ? [row.id] : row.machines;
