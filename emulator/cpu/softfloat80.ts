/**
 * The 80-bit operations of the x87 (SDM 1 §8): special operands, NaN rules (table 4-7), then softfloatCore.
 * Results in rSe/rMant, exceptions in fpFlags.
 */
import {
  addFinite,
  BIAS80,
  div128,
  divFinite,
  divRemainder,
  fpFlags,
  fpRounding,
  FP_C1,
  FP_DE,
  FP_IE,
  FP_PE,
  FP_ZE,
  fractionRest,
  integerPart,
  mulFinite,
  result80,
  rMant,
  roundPack32,
  roundPack64,
  roundPack80,
  roundsAway,
  rSe,
  sqrtFinite,
  toInteger,
  zExp,
  zHi,
  zLo,
  zSign,
} from './softfloatCore';

const TOP: u64 = 0x8000000000000000;
const QUIET: u64 = 0x4000000000000000;
export const INDEFINITE_SE: u32 = 0xffff;
export const INDEFINITE_MANT: u64 = 0xc000000000000000;

/** What is special about an operand, from ordinary to odd. */
export const CLASS_NORMAL = 0;
export const CLASS_ZERO = 1;
export const CLASS_DENORMAL = 2;
export const CLASS_INFINITY = 3;
export const CLASS_NAN = 4;
/** Pseudo-NaN, pseudo-infinity, unnormal (SDM 1 §8.2.2). */
export const CLASS_UNSUPPORTED = 5;

@inline
export function isOrdinary(se: u32, mant: u64): bool {
  return i64(mant) < 0 && ((se + 1) & 0x7fff) > 1;
}

export function classify80(se: u32, mant: u64): i32 {
  const exp = se & 0x7fff;
  if (exp == 0) return mant == 0 ? CLASS_ZERO : CLASS_DENORMAL;
  if (i64(mant) >= 0) return CLASS_UNSUPPORTED;
  if (exp != 0x7fff) return CLASS_NORMAL;
  return mant == TOP ? CLASS_INFINITY : CLASS_NAN;
}

export function isSignaling80(se: u32, mant: u64): bool {
  return (se & 0x7fff) == 0x7fff && i64(mant) < 0 && mant != TOP && !(mant & QUIET);
}

/** Invalid operation: the real indefinite. */
export function invalid80(): void {
  fpFlags |= FP_IE;
  result80(INDEFINITE_SE, INDEFINITE_MANT);
}

/** Normalised significand and exponent of the last unpack. */
let uExp: i32 = 0;
let uMant: u64 = 0;

@inline
function unpack(se: u32, mant: u64): void {
  let exp = i32(se & 0x7fff);
  if (exp == 0) {
    const n = i32(clz(mant));
    mant <<= n;
    exp = 1 - n;
  }
  uExp = exp;
  uMant = mant;
}

/**
 * Handles unsupported formats and NaNs of two operands (classes given): true if the result is decided.
 */
export function nanRules(ca: i32, aSe: u32, a: u64, cb: i32, bSe: u32, b: u64): bool {
  if (ca < CLASS_NAN && cb < CLASS_NAN) return false;
  if (ca == CLASS_UNSUPPORTED || cb == CLASS_UNSUPPORTED) {
    invalid80();
    return true;
  }
  const aNan = ca == CLASS_NAN;
  const bNan = cb == CLASS_NAN;
  const aSignals = aNan && !(a & QUIET);
  const bSignals = bNan && !(b & QUIET);
  if (aSignals || bSignals) fpFlags |= FP_IE;
  let takeA = aNan;
  if (aNan && bNan) {
    if (aSignals != bSignals) takeA = bSignals;
    else {
      // The larger significand; of equal ones the positive.
      const qa = a | QUIET;
      const qb = b | QUIET;
      takeA = qa > qb || (qa == qb && aSe <= bSe);
    }
  }
  if (takeA) result80(aSe, a | QUIET);
  else result80(bSe, b | QUIET);
  return true;
}

/** NaN rule of a single operand; true if decided. */
export function nanRule(c: i32, se: u32, mant: u64): bool {
  if (c < CLASS_NAN) return false;
  if (c == CLASS_UNSUPPORTED) {
    invalid80();
    return true;
  }
  if (!(mant & QUIET)) fpFlags |= FP_IE;
  result80(se, mant | QUIET);
  return true;
}

@inline
function zeroSignOfSum(): u32 {
  return fpRounding == 1 ? 0x8000 : 0;
}

/** a + b rounded to `precision` bits (24, 53, 64). For a − b the caller flips b's sign, except a NaN's. */
export function add80(aSe: u32, a: u64, bSe: u32, b: u64, precision: i32, subtract: bool): void {
  if (!isOrdinary(aSe, a) || !isOrdinary(bSe, b)) {
    const ca = classify80(aSe, a);
    const cb = classify80(bSe, b);
    if (nanRules(ca, aSe, a, cb, bSe, b)) return;
    if (subtract) bSe ^= 0x8000;
    if (ca == CLASS_INFINITY || cb == CLASS_INFINITY) {
      if (ca == cb && aSe != bSe) return invalid80();
      if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
      return result80(ca == CLASS_INFINITY ? aSe : bSe, TOP);
    }
    if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
    if (ca == CLASS_ZERO && cb == CLASS_ZERO) {
      return result80(aSe == bSe ? aSe : zeroSignOfSum(), 0);
    }
    if (ca == CLASS_ZERO || cb == CLASS_ZERO) {
      const se = ca == CLASS_ZERO ? bSe : aSe;
      unpack(se, ca == CLASS_ZERO ? b : a);
      return roundPack80(se >> 15, uExp, uMant, 0, precision);
    }
  } else if (subtract) bSe ^= 0x8000;
  unpack(aSe, a);
  const ea = uExp;
  const ma = uMant;
  unpack(bSe, b);
  addFinite(aSe >> 15, ea, ma, bSe >> 15, uExp, uMant);
  if (zHi == 0) return result80(zeroSignOfSum(), 0);
  roundPack80(zSign, zExp, zHi, zLo, precision);
}

export function mul80(aSe: u32, a: u64, bSe: u32, b: u64, precision: i32): void {
  if (!isOrdinary(aSe, a) || !isOrdinary(bSe, b)) {
    const ca = classify80(aSe, a);
    const cb = classify80(bSe, b);
    if (nanRules(ca, aSe, a, cb, bSe, b)) return;
    const sign = (aSe ^ bSe) & 0x8000;
    if (ca == CLASS_INFINITY || cb == CLASS_INFINITY) {
      if (ca == CLASS_ZERO || cb == CLASS_ZERO) return invalid80();
      if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
      return result80(sign | 0x7fff, TOP);
    }
    if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
    if (ca == CLASS_ZERO || cb == CLASS_ZERO) return result80(sign, 0);
  }
  unpack(aSe, a);
  const ea = uExp;
  const ma = uMant;
  unpack(bSe, b);
  mulFinite(aSe >> 15, ea, ma, bSe >> 15, uExp, uMant);
  roundPack80(zSign, zExp, zHi, zLo, precision);
}

export function div80(aSe: u32, a: u64, bSe: u32, b: u64, precision: i32): void {
  if (!isOrdinary(aSe, a) || !isOrdinary(bSe, b)) {
    const ca = classify80(aSe, a);
    const cb = classify80(bSe, b);
    if (nanRules(ca, aSe, a, cb, bSe, b)) return;
    const sign = (aSe ^ bSe) & 0x8000;
    if (ca == CLASS_INFINITY) {
      if (cb == CLASS_INFINITY) return invalid80();
      if (cb == CLASS_DENORMAL) fpFlags |= FP_DE;
      return result80(sign | 0x7fff, TOP);
    }
    if (cb == CLASS_INFINITY) {
      if (ca == CLASS_DENORMAL) fpFlags |= FP_DE;
      return result80(sign, 0);
    }
    if (cb == CLASS_ZERO) {
      if (ca == CLASS_ZERO) return invalid80();
      fpFlags |= FP_ZE;
      return result80(sign | 0x7fff, TOP);
    }
    if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
    if (ca == CLASS_ZERO) return result80(sign, 0);
  }
  unpack(aSe, a);
  const ea = uExp;
  const ma = uMant;
  unpack(bSe, b);
  divFinite(aSe >> 15, ea, ma, bSe >> 15, uExp, uMant);
  roundPack80(zSign, zExp, zHi, zLo, precision);
}

export function sqrt80(se: u32, mant: u64, precision: i32): void {
  const c = classify80(se, mant);
  if (nanRule(c, se, mant)) return;
  if (c == CLASS_ZERO) return result80(se, mant);
  if (se & 0x8000) return invalid80();
  if (c == CLASS_INFINITY) return result80(se, mant);
  if (c == CLASS_DENORMAL) fpFlags |= FP_DE;
  unpack(se, mant);
  sqrtFinite(uExp, uMant);
  roundPack80(zSign, zExp, zHi, zLo, precision);
}

/** Relations as C3 C2 C0 have them in FSW: greater 0, less C0, equal C3, unordered all three. */
export const REL_GREATER: u32 = 0;
export const REL_LESS: u32 = 0x100;
export const REL_EQUAL: u32 = 0x4000;
export const REL_UNORDERED: u32 = 0x4500;

/** FCOM (quiet = false: every NaN is invalid) and FUCOM. */
export function compare80(aSe: u32, a: u64, bSe: u32, b: u64, quiet: bool): u32 {
  if (isOrdinary(aSe, a) && isOrdinary(bSe, b)) {
    if (aSe == bSe && a == b) return REL_EQUAL;
    const negative = (aSe & 0x8000) != 0;
    if ((aSe ^ bSe) & 0x8000) return negative ? REL_LESS : REL_GREATER;
    const below = aSe < bSe || (aSe == bSe && a < b);
    return below != negative ? REL_LESS : REL_GREATER;
  }
  const ca = classify80(aSe, a);
  const cb = classify80(bSe, b);
  if (ca >= CLASS_NAN || cb >= CLASS_NAN) {
    if (
      !quiet ||
      ca == CLASS_UNSUPPORTED ||
      cb == CLASS_UNSUPPORTED ||
      isSignaling80(aSe, a) ||
      isSignaling80(bSe, b)
    ) {
      fpFlags |= FP_IE;
    }
    return REL_UNORDERED;
  }
  if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
  if (ca == CLASS_ZERO && cb == CLASS_ZERO) return REL_EQUAL;
  const sa = aSe >> 15;
  if (ca == CLASS_ZERO) return bSe >> 15 ? REL_GREATER : REL_LESS;
  if (cb == CLASS_ZERO || sa != bSe >> 15) return sa ? REL_LESS : REL_GREATER;
  // A pseudo-denormal has the exponent of the smallest normal number.
  unpack(aSe, a);
  const ea = uExp;
  const ma = uMant;
  unpack(bSe, b);
  if (ea == uExp && ma == uMant) return REL_EQUAL;
  const less = ea < uExp || (ea == uExp && ma < uMant);
  return less != (sa != 0) ? REL_LESS : REL_GREATER;
}

/** FRNDINT. */
export function roundToIntegral80(se: u32, mant: u64): void {
  const c = classify80(se, mant);
  if (nanRule(c, se, mant)) return;
  if (c == CLASS_ZERO || c == CLASS_INFINITY) return result80(se, mant);
  if (c == CLASS_DENORMAL) fpFlags |= FP_DE;
  unpack(se, mant);
  if (uExp >= BIAS80 + 63) return result80(se, mant);
  const sign = se & 0x8000;
  let n = integerPart(uExp, uMant);
  const rest = fractionRest;
  const up = roundsAway(sign, (n & 1) != 0, rest);
  if (up) n++;
  if (rest != 0) fpFlags |= up ? FP_PE | FP_C1 : FP_PE;
  fromInteger80(n, sign);
}

/** An integer magnitude below 2^64 with a sign bit (0 or 0x8000); exact. */
export function fromInteger80(n: u64, sign: u32): void {
  if (n == 0) return result80(sign, 0);
  const shift = u32(clz(n));
  result80(sign | (BIAS80 + 63 - shift), n << shift);
}

export function fromSigned80(n: i64): void {
  if (n < 0) fromInteger80(0 - u64(n), 0x8000);
  else fromInteger80(u64(n), 0);
}

/** FIST and FISTTP: `bits` 16, 32, 64. */
export function toSigned80(se: u32, mant: u64, bits: i32, rounding: u32): u64 {
  const c = classify80(se, mant);
  if (c == CLASS_ZERO) return 0;
  if (c >= CLASS_INFINITY) {
    fpFlags |= FP_IE;
    return (<u64>1) << (bits - 1);
  }
  unpack(se, mant);
  return toInteger(se >> 15, uExp, uMant, bits, rounding);
}

/** binary32 to 80 bits; exact. A signalling NaN stays one: the operation that follows says invalid. */
export function fromBinary32(bits: u32): void {
  const sign = (bits >> 16) & 0x8000;
  const exp = (bits >> 23) & 0xff;
  const frac = u64(bits & 0x7fffff) << 40;
  if (exp == 0xff) return result80(sign | 0x7fff, TOP | frac);
  if (exp != 0) return result80(sign | (exp + (16383 - 127)), TOP | frac);
  if (frac == 0) return result80(sign, 0);
  const n = u32(clz(frac));
  result80(sign | (16383 - 126 - n), frac << n);
}

export function fromBinary64(bits: u64): void {
  const sign = u32(bits >> 48) & 0x8000;
  const exp = u32(bits >> 52) & 0x7ff;
  const frac = (bits & 0xfffffffffffff) << 11;
  if (exp == 0x7ff) return result80(sign | 0x7fff, TOP | frac);
  if (exp != 0) return result80(sign | (exp + (16383 - 1023)), TOP | frac);
  if (frac == 0) return result80(sign, 0);
  const n = u32(clz(frac));
  result80(sign | (16383 - 1022 - n), frac << n);
}

@inline
export function isDenormal32(bits: u32): bool {
  return !(bits & 0x7f800000) && (bits & 0x7fffff) != 0;
}

@inline
export function isDenormal64(bits: u64): bool {
  return !(bits & 0x7ff0000000000000) && (bits & 0xfffffffffffff) != 0;
}

/** FST m32. */
export function toBinary32(se: u32, mant: u64): u32 {
  const sign = (se & 0x8000) << 16;
  const c = classify80(se, mant);
  if (c == CLASS_ZERO) return sign;
  if (c == CLASS_INFINITY) return sign | 0x7f800000;
  if (c == CLASS_UNSUPPORTED) {
    fpFlags |= FP_IE;
    return 0xffc00000;
  }
  if (c == CLASS_NAN) {
    if (!(mant & QUIET)) fpFlags |= FP_IE;
    return sign | 0x7fc00000 | (u32(mant >> 40) & 0x7fffff);
  }
  unpack(se, mant);
  return roundPack32(se >> 15, uExp, uMant, 0);
}

/** FST m64. */
export function toBinary64(se: u32, mant: u64): u64 {
  const sign = u64(se & 0x8000) << 48;
  const c = classify80(se, mant);
  if (c == CLASS_ZERO) return sign;
  if (c == CLASS_INFINITY) return sign | 0x7ff0000000000000;
  if (c == CLASS_UNSUPPORTED) {
    fpFlags |= FP_IE;
    return 0xfff8000000000000;
  }
  if (c == CLASS_NAN) {
    if (!(mant & QUIET)) fpFlags |= FP_IE;
    return sign | 0x7ff8000000000000 | ((mant >> 11) & 0xfffffffffffff);
  }
  unpack(se, mant);
  return roundPack64(se >> 15, uExp, uMant, 0);
}

/** Low three bits of the quotient of the last remainder80, or one of the following. */
export let remainderQuotient: i32 = 0;
/** Not finished (C2). */
export const REMAINDER_PARTIAL: i32 = -1;
const REMAINDER_NONE: i32 = -2;

/** FPREM (nearest = false) and FPREM1. */
export function remainder80(aSe: u32, a: u64, bSe: u32, b: u64, nearest: bool): void {
  remainderQuotient = REMAINDER_NONE;
  const ca = classify80(aSe, a);
  const cb = classify80(bSe, b);
  if (nanRules(ca, aSe, a, cb, bSe, b)) return;
  if (ca == CLASS_INFINITY || cb == CLASS_ZERO) return invalid80();
  remainderQuotient = 0;
  if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
  if (ca == CLASS_ZERO) return result80(aSe, a);
  unpack(aSe, a);
  const ea = uExp;
  const ma = uMant;
  if (cb == CLASS_INFINITY) return roundPack80(aSe >> 15, ea, ma, 0, 64);
  unpack(bSe, b);
  const eb = uExp;
  const mb = uMant;
  const d = ea - eb;
  let sign = aSe >> 15;
  if (d < -1 || (d < 0 && !nearest)) return roundPack80(sign, ea, ma, 0, 64);
  // r·2^(e−…) holds the remainder; e is its exponent for a significand with bit 63 as the unit of b.
  let q: u64 = 0;
  let r = ma;
  let steps = d;
  let e = eb;
  if (d >= 64) {
    steps = (d & 0x1f) | 0x20;
    e = ea - steps;
    remainderQuotient = REMAINDER_PARTIAL;
  }
  if (steps < 0) {
    // a is in [b/2·…, b): only FPREM1 gets here. Compare 2a with b: a's unit is half of b's.
    // 2·a > b in units of a's last place: ma·2 > 2·mb  <=>  ma > mb.
    if (ma > mb) {
      // q = 1: b − a, with b = mb << 1 in a's units.
      q = 1;
      addFinite(sign, ea, ma, sign ^ 1, eb, mb);
      remainderQuotient = 1;
      return roundPack80(zSign, zExp, zHi, zLo, 64);
    }
    return roundPack80(sign, ea, ma, 0, 64);
  }
  if (r >= mb) {
    r -= mb;
    q = 1;
  }
  if (steps > 0) {
    // (r·2^steps) / mb, r < mb, steps ≤ 63
    const low = div128(r >> (64 - steps), r << steps, mb);
    q = (q << steps) | low;
    r = divRemainder;
  }
  if (remainderQuotient < 0) {
    if (r == 0) return result80(aSe & 0x8000, 0);
    const n = i32(clz(r));
    return roundPack80(sign, e - n, r << n, 0, 64);
  }
  if (nearest) {
    const rest = mb - r;
    if (r > rest || (r == rest && q & 1)) {
      r = rest;
      sign ^= 1;
      q++;
    }
  }
  remainderQuotient = i32(q & 7);
  if (r == 0) return result80(aSe & 0x8000, 0);
  const n = i32(clz(r));
  roundPack80(sign, e - n, r << n, 0, 64);
}

/** FSCALE: a × 2^trunc(b); precision control does not count. */
export function scale80(aSe: u32, a: u64, bSe: u32, b: u64): void {
  const ca = classify80(aSe, a);
  const cb = classify80(bSe, b);
  if (nanRules(ca, aSe, a, cb, bSe, b)) return;
  if (cb == CLASS_INFINITY) {
    const up = !(bSe & 0x8000);
    if (up ? ca == CLASS_ZERO : ca == CLASS_INFINITY) return invalid80();
    if (ca == CLASS_DENORMAL) fpFlags |= FP_DE;
    if (ca == CLASS_INFINITY || (up && ca != CLASS_ZERO)) return result80((aSe & 0x8000) | 0x7fff, TOP);
    return result80(aSe & 0x8000, 0);
  }
  if (ca == CLASS_DENORMAL || cb == CLASS_DENORMAL) fpFlags |= FP_DE;
  if (ca == CLASS_ZERO || ca == CLASS_INFINITY) return result80(aSe, a);
  unpack(aSe, a);
  const ea = uExp;
  const ma = uMant;
  let n: i32 = 0;
  if (cb != CLASS_ZERO) {
    unpack(bSe, b);
    if (uExp >= BIAS80 + 16) n = 0x10000;
    else n = i32(integerPart(uExp, uMant));
    if (bSe & 0x8000) n = -n;
  }
  roundPack80(aSe >> 15, ea + n, ma, 0, 64);
}

/** FXTRACT: the significand goes to r, the return value says whether; the exponent to extractedExponent. */
export let extractedSe: u32 = 0;
export let extractedMant: u64 = 0;

export function extract80(se: u32, mant: u64): void {
  const c = classify80(se, mant);
  if (nanRule(c, se, mant)) {
    extractedSe = rSe;
    extractedMant = rMant;
    return;
  }
  if (c == CLASS_INFINITY) {
    extractedSe = 0x7fff;
    extractedMant = TOP;
    return result80(se, mant);
  }
  if (c == CLASS_ZERO) {
    fpFlags |= FP_ZE;
    extractedSe = 0xffff;
    extractedMant = TOP;
    return result80(se, mant);
  }
  if (c == CLASS_DENORMAL) fpFlags |= FP_DE;
  unpack(se, mant);
  fromSigned80(i64(uExp - BIAS80));
  extractedSe = rSe;
  extractedMant = rMant;
  result80((se & 0x8000) | BIAS80, uMant);
}

/** FBSTP: ten bytes of packed decimal (SDM 1 §4.7): low eight returned, high two in bcdHigh. */
export let bcdHigh: u32 = 0;

export function toDecimal80(se: u32, mant: u64): u64 {
  const flags = fpFlags;
  let n = toSigned80(se, mant, 64, fpRounding);
  const sign = se & 0x8000;
  if (!(fpFlags & FP_IE) && sign) n = 0 - n;
  if (fpFlags & FP_IE || n > 999999999999999999) {
    fpFlags = flags | FP_IE;
    bcdHigh = 0xffff;
    return 0xc000000000000000;
  }
  let low: u64 = 0;
  for (let i = 0; i < 64; i += 4) {
    const q = n / 10;
    low |= (n - q * 10) << i;
    n = q;
  }
  bcdHigh = u32((n / 10) << 4) | u32(n % 10) | sign;
  return low;
}

/** FBLD. */
export function fromDecimal80(low: u64, high: u32): void {
  let n = u64((high >> 4) & 15) * 10 + (high & 15);
  for (let i = 60; i >= 0; i -= 4) n = n * 10 + ((low >> i) & 15);
  fromInteger80(n, high & 0x8000);
}
