/**
 * Linear addresses of operands for generated handlers: memory operands of records, stack and string
 * accesses. The flat kinds are inlined; what needs segment checks goes to segments.ts. After a segment fault
 * the address is one that no access can reach, so that the access that follows does nothing.
 */
import { raiseWithCode } from './exceptions';
import {
  CS,
  FS,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_FLAT,
  MODE_STACK32,
  OFF_FAULT,
  OFF_FAULT_NONCANONICAL,
  OFF_GPR,
  OFF_SEG,
  REC_ADDRESS_SIZE,
  REC_BASE,
  REC_DISP,
  REC_INDEX,
  REC_KIND,
  REC_SCALE,
  REC_SEGMENT,
  SEG_BASE,
  SEG_SIZE,
  SS,
  VECTOR_GP,
  VECTOR_SS,
} from './layout';
import { isCanonical } from './mmu';
import { linearAddress } from './segments';
import { CPU, faulted, mode, segmentBase, segmentLimit } from './state';

/** Address kinds of records (REC_KIND). */
export const KIND_FLAT64: u32 = 0;
export const KIND_BASE64: u32 = 1;
export const KIND_FLAT32: u32 = 2;
export const KIND_SEGMENTED: u32 = 3;

/** Not canonical, hence in no TLB. */
const NOWHERE: u64 = 0x8000000000000000;
const OFF_RSP = 0x20;

@inline
function sum(rec: usize): u64 {
  return (
    load<u64>(load<u32>(rec, REC_BASE)) +
    (load<u64>(load<u32>(rec, REC_INDEX)) << <u64>load<u8>(rec, REC_SCALE)) +
    load<u64>(rec, REC_DISP)
  );
}

@inline
function truncated(value: u64, addressSize: u32): u64 {
  return addressSize == 8 ? value : addressSize == 4 ? <u64>(<u32>value) : value & 0xffff;
}

/** Offset of a memory operand in its segment. */
@inline
export function effectiveAddress(rec: usize): u64 {
  const value = sum(rec);
  if (load<u8>(rec, REC_ADDRESS_SIZE) == 8) return value;
  return truncated(value, load<u8>(rec, REC_ADDRESS_SIZE));
}

/** segments.ts's check, NOWHERE after a fault. */
function checkedLinear(index: u32, offset: u64, size: i32, write: bool): u64 {
  const linear = linearAddress(index, offset, size, write);
  return faulted() ? NOWHERE : linear;
}

function linearOther(rec: usize, offset: u64, size: i32, write: bool): u64 {
  const kind = <u32>load<u8>(rec, REC_KIND);
  if (kind == KIND_BASE64) {
    offset = truncated(offset, load<u8>(rec, REC_ADDRESS_SIZE));
    return offset + segmentBase(load<u8>(rec, REC_SEGMENT));
  }
  if (kind == KIND_FLAT32) return <u64>(<u32>offset);
  offset = truncated(offset, load<u8>(rec, REC_ADDRESS_SIZE));
  return checkedLinear(load<u8>(rec, REC_SEGMENT), offset, size, write);
}

/** Linear address of a memory operand of `size` bytes. */
@inline
export function linearOf(rec: usize, size: i32, write: bool): u64 {
  const offset = sum(rec);
  if (load<u8>(rec, REC_KIND) == 0) return offset;
  return linearOther(rec, offset, size, write);
}

/** The same, `displacement` bytes further. */
@inline
export function linearDisplaced(rec: usize, displacement: u64, size: i32, write: bool): u64 {
  const offset = sum(rec) + displacement;
  if (load<u8>(rec, REC_KIND) == 0) return offset;
  return linearOther(rec, offset, size, write);
}

/** Linear address in a segment of an offset that is already of address size. */
export function segmentLinear(index: u32, offset: u64, size: i32, write: bool): u64 {
  if ((mode() & MODE_CODE_MASK) == MODE_CODE64) {
    return index >= <u32>FS ? offset + segmentBase(index) : offset;
  }
  if (mode() & MODE_FLAT && index < <u32>FS && (index != <u32>CS || !write)) return offset;
  return checkedLinear(index, offset, size, write);
}

/** Address size 64: only FS and GS have a base. */
@inline
export function segmentLinear64(index: u32, offset: u64): u64 {
  return index >= <u32>FS ? offset + load<u64>(CPU + index * SEG_SIZE, OFF_SEG + SEG_BASE) : offset;
}

// --- Stack -------------------------------------------------------------------------------------

/** Linear address of rSP + offset outside 64-bit code. */
export function stackLinear(offset: i64, size: i32, write: bool): u64 {
  const rsp = load<u64>(CPU, OFF_GPR + OFF_RSP) + <u64>offset;
  const bits = mode();
  if ((bits & MODE_CODE_MASK) == MODE_CODE64) return rsp;
  const address = bits & MODE_STACK32 ? <u64>(<u32>rsp) : rsp & 0xffff;
  if (bits & MODE_FLAT) return address;
  return checkedLinear(SS, address, size, write);
}

export function stackAdjust(delta: i64): void {
  const rsp = load<u64>(CPU, OFF_GPR + OFF_RSP) + <u64>delta;
  const bits = mode();
  if ((bits & MODE_CODE_MASK) == MODE_CODE64) store<u64>(CPU, rsp, OFF_GPR + OFF_RSP);
  else if (bits & MODE_STACK32) store<u64>(CPU, <u64>(<u32>rsp), OFF_GPR + OFF_RSP);
  else store<u16>(CPU, <u16>rsp, OFF_GPR + OFF_RSP);
}

/** A stack access faulted: #GP for a non-canonical address is #SS there (SDM 3A §6.15). */
export function stackFault(): i32 {
  if (load<u32>(CPU, OFF_FAULT_NONCANONICAL)) nonCanonicalIsStack();
  return 1;
}

/** Turns the noted #GP(0) into #SS(0). */
export function nonCanonicalIsStack(): void {
  store<u32>(CPU, VECTOR_SS + 1, OFF_FAULT);
}

// --- Branch targets ----------------------------------------------------------------------------

/** #GP(0) for a near branch out of the code segment or to a non-canonical address. */
export function checkTarget(target: u64): void {
  if ((mode() & MODE_CODE_MASK) == MODE_CODE64) {
    if (!isCanonical(target)) raiseWithCode(VECTOR_GP, 0);
  } else if (target > <u64>segmentLimit(CS)) {
    raiseWithCode(VECTOR_GP, 0);
  }
}

/** A next-instruction address as it is pushed: 64 bits in 64-bit code, else 32. */
export function truncatedRip(value: u64): u64 {
  return (mode() & MODE_CODE_MASK) == MODE_CODE64 ? value : <u64>(<u32>value);
}

/** #GP(0) for a misaligned 128-bit operand (SDM 1 §10.6); returns what a handler returns then. */
export function alignmentFault(): i32 {
  raiseWithCode(VECTOR_GP, 0);
  return 1;
}
