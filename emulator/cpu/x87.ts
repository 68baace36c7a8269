/**
 * The x87 register stack and its exceptions (SDM 1 §8). FSW is kept without TOP; a register's emptiness
 * is a bit, the tag word's other values are computed when it is stored (SDM 1 §8.1.7).
 * FOP is left out (always 0), FCS and FDS read 0 as on processors with CPUID.7.EBX[13].
 */
import {
  raise,
} from './exceptions';
import {
  CR0_NE,
  MODE_EM,
  MODE_MP,
  MODE_TS,
  OFF_CR0,
  OFF_FPU_CONTROL,
  OFF_FPU_EMPTY,
  OFF_FPU_FDP,
  OFF_FPU_FIP,
  OFF_FPU_STATUS,
  OFF_FPU_TOP,
  OFF_MODE,
  OFF_X87,
  VECTOR_MF,
  VECTOR_NM,
  VECTOR_UD,
} from './layout';
import {
  INDEFINITE_MANT,
  INDEFINITE_SE,
} from './softfloat80';
import {
  fpEnvironment,
  fpFlags,
  FP_C1,
  FP_IE,
  rMant,
  rSe,
} from './softfloatCore';
import {
  CPU,
} from './state';

export const FSW_SF: u32 = 0x40;
export const FSW_ES: u32 = 0x80;
export const FSW_C0: u32 = 0x100;
export const FSW_C1: u32 = 0x200;
export const FSW_C2: u32 = 0x400;
export const FSW_C3: u32 = 0x4000;
export const FSW_B: u32 = 0x8000;
export const FSW_CC: u32 = 0x4700;

@inline
export function controlWord(): u32 {
  return load<u32>(CPU, OFF_FPU_CONTROL);
}

@inline
export function statusBits(): u32 {
  return load<u32>(CPU, OFF_FPU_STATUS);
}

@inline
export function setStatusBits(value: u32): void {
  store<u32>(CPU, value, OFF_FPU_STATUS);
}

@inline
export function top(): u32 {
  return load<u32>(CPU, OFF_FPU_TOP);
}

@inline
export function setTop(value: u32): void {
  store<u32>(CPU, value & 7, OFF_FPU_TOP);
}

@inline
export function emptyBits(): u32 {
  return load<u32>(CPU, OFF_FPU_EMPTY);
}

@inline
export function setEmptyBits(value: u32): void {
  store<u32>(CPU, value, OFF_FPU_EMPTY);
}

/** Address of ST(i) minus OFF_X87. */
@inline
export function stAddress(i: u32): usize {
  return CPU + (((top() + i) & 7) << 4);
}

@inline
export function stSe(i: u32): u32 {
  return u32(load<u16>(stAddress(i), OFF_X87 + 8));
}

@inline
export function stMant(i: u32): u64 {
  return load<u64>(stAddress(i), OFF_X87);
}

@inline
export function isEmpty(i: u32): bool {
  return ((emptyBits() >> ((top() + i) & 7)) & 1) != 0;
}

/** Stores a value and marks the register used. */
export function setSt(i: u32, se: u32, mant: u64): void {
  const p = (top() + i) & 7;
  const at = CPU + (p << 4);
  store<u64>(at, mant, OFF_X87);
  store<u16>(at, u16(se), OFF_X87 + 8);
  setEmptyBits(emptyBits() & ~(1 << p));
}

@inline
export function pop(): void {
  const t = top();
  setEmptyBits(emptyBits() | (1 << t));
  setTop(t + 1);
}

/** #NM, #MF of waiting x87 instructions other than WAIT (SDM 3A §2.5, table 2-2). */
@inline
export function x87Check(): void {
  if ((load<u32>(CPU, OFF_MODE) & (MODE_TS | MODE_EM)) | (statusBits() & FSW_ES)) x87Stopped();
}

function x87Stopped(): void {
  if (load<u32>(CPU, OFF_MODE) & (MODE_TS | MODE_EM)) raise(VECTOR_NM);
  else raisePending();
}

/**
 * An unmasked exception waits. Without CR0.NE a PC answers through FERR#, IRQ 13 and IGNNE#; that wire is
 * left out, and the instruction goes on as with IGNNE# asserted.
 */
function raisePending(): void {
  if (load<u64>(CPU, OFF_CR0) & CR0_NE) raise(VECTOR_MF);
}

/** #NM of the instructions that do not wait (FNINIT, FNSTSW...). */
@inline
export function x87CheckNoWait(): void {
  if (load<u32>(CPU, OFF_MODE) & (MODE_TS | MODE_EM)) raise(VECTOR_NM);
}

/** WAIT: #NM needs both MP and TS. */
export function fwait(): void {
  if ((load<u32>(CPU, OFF_MODE) & (MODE_TS | MODE_MP)) == (MODE_TS | MODE_MP)) raise(VECTOR_NM);
  else if (statusBits() & FSW_ES) raisePending();
}

/** MMX: #UD with EM, then as x87. */
@inline
export function mmxCheck(): void {
  if ((load<u32>(CPU, OFF_MODE) & (MODE_TS | MODE_EM)) | (statusBits() & FSW_ES)) mmxStopped();
}

function mmxStopped(): void {
  if (load<u32>(CPU, OFF_MODE) & MODE_EM) raise(VECTOR_UD);
  else x87Stopped();
}

/** Every MMX instruction but EMMS makes TOP 0 and all tags valid (SDM 1 §9.6.2). */
@inline
export function mmxEnter(): void {
  store<u32>(CPU, 0, OFF_FPU_TOP);
  store<u32>(CPU, 0, OFF_FPU_EMPTY);
}

export function emms(): void {
  setEmptyBits(0xff);
  setTop(0);
}

/** Remembers the instruction, for FSTENV and exception handlers. */
@inline
export function x87Note(rip: u64): void {
  store<u64>(CPU, rip, OFF_FPU_FIP);
}

@inline
export function x87NoteMemory(rip: u64, offset: u64): void {
  store<u64>(CPU, rip, OFF_FPU_FIP);
  store<u64>(CPU, offset, OFF_FPU_FDP);
}

/** Environment of an operation from FCW; flags are cleared. */
@inline
export function begin(): void {
  const c = controlWord();
  fpEnvironment((c >> 10) & 3, c & 0x3f);
}

/** Bits of significand that precision control asks for (SDM 1 §8.1.5.2; 01 is reserved: 64). */
@inline
export function precision(): i32 {
  const pc = (controlWord() >> 8) & 3;
  return pc == 0 ? 24 : pc == 2 ? 53 : 64;
}

/**
 * Posts fpFlags and condition codes; false if an exception keeps the result from being written. Those are found
 * before the computation, which then cannot raise others (SDM 1 §8.6).
 */
export function finishWith(conditionBits: u32, conditionMask: u32): bool {
  let flags = fpFlags & (0x3f | FP_C1 | FSW_SF);
  const unmasked = flags & ~controlWord() & 0x3f;
  if (unmasked & 7) flags &= flags & FSW_SF ? 7 | FSW_SF | FP_C1 : 7;
  let status = (statusBits() & ~(conditionMask | FSW_C1)) | conditionBits | flags;
  if (unmasked) status |= FSW_ES | FSW_B;
  setStatusBits(status);
  return (unmasked & 7) == 0;
}

@inline
export function finish(): bool {
  return finishWith(0, 0);
}

/** Stack underflow: C1 = 0. The masked answer is the indefinite; true if it is to be written. */
export function underflow(): bool {
  fpFlags = FP_IE | FSW_SF;
  rSe = INDEFINITE_SE;
  rMant = INDEFINITE_MANT;
  return finish();
}

/** Stack overflow: C1 = 1. */
export function overflow(): bool {
  fpFlags = FP_IE | FSW_SF | FP_C1;
  rSe = INDEFINITE_SE;
  rMant = INDEFINITE_MANT;
  return finish();
}

/** Pushes rSe/rMant after finish() said so; the register below TOP must have been looked at. */
export function push(): void {
  setTop(top() - 1);
  setSt(0, rSe, rMant);
}

/** Whether a push would overflow. */
@inline
export function full(): bool {
  return !isEmpty(7);
}

/** ES and B follow from flags and masks: after FLDCW, FLDENV, FRSTOR. */
export function refreshSummary(): void {
  const status = statusBits() & ~(FSW_ES | FSW_B);
  setStatusBits(status & ~controlWord() & 0x3f ? status | FSW_ES | FSW_B : status);
}
