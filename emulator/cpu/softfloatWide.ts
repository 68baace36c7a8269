/**
 * Numbers of 128 significant bits for the transcendental instructions: results are truncated, so each
 * operation loses less than one unit in the last of 128 bits, far below the 64 that are kept.
 *
 * A wide number is sign, exponent of its leading bit (unbiased) and hi:lo with the top bit set; 0 is hi = 0.
 */
import { BIAS80, div128, divRemainder, mul64, mulHigh, roundPack80 } from './softfloatCore';

/** The last wide result. */
export let wSign: u32 = 0;
export let wExp: i32 = 0;
export let wHi: u64 = 0;
export let wLo: u64 = 0;

const TOP: u64 = 0x8000000000000000;

export function wideSet(sign: u32, exp: i32, hi: u64, lo: u64): void {
  wSign = sign;
  wExp = exp;
  wHi = hi;
  wLo = lo;
}

/** The upper 128 bits of a 128 × 128 bit product, to wHi:wLo. */
export function mulHigh128(aHi: u64, aLo: u64, bHi: u64, bLo: u64): void {
  mul64(aLo, bLo);
  const h0 = mulHigh;
  const l1 = mul64(aHi, bLo);
  const h1 = mulHigh;
  const l2 = mul64(aLo, bHi);
  const h2 = mulHigh;
  const l3 = mul64(aHi, bHi);
  let hi = mulHigh;
  const m1 = l1 + l2;
  let carry = u64(m1 < l1);
  carry += u64(m1 + h0 < m1);
  let lo = l3 + h1;
  hi += u64(lo < h1);
  lo += h2;
  hi += u64(lo < h2);
  lo += carry;
  hi += u64(lo < carry);
  wHi = hi;
  wLo = lo;
}

export function wideMul(sa: u32, ea: i32, aHi: u64, aLo: u64, sb: u32, eb: i32, bHi: u64, bLo: u64): void {
  mulHigh128(aHi, aLo, bHi, bLo);
  wSign = sa ^ sb;
  if (wHi & TOP) wExp = ea + eb + 1;
  else {
    wHi = (wHi << 1) | (wLo >> 63);
    wLo <<= 1;
    wExp = ea + eb;
  }
}

/** a + b; either may be zero (hi = 0). */
export function wideAdd(sa: u32, ea: i32, aHi: u64, aLo: u64, sb: u32, eb: i32, bHi: u64, bLo: u64): void {
  if (bHi == 0) return wideSet(sa, ea, aHi, aLo);
  if (aHi == 0) return wideSet(sb, eb, bHi, bLo);
  if (ea < eb || (ea == eb && (aHi < bHi || (aHi == bHi && aLo < bLo)))) {
    return wideAdd(sb, eb, bHi, bLo, sa, ea, aHi, aLo);
  }
  const d = ea - eb;
  if (d >= 128) {
    bHi = 0;
    bLo = 0;
  } else if (d >= 64) {
    bLo = bHi >> (d - 64);
    bHi = 0;
  } else if (d > 0) {
    bLo = (bLo >> d) | (bHi << (64 - d));
    bHi >>= d;
  }
  wSign = sa;
  wExp = ea;
  if (sa == sb) {
    const lo = aLo + bLo;
    const carry = u64(lo < aLo);
    const hi = aHi + bHi + carry;
    if (hi < aHi || (carry != 0 && hi == aHi)) {
      wLo = (lo >> 1) | (hi << 63);
      wHi = (hi >> 1) | TOP;
      wExp++;
    } else {
      wHi = hi;
      wLo = lo;
    }
    return;
  }
  wHi = aHi - bHi - u64(aLo < bLo);
  wLo = aLo - bLo;
  wideNormalize();
}

/** Shifts wHi:wLo up until its top bit is set. */
export function wideNormalize(): void {
  if (wHi == 0) {
    if (wLo == 0) return;
    wHi = wLo;
    wLo = 0;
    wExp -= 64;
  }
  const n = i32(clz(wHi));
  if (n) {
    wHi = (wHi << n) | (wLo >> (64 - n));
    wLo <<= n;
    wExp -= n;
  }
}

let digitHi: u64 = 0;
let digitLo: u64 = 0;

/** One 64-bit digit of (u2:u1:u0) / (vHi:vLo), remainder in digitHi:digitLo (Knuth, TAOCP 2 §4.3.1 D). */
function divDigit(u2: u64, u1: u64, u0: u64, vHi: u64, vLo: u64): u64 {
  let q: u64;
  let r: u64;
  let over = false;
  if (u2 >= vHi) {
    q = ~(<u64>0);
    r = u1 + vHi;
    over = r < vHi;
  } else {
    q = div128(u2, u1, vHi);
    r = divRemainder;
  }
  let lo = mul64(q, vLo);
  let hi = mulHigh;
  while (!over && (hi > r || (hi == r && lo > u0))) {
    q--;
    hi -= u64(lo < vLo);
    lo -= vLo;
    r += vHi;
    over = r < vHi;
  }
  digitLo = u0 - lo;
  digitHi = r - hi - u64(u0 < lo);
  return q;
}

export function wideDiv(sa: u32, ea: i32, aHi: u64, aLo: u64, sb: u32, eb: i32, bHi: u64, bLo: u64): void {
  let exp = ea - eb - 1;
  let u0: u64 = 0;
  if (aHi > bHi || (aHi == bHi && aLo >= bLo)) {
    u0 = aLo << 63;
    aLo = (aLo >> 1) | (aHi << 63);
    aHi >>= 1;
    exp++;
  }
  const q1 = divDigit(aHi, aLo, u0, bHi, bLo);
  const q0 = divDigit(digitHi, digitLo, 0, bHi, bLo);
  wSign = sa ^ sb;
  wExp = exp;
  wHi = q1;
  wLo = q0;
}

/** hi:lo / d for a small d, to wHi:wLo. */
export function divSmall(hi: u64, lo: u64, d: u64): void {
  const q1 = hi / d;
  let r = hi - q1 * d;
  const m = (r << 32) | (lo >> 32);
  const q2 = m / d;
  r = m - q2 * d;
  const n = (r << 32) | (lo & 0xffffffff);
  wHi = q1;
  wLo = (q2 << 32) + n / d;
}

/** The wide number below 1 in wHi:wLo, wExp as a fraction of 2^128. */
export function wideToFraction(): void {
  const shift = -1 - wExp;
  if (shift <= 0) return;
  if (shift < 64) {
    wLo = (wLo >> shift) | (wHi << (64 - shift));
    wHi >>= shift;
  } else {
    wLo = shift < 128 ? wHi >> (shift - 64) : 0;
    wHi = 0;
  }
}

/** π as wide number: exponent 1. */
export const PI_HI: u64 = 0xc90fdaa22168c234;
export const PI_LO: u64 = 0xc4c6628b80dc1cd1;

// Series run in fixed point with 126 fraction bits: 1 is 2^126.
export const ONE: u64 = 0x4000000000000000;

/** acc = 1 ± z·acc/d, with z a fraction of 2^128; acc in wHi:wLo before and after. */
@inline
export function seriesStep(zHi: u64, zLo: u64, d: u64, subtract: bool): void {
  mulHigh128(zHi, zLo, wHi, wLo);
  divSmall(wHi, wLo, d);
  if (subtract) {
    wHi = ONE - wHi - u64(wLo != 0);
    wLo = 0 - wLo;
  } else wHi += ONE;
}

/** acc = 1/d ± z·acc. */
@inline
export function oddStep(zHi: u64, zLo: u64, d: u64, subtract: bool): void {
  mulHigh128(zHi, zLo, wHi, wLo);
  const hi = wHi;
  const lo = wLo;
  divSmall(ONE, 0, d);
  if (subtract) {
    wHi -= hi + u64(wLo < lo);
    wLo -= lo;
  } else {
    wLo += lo;
    wHi += hi + u64(wLo < lo);
  }
}

/** The fixed-point number of wHi:wLo as wide number. */
export function wideFromSeries(): void {
  wSign = 0;
  wExp = 1;
  wideNormalize();
}

/** Rounds the wide result; it is never exact. */
export function roundWide(): void {
  roundPack80(wSign, wExp + BIAS80, wHi, wLo | 1, 64);
}

/** Exponent (unbiased) and normalised significand of an operand. */
export let uExp: i32 = 0;
export let uMant: u64 = 0;

export function unpackWide(se: u32, mant: u64): void {
  const exp = i32(se & 0x7fff);
  const n = i32(clz(mant));
  uMant = mant << n;
  uExp = (exp == 0 ? 1 : exp) - BIAS80 - n;
}
