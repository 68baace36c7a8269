/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN (SDM 1 §8.3.8, SDM 2A); the circular ones are in x87Circular.ts.
 *
 * Computed with 128 bits and rounded once, so within half a unit of the exact result (SDM 1 §8.3.10 asks
 * for one unit); real processors differ from each other in the last bit. Precision
 * control has no effect. Outside their domains F2XM1 and FYL2XP1 give
 * x back, as processors do.
 */
import {
  classify80,
  CLASS_DENORMAL,
  CLASS_INFINITY,
  CLASS_ZERO,
  fromSigned80,
  invalid80,
  mul80,
  nanRule,
  nanRules,
} from './softfloat80';
import {
  BIAS80,
  fpFlags,
  FP_DE,
  FP_PE,
  FP_UE,
  FP_ZE,
  result80,
  rMant,
  rSe,
} from './softfloatCore';
import {
  oddStep,
  seriesStep,
  wExp,
  wHi,
  ONE,
  PI_HI,
  PI_LO,
  roundWide,
  uExp,
  uMant,
  unpackWide,
  wideAdd,
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
  isEmpty,
  pop,
  setSt,
  stMant,
  stSe,
  underflow,
} from './x87';

const TOP: u64 = 0x8000000000000000;
const THREE_QUARTER_PI_HI: u64 = 0x96cbe3f9990e91a7;
const THREE_QUARTER_PI_LO: u64 = 0x9394c9e8a0a5159c;
const LN2_HI: u64 = 0xb17217f7d1cf79ab;
const LN2_LO: u64 = 0xc9e3b39803f2f6af;
/** 2 / ln 2; its exponent is 1. */
const TWO_LOG2E_HI: u64 = 0xb8aa3b295c17f0bb;
const TWO_LOG2E_LO: u64 = 0xbe87fed0691d3e88;
/** √2 as 64-bit significand. */
const SQRT2: u64 = 0xb504f333f9de6484;

/** atan(k/8) for k = 0..8, 126 fraction bits, high then low. */
const ATAN_EIGHTHS = memory.data<u64>([
  0, 0,
  0x07f56ea6ab0bdb71, 0x9644bcc4f9f44477,
  0x0fadbafc96406eb1, 0x56dc79ef5f7a217e,
  0x16f61941e4def08e, 0x715464245b9fc890,
  0x1dac670561bb4f68, 0xadfc88bd978751a0,
  0x23c01757bdfd67e6, 0xd720d78599710dd1,
  0x292f1f464d3dc249, 0x066a1fca915f6b27,
  0x2e014f8af08c679c, 0xf2cb69548429110f,
  0x3243f6a8885a308d, 0x313198a2e0370734,
]);

// --- 2^x − 1 --------------------------------------------------------------------------------------

export function f2xm1(): void {
  begin();
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    power(stSe(0), stMant(0));
    write = finish();
  }
  if (write) setSt(0, rSe, rMant);
}

function power(se: u32, mant: u64): void {
  const c = classify80(se, mant);
  if (nanRule(c, se, mant)) return;
  if (c == CLASS_ZERO) return result80(se, 0);
  if (c == CLASS_INFINITY) return se & 0x8000 ? result80(0x8000 | BIAS80, TOP) : result80(se, mant);
  if (c == CLASS_DENORMAL) fpFlags |= FP_DE;
  unpackWide(se, mant);
  if (uExp >= 0) {
    // 1 gives 1, −1 gives −1/2; beyond that the result is undefined.
    fpFlags |= FP_PE;
    if (uExp == 0 && mant == TOP && se & 0x8000) return result80(0x8000 | (BIAS80 - 1), TOP);
    return result80(se, mant);
  }
  const sign = se >> 15;
  // t = x ln 2; (e^t − 1)/t = 1 + t/2 (1 + t/3 (…)).
  wideMul(sign, uExp, uMant, 0, 0, -1, LN2_HI, LN2_LO);
  const exp = wExp;
  const hi = wHi;
  const lo = wLo;
  wideToFraction();
  const tHi = wHi;
  const tLo = wLo;
  wHi = ONE;
  wLo = 0;
  for (let k: u64 = 28; k >= 2; k--) seriesStep(tHi, tLo, k, sign != 0);
  wideFromSeries();
  wideMul(sign, exp, hi, lo, 0, wExp, wHi, wLo);
  roundWide();
}

// --- logarithms -----------------------------------------------------------------------------------

/** log2((1+s)/(1−s)) = 2/ln 2 · atanh s of the wide s in w*, |s| < 0.18. */
function logOfRatio(): void {
  const sign = wSign;
  const exp = wExp;
  const hi = wHi;
  const lo = wLo;
  wideMul(0, exp, hi, lo, 0, exp, hi, lo);
  wideToFraction();
  const zHi = wHi;
  const zLo = wLo;
  wHi = 0;
  wLo = 0;
  for (let d: i32 = 41; d >= 1; d -= 2) oddStep(zHi, zLo, u64(d), false);
  wideFromSeries();
  wideMul(sign, exp, hi, lo, 0, wExp, wHi, wLo);
  wideMul(wSign, wExp, wHi, wLo, 0, 1, TWO_LOG2E_HI, TWO_LOG2E_LO);
}

/** log2 of the wide number hi:lo × 2^exp, to w*; zero only for 1. */
function log2Wide(exp: i32, hi: u64, lo: u64): void {
  let whole = exp;
  let e = 0;
  if (hi >= SQRT2) {
    // In [√2, 2): take it as [√½, 1).
    whole++;
    e = -1;
  }
  wideAdd(0, e, hi, lo, 1, 0, TOP, 0);
  if (wHi != 0) {
    const ns = wSign;
    const ne = wExp;
    const nh = wHi;
    const nl = wLo;
    wideAdd(0, e, hi, lo, 0, 0, TOP, 0);
    wideDiv(ns, ne, nh, nl, 0, wExp, wHi, wLo);
    logOfRatio();
  }
  if (whole == 0) return;
  const fs = wSign;
  const fe = wExp;
  const fh = wHi;
  const fl = wLo;
  const n = u64(abs(whole));
  const shift = i32(clz(n));
  wideAdd(u32(whole < 0), 63 - shift, n << shift, 0, fs, fe, fh, fl);
}

/** r = y · (the logarithm in w*), y finite and not zero. */
function timesLog(ySe: u32, y: u64): void {
  unpackWide(ySe, y);
  wideMul(wSign, wExp, wHi, wLo, ySe >> 15, uExp, uMant, 0);
  roundWide();
}

export function fyl2x(): void {
  twoToOne(0);
}

export function fyl2xp1(): void {
  twoToOne(1);
}

export function fpatan(): void {
  twoToOne(2);
}

/** ST(1) = f(ST(0), ST(1)), pop. */
function twoToOne(which: i32): void {
  begin();
  let write: bool;
  if (isEmpty(0) || isEmpty(1)) write = underflow();
  else {
    const xSe = stSe(0);
    const x = stMant(0);
    const ySe = stSe(1);
    const y = stMant(1);
    const cx = classify80(xSe, x);
    const cy = classify80(ySe, y);
    if (!nanRules(cx, xSe, x, cy, ySe, y)) {
      if (which == 0) logarithm(cx, xSe, x, cy, ySe, y);
      else if (which == 1) logarithmPlusOne(cx, xSe, x, cy, ySe, y);
      else arcTangent(cx, xSe, x, cy, ySe, y);
    }
    write = finish();
  }
  if (!write) return;
  setSt(1, rSe, rMant);
  pop();
}

/** y · log2 x (SDM 2A table 3-46). */
function logarithm(cx: i32, xSe: u32, x: u64, cy: i32, ySe: u32, y: u64): void {
  const ySign = ySe & 0x8000;
  if (cx == CLASS_ZERO) {
    if (cy == CLASS_ZERO) return invalid80();
    if (cy != CLASS_INFINITY) fpFlags |= FP_ZE;
    return result80((ySign ^ 0x8000) | 0x7fff, TOP);
  }
  if (xSe & 0x8000) return invalid80();
  const isOne = xSe == u32(BIAS80) && x == TOP;
  if (cx == CLASS_INFINITY) {
    if (cy == CLASS_ZERO) return invalid80();
    if (cy == CLASS_DENORMAL) fpFlags |= FP_DE;
    return result80(ySign | 0x7fff, TOP);
  }
  if (cy == CLASS_INFINITY) {
    if (isOne) return invalid80();
    if (cx == CLASS_DENORMAL) fpFlags |= FP_DE;
    return result80((xSe < u32(BIAS80) ? ySign ^ 0x8000 : ySign) | 0x7fff, TOP);
  }
  if (cx == CLASS_DENORMAL || cy == CLASS_DENORMAL) fpFlags |= FP_DE;
  if (isOne) return result80(ySign, 0);
  if (cy == CLASS_ZERO) return result80(xSe < u32(BIAS80) ? ySign ^ 0x8000 : ySign, 0);
  unpackWide(xSe, x);
  if (uMant == TOP) {
    // A power of two has an exact logarithm; processors say inexact all the same.
    const flags = fpFlags;
    fromSigned80(i64(uExp));
    mul80(ySe, y, rSe, rMant, 64);
    fpFlags |= (rSe & 0x7fff) == 0 ? flags | FP_PE | FP_UE : flags | FP_PE;
    return;
  }
  log2Wide(uExp, uMant, 0);
  timesLog(ySe, y);
}

/** y · log2(x + 1); outside −(1−√½)..(√2−1) the manual leaves it open, this is the right value. */
function logarithmPlusOne(cx: i32, xSe: u32, x: u64, cy: i32, ySe: u32, y: u64): void {
  const sign = (xSe ^ ySe) & 0x8000;
  if (cx == CLASS_ZERO) {
    if (cy == CLASS_INFINITY) return invalid80();
    if (cy == CLASS_DENORMAL) fpFlags |= FP_DE;
    return result80(sign, 0);
  }
  if (cx == CLASS_INFINITY && xSe & 0x8000) return invalid80();
  if (cx == CLASS_INFINITY || cy == CLASS_INFINITY) {
    if (cy == CLASS_ZERO) return invalid80();
    if (cx == CLASS_DENORMAL || cy == CLASS_DENORMAL) fpFlags |= FP_DE;
    return result80(sign | 0x7fff, TOP);
  }
  if (cx == CLASS_DENORMAL || cy == CLASS_DENORMAL) fpFlags |= FP_DE;
  if (cy == CLASS_ZERO) return result80(sign, 0);
  if (xSe & 0x8000 && (xSe & 0x7fff) >= u32(BIAS80)) {
    // x ≤ −1
    fpFlags |= FP_PE;
    return result80(xSe, x);
  }
  unpackWide(xSe, x);
  const xs = xSe >> 15;
  const xe = uExp;
  const xm = uMant;
  if (xe < -2) {
    // s = x / (2 + x)
    wideAdd(0, 1, TOP, 0, xs, xe, xm, 0);
    wideDiv(xs, xe, xm, 0, 0, wExp, wHi, wLo);
    logOfRatio();
  } else {
    wideAdd(0, 0, TOP, 0, xs, xe, xm, 0);
    log2Wide(wExp, wHi, wLo);
  }
  timesLog(ySe, y);
}

// --- arc tangent ----------------------------------------------------------------------------------

/** A multiple of π/4: 0..4 → r, inexact unless 0. */
function angle(sign: u32, quarters: i32): void {
  if (quarters == 0) return result80(sign, 0);
  const s = sign >> 15;
  if (quarters == 3) wideSet(s, 1, THREE_QUARTER_PI_HI, THREE_QUARTER_PI_LO);
  else wideSet(s, quarters == 4 ? 1 : quarters == 2 ? 0 : -1, PI_HI, PI_LO);
  roundWide();
}

/** atan(y/x) in the right quadrant (SDM 2A table 3-31). */
function arcTangent(cx: i32, xSe: u32, x: u64, cy: i32, ySe: u32, y: u64): void {
  const sign = ySe & 0x8000;
  const left = (xSe & 0x8000) != 0;
  if (cx == CLASS_DENORMAL || cy == CLASS_DENORMAL) fpFlags |= FP_DE;
  if (cy == CLASS_INFINITY) {
    return angle(sign, cx == CLASS_INFINITY ? (left ? 3 : 1) : 2);
  }
  if (cy == CLASS_ZERO || cx == CLASS_INFINITY) return angle(sign, left ? 4 : 0);
  if (cx == CLASS_ZERO) return angle(sign, 2);
  unpackWide(xSe, x);
  let de = uExp;
  let dm = uMant;
  unpackWide(ySe, y);
  let ne = uExp;
  let nm = uMant;
  const steep = ne > de || (ne == de && nm > dm);
  if (steep) {
    const e = ne;
    ne = de;
    de = e;
    const m = nm;
    nm = dm;
    dm = m;
  }
  wideDiv(0, ne, nm, 0, 0, de, dm, 0);
  atanOfRatio();
  // steep: π/2 − a; left: π − a, or π/2 + a for both.
  if (steep) wideAdd(0, 0, PI_HI, PI_LO, u32(!left), wExp, wHi, wLo);
  else if (left) wideAdd(0, 1, PI_HI, PI_LO, 1, wExp, wHi, wLo);
  wSign = sign >> 15;
  roundWide();
}

/** Arc tangent of the wide q in w*, 0 < q ≤ 1. */
function atanOfRatio(): void {
  const qe = wExp;
  const qh = wHi;
  const ql = wLo;
  // The nearest eighth: q = k/8 + …
  let k: u32 = 0;
  if (qe >= -4) k = u32(((qh >> (-qe)) + ((<u64>1) << 59)) >> 60);
  if (k != 0) {
    const shift = i32(clz(u64(k)));
    const ce = 63 - shift - 3;
    const ch = u64(k) << shift;
    // t = (q − c) / (1 + q c)
    wideMul(0, qe, qh, ql, 0, ce, ch, 0);
    wideAdd(0, 0, TOP, 0, 0, wExp, wHi, wLo);
    const de = wExp;
    const dh = wHi;
    const dl = wLo;
    wideAdd(0, qe, qh, ql, 1, ce, ch, 0);
    if (wHi != 0) wideDiv(wSign, wExp, wHi, wLo, 0, de, dh, dl);
  }
  if (wHi != 0) {
    const sign = wSign;
    const exp = wExp;
    const hi = wHi;
    const lo = wLo;
    wideMul(0, exp, hi, lo, 0, exp, hi, lo);
    wideToFraction();
    const zHi = wHi;
    const zLo = wLo;
    wHi = 0;
    wLo = 0;
    for (let d: i32 = 29; d >= 1; d -= 2) oddStep(zHi, zLo, u64(d), true);
    if (wHi >= ONE) {
      wHi = ONE - 1;
      wLo = ~(<u64>0);
    }
    wideFromSeries();
    wideMul(sign, exp, hi, lo, 0, wExp, wHi, wLo);
  }
  if (k == 0) return;
  const ts = wSign;
  const te = wExp;
  const th = wHi;
  const tl = wLo;
  wideSet(0, 1, load<u64>(ATAN_EIGHTHS + (k << 4)), load<u64>(ATAN_EIGHTHS + (k << 4), 8));
  wideNormalize();
  wideAdd(0, wExp, wHi, wLo, ts, te, th, tl);
}
