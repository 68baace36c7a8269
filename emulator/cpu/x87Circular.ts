/**
 * FSIN, FCOS, FSINCOS, FPTAN (SDM 1 §8.3.8). Arguments are reduced by the 66-bit π that processors use, then
 * all is computed with 128 bits and rounded once, see x87Transcendental.ts.
 */
import {
  classify80,
  CLASS_DENORMAL,
  CLASS_INFINITY,
  CLASS_ZERO,
  INDEFINITE_MANT,
  INDEFINITE_SE,
  invalid80,
  nanRule,
} from './softfloat80';
import {
  BIAS80,
  fpFlags,
  FP_DE,
  result80,
  rMant,
  rSe,
} from './softfloatCore';
import {
  seriesStep,
  wExp,
  wHi,
  ONE,
  PI_HI,
  roundWide,
  uExp,
  uMant,
  unpackWide,
  wideDiv,
  wideFromSeries,
  wideMul,
  wideNormalize,
  wideSet,
  wideToFraction,
  wLo,
  wSign,
} from './softfloatWide';
import {
  begin,
  finish,
  FSW_C2,
  full,
  isEmpty,
  overflow,
  push,
  setSt,
  setStatusBits,
  statusBits,
  stMant,
  stSe,
  underflow,
} from './x87';

const TOP: u64 = 0x8000000000000000;

/** Quadrant of the last reduction. */
let quadrant: u32 = 0;

/** π/2 of 66 bits, scaled by 2^65: what processors reduce by (SDM 1 §8.3.8). */
const HALF_PI_HI: u64 = 3;
const HALF_PI_LO: u64 = 0x243f6a8885a308d3;

/** The operand |x| < 2^63 less the nearest multiple of that π/2, exact, to w*; the sign of x is applied. */
function reduce(se: u32, mant: u64): void {
  const sign = se >> 15;
  unpackWide(se, mant);
  if (uExp < -1 || (uExp == -1 && uMant < PI_HI)) {
    quadrant = 0;
    return wideSet(sign, uExp, uMant, 0);
  }
  // (significand × 2^(exp+2)) mod π/2, bit by bit; the quotient's low bits are the quadrant.
  let hi: u64 = 0;
  let lo = uMant;
  let n: u32 = 0;
  for (let i = uExp + 2; i > 0; i--) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
    n <<= 1;
    if (hi > HALF_PI_HI || (hi == HALF_PI_HI && lo >= HALF_PI_LO)) {
      hi -= HALF_PI_HI + u64(lo < HALF_PI_LO);
      lo -= HALF_PI_LO;
      n++;
    }
  }
  let flip: u32 = 0;
  const otherLo = HALF_PI_LO - lo;
  const otherHi = HALF_PI_HI - hi - u64(HALF_PI_LO < lo);
  if (otherHi < hi || (otherHi == hi && otherLo < lo)) {
    hi = otherHi;
    lo = otherLo;
    flip = 1;
    n++;
  }
  quadrant = (sign ? 0 - n : n) & 3;
  wideSet(sign ^ flip, 127 - 65, hi, lo);
  wideNormalize();
}

let sineSign: u32 = 0;
let sineExp: i32 = 0;
let sineHi: u64 = 0;
let sineLo: u64 = 0;

/** Sine (to sine*) and cosine (to w*) of the wide r in w*, |r| ≤ π/4. */
function sineCosine(): void {
  const sign = wSign;
  const exp = wExp;
  const hi = wHi;
  const lo = wLo;
  wideMul(0, exp, hi, lo, 0, exp, hi, lo);
  wideToFraction();
  const zHi = wHi;
  const zLo = wLo;
  wHi = ONE;
  wLo = 0;
  for (let k: u64 = 26; k >= 2; k -= 2) seriesStep(zHi, zLo, k * (k + 1), true);
  // Below 2^-63 the series is 1, but the sine is less than r.
  if (wHi >= ONE) {
    wHi = ONE - 1;
    wLo = ~(<u64>0);
  }
  wideFromSeries();
  wideMul(sign, exp, hi, lo, 0, wExp, wHi, wLo);
  sineSign = wSign;
  sineExp = wExp;
  sineHi = wHi;
  sineLo = wLo;
  wHi = ONE;
  wLo = 0;
  for (let k: i64 = 27; k >= 1; k -= 2) seriesStep(zHi, zLo, u64(k * (k + 1)), true);
  if (wHi >= ONE) {
    wHi = ONE - 1;
    wLo = ~(<u64>0);
  }
  wideFromSeries();
}

/** Packs sine (false) or cosine (true) of the reduced argument, by quadrant. */
function packCircular(cosine: bool): void {
  const q = quadrant + u32(cosine);
  // cos r is in w*, sin r in sine*.
  const cs = wSign;
  const ce = wExp;
  const ch = wHi;
  const cl = wLo;
  if (!(q & 1)) wideSet(sineSign, sineExp, sineHi, sineLo);
  wSign ^= (q >> 1) & 1;
  roundWide();
  wideSet(cs, ce, ch, cl);
}

/** What a circular function's operand asks for. */
const ARGUMENT_READY = 0;
const ARGUMENT_DECIDED = 1;
const ARGUMENT_TOO_LARGE = 2;

function circularArgument(se: u32, mant: u64): i32 {
  const c = classify80(se, mant);
  if (nanRule(c, se, mant)) return ARGUMENT_DECIDED;
  if (c == CLASS_INFINITY) {
    invalid80();
    return ARGUMENT_DECIDED;
  }
  if (c == CLASS_ZERO) {
    result80(se, 0);
    return ARGUMENT_DECIDED;
  }
  if ((se & 0x7fff) >= u32(BIAS80 + 63)) return ARGUMENT_TOO_LARGE;
  if (c == CLASS_DENORMAL) fpFlags |= FP_DE;
  return ARGUMENT_READY;
}

@inline
function setC2(value: bool): void {
  setStatusBits(value ? statusBits() | FSW_C2 : statusBits() & ~FSW_C2);
}

function sineOrCosine(cosine: bool): void {
  begin();
  setC2(false);
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    const se = stSe(0);
    const mant = stMant(0);
    const state = circularArgument(se, mant);
    if (state == ARGUMENT_TOO_LARGE) {
      finish();
      setC2(true);
      return;
    }
    if (state == ARGUMENT_READY) {
      reduce(se, mant);
      sineCosine();
      packCircular(cosine);
    } else if (cosine && rMant == 0) result80(BIAS80, TOP);
    write = finish();
  }
  if (write) setSt(0, rSe, rMant);
}

export function fsin(): void {
  sineOrCosine(false);
}

export function fcos(): void {
  sineOrCosine(true);
}

/** FSINCOS: sine to ST(0), cosine pushed; FPTAN: tangent to ST(0), 1 pushed. */
function pushingCircular(tangent: bool): void {
  begin();
  setC2(false);
  if (isEmpty(0) || full()) {
    if (isEmpty(0) ? underflow() : overflow()) {
      setSt(0, INDEFINITE_SE, INDEFINITE_MANT);
      push();
    }
    return;
  }
  const se = stSe(0);
  const mant = stMant(0);
  const state = circularArgument(se, mant);
  if (state == ARGUMENT_TOO_LARGE) {
    finish();
    setC2(true);
    return;
  }
  let firstSe = rSe;
  let firstMant = rMant;
  if (state == ARGUMENT_DECIDED) {
    // NaN in both places; after zero comes 1.
    if (rMant == 0) result80(BIAS80, TOP);
  } else {
    reduce(se, mant);
    sineCosine();
    if (tangent) {
      const cs = wSign;
      const ce = wExp;
      const ch = wHi;
      const cl = wLo;
      // tan(r + nπ/2) is tan r, or −1/tan r for odd n.
      if (quadrant & 1) wideDiv(cs ^ 1, ce, ch, cl, sineSign, sineExp, sineHi, sineLo);
      else wideDiv(sineSign, sineExp, sineHi, sineLo, cs, ce, ch, cl);
      roundWide();
      firstSe = rSe;
      firstMant = rMant;
      result80(BIAS80, TOP);
    } else {
      packCircular(false);
      firstSe = rSe;
      firstMant = rMant;
      packCircular(true);
    }
  }
  if (!finish()) return;
  const secondSe = rSe;
  const secondMant = rMant;
  setSt(0, firstSe, firstMant);
  result80(secondSe, secondMant);
  push();
}

export function fsincos(): void {
  pushingCircular(false);
}

export function fptan(): void {
  pushingCircular(true);
}
