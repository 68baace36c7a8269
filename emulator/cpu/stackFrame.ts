/**
 * A cursor over a stack that need not be the current one: frames are pushed with all checks first and
 * committed by commitStack(), so that a fault half way leaves SS:rSP as it was.
 */
import { raiseWithCode } from './exceptions';
import {
  ATTR_DB,
  MODE_CODE64,
  MODE_CODE_MASK,
  SS,
  VECTOR_SS,
} from './layout';
import { readAs, writeAs } from './memorySlow';
import { isCanonical } from './mmu';
import { withinLimit } from './segments';
import { cpl, faulted, gpr, mode, segmentAttributes, segmentBase, segmentLimit, setGpr } from './state';

const RSP: i32 = 4;

let pointer: u64 = 0;
let base: u64 = 0;
let limit: u32 = 0;
let attributes: u32 = 0;
let wide: bool = false;
let user: bool = false;
/** Selector in the error code of #SS. */
let errorCode: u32 = 0;

/** The current stack. */
export function openStack(): void {
  openStackAt(gpr(RSP), segmentBase(SS), segmentLimit(SS), segmentAttributes(SS), cpl(), 0);
  wide = (mode() & MODE_CODE_MASK) == MODE_CODE64;
}

/** A stack outside 64-bit mode. */
export function openStackAt(
  at: u64,
  newBase: u64,
  newLimit: u32,
  newAttributes: u32,
  level: u32,
  selector: u32,
): void {
  pointer = at;
  base = newBase;
  limit = newLimit;
  attributes = newAttributes;
  wide = false;
  user = level == 3;
  errorCode = selector & 0xfffc;
}

/** A 64-bit stack. */
export function openWideStack(at: u64, level: u32): void {
  pointer = at;
  wide = true;
  user = level == 3;
  errorCode = 0;
}

@inline
function mask(): u64 {
  return wide ? ~(<u64>0) : attributes & ATTR_DB ? 0xffffffff : 0xffff;
}

function linearOf(at: u64, size: i32): u64 {
  if (wide) {
    if (!isCanonical(at) || !isCanonical(at + size - 1)) raiseWithCode(VECTOR_SS, 0);
    return at;
  }
  const offset = at & mask();
  if (!withinLimit(offset, size, limit, attributes)) raiseWithCode(VECTOR_SS, errorCode);
  return (base + offset) & 0xffffffff;
}

export function pushFrame(value: u64, size: i32): void {
  if (faulted()) return;
  const at = pointer - size;
  const linear = linearOf(at, size);
  if (faulted()) return;
  writeAs(linear, value, size, user);
  if (!faulted()) pointer = at;
}

export function popFrame(size: i32): u64 {
  if (faulted()) return 0;
  const linear = linearOf(pointer, size);
  if (faulted()) return 0;
  const value = readAs(linear, size, user);
  if (!faulted()) pointer += size;
  return value;
}

export function skipFrame(bytes: u64): void {
  pointer += bytes;
}

export function framePointer(): u64 {
  return pointer;
}

/** Writes rSP by the stack's address size. */
export function commitStack(): void {
  setStackPointer(pointer, wide, attributes);
}

export function setStackPointer(value: u64, is64: bool, ssAttributes: u32): void {
  if (is64) setGpr(RSP, value);
  else if (ssAttributes & ATTR_DB) setGpr(RSP, value & 0xffffffff);
  else setGpr(RSP, (gpr(RSP) & ~(<u64>0xffff)) | (value & 0xffff));
}
