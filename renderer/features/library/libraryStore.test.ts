import { expect, test } from 'vitest';
import type { VmSummary } from '../../../shared/services/library.ts';
import { withList } from './libraryStore.ts';

const vms = (...ids: string[]): VmSummary[] =>
  ids.map((id) => ({ id, name: id, state: 'poweredOff' }));

test('the first list selects its first machine', () => {
  expect(withList({ vms: undefined, selectedId: undefined }, vms('a', 'b')).selectedId).toBe('a');
});

test('the selection stays when the list changes', () => {
  expect(withList({ vms: vms('a', 'b'), selectedId: 'b' }, vms('c', 'a', 'b')).selectedId).toBe(
    'b',
  );
});

test('after a deletion the neighbour is selected', () => {
  expect(withList({ vms: vms('a', 'b', 'c'), selectedId: 'b' }, vms('a', 'c')).selectedId).toBe(
    'c',
  );
  expect(withList({ vms: vms('a', 'b'), selectedId: 'b' }, vms('a')).selectedId).toBe('a');
  expect(withList({ vms: vms('a'), selectedId: 'a' }, []).selectedId).toBeUndefined();
});
