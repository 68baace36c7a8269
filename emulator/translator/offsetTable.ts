/** Finds the block that an indirect jump leads to: a hash of its distance from the region's base, then the few offsets of one bucket. */
import type { RegionFrame } from './regionFrame.ts';
import { Op } from './wasmOpcodes.ts';

export interface OffsetTable {
  readonly factor: number;
  /** There are 1 << bits buckets. */
  readonly bits: number;
  /** Indices into the list of offsets. */
  readonly buckets: readonly (readonly number[])[];
}

/** Factors that are tried, for few collisions. */
const factors = Array.from({ length: 32 }, (_, i) => (Math.imul(0x9e3779b1, 2 * i + 1) | 1) >>> 0);

export function offsetTable(offsets: readonly number[]): OffsetTable {
  const bits = Math.max(2, Math.ceil(Math.log2(offsets.length)));
  let best: { table: OffsetTable; cost: number } | undefined;
  for (const factor of factors) {
    const buckets: number[][] = Array.from({ length: 1 << bits }, () => []);
    offsets.forEach((offset, i) => buckets[Math.imul(offset, factor) >>> (32 - bits)]!.push(i));
    const cost = buckets.reduce((sum, { length }) => sum + length * length, 0);
    if (best === undefined || cost < best.cost) best = { table: { factor, bits, buckets }, cost };
    if (cost === offsets.length) break;
  }
  return best!.table;
}

/** Pushes the number of the bucket for the absolute address in exitRip. */
export function pushBucket(f: RegionFrame, { factor, bits }: OffsetTable): void {
  const { b } = f;
  b.getLocal(f.exitRip);
  b.getLocal(f.base);
  b.integer('sub', f.state.width);
  if (f.is64) b.op(Op.i32WrapI64);
  b.i32(factor | 0);
  b.integer('mul', 32);
  b.i32(32 - bits);
  b.integer('shrU', 32);
}
