/** x87 arithmetic and comparison on the register stack (SDM 2A FADD … FXTRACT). */
import {
  add80,
  classify80,
  CLASS_DENORMAL,
  CLASS_INFINITY,
  CLASS_NAN,
  CLASS_NORMAL,
  CLASS_ZERO,
  compare80,
  div80,
  extract80,
  extractedMant,
  extractedSe,
  fromBinary32,
  fromBinary64,
  fromSigned80,
  isDenormal32,
  isDenormal64,
  mul80,
  remainder80,
  REMAINDER_PARTIAL,
  remainderQuotient,
  REL_UNORDERED,
  roundToIntegral80,
  scale80,
  sqrt80,
} from './softfloat80';
import {
  fpFlags,
  FP_DE,
  FP_IE,
  FP_ZE,
  rMant,
  rSe,
} from './softfloatCore';
import {
  begin,
  controlWord,
  finish,
  finishWith,
  FSW_C0,
  FSW_C1,
  FSW_C2,
  FSW_C3,
  FSW_CC,
  FSW_SF,
  full,
  isEmpty,
  overflow,
  pop,
  precision,
  push,
  setSt,
  setStatusBits,
  setTop,
  statusBits,
  stMant,
  stSe,
  top,
  underflow,
} from './x87';
import { ordinaryM32, ordinaryM64, ordinaryRegister, popOrdinary } from './x87Ordinary';

/**
 * Operations as their /digit: 0 ADD, 1 MUL, 4 SUB, 5 SUBR, 6 DIV, 7 DIVR. a is ST(0), b the other, whatever
 * the destination: that is how DC/DE encode their reversed forms.
 */
function compute(op: u32, aSe: u32, a: u64, bSe: u32, b: u64): void {
  const p = precision();
  switch (op) {
    case 0:
      add80(aSe, a, bSe, b, p, false);
      break;
    case 1:
      mul80(aSe, a, bSe, b, p);
      break;
    case 4:
      add80(aSe, a, bSe, b, p, true);
      break;
    case 5:
      add80(bSe, b, aSe, a, p, true);
      break;
    case 6:
      div80(aSe, a, bSe, b, p);
      break;
    default:
      div80(bSe, b, aSe, a, p);
  }
}

/** ST(0) = ST(0) op rSe:rMant, an operand from memory that may have been denormal. */
function arithmeticWithMemory(op: u32, denormal: bool): void {
  if (isEmpty(0)) {
    if (underflow()) setSt(0, rSe, rMant);
    return;
  }
  const se = stSe(0);
  const mant = stMant(0);
  compute(op, se, mant, rSe, rMant);
  if (denormal && !(fpFlags & (FP_IE | FP_ZE)) && classify80(se, mant) < CLASS_NAN) fpFlags |= FP_DE;
  if (finish()) setSt(0, rSe, rMant);
}

export function arithmeticM32(op: u32, bits: u32): void {
  if (ordinaryM32(op, bits)) return;
  begin();
  fromBinary32(bits);
  arithmeticWithMemory(op, isDenormal32(bits));
}

export function arithmeticM64(op: u32, bits: u64): void {
  if (ordinaryM64(op, bits)) return;
  begin();
  fromBinary64(bits);
  arithmeticWithMemory(op, isDenormal64(bits));
}

/** FIADD…: the integer already sign-extended. */
export function arithmeticInteger(op: u32, value: u32): void {
  begin();
  fromSigned80(i64(i32(value)));
  arithmeticWithMemory(op, false);
}

/** destination (0 or i) = ST(0) op ST(i), popping if asked. */
export function arithmeticRegister(op: u32, i: u32, destination: u32, pops: u32): void {
  if (ordinaryRegister(op, i, destination)) {
    if (pops) popOrdinary();
    return;
  }
  begin();
  let write: bool;
  if (isEmpty(0) || isEmpty(i)) write = underflow();
  else {
    compute(op, stSe(0), stMant(0), stSe(i), stMant(i));
    write = finish();
  }
  if (write) {
    setSt(destination, rSe, rMant);
    if (pops) pop();
  }
}

function popTimes(pops: u32): void {
  if (pops) pop();
  if (pops > 1) pop();
}

/** Posts a comparison. */
function finishCompare(relation: u32, pops: u32): void {
  if (finishWith(relation, FSW_CC)) popTimes(pops);
}

function compareUnderflow(pops: u32): void {
  fpFlags = FP_IE | FSW_SF;
  finishCompare(REL_UNORDERED, pops);
}

/** FCOM, FCOMP, FCOMPP (quiet 0), FUCOM… (quiet 1). */
export function compareRegister(i: u32, quiet: u32, pops: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(i)) return compareUnderflow(pops);
  finishCompare(compare80(stSe(0), stMant(0), stSe(i), stMant(i), quiet != 0), pops);
}

function compareWithMemory(denormal: bool, pops: u32): void {
  if (isEmpty(0)) return compareUnderflow(pops);
  const relation = compare80(stSe(0), stMant(0), rSe, rMant, false);
  if (denormal && relation != REL_UNORDERED) fpFlags |= FP_DE;
  finishCompare(relation, pops);
}

export function compareM32(bits: u32, pops: u32): void {
  begin();
  fromBinary32(bits);
  compareWithMemory(isDenormal32(bits), pops);
}

export function compareM64(bits: u64, pops: u32): void {
  begin();
  fromBinary64(bits);
  compareWithMemory(isDenormal64(bits), pops);
}

export function compareInteger(value: u32, pops: u32): void {
  begin();
  fromSigned80(i64(i32(value)));
  compareWithMemory(false, pops);
}

/** FCOMI, FUCOMI and their popping forms: the image of ZF PF CF, which is written even if an exception is unmasked. */
export function compareToFlags(i: u32, quiet: u32, pops: u32): u32 {
  begin();
  let relation: u32 = REL_UNORDERED;
  // C1 stays unless the stack underflows: so on AMD, while the SDM says that it is cleared.
  let keptC1 = statusBits() & FSW_C1;
  if (isEmpty(0) || isEmpty(i)) {
    fpFlags = FP_IE | FSW_SF;
    keptC1 = 0;
  } else relation = compare80(stSe(0), stMant(0), stSe(i), stMant(i), quiet != 0);
  if (finishWith(keptC1, 0)) popTimes(pops);
  // C3 C2 C0 lie at ZF PF CF when taken as a byte.
  return relation >> 8;
}

export function ftst(): void {
  begin();
  if (isEmpty(0)) return compareUnderflow(0);
  finishCompare(compare80(stSe(0), stMant(0), 0, 0, false), 0);
}

export function fxam(): void {
  const se = stSe(0);
  let bits = se & 0x8000 ? FSW_C1 : 0;
  if (isEmpty(0)) bits |= FSW_C3 | FSW_C0;
  else {
    switch (classify80(se, stMant(0))) {
      case CLASS_NAN:
        bits |= FSW_C0;
        break;
      case CLASS_NORMAL:
        bits |= FSW_C2;
        break;
      case CLASS_INFINITY:
        bits |= FSW_C2 | FSW_C0;
        break;
      case CLASS_ZERO:
        bits |= FSW_C3;
        break;
      case CLASS_DENORMAL:
        bits |= FSW_C3 | FSW_C2;
        break;
    }
  }
  setStatusBits((statusBits() & ~FSW_CC) | bits);
}

/** FCHS (1) and FABS (0): only the sign bit, even of NaNs. */
export function changeSign(flip: u32): void {
  begin();
  if (isEmpty(0)) {
    if (underflow()) setSt(0, rSe, rMant);
    return;
  }
  const se = stSe(0);
  const mant = stMant(0);
  finish();
  setSt(0, flip ? se ^ 0x8000 : se & 0x7fff, mant);
}

export function fsqrt(): void {
  begin();
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    sqrt80(stSe(0), stMant(0), precision());
    write = finish();
  }
  if (write) setSt(0, rSe, rMant);
}

export function frndint(): void {
  begin();
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    roundToIntegral80(stSe(0), stMant(0));
    write = finish();
  }
  if (write) setSt(0, rSe, rMant);
}

export function fscale(): void {
  begin();
  let write: bool;
  if (isEmpty(0) || isEmpty(1)) write = underflow();
  else {
    scale80(stSe(0), stMant(0), stSe(1), stMant(1));
    write = finish();
  }
  if (write) setSt(0, rSe, rMant);
}

/** FPREM (0) and FPREM1 (1): C0 C3 C1 are bits 2, 1, 0 of the quotient, C2 says that it is not finished. */
export function fprem(nearest: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(1)) {
    if (underflow()) setSt(0, rSe, rMant);
    setStatusBits(statusBits() & ~FSW_C2);
    return;
  }
  remainder80(stSe(0), stMant(0), stSe(1), stMant(1), nearest != 0);
  const q = remainderQuotient;
  let bits: u32 = 0;
  // Without a quotient (NaN, invalid, an unmasked exception) C0 and C3 stay.
  let mask: u32 = FSW_C2;
  if (fpFlags & ~controlWord() & 7) bits = 0;
  else if (q == REMAINDER_PARTIAL) {
    mask = FSW_CC;
    bits = FSW_C2;
  } else if (q >= 0) {
    mask = FSW_CC;
    if (q & 4) bits |= FSW_C0;
    if (q & 2) bits |= FSW_C3;
    if (q & 1) bits |= FSW_C1;
  }
  if (finishWith(bits, mask)) setSt(0, rSe, rMant);
}

/** FXTRACT: exponent to ST(0), significand pushed. */
export function fxtract(): void {
  begin();
  if (isEmpty(0)) {
    // Both results are indefinite.
    if (underflow()) {
      setSt(0, rSe, rMant);
      push();
    }
    return;
  }
  if (full()) {
    if (overflow()) {
      setSt(0, rSe, rMant);
      push();
    }
    return;
  }
  extract80(stSe(0), stMant(0));
  if (finish()) {
    setSt(0, extractedSe, extractedMant);
    push();
  }
}

/** FINCSTP, FDECSTP: no register changes. */
export function rotateStack(by: u32): void {
  setTop(top() + by);
  setStatusBits(statusBits() & ~FSW_C1);
}
