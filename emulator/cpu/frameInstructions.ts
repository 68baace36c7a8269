/** PUSHA, ENTER and LEAVE where the width of the stack pointer is not that of the operand (SDM 2A). */
import { MODE_CODE64, MODE_CODE_MASK, MODE_STACK32, SS } from './layout';
import { probeWrite, readU16, readU32, readU64, writeU16, writeU32, writeU64 } from './memory';
import { linearAddress } from './segments';
import { faulted, gpr, mode, setGprSized } from './state';

const RSP: i32 = 4;
const RBP: i32 = 5;

/** Stack-address size in bytes. */
@inline
function stackBytes(): i32 {
  if ((mode() & MODE_CODE_MASK) == MODE_CODE64) return 8;
  return mode() & MODE_STACK32 ? 4 : 2;
}

@inline
function wrap(offset: u64, bytes: i32): u64 {
  return bytes == 8 ? offset : bytes == 4 ? offset & 0xffffffff : offset & 0xffff;
}

function readSized(linear: u64, size: i32): u64 {
  return size == 8 ? readU64(linear) : size == 4 ? readU32(linear) : readU16(linear);
}

function writeSized(linear: u64, value: u64, size: i32): void {
  if (size == 8) writeU64(linear, value);
  else if (size == 4) writeU32(linear, value);
  else writeU16(linear, value);
}

/** PUSHA/PUSHAD: nothing is written if one of the eight pushes would fault. */
export function pushAll(sizeInBits: u32): void {
  const size = <i32>(sizeInBits >> 3);
  const width = stackBytes();
  const top = gpr(RSP);
  for (let i = 1; i <= 8; i++) {
    const linear = linearAddress(SS, wrap(top - <u64>(i * size), width), size, true);
    if (faulted()) return;
    probeWrite(linear, size);
    if (faulted()) return;
  }
  for (let i = 1; i <= 8; i++) {
    const linear = linearAddress(SS, wrap(top - <u64>(i * size), width), size, true);
    writeSized(linear, gpr(i - 1), size);
  }
  setGprSized(RSP, top - <u64>(8 * size), width);
}

/** ENTER. The pushes are done before rBP and rSP change; a write at the final rSP must be possible. */
export function enterFrame(sizeInBits: u32, allocation: u32, nesting: u32): void {
  const size = <i32>(sizeInBits >> 3);
  const width = stackBytes();
  const level = <i32>(nesting & 31);
  const frame = wrap(gpr(RSP) - <u64>size, width);
  let top = frame;
  let linear = linearAddress(SS, frame, size, true);
  if (faulted()) return;
  const frameLinear = linear;
  probeWrite(linear, size);
  if (faulted()) return;
  // The display is checked as a whole first: level - 1 pointers of the caller, then the new one.
  for (let i = 1; i <= level; i++) {
    top = wrap(top - <u64>size, width);
    linear = linearAddress(SS, top, size, true);
    if (faulted()) return;
    probeWrite(linear, size);
    if (faulted()) return;
    if (i == level) break;
    linear = linearAddress(SS, wrap(gpr(RBP) - <u64>(i * size), width), size, false);
    if (faulted()) return;
    readSized(linear, size);
    if (faulted()) return;
  }
  const final = wrap(top - <u64>allocation, width);
  linear = linearAddress(SS, final, size, true);
  if (faulted()) return;
  probeWrite(linear, size);
  if (faulted()) return;

  writeSized(frameLinear, gpr(RBP), size);
  top = frame;
  for (let i = 1; i < level; i++) {
    const source = linearAddress(SS, wrap(gpr(RBP) - <u64>(i * size), width), size, false);
    const value = readSized(source, size);
    top = wrap(top - <u64>size, width);
    writeSized(linearAddress(SS, top, size, true), value, size);
  }
  if (level > 0) {
    top = wrap(top - <u64>size, width);
    writeSized(linearAddress(SS, top, size, true), frame, size);
  }
  setGprSized(RBP, frame, size < width ? size : width);
  setGprSized(RSP, final, width);
}

export function leaveFrame(sizeInBits: u32): void {
  const size = <i32>(sizeInBits >> 3);
  const width = stackBytes();
  const frame = wrap(gpr(RBP), width);
  const linear = linearAddress(SS, frame, size, false);
  if (faulted()) return;
  const value = readSized(linear, size);
  if (faulted()) return;
  setGprSized(RSP, frame + <u64>size, width);
  setGprSized(RBP, value, size);
}
