/**
 * MXCSR and the gate of every SSE instruction (SDM 1 §10.2.3, §11.5, §11.6; SDM 3A §2.5, table 13-1).
 */
import {
  raise,
  raiseWithCode,
} from './exceptions';
import {
  CR4_OSXMMEXCPT,
  MODE_EM,
  MODE_OSFXSR,
  MODE_TS,
  OFF_CR4,
  OFF_MODE,
  OFF_MXCSR,
  VECTOR_GP,
  VECTOR_NM,
  VECTOR_UD,
  VECTOR_XM,
} from './layout';
import {
  fpDenormalsAreZero,
  fpEnvironment,
  fpFlags,
  fpFlushToZero,
} from './softfloatCore';
import {
  CPU,
} from './state';

/** Bits that software may set (FXSAVE's MXCSR_MASK). */
export const MXCSR_MASK: u32 = 0xffff;
const MXCSR_DAZ: u32 = 0x40;
const MXCSR_FTZ: u32 = 0x8000;

@inline
export function mxcsr(): u32 {
  return load<u32>(CPU, OFF_MXCSR);
}

/**
 * Round to nearest, everything masked, no DAZ or FTZ, PE already set: ordinary numbers then leave no
 * trace but their result, which the host computes identically.
 */
@inline
export function plainMxcsr(): bool {
  return (load<u32>(CPU, OFF_MXCSR) & 0xffe0) == 0x1fa0;
}

/** #UD and #NM of SSE instructions. */
@inline
export function sseCheck(): void {
  if ((load<u32>(CPU, OFF_MODE) & (MODE_TS | MODE_EM | MODE_OSFXSR)) != MODE_OSFXSR) sseUnavailable();
}

function sseUnavailable(): void {
  const mode = load<u32>(CPU, OFF_MODE);
  if (mode & MODE_EM || !(mode & MODE_OSFXSR)) raise(VECTOR_UD);
  else raise(VECTOR_NM);
}

/** Takes rounding, masks, DAZ and FTZ for the soft operations that follow. */
export function sseBegin(): void {
  const m = mxcsr();
  fpEnvironment((m >> 13) & 3, (m >> 7) & 0x3f);
  fpFlushToZero = (m & MXCSR_FTZ) != 0;
  fpDenormalsAreZero = (m & MXCSR_DAZ) != 0;
}

/** Posts fpFlags; raises #XM (or #UD) for unmasked ones, before the caller writes its result. */
export function sseFinish(): void {
  const m = mxcsr();
  let flags = fpFlags & 0x3f;
  const unmasked = flags & ~(m >> 7);
  // Exceptions found before the computation keep it from happening (SDM 1 §11.5.2).
  if (unmasked & 7) flags &= 7;
  store<u32>(CPU, m | flags, OFF_MXCSR);
  if (unmasked) raise(load<u64>(CPU, OFF_CR4) & CR4_OSXMMEXCPT ? VECTOR_XM : VECTOR_UD);
}

export function readMxcsr(): u32 {
  return mxcsr();
}

/** LDMXCSR: reserved bits are #GP(0). */
export function loadMxcsr(value: u32): void {
  if (value & ~MXCSR_MASK) raiseWithCode(VECTOR_GP, 0);
  else store<u32>(CPU, value, OFF_MXCSR);
}
