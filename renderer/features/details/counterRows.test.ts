import { expect, test } from 'vitest';
import { counterRows } from './counterRows.ts';

test('counters read like words and numbers', () => {
  expect(
    counterRows({ instructions: 1234567, tlbMisses: 5, 'disk0.reads': 7, mips: 12.345 }),
  ).toEqual([
    ['Instructions', '1,234,567'],
    ['Tlb misses', '5'],
    ['Disk0 reads', '7'],
    ['Mips', '12.3'],
  ]);
});
