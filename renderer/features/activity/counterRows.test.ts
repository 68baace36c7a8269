import { expect, test } from 'vitest';
import { counterRows } from './counterRows.ts';

test('counters read like words and numbers', () => {
  const values = { instructions: 1234567, tlbFills: 5, 'disk0.reads': 7, portAccesses: 12.345 };
  expect(counterRows({ at: 0, values }).map(({ name, total }) => [name, total])).toEqual([
    ['Instructions', '1,234,567'],
    ['TLB fills', '5'],
    ['Disk0 reads', '7'],
    ['Port accesses', '12.3'],
  ]);
});

test('rates are of the time since the sample before', () => {
  const before = { at: 1000, values: { instructions: 1e6, halts: 90 } };
  const now = { at: 3000, values: { instructions: 171.4e6, halts: 10, sleeps: 3 } };
  expect(counterRows(now, before).map(({ rate }) => rate)).toEqual(['85.2 M/s', '', '']);
  expect(counterRows(now).map(({ rate }) => rate)).toEqual(['', '', '']);
});
