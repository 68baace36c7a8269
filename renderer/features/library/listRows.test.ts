import { expect, test } from 'vitest';
import type { Arrangement } from '../../../shared/vm/arrangement.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { listRows, machinesOf } from './listRows.ts';

const vms: VmSummary[] = ['web', 'mail', 'lab'].map((name) => ({
  ...{ id: name, name, state: 'poweredOff' },
}));
const arrangement: Arrangement = [
  { vm: 'lab' },
  {
    group: {
      ...{ id: 'g', name: 'servers' },
      items: [{ vm: 'web' }, { group: { id: 'h', name: 'old', items: [{ vm: 'mail' }] } }],
    },
  },
];
const seen = (closed: string[], search = ''): string[] =>
  listRows(arrangement, vms, { closed: new Set(closed), search }).map(
    (row) => `${'-'.repeat(row.depth)}${row.id}`,
  );

test('machines lie in their groups, and closed groups hide theirs', () => {
  expect(seen([])).toEqual(['lab', 'g', '-web', '-h', '--mail']);
  expect(seen(['h'])).toEqual(['lab', 'g', '-web', '-h']);
  expect(seen(['g'])).toEqual(['lab', 'g']);
});

test('a search shows what matches, in closed groups too', () => {
  expect(seen(['g', 'h'], 'AI')).toEqual(['g', '-h', '--mail']);
  expect(seen([], 'nothing')).toEqual([]);
});

test('a group stands for all machines in it', () => {
  const rows = listRows(arrangement, vms, { closed: new Set(['g']), search: '' });
  expect(rows.map(machinesOf)).toEqual([['lab'], ['web', 'mail']]);
});
