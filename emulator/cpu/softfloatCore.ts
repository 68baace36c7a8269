/**
 * Exact binary floating point for every format the x87 and SSE have (SDM 1 §4.2, §4.8, IEEE 754-2008):
 * finite arithmetic on unpacked numbers, then one rounding step per destination format.
 *
 * An unpacked number is sign, exponent (biased by 16383, unbounded) and a significand with bit 63 set:
 * value = significand × 2^(exponent − 16383 − 63). Exact results carry 64 more bits in `zLo`, of which the
 * last is sticky. Zero is `zHi == 0`. Specials never get here.
 */

/** Exception flags, in the positions FSW and MXCSR share (SDM 1 §8.1.3.3, §10.2.3). */
export const FP_IE: u32 = 1;
export const FP_DE: u32 = 2;
export const FP_ZE: u32 = 4;
export const FP_OE: u32 = 8;
export const FP_UE: u32 = 16;
export const FP_PE: u32 = 32;
/** "Rounded up", where FSW has C1. Never goes to MXCSR. */
export const FP_C1: u32 = 0x200;

/** Rounding control: 0 nearest even, 1 down, 2 up, 3 towards zero. */
export let fpRounding: u32 = 0;
/** Exceptions that are masked (bits as FP_*). */
export let fpMasked: u32 = 0x3f;
/** Exceptions the current operation raised. */
export let fpFlags: u32 = 0;
/** MXCSR.FTZ and DAZ; always false for x87. */
export let fpFlushToZero: bool = false;
export let fpDenormalsAreZero: bool = false;

/** The exact result of the last finite operation. */
export let zSign: u32 = 0;
export let zExp: i32 = 0;
export let zHi: u64 = 0;
export let zLo: u64 = 0;

/** The last packed 80-bit result: sign and exponent, significand. */
export let rSe: u32 = 0;
export let rMant: u64 = 0;

const TOP: u64 = 0x8000000000000000;
export const BIAS80: i32 = 16383;

@inline
export function sticky(x: u64): u64 {
  return u64(x != 0);
}

@inline
export function result80(se: u32, mant: u64): void {
  rSe = se;
  rMant = mant;
}

/** Sets the environment of the following operations. */
@inline
export function fpEnvironment(rounding: u32, masked: u32): void {
  fpRounding = rounding;
  fpMasked = masked;
  fpFlags = 0;
  fpFlushToZero = false;
  fpDenormalsAreZero = false;
}

/** Low 64 bits of a product; the high ones go to `mulHigh`. */
export let mulHigh: u64 = 0;

export function mul64(a: u64, b: u64): u64 {
  const aLo = a & 0xffffffff;
  const aHi = a >> 32;
  const bLo = b & 0xffffffff;
  const bHi = b >> 32;
  const low = aLo * bLo;
  const mid1 = aHi * bLo + (low >> 32);
  const mid2 = aLo * bHi + (mid1 & 0xffffffff);
  mulHigh = aHi * bHi + (mid1 >> 32) + (mid2 >> 32);
  return (mid2 << 32) | (low & 0xffffffff);
}

/** Remainder of the last div128. */
export let divRemainder: u64 = 0;

/** (hi:lo) / d for hi < d and d with bit 63 set (Knuth, TAOCP 2 §4.3.1, algorithm D with 32-bit digits). */
export function div128(hi: u64, lo: u64, d: u64): u64 {
  const dHi = d >> 32;
  const dLo = d & 0xffffffff;
  const l1 = lo >> 32;
  const l0 = lo & 0xffffffff;
  let q1 = hi / dHi;
  let r = hi - q1 * dHi;
  while (q1 > 0xffffffff || q1 * dLo > ((r << 32) | l1)) {
    q1--;
    r += dHi;
    if (r > 0xffffffff) break;
  }
  const mid = (hi << 32) + l1 - q1 * d;
  let q0 = mid / dHi;
  r = mid - q0 * dHi;
  while (q0 > 0xffffffff || q0 * dLo > ((r << 32) | l0)) {
    q0--;
    r += dHi;
    if (r > 0xffffffff) break;
  }
  divRemainder = (mid << 32) + l0 - q0 * d;
  return (q1 << 32) + q0;
}

/** a + b on unpacked non-zero numbers. */
export function addFinite(sa: u32, ea: i32, a: u64, sb: u32, eb: i32, b: u64): void {
  if (ea < eb || (ea == eb && a < b)) {
    const s = sa;
    sa = sb;
    sb = s;
    const e = ea;
    ea = eb;
    eb = e;
    const m = a;
    a = b;
    b = m;
  }
  const d = ea - eb;
  let bHi = b;
  let bLo: u64 = 0;
  if (d != 0) {
    if (d < 64) {
      bLo = b << (64 - d);
      bHi = b >> d;
    } else {
      bHi = 0;
      if (d == 64) bLo = b;
      else if (d < 128) bLo = (b >> (d - 64)) | sticky(b << (128 - d));
      else bLo = 1;
    }
  }
  zSign = sa;
  if (sa == sb) {
    const hi = a + bHi;
    if (hi < a) {
      zLo = (bLo >> 1) | (bLo & 1) | (hi << 63);
      zHi = (hi >> 1) | TOP;
      zExp = ea + 1;
    } else {
      zHi = hi;
      zLo = bLo;
      zExp = ea;
    }
    return;
  }
  let lo = 0 - bLo;
  let hi = a - bHi - u64(bLo != 0);
  if (hi == 0) {
    if (lo == 0) {
      zHi = 0;
      zLo = 0;
      return;
    }
    hi = lo;
    lo = 0;
    ea -= 64;
  }
  const n = i32(clz(hi));
  if (n != 0) {
    hi = (hi << n) | (lo >> (64 - n));
    lo <<= n;
    ea -= n;
  }
  zHi = hi;
  zLo = lo;
  zExp = ea;
}

export function mulFinite(sa: u32, ea: i32, a: u64, sb: u32, eb: i32, b: u64): void {
  let lo = mul64(a, b);
  let hi = mulHigh;
  let e = ea + eb - BIAS80;
  if (i64(hi) >= 0) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
  } else e++;
  zSign = sa ^ sb;
  zExp = e;
  zHi = hi;
  zLo = lo;
}

export function divFinite(sa: u32, ea: i32, a: u64, sb: u32, eb: i32, b: u64): void {
  let e = ea - eb + BIAS80;
  let q: u64;
  if (a < b) {
    q = div128(a, 0, b);
    e--;
  } else q = div128(a >> 1, a << 63, b);
  const r = divRemainder;
  // The next quotient bit, then whether anything is left: r < b, so 2r can overflow.
  const half = r >= b - r;
  zSign = sa ^ sb;
  zExp = e;
  zHi = q;
  zLo = (half ? TOP : 0) | u64(half ? r != b - r : r != 0);
}

/** Square root of a positive number: Zimmermann's Karatsuba square root with 32-bit halves. */
export function sqrtFinite(ea: i32, a: u64): void {
  const odd = (ea - BIAS80) & 1;
  // N = significand × 2^63 or 2^64, in [2^126, 2^128).
  const nHi = odd ? a : a >> 1;
  const nLo: u64 = odd ? 0 : a << 63;
  let s1 = u64(Math.sqrt(f64(nHi)));
  if (s1 > 0xffffffff) s1 = 0xffffffff;
  while (s1 * s1 > nHi) s1--;
  // (s1+1)² may still fit when the conversion rounded down.
  while (s1 < 0xffffffff && (s1 + 1) * (s1 + 1) <= nHi) s1++;
  const r1 = nHi - s1 * s1;
  const n1 = nLo >> 32;
  const n0 = nLo & 0xffffffff;
  const half = (r1 << 31) + (n1 >> 1);
  const q = half / s1;
  const u = ((half - q * s1) << 1) | (n1 & 1);
  let s = (s1 << 32) + q;
  // R = u·2^32 + n0 − q², as a signed 128-bit number.
  const qq = q * q;
  const qqHi = u64(q >> 32 != 0);
  let rLo = (u << 32) | n0;
  let rHi = (u >> 32) - qqHi - u64(rLo < qq);
  rLo -= qq;
  while (i64(rHi) < 0) {
    s--;
    const t = rLo + (s << 1) + 1;
    rHi += (s >> 63) + u64(t < rLo);
    rLo = t;
  }
  const up = rHi != 0 || rLo > s;
  zSign = 0;
  zExp = ((ea - BIAS80) >> 1) + BIAS80;
  zHi = s;
  zLo = (up ? TOP : 0) | u64((rHi | rLo) != 0);
}

/** Rounded significand of the last roundSignificand: carry out of bit 63 is in `roundCarry`. */
let roundCarry: bool = false;
let roundInexact: bool = false;
let roundUp: bool = false;

/** Whether `rest` (a fraction of the last place, scaled to 2^64) rounds away from zero. */
@inline
export function roundsAway(sign: u32, odd: bool, rest: u64): bool {
  if (rest == 0) return false;
  if (fpRounding == 0) return rest > TOP || (rest == TOP && odd);
  if (fpRounding == 3) return false;
  return (fpRounding == 1) == (sign != 0);
}

/** Rounds hi:lo to `precision` bits at the top of a 64-bit significand. */
function roundSignificand(sign: u32, hi: u64, lo: u64, precision: i32): u64 {
  let rest = lo;
  let unit: u64 = 1;
  if (precision < 64) {
    rest = (hi << precision) | sticky(lo);
    unit = (<u64>1) << (64 - precision);
    hi &= 0 - unit;
  }
  roundInexact = rest != 0;
  roundCarry = false;
  roundUp = roundsAway(sign, (hi & unit) != 0, rest);
  if (roundUp) {
    const sum = hi + unit;
    roundCarry = sum < hi;
    return sum;
  }
  return hi;
}

@inline
function noteInexact(): void {
  if (roundInexact) fpFlags |= roundUp ? FP_PE | FP_C1 : FP_PE;
}

/** Shifts hi:lo right by n > 0 keeping the sticky bit; the result is in zHi, zLo. */
export function shiftRightSticky(hi: u64, lo: u64, n: i32): void {
  if (n < 64) {
    zLo = (lo >> n) | (hi << (64 - n)) | sticky(lo << (64 - n));
    zHi = hi >> n;
  } else if (n == 64) {
    zLo = hi | sticky(lo);
    zHi = 0;
  } else if (n < 128) {
    zLo = (hi >> (n - 64)) | sticky((hi << (128 - n)) | lo);
    zHi = 0;
  } else {
    zHi = 0;
    zLo = sticky(hi | lo);
  }
}

/** Rounds to 80 bits with the given precision (24, 53 or 64 bits) into rSe, rMant. */
export function roundPack80(sign: u32, exp: i32, hi: u64, lo: u64, precision: i32): void {
  if (exp <= 0) {
    // Tininess is detected after rounding to unbounded exponent (SDM 1 §4.9.1.5).
    let m = roundSignificand(sign, hi, lo, precision);
    const tiny = exp < 0 || !roundCarry;
    if (tiny && !(fpMasked & FP_UE)) {
      // Only FSCALE gets further away than the adjusted exponent reaches.
      if (exp + 24576 <= 0) {
        fpFlags |= FP_UE | FP_PE;
        return result80(sign << 15, 0);
      }
      if (roundCarry) {
        m = TOP;
        exp++;
      }
      fpFlags |= FP_UE;
      noteInexact();
      result80((sign << 15) | u32((exp + 24576) & 0x7fff), m);
      return;
    }
    shiftRightSticky(hi, lo, 1 - exp);
    m = roundSignificand(sign, zHi, zLo, precision);
    if (tiny && roundInexact) fpFlags |= FP_UE;
    noteInexact();
    // Rounding may have made it the smallest normal number.
    result80((sign << 15) | u32(m >> 63), m);
    return;
  }
  let m = roundSignificand(sign, hi, lo, precision);
  if (roundCarry) {
    m = TOP;
    exp++;
  }
  if (exp >= 0x7fff) {
    if (!(fpMasked & FP_OE)) {
      if (exp - 24576 >= 0x7fff) {
        fpFlags |= FP_OE | FP_PE | FP_C1;
        return result80((sign << 15) | 0x7fff, TOP);
      }
      fpFlags |= FP_OE;
      noteInexact();
      result80((sign << 15) | u32((exp - 24576) & 0x7fff), m);
      return;
    }
    const toInfinity = fpRounding == 0 || (fpRounding != 3 && (fpRounding == 1) == (sign != 0));
    fpFlags |= FP_OE | FP_PE;
    if (toInfinity) {
      fpFlags |= FP_C1;
      result80((sign << 15) | 0x7fff, TOP);
    } else {
      result80((sign << 15) | 0x7ffe, precision < 64 ? 0 - ((<u64>1) << (64 - precision)) : ~(<u64>0));
    }
    return;
  }
  noteInexact();
  result80((sign << 15) | u32(exp), m);
}

/**
 * Rounds to binary32 (precision 24, exponentBits 8) or binary64 (53, 11) and packs.
 * With underflow or overflow unmasked the flags are set and the value is not to be used.
 */
@inline
function roundPackNarrow(
  sign: u32,
  exp80: i32,
  hi: u64,
  lo: u64,
  precision: i32,
  exponentBits: i32,
): u64 {
  const maxExp = (1 << exponentBits) - 1;
  const signBit = u64(sign) << (exponentBits + precision - 1);
  let exp = exp80 - BIAS80 + (maxExp >> 1);
  if (exp <= 0) {
    let m = roundSignificand(sign, hi, lo, precision);
    const tiny = exp < 0 || !roundCarry;
    if (tiny) {
      if (!(fpMasked & FP_UE)) {
        fpFlags |= FP_UE;
        noteInexact();
        return signBit;
      }
      if (fpFlushToZero) {
        fpFlags |= FP_UE | FP_PE;
        return signBit;
      }
    }
    shiftRightSticky(hi, lo, 1 - exp);
    m = roundSignificand(sign, zHi, zLo, precision);
    if (roundInexact && tiny) fpFlags |= FP_UE;
    noteInexact();
    return signBit | (m >> (64 - precision));
  }
  let m = roundSignificand(sign, hi, lo, precision);
  if (roundCarry) {
    m = TOP;
    exp++;
  }
  if (exp >= maxExp) {
    fpFlags |= FP_OE;
    if (!(fpMasked & FP_OE)) {
      noteInexact();
      return signBit;
    }
    const toInfinity = fpRounding == 0 || (fpRounding != 3 && (fpRounding == 1) == (sign != 0));
    fpFlags |= FP_PE;
    if (toInfinity) {
      fpFlags |= FP_C1;
      return signBit | (u64(maxExp) << (precision - 1));
    }
    return signBit | ((u64(maxExp) << (precision - 1)) - 1);
  }
  noteInexact();
  return signBit | ((u64(exp - 1) << (precision - 1)) + (m >> (64 - precision)));
}

export function roundPack32(sign: u32, exp: i32, hi: u64, lo: u64): u32 {
  return u32(roundPackNarrow(sign, exp, hi, lo, 24, 8));
}

export function roundPack64(sign: u32, exp: i32, hi: u64, lo: u64): u64 {
  return roundPackNarrow(sign, exp, hi, lo, 53, 11);
}

/** Fraction (scaled to 2^64, sticky) left over by the last integerPart. */
export let fractionRest: u64 = 0;

/** The integer part of an unpacked number below 2^64; larger ones are the caller's business. */
export function integerPart(exp: i32, mant: u64): u64 {
  const shift = BIAS80 + 63 - exp;
  if (shift <= 0) {
    fractionRest = 0;
    return mant;
  }
  if (shift < 64) {
    fractionRest = mant << (64 - shift);
    return mant >> shift;
  }
  fractionRest = shift == 64 ? mant : 1;
  if (shift > 64) fractionRest = shift < 128 ? (mant >> (shift - 64)) | 1 : 1;
  return 0;
}

/**
 * Rounds an unpacked number to a signed integer of `bits` bits under the given rounding control.
 * Sets PE (and C1), or IE and returns the integer indefinite when it does not fit (SDM 1 §4.8.3.7).
 */
export function toInteger(sign: u32, exp: i32, mant: u64, bits: i32, rounding: u32): u64 {
  const indefinite = (<u64>1) << (bits - 1);
  if (exp >= BIAS80 + 64) {
    fpFlags |= FP_IE;
    return indefinite;
  }
  const saved = fpRounding;
  fpRounding = rounding;
  let n = integerPart(exp, mant);
  const rest = fractionRest;
  const up = roundsAway(sign, (n & 1) != 0, rest);
  fpRounding = saved;
  if (up) n++;
  // n == 0 after an increment means 2^64.
  if ((up && n == 0) || n > indefinite || (n == indefinite && !sign)) {
    fpFlags |= FP_IE;
    return indefinite;
  }
  if (rest != 0) fpFlags |= up ? FP_PE | FP_C1 : FP_PE;
  const value = sign ? 0 - n : n;
  return bits < 64 ? value & ((indefinite << 1) - 1) : value;
}
