/** Control and state of the x87 and SSE: FLDCW … FRSTOR (SDM 1 §8.1.10), FXSAVE and FXRSTOR (SDM 1 §10.5). */
import {
  raiseNonCanonical,
  raiseWithCode,
} from './exceptions';
import {
  CR4_OSFXSR,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_PROTECTED,
  OFF_CR4,
  OFF_FPU_CONTROL,
  OFF_FPU_FCS,
  OFF_FPU_FDP,
  OFF_FPU_FDS,
  OFF_FPU_FIP,
  OFF_FPU_FOP,
  OFF_MODE,
  OFF_MXCSR,
  OFF_X87,
  OFF_XMM,
  VECTOR_GP,
} from './layout';
import {
  probeRead,
  probeWrite,
  readU16,
  readU32,
  readU64,
  readV128,
  writeU16,
  writeU32,
  writeU64,
  writeV128,
} from './memory';
import {
  isCanonical,
} from './mmu';
import {
  MXCSR_MASK,
} from './mxcsr';
import {
  classify80,
  CLASS_NORMAL,
  CLASS_ZERO,
} from './softfloat80';
import {
  CPU,
  faulted,
} from './state';
import {
  controlWord,
  emptyBits,
  refreshSummary,
  setEmptyBits,
  setStatusBits,
  setTop,
  statusBits,
  top,
} from './x87';

export function fninit(): void {
  store<u32>(CPU, 0x37f, OFF_FPU_CONTROL);
  setStatusBits(0);
  setTop(0);
  setEmptyBits(0xff);
  store<u64>(CPU, 0, OFF_FPU_FIP);
  store<u64>(CPU, 0, OFF_FPU_FDP);
  store<u32>(CPU, 0, OFF_FPU_FCS);
  store<u32>(CPU, 0, OFF_FPU_FDS);
  store<u32>(CPU, 0, OFF_FPU_FOP);
}

export function fnclex(): void {
  setStatusBits(statusBits() & 0x7f00);
}

/** Bits 6 reads as 1, 7 and 13-15 as 0. */
export function fldcw(value: u32): void {
  store<u32>(CPU, (value & 0x1f3f) | 0x40, OFF_FPU_CONTROL);
  refreshSummary();
}

export function readControlWord(): u32 {
  return controlWord();
}

export function readStatusWord(): u32 {
  return statusBits() | (top() << 11);
}

function writeStatusWord(value: u32): void {
  setTop((value >> 11) & 7);
  setStatusBits(value & 0xc7ff);
  refreshSummary();
}

/** Two bits a register: 0 valid, 1 zero, 2 special, 3 empty. */
function tagWord(): u32 {
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    let tag: u32 = 3;
    if (!((emptyBits() >> i) & 1)) {
      const at = CPU + (i << 4);
      const c = classify80(u32(load<u16>(at, OFF_X87 + 8)), load<u64>(at, OFF_X87));
      tag = c == CLASS_NORMAL ? 0 : c == CLASS_ZERO ? 1 : 2;
    }
    tags |= tag << (i << 1);
  }
  return tags;
}

function setTagWord(tags: u32): void {
  let empty: u32 = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (i << 1)) & 3) == 3) empty |= 1 << i;
  setEmptyBits(empty);
}

@inline
function realFormat(): bool {
  return !(load<u32>(CPU, OFF_MODE) & MODE_PROTECTED);
}

/** Writes the 28 or 14 bytes; the caller has probed. */
function storeEnvironment(linear: u64, size: u32): void {
  const fip = load<u64>(CPU, OFF_FPU_FIP);
  const fdp = load<u64>(CPU, OFF_FPU_FDP);
  const fop = u64(load<u32>(CPU, OFF_FPU_FOP));
  const fcs = u64(load<u32>(CPU, OFF_FPU_FCS));
  const fds = u64(load<u32>(CPU, OFF_FPU_FDS));
  if (size == 16) {
    writeU16(linear, u64(controlWord()));
    writeU16(linear + 2, u64(readStatusWord()));
    writeU16(linear + 4, u64(tagWord()));
    writeU16(linear + 6, fip & 0xffff);
    writeU16(linear + 8, realFormat() ? ((fip >> 4) & 0xf000) | fop : fcs);
    writeU16(linear + 10, fdp & 0xffff);
    writeU16(linear + 12, realFormat() ? (fdp >> 4) & 0xf000 : fds);
    return;
  }
  writeU32(linear, u64(controlWord()) | 0xffff0000);
  writeU32(linear + 4, u64(readStatusWord()) | 0xffff0000);
  writeU32(linear + 8, u64(tagWord()) | 0xffff0000);
  if (realFormat()) {
    writeU32(linear + 12, (fip & 0xffff) | 0xffff0000);
    writeU32(linear + 16, (((fip >> 16) & 0xffff) << 12) | fop);
    writeU32(linear + 20, (fdp & 0xffff) | 0xffff0000);
    writeU32(linear + 24, ((fdp >> 16) & 0xffff) << 12);
  } else {
    writeU32(linear + 12, fip & 0xffffffff);
    writeU32(linear + 16, fcs | (fop << 16));
    writeU32(linear + 20, fdp & 0xffffffff);
    writeU32(linear + 24, fds | 0xffff0000);
  }
}

/** True if a write of the image would fault (raised). */
@inline
function cannotWrite(linear: u64, bytes: u32): bool {
  probeWrite(linear, bytes);
  return faulted();
}

/** FNSTENV; afterwards all exceptions are masked. `size`: operand size, 16 or 32. */
export function fnstenv(linear: u64, size: u32): void {
  if (cannotWrite(linear, size == 16 ? 14 : 28)) return;
  storeEnvironment(linear, size);
  store<u32>(CPU, controlWord() | 0x3f, OFF_FPU_CONTROL);
  refreshSummary();
}

export function fnsave(linear: u64, size: u32): void {
  const head: u32 = size == 16 ? 14 : 28;
  if (cannotWrite(linear, head + 80)) return;
  storeEnvironment(linear, size);
  for (let i: u32 = 0; i < 8; i++) {
    const at = CPU + (((top() + i) & 7) << 4);
    const to = linear + head + i * 10;
    writeU64(to, load<u64>(at, OFF_X87));
    writeU16(to + 8, u64(load<u16>(at, OFF_X87 + 8)));
  }
  fninit();
}

/** The same for a read; the first bytes fault before the rest is looked at. */
function cannotRead(linear: u64, bytes: u32): bool {
  probeRead(linear, 2);
  if (faulted()) return true;
  probeRead(linear, bytes);
  return faulted();
}

export function fldenv(linear: u64, size: u32): void {
  if (cannotRead(linear, size == 16 ? 14 : 28)) return;
  const step: u64 = size == 16 ? 2 : 4;
  const control = u32(readU16(linear));
  const status = u32(readU16(linear + step));
  const tags = u32(readU16(linear + 2 * step));
  let fip: u64;
  let fdp: u64;
  let fop: u32;
  if (size == 16) {
    fip = readU16(linear + 6);
    fdp = readU16(linear + 10);
    const high = readU16(linear + 8);
    fop = 0;
    if (realFormat()) {
      fop = u32(high) & 0x7ff;
      fip |= (high & 0xf000) << 4;
      fdp |= (readU16(linear + 12) & 0xf000) << 4;
    }
  } else {
    fip = readU32(linear + 12);
    fdp = readU32(linear + 20);
    const high = readU32(linear + 16);
    if (realFormat()) {
      fip = (fip & 0xffff) | ((high & 0x0ffff000) << 4);
      fdp = (fdp & 0xffff) | ((readU32(linear + 24) & 0x0ffff000) << 4);
      fop = u32(high) & 0x7ff;
    } else fop = u32(high >> 16) & 0x7ff;
  }
  store<u64>(CPU, fip, OFF_FPU_FIP);
  store<u64>(CPU, fdp, OFF_FPU_FDP);
  store<u32>(CPU, fop, OFF_FPU_FOP);
  setTagWord(tags);
  store<u32>(CPU, (control & 0x1f3f) | 0x40, OFF_FPU_CONTROL);
  writeStatusWord(status);
}

export function frstor(linear: u64, size: u32): void {
  const head: u32 = size == 16 ? 14 : 28;
  if (cannotRead(linear, head + 80)) return;
  fldenv(linear, size);
  for (let i: u32 = 0; i < 8; i++) {
    const at = CPU + (((top() + i) & 7) << 4);
    const from = linear + head + i * 10;
    store<u64>(at, readU64(from), OFF_X87);
    store<u16>(at, u16(readU16(from + 8)), OFF_X87 + 8);
  }
}

@inline
function xmmCount(): u32 {
  if (!(load<u64>(CPU, OFF_CR4) & CR4_OSFXSR)) return 0;
  return (load<u32>(CPU, OFF_MODE) & MODE_CODE_MASK) == MODE_CODE64 ? 16 : 8;
}

/** #GP(0) of a misaligned image; an address that is not canonical comes first. */
function misaligned(linear: u64): bool {
  if (!(linear & 15)) return false;
  if (isCanonical(linear)) raiseWithCode(VECTOR_GP, 0);
  else raiseNonCanonical();
  return true;
}

/** FXSAVE (wide = 1: FXSAVE64). */
export function fxsave(linear: u64, wide: u32): void {
  if (misaligned(linear)) return;
  if (cannotWrite(linear, 512)) return;
  writeU64(
    linear,
    u64(controlWord()) |
      (u64(readStatusWord()) << 16) |
      (u64(~emptyBits() & 0xff) << 32) |
      (u64(load<u32>(CPU, OFF_FPU_FOP)) << 48),
  );
  const fip = load<u64>(CPU, OFF_FPU_FIP);
  const fdp = load<u64>(CPU, OFF_FPU_FDP);
  if (wide) {
    writeU64(linear + 8, fip);
    writeU64(linear + 16, fdp);
  } else {
    writeU64(linear + 8, (fip & 0xffffffff) | (u64(load<u32>(CPU, OFF_FPU_FCS)) << 32));
    writeU64(linear + 16, (fdp & 0xffffffff) | (u64(load<u32>(CPU, OFF_FPU_FDS)) << 32));
  }
  writeU64(linear + 24, u64(load<u32>(CPU, OFF_MXCSR)) | (u64(MXCSR_MASK) << 32));
  for (let i: u32 = 0; i < 8; i++) {
    const at = CPU + (((top() + i) & 7) << 4);
    writeU64(linear + 32 + (i << 4), load<u64>(at, OFF_X87));
    writeU64(linear + 40 + (i << 4), u64(load<u16>(at, OFF_X87 + 8)));
  }
  const count = xmmCount();
  for (let i: u32 = 0; i < count; i++) {
    writeV128(linear + 160 + (i << 4), v128.load(CPU + (i << 4), OFF_XMM));
  }
}

export function fxrstor(linear: u64, wide: u32): void {
  if (misaligned(linear)) return;
  // The far end faults first.
  probeRead(linear + 511, 1);
  if (faulted() || cannotRead(linear, 512)) return;
  const count = xmmCount();
  const newMxcsr = u32(readU32(linear + 24));
  if (count && newMxcsr & ~MXCSR_MASK) return raiseWithCode(VECTOR_GP, 0);
  const head = readU64(linear);
  let fip = readU64(linear + 8);
  let fdp = readU64(linear + 16);
  if (!wide) {
    fip &= 0xffffffff;
    fdp &= 0xffffffff;
  }
  store<u64>(CPU, fip, OFF_FPU_FIP);
  store<u64>(CPU, fdp, OFF_FPU_FDP);
  store<u32>(CPU, u32(head >> 48) & 0x7ff, OFF_FPU_FOP);
  setEmptyBits(~u32(head >> 32) & 0xff);
  store<u32>(CPU, (u32(head) & 0x1f3f) | 0x40, OFF_FPU_CONTROL);
  writeStatusWord(u32(head >> 16) & 0xffff);
  for (let i: u32 = 0; i < 8; i++) {
    const at = CPU + (((top() + i) & 7) << 4);
    store<u64>(at, readU64(linear + 32 + (i << 4)), OFF_X87);
    store<u16>(at, u16(readU16(linear + 40 + (i << 4))), OFF_X87 + 8);
  }
  if (!count) return;
  store<u32>(CPU, newMxcsr, OFF_MXCSR);
  for (let i: u32 = 0; i < count; i++) {
    v128.store(CPU + (i << 4), readV128(linear + 160 + (i << 4)), OFF_XMM);
  }
}
