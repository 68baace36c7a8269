/**
 * The start and the end of a region's function. It leaves its registers in the state block and its flags in whatever form they
 * are, looks up RIP in the table of jumps (cpu/layout.ts, OFF_JUMPS64) and calls the region that is there in its place. It returns to the core if there is
 * none, after a fault, and when the slice is over or an event waits. Regions that died are found out by themselves: their life is 0.
 */
import {
  OFF_JUMPS32,
  OFF_JUMPS64,
  OFF_REGION_CURRENT,
  OFF_REGION_FROM,
  OFF_REGION_LIFE,
  OFF_REGION_LIMIT,
  OFF_REGION_RETIRED,
  OFF_RIP,
} from '../cpu/layout.ts';
import {
  exitCodeMask,
  exitCodeShift,
  exitCountShift,
  exitFormMask,
  regionExit,
  type RegionFrame,
} from './regionFrame.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';

/** Counts the entry; goes back to the core, with everything as it came, if the region has died or is to grow. */
export function openRegion(f: RegionFrame, region: number): void {
  const { b, cpu } = f;
  const life = cpu + OFF_REGION_LIFE + 4 * region;
  const left = b.permanent(ValueType.i32);
  b.i32(0);
  b.i32(0);
  b.memory(Op.i32Load, life);
  b.i32(1);
  b.integer('sub', 32);
  b.teeLocal(left);
  b.memory(Op.i32Store, life);
  b.getLocal(left);
  b.i32(0);
  b.integer('ltS', 32);
  b.hinted(Op.if, false);
  b.op(blockVoid);
  storeRetired(f);
  b.i32(regionExit.normal);
  b.op(Op.return);
  b.op(Op.end);
  b.i32(0);
  b.i32(region);
  b.memory(Op.i32Store, cpu + OFF_REGION_CURRENT);
}

/** Behind the block of exitLabel.offset, to the end of the function. */
export function leaveRegion(f: RegionFrame, regionType: number): void {
  const { b, cpu, is64 } = f;
  b.i32(0);
  b.i32(0);
  b.memory(Op.i32Store, cpu + OFF_REGION_FROM);
  b.getLocal(f.base);
  b.getLocal(f.exitOffset);
  if (is64) b.op(Op.i64ExtendI32S);
  b.integer('add', is64 ? 64 : 32);
  b.setLocal(f.exitRip);
  b.op(Op.end); // exitLabel.located
  f.state.store();
  b.i32(0);
  pushRip(f);
  b.memory(Op.i64Store, cpu + OFF_RIP);
  b.getLocal(f.retired);
  b.getLocal(f.exitInfo);
  b.i32(exitCountShift);
  b.integer('shrU', 32);
  b.integer('add', 32);
  b.setLocal(f.retired);
  b.getLocal(f.exitInfo);
  b.i32(exitCodeShift);
  b.integer('shrU', 32);
  b.i32(exitCodeMask);
  b.integer('and', 32);
  b.setLocal(f.exitCode);
  b.getLocal(f.exitInfo);
  b.i32(exitFormMask);
  b.integer('and', 32);
  b.setLocal(f.exitInfo);
  f.flags.storeNumbered(f.exitInfo);
  b.getLocal(f.exitCode);
  b.hinted(Op.brIf, false);
  b.code.u32(1); // exitLabel.stored
  b.op(Op.end); // exitLabel.linked
  link(f, regionType);
  b.op(Op.end); // exitLabel.stored
  storeRetired(f);
  b.getLocal(f.exitCode);
  b.op(Op.end);
}

function storeRetired({ b, cpu, retired }: RegionFrame): void {
  b.i32(0);
  b.getLocal(retired);
  b.memory(Op.i32Store, cpu + OFF_REGION_RETIRED);
}

/** In 64 bits. */
function pushRip({ b, exitRip, is64 }: RegionFrame): void {
  b.getLocal(exitRip);
  if (!is64) b.op(Op.i64ExtendI32U);
}

/** Calls the region that the table has for RIP, if the slice goes on. */
function link(f: RegionFrame, regionType: number): void {
  const { b, cpu, is64 } = f;
  const jumps = cpu + (is64 ? OFF_JUMPS64 : OFF_JUMPS32);
  const low = b.permanent(ValueType.i32);
  const at = b.permanent(ValueType.i32);
  b.getLocal(f.exitRip);
  if (is64) b.op(Op.i32WrapI64);
  b.teeLocal(low);
  b.i32(8);
  b.integer('shrU', 32);
  b.getLocal(low);
  b.i32(18);
  b.integer('shrU', 32);
  b.integer('xor', 32);
  b.getLocal(low);
  b.integer('xor', 32);
  b.i32(0xff);
  b.integer('and', 32);
  b.i32(4);
  b.integer('shl', 32);
  b.getLocal(low);
  b.i32(0x3f000);
  b.integer('and', 32);
  b.integer('or', 32);
  b.teeLocal(at);
  b.memory(Op.i64Load, jumps);
  pushRip(f);
  b.getLocal(f.context);
  if (!is64) b.op(Op.i64ExtendI32U);
  b.i64(52);
  b.integer('shl', 64);
  b.integer('xor', 64);
  b.integer('eq', 64);
  b.getLocal(f.retired);
  b.i32(0);
  b.memory(Op.i32Load, cpu + OFF_REGION_LIMIT);
  b.integer('ltS', 32);
  b.integer('and', 32);
  b.hinted(Op.if, true);
  b.op(blockVoid);
  b.getLocal(at);
  b.memory(Op.i32Load, jumps + 8);
  b.teeLocal(low);
  b.i32(0xff);
  b.integer('and', 32);
  pushRip(f);
  b.getLocal(at);
  b.memory(Op.i32Load, jumps + 12);
  b.op(Op.i64ExtendI32S);
  b.integer('sub', 64);
  b.getLocal(f.retired);
  b.getLocal(low);
  b.i32(8);
  b.integer('shrU', 32);
  b.op(Op.returnCallIndirect);
  b.code.u32(regionType);
  b.code.u32(0);
  b.op(Op.end);
}
