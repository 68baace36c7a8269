/** What a region looks at before it goes on in itself: events, its own life, the mode, the translation of a page. */
import {
  MODE_CODE32,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_FLAT,
  MODE_STACK32,
  OFF_MODE,
  OFF_PENDING,
  OFF_TLB_EXECUTE,
} from '../cpu/layout.ts';
import { regionExit, type RegionFrame } from './regionFrame.ts';
import { Op } from './wasmOpcodes.ts';

/** Pushes whether an event waits, the region has died, or the mode is another. */
export function pushMustLeave(f: RegionFrame, alive: number): void {
  const { b, cpu } = f;
  b.i32(0);
  b.memory(Op.i32Load, cpu + OFF_PENDING);
  b.i32(0);
  b.memory(Op.i32Load8U, alive);
  b.op(Op.i32Eqz);
  b.integer('or', 32);
  pushModeDiffers(f);
  b.integer('or', 32);
}

/** Pushes whether the mode is another than the region's code was decoded for. */
export function pushModeDiffers(f: RegionFrame): void {
  const { b, cpu } = f;
  b.i32(0);
  b.memory(Op.i32Load, cpu + OFF_MODE);
  b.i32(f.is64 ? MODE_CODE64 : MODE_CODE32 | MODE_FLAT | MODE_STACK32);
  b.integer('xor', 32);
  b.i32(MODE_CODE_MASK | MODE_FLAT | MODE_STACK32);
  b.integer('and', 32);
}

/**
 * Leaves to `offset` unless the execute TLB has the page of it where `host` is; with `back`, to the core, which goes on
 * there.
 */
export function checkTranslation(
  f: RegionFrame,
  offset: number,
  host: number,
  back?: number,
): void {
  const { b, cpu, is64 } = f;
  const { width } = f.state;
  f.pushRip(offset);
  const rip = b.take(width);
  b.push32(rip);
  b.i32(8);
  b.integer('shrU', 32);
  b.i32(0xfff0);
  b.integer('and', 32);
  const entry = b.take(32);
  b.push(entry);
  b.memory(is64 ? Op.i64Load : Op.i32Load, cpu + OFF_TLB_EXECUTE + (is64 ? 0 : 12));
  b.push(rip);
  if (is64) b.i64(-4096);
  else b.i32(-4096);
  b.integer('and', width);
  b.getLocal(f.context);
  b.integer('or', width);
  // Differences, not comparisons: their bits are put together with less code, and V8 would load what is compared in memory twice.
  b.integer('sub', width);
  b.push(entry);
  b.memory(Op.i32Load, cpu + OFF_TLB_EXECUTE + 8);
  b.push32(rip);
  b.integer('add', 32);
  b.i32(host);
  b.integer('sub', 32);
  if (is64) b.op(Op.i64ExtendI32U);
  b.integer('or', width);
  if (is64) {
    b.i64(0);
    b.integer('ne', 64);
  }
  f.if(false);
  b.push64(rip);
  b.i32(host);
  b.call(f.core('codeStillAt'));
  b.op(Op.i32Eqz);
  f.if();
  if (back === undefined) f.exitTo(offset, 0);
  else f.exitTo(back, 0, regionExit.leave);
  f.endIf();
  f.endIf();
}
