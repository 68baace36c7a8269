import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arrangementSchema,
  completed,
  machinesIn,
  rearranged,
  type Arrangement,
  type ArrangementChange,
} from './arrangement.ts';

/** "a [work: b c]" */
function drawn(items: Arrangement): string {
  return items
    .map((item) =>
      'vm' in item
        ? item.vm
        : `[${item.group.name}: ${drawn(item.group.items)}]`.replace(': ]', ']'),
    )
    .join(' ');
}
const start = completed([], ['a', 'b', 'c', 'd']);
const apply = (...changes: ArrangementChange[]): string =>
  drawn(changes.reduce<Arrangement>(rearranged, start));
const work: ArrangementChange = { kind: 'addGroup', id: 'w', name: 'work', items: ['b', 'c'] };
const inner: ArrangementChange = { kind: 'addGroup', id: 'i', name: 'inner', items: [], into: 'w' };

describe('the arrangement of machines', () => {
  it('groups machines in the place of the first of them', () => {
    expect(apply(work)).toBe('a [work: b c] d');
    expect(apply(work, inner)).toBe('a [work: b c [inner]] d');
  });

  it('moves machines and groups, and takes a group away without what is in it', () => {
    expect(apply(work, { kind: 'move', items: ['d'], into: 'w', before: 'c' })).toBe(
      'a [work: b d c]',
    );
    expect(apply(work, { kind: 'move', items: ['w'], before: 'a' })).toBe('[work: b c] a d');
    expect(apply(work, { kind: 'move', items: ['c', 'a'] })).toBe('[work: b] d a c');
    expect(apply(work, { kind: 'removeGroup', group: 'w' })).toBe('a b c d');
    expect(apply(work, { kind: 'renameGroup', group: 'w', name: 'play' })).toBe('a [play: b c] d');
  });

  it('refuses a group in itself, two of a name in one place, and unknown ones', () => {
    const code = (...changes: ArrangementChange[]): unknown => {
      try {
        return apply(...changes);
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    expect(code(work, inner, { kind: 'move', items: ['w'], into: 'i' })).toBe('no-such-group');
    expect(code(work, { kind: 'addGroup', id: 'x', name: 'Work', items: ['a'] })).toBe(
      'group-name-taken',
    );
    expect(code({ kind: 'removeGroup', group: 'nobody' })).toBe('no-such-group');
  });

  it('forgets machines that have gone and puts new ones last', () => {
    const before = rearranged(start, work);
    expect(drawn(completed(before, ['c', 'e', 'a']))).toBe('a [work: c] e');
    expect(drawn(completed([{ vm: 'a' }, { vm: 'a' }], ['a']))).toBe('a');
  });

  it('never loses or doubles a machine, whatever is done', () => {
    const any = fc.constantFrom('a', 'b', 'c', 'd', 'g1', 'g2', 'g3');
    const change: fc.Arbitrary<ArrangementChange> = fc.oneof(
      fc.record({
        kind: fc.constant('addGroup' as const),
        id: fc.constantFrom('g1', 'g2', 'g3'),
        name: fc.stringMatching(/^[a-z]{1,2}$/),
        items: fc.array(any, { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('removeGroup' as const), group: any }),
      fc.record({
        kind: fc.constant('move' as const),
        items: fc.array(any, { minLength: 1, maxLength: 3 }),
        into: any,
        before: any,
      }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        let now: Arrangement = start;
        for (const one of changes) {
          try {
            now = rearranged(now, one);
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/group/);
          }
          expect(machinesIn(now).sort()).toEqual(['a', 'b', 'c', 'd']);
        }
        expect(arrangementSchema.safeParse(JSON.parse(JSON.stringify(now))).success).toBe(true);
      }),
    );
  });
});
