/** SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS and the FS/GS base instructions. SDM 2B, SDM 3A §5.8.7-5.8.8. */
import { updateChecks } from './debugRegisters';
import { raise, raiseWithCode } from './exceptions';
import { getFlags, setFlags } from './flags';
import { updatePending } from './interrupts';
import {
  CR4_FSGSBASE,
  CS,
  EFER_SCE,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  MODE_CODE32,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_CPL_SHIFT,
  MODE_FLAT,
  MODE_LONG,
  MODE_PROTECTED,
  MODE_STACK32,
  OFF_CR4,
  OFF_EFER,
  OFF_KERNEL_GS_BASE,
  OFF_LSTAR,
  OFF_MODE,
  OFF_SFMASK,
  OFF_STAR,
  OFF_STEP_TF,
  OFF_SYSENTER_CS,
  OFF_SYSENTER_EIP,
  OFF_SYSENTER_ESP,
  GS,
  SEG_BASE,
  SS,
  VECTOR_GP,
  VECTOR_UD,
} from './layout';
import { isCanonical } from './mmu';
import { setCpl, updateMode } from './segments';
import { CPU, cpl, gpr, mode, segment, setGpr, setRip, setSegment } from './state';

const CPL_MASK: u32 = 3 << MODE_CPL_SHIFT;
const RCX: i32 = 1;
const RDX: i32 = 2;
const RSP: i32 = 4;
const R11: i32 = 11;

/** Flat segments: code type 11, data type 3, present, 4 GiB. */
const CODE64: u32 = 0xa09b;
const CODE32: u32 = 0xc09b;
const DATA: u32 = 0xc093;

function setFlatSegments(codeSelector: u32, stackSelector: u32, level: u32, is64: bool): void {
  const dpl = level << 5;
  setSegment(CS, codeSelector | level, 0, 0xffffffff, (is64 ? CODE64 : CODE32) | dpl);
  setSegment(SS, stackSelector | level, 0, 0xffffffff, DATA | dpl);
  setCpl(level);
  const bits = mode();
  if (bits & MODE_PROTECTED && (is64 || bits & MODE_FLAT)) {
    // DS and ES stay as they are, so 32-bit code stays flat.
    const kept = bits & ~(MODE_CODE_MASK | MODE_STACK32 | MODE_FLAT | CPL_MASK);
    const code = is64 ? MODE_CODE64 : MODE_CODE32 | MODE_STACK32 | MODE_FLAT;
    store<u32>(CPU, kept | code | (level << MODE_CPL_SHIFT), OFF_MODE);
  } else updateMode();
  updateChecks();
  updatePending();
}

/** SYSCALL: 64-bit mode only, as on Intel's processors. */
export function systemCall(next: u64): void {
  if ((mode() & MODE_CODE_MASK) != MODE_CODE64 || !(load<u64>(CPU, OFF_EFER) & EFER_SCE)) {
    raise(VECTOR_UD);
    return;
  }
  const flags = getFlags();
  setGpr(RCX, next);
  setGpr(R11, flags & ~(<u64>FLAG_RF));
  setRip(load<u64>(CPU, OFF_LSTAR));
  const cleared = load<u64>(CPU, OFF_SFMASK) | FLAG_RF;
  setFlags(flags & ~cleared, 0x3f7fd5);
  if (cleared & FLAG_TF) store<u32>(CPU, 0, OFF_STEP_TF);
  const selector = <u32>(load<u64>(CPU, OFF_STAR) >> 32) & 0xfffc;
  setFlatSegments(selector, selector + 8, 0, true);
}

export function systemReturn(size: u32): void {
  if ((mode() & MODE_CODE_MASK) != MODE_CODE64 || !(load<u64>(CPU, OFF_EFER) & EFER_SCE)) {
    raise(VECTOR_UD);
    return;
  }
  const target = gpr(RCX);
  if (cpl() != 0 || (size == 8 && !isCanonical(target))) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  const selector = <u32>(load<u64>(CPU, OFF_STAR) >> 48) & 0xffff;
  setRip(size == 8 ? target : target & 0xffffffff);
  setFlags(gpr(R11), 0x3f7fd5 & ~(<u64>FLAG_RF | FLAG_VM));
  const code = size == 8 ? selector + 16 : selector;
  setFlatSegments(code & 0xfffc, (selector + 8) & 0xfffc, 3, size == 8);
}

export function systemEnter(): void {
  if (!(mode() & MODE_PROTECTED)) {
    // Virtual-8086 mode may use it; real mode may not.
    if (!(getFlags() & FLAG_VM)) {
      raiseWithCode(VECTOR_GP, 0);
      return;
    }
  }
  const selector = <u32>load<u64>(CPU, OFF_SYSENTER_CS) & 0xfffc;
  if (selector == 0) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  const long = (mode() & MODE_LONG) != 0;
  setFlags(0, FLAG_VM | FLAG_IF | FLAG_RF);
  const sp = load<u64>(CPU, OFF_SYSENTER_ESP);
  const ip = load<u64>(CPU, OFF_SYSENTER_EIP);
  setGpr(RSP, long ? sp : sp & 0xffffffff);
  setRip(long ? ip : ip & 0xffffffff);
  setFlatSegments(selector, selector + 8, 0, long);
}

export function systemExit(size: u32): void {
  const selector = <u32>load<u64>(CPU, OFF_SYSENTER_CS) & 0xfffc;
  if (selector == 0 || !(mode() & MODE_PROTECTED) || cpl() != 0) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  if (size == 8) {
    if (!isCanonical(gpr(RCX)) || !isCanonical(gpr(RDX))) {
      raiseWithCode(VECTOR_GP, 0);
      return;
    }
    setGpr(RSP, gpr(RCX));
    setRip(gpr(RDX));
    setFlatSegments(selector + 32, selector + 40, 3, true);
  } else {
    setGpr(RSP, gpr(RCX) & 0xffffffff);
    setRip(gpr(RDX) & 0xffffffff);
    setFlatSegments(selector + 16, selector + 24, 3, false);
  }
}

export function swapGs(): void {
  if (cpl() != 0) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  const at = segment(GS);
  const base = load<u64>(at, SEG_BASE);
  store<u64>(at, load<u64>(CPU, OFF_KERNEL_GS_BASE), SEG_BASE);
  store<u64>(CPU, base, OFF_KERNEL_GS_BASE);
}

function baseAccessAllowed(): bool {
  if (load<u64>(CPU, OFF_CR4) & CR4_FSGSBASE) return true;
  raise(VECTOR_UD);
  return false;
}

/** RDFSBASE and RDGSBASE. */
export function readSegmentBase(index: u32): u64 {
  return baseAccessAllowed() ? load<u64>(segment(index), SEG_BASE) : 0;
}

/** WRFSBASE and WRGSBASE. */
export function writeSegmentBase(index: u32, value: u64): void {
  if (!baseAccessAllowed()) return;
  if (isCanonical(value)) store<u64>(segment(index), value, SEG_BASE);
  else raiseWithCode(VECTOR_GP, 0);
}
