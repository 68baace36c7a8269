/** How the library's machines are laid out: groups, which may lie in groups, and an order. */
import { z } from 'zod';
import { UserError } from '../services/errors.ts';

export interface Group {
  readonly id: string;
  readonly name: string;
  readonly items: readonly Item[];
}
/** A machine, by its id, or a group. */
export type Item = { readonly vm: string } | { readonly group: Group };
export type Arrangement = readonly Item[];

const id = z.string().regex(/^[\w-]{1,64}$/);
export const groupNameSchema = z.string().trim().min(1).max(100);

const itemSchema: z.ZodType<Item> = z.union([
  z.strictObject({ vm: id }),
  z.strictObject({
    group: z.strictObject({
      id,
      name: groupNameSchema,
      get items() {
        return z.array(itemSchema).max(10_000);
      },
    }),
  }),
]);
export const arrangementSchema: z.ZodType<Arrangement> = z.array(itemSchema).max(10_000);

export const arrangementChangeSchema = z.discriminatedUnion('kind', [
  /** A new group with these machines and groups in it; it takes the place of the first, or stands in `into`. */
  z.strictObject({
    kind: z.literal('addGroup'),
    id,
    name: groupNameSchema,
    items: z.array(id).max(10_000).default([]),
    into: id.optional(),
  }),
  z.strictObject({ kind: z.literal('renameGroup'), group: id, name: groupNameSchema }),
  /** What is in it takes its place. */
  z.strictObject({ kind: z.literal('removeGroup'), group: id }),
  /** Puts machines and groups into a group, or the top without one: before an item that is there, or last. */
  z.strictObject({
    kind: z.literal('move'),
    items: z.array(id).min(1).max(10_000),
    into: id.optional(),
    before: id.optional(),
  }),
]);
export type ArrangementChange = z.infer<typeof arrangementChangeSchema>;
export type ArrangementRequest = z.input<typeof arrangementChangeSchema>;

/** Groups nest this deep at most. */
export const deepestGroup = 8;

export const itemId = (item: Item): string => ('vm' in item ? item.vm : item.group.id);

/** Leaves out machines that are not there (any more) or come twice, and puts new ones at the end. */
export function completed(arrangement: Arrangement, vmIds: readonly string[]): Arrangement {
  const left = new Set(vmIds);
  const kept = mapItems(arrangement, (item) =>
    'vm' in item && !left.delete(item.vm) ? [] : [item],
  );
  return [...kept, ...vmIds.filter((vm) => left.has(vm)).map((vm) => ({ vm }))];
}

/** Ids of the machines in it, groups in groups included, in their order. */
export function machinesIn(items: Arrangement): string[] {
  return items.flatMap((item) => ('vm' in item ? [item.vm] : machinesIn(item.group.items)));
}

/** Throws UserError: 'no-such-group', 'group-name-taken', 'group-in-itself', 'group-too-deep'. */
export function rearranged(before: Arrangement, change: ArrangementChange): Arrangement {
  switch (change.kind) {
    case 'addGroup': {
      const { name, items, into } = change;
      const moving = take(before, items);
      const group = { group: { id: change.id, name, items: moving.taken } };
      // The outermost: what is asked for may lie in each other.
      const [first] = moving.taken;
      const after =
        into === undefined && first !== undefined
          ? replace(before, itemId(first), items, group)
          : insert(moving.rest, [group], into, undefined);
      return checked(after);
    }
    case 'renameGroup':
      return checked(
        changeGroup(before, change.group, (group) => [
          { group: { ...group, name: change.name.trim() } },
        ]),
      );
    case 'removeGroup':
      return checked(changeGroup(before, change.group, (group) => [...group.items]));
    case 'move': {
      const { items, into, before: place } = change;
      const { taken, rest } = take(before, items);
      return checked(insert(rest, taken, into, place));
    }
  }
}

/** Each item, children first, as the items that take its place. */
function mapItems(items: Arrangement, act: (item: Item) => readonly Item[]): Item[] {
  return items.flatMap((item) =>
    'vm' in item
      ? act(item)
      : act({ group: { ...item.group, items: mapItems(item.group.items, act) } }),
  );
}

/** The items of these ids, in the order in which they lie, and what is left without them. */
function take(from: Arrangement, ids: readonly string[]): { taken: Item[]; rest: Item[] } {
  const wanted = new Set(ids);
  const taken: Item[] = [];
  const walk = (items: Arrangement): Item[] =>
    items.flatMap((item): Item[] => {
      if (wanted.has(itemId(item))) {
        taken.push(item);
        return [];
      }
      return 'vm' in item ? [item] : [{ group: { ...item.group, items: walk(item.group.items) } }];
    });
  const rest = walk(from);
  return { taken, rest };
}

/** Puts one item in the place of another, and takes the others out. */
function replace(from: Arrangement, at: string, out: readonly string[], by: Item): Item[] {
  return from.flatMap((item): Item[] => {
    if (itemId(item) === at) return [by];
    if (out.includes(itemId(item))) return [];
    return 'vm' in item
      ? [item]
      : [{ group: { ...item.group, items: replace(item.group.items, at, out, by) } }];
  });
}

function insert(
  items: Arrangement,
  added: readonly Item[],
  into: string | undefined,
  before: string | undefined,
): Item[] {
  if (into !== undefined)
    return changeGroup(items, into, (group) => [
      { group: { ...group, items: insert(group.items, added, undefined, before) } },
    ]);
  const place = items.findIndex((item) => itemId(item) === before);
  return place < 0 ? [...items, ...added] : items.toSpliced(place, 0, ...added);
}

function changeGroup(
  items: Arrangement,
  wanted: string,
  act: (group: Group) => readonly Item[],
): Item[] {
  let found = false;
  const after = mapItems(items, (item) => {
    if ('vm' in item || item.group.id !== wanted) return [item];
    found = true;
    return act(item.group);
  });
  if (found) return after;
  throw new UserError({
    code: 'no-such-group',
    message: 'There is no such group, or it would lie in itself.',
    hint: 'Choose another group.',
  });
}

function checked(items: Arrangement, depth = 0, ids = new Set<string>()): Arrangement {
  if (depth > deepestGroup)
    throw new UserError({
      code: 'group-too-deep',
      message: `Groups can lie in each other ${deepestGroup} deep.`,
      hint: 'Choose a group further out.',
    });
  const names = new Set<string>();
  for (const item of items) {
    if ('vm' in item) continue;
    const { name } = item.group;
    if (ids.has(item.group.id))
      throw new UserError({ code: 'group-exists', message: 'There is such a group already.' });
    ids.add(item.group.id);
    if (names.has(name.toLowerCase()))
      throw new UserError({
        code: 'group-name-taken',
        message: `There is a group named "${name}" in the same place already.`,
        hint: 'Choose another name.',
      });
    names.add(name.toLowerCase());
    checked(item.group.items, depth + 1, ids);
  }
  return items;
}
