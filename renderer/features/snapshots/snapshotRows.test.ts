import { expect, test } from 'vitest';
import { snapshotRows } from './snapshotRows.ts';

const snapshot = (id: string, parent?: string) => ({
  ...{ id, parent, name: id, description: '', takenAt: '2026-11-27T00:00:00Z', withState: false },
});

test('the tree shows branches below what they come from, and where the machine is now', () => {
  const tree = { snapshots: [snapshot('a'), snapshot('b', 'a'), snapshot('c', 'a')], current: 'b' };
  expect(snapshotRows(tree).map(({ id, depth }) => `${depth} ${id}`)).toEqual([
    '0 a',
    '1 b',
    '2 now',
    '1 c',
  ]);
  expect(snapshotRows({ snapshots: [] })).toEqual([{ id: 'now', depth: 0 }]);
});
