import { expect, it } from 'vitest';
import * as layout from '../../cpu/layout.ts';

it('keeps tables of the state block from reaching into what follows', () => {
  const tables: [name: string, end: number, next: number][] = [
    ['hot blocks', layout.OFF_HOT + 16 * layout.HOT_MAX, layout.OFF_FPU_MORE],
    ['segments', layout.OFF_SEG + 8 * layout.SEG_SIZE, layout.OFF_XMM],
    ['slots', layout.OFF_SLOTS + layout.SLOT_SIZE * layout.SLOT_MAX, layout.OFF_MTRR_VARIABLE],
    ['CPUID', layout.OFF_CPUID + layout.CPUID_SIZE * layout.CPUID_MAX, layout.OFF_INTERPRETER],
    ['PCIDs', layout.OFF_PCID_GENERATION + 2 * 4096, layout.STATE_SIZE],
    ['TLB', layout.OFF_TLB_EXECUTE + layout.TLB_BYTES, layout.OFF_TLB_LARGE],
  ];
  expect(tables.filter(([, end, next]) => end > next)).toEqual([]);
});
