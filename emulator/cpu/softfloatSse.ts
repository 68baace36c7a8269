/**
 * binary32 and binary64 operations with SSE's rules (SDM 1 §4.8.3.5 table 4-7, §11.5): the first NaN operand
 * wins, DAZ and FTZ apply. Every flag exact; the fast paths that usually spare all this are in sseArithmetic.
 */
import {
  addFinite,
  BIAS80,
  divFinite,
  fpDenormalsAreZero,
  fpFlags,
  fpRounding,
  FP_DE,
  FP_IE,
  FP_PE,
  FP_ZE,
  fractionRest,
  integerPart,
  mulFinite,
  roundPack32,
  roundPack64,
  roundsAway,
  sqrtFinite,
  toInteger,
  zExp,
  zHi,
  zLo,
  zSign,
} from './softfloatCore';

export const OP_ADD = 0;
export const OP_SUB = 1;
export const OP_MUL = 2;
export const OP_DIV = 3;
export const OP_MIN = 4;
export const OP_MAX = 5;
export const OP_SQRT = 6;

const NAN64: u64 = 0xfff8000000000000;
const NAN32: u32 = 0xffc00000;
const QUIET64: u64 = 0x0008000000000000;
const QUIET32: u32 = 0x00400000;
const INF64: u64 = 0x7ff0000000000000;
const INF32: u32 = 0x7f800000;
const MAG64: u64 = 0x7fffffffffffffff;
const MAG32: u32 = 0x7fffffff;
const TOP: u64 = 0x8000000000000000;

let uExp: i32 = 0;
let uMant: u64 = 0;

function unpack64(bits: u64): void {
  const exp = i32(bits >> 52) & 0x7ff;
  const frac = (bits & 0xfffffffffffff) << 11;
  if (exp == 0) {
    const n = i32(clz(frac));
    uExp = BIAS80 - 1022 - n;
    uMant = frac << n;
  } else {
    uExp = exp + (BIAS80 - 1023);
    uMant = TOP | frac;
  }
}

function unpack32(bits: u32): void {
  const exp = i32(bits >> 23) & 0xff;
  const frac = u64(bits & 0x7fffff) << 40;
  if (exp == 0) {
    const n = i32(clz(frac));
    uExp = BIAS80 - 126 - n;
    uMant = frac << n;
  } else {
    uExp = exp + (BIAS80 - 127);
    uMant = TOP | frac;
  }
}

@inline
function isNan64(a: u64): bool {
  return (a & MAG64) > INF64;
}

@inline
function isNan32(a: u32): bool {
  return (a & MAG32) > INF32;
}

/** A denormal operand with DAZ counts as zero of its sign. */
@inline
function daz64(a: u64): u64 {
  return fpDenormalsAreZero && !(a & INF64) ? a & TOP : a;
}

@inline
function daz32(a: u32): u32 {
  return fpDenormalsAreZero && !(a & INF32) ? a & 0x80000000 : a;
}

@inline
function noteDenormal64(a: u64): void {
  if ((a & INF64) == 0 && (a & MAG64) != 0) fpFlags |= FP_DE;
}

@inline
function noteDenormal32(a: u32): void {
  if ((a & INF32) == 0 && (a & MAG32) != 0) fpFlags |= FP_DE;
}

/** a op b for ADD SUB MUL DIV, or the square root of b. */
export function soft64(op: i32, a: u64, b: u64): u64 {
  if (op == OP_SQRT) return sqrt64(b);
  if (op >= OP_MIN) return minMax64(op, a, b);
  if (isNan64(a) || isNan64(b)) {
    if ((isNan64(a) && !(a & QUIET64)) || (isNan64(b) && !(b & QUIET64))) fpFlags |= FP_IE;
    return (isNan64(a) ? a : b) | QUIET64;
  }
  a = daz64(a);
  b = daz64(b);
  const ma = a & MAG64;
  const mb = b & MAG64;
  if (op <= OP_SUB) {
    if (op == OP_SUB) b ^= TOP;
    if (ma == INF64 || mb == INF64) {
      if (ma == mb && a != b) {
        fpFlags |= FP_IE;
        return NAN64;
      }
      noteDenormal64(a);
      noteDenormal64(b);
      return ma == INF64 ? a : b;
    }
    noteDenormal64(a);
    noteDenormal64(b);
    if (ma == 0 && mb == 0) return a == b ? a : fpRounding == 1 ? TOP : 0;
    if (ma == 0 || mb == 0) {
      const x = ma == 0 ? b : a;
      unpack64(x);
      return roundPack64(u32(x >> 63), uExp, uMant, 0);
    }
    unpack64(a);
    const ea = uExp;
    const fa = uMant;
    unpack64(b);
    addFinite(u32(a >> 63), ea, fa, u32(b >> 63), uExp, uMant);
    if (zHi == 0) return fpRounding == 1 ? TOP : 0;
    return roundPack64(zSign, zExp, zHi, zLo);
  }
  const sign = (a ^ b) & TOP;
  if (op == OP_MUL) {
    if (ma == INF64 || mb == INF64) {
      if (ma == 0 || mb == 0) {
        fpFlags |= FP_IE;
        return NAN64;
      }
      noteDenormal64(a);
      noteDenormal64(b);
      return sign | INF64;
    }
    noteDenormal64(a);
    noteDenormal64(b);
    if (ma == 0 || mb == 0) return sign;
  } else {
    if (ma == INF64 || mb == INF64) {
      if (ma == mb) {
        fpFlags |= FP_IE;
        return NAN64;
      }
      noteDenormal64(a);
      noteDenormal64(b);
      return ma == INF64 ? sign | INF64 : sign;
    }
    if (mb == 0) {
      if (ma == 0) {
        fpFlags |= FP_IE;
        return NAN64;
      }
      fpFlags |= FP_ZE;
      return sign | INF64;
    }
    noteDenormal64(a);
    noteDenormal64(b);
    if (ma == 0) return sign;
  }
  unpack64(a);
  const ea = uExp;
  const fa = uMant;
  unpack64(b);
  if (op == OP_MUL) mulFinite(u32(a >> 63), ea, fa, u32(b >> 63), uExp, uMant);
  else divFinite(u32(a >> 63), ea, fa, u32(b >> 63), uExp, uMant);
  return roundPack64(zSign, zExp, zHi, zLo);
}

function sqrt64(a: u64): u64 {
  if (isNan64(a)) {
    if (!(a & QUIET64)) fpFlags |= FP_IE;
    return a | QUIET64;
  }
  a = daz64(a);
  if ((a & MAG64) == 0) return a;
  if (a >> 63) {
    fpFlags |= FP_IE;
    return NAN64;
  }
  if (a == INF64) return a;
  noteDenormal64(a);
  unpack64(a);
  sqrtFinite(uExp, uMant);
  return roundPack64(zSign, zExp, zHi, zLo);
}

/** MIN and MAX return the second operand for NaNs, unquieted, and for two zeros (SDM 2, MINPD). */
function minMax64(op: i32, a: u64, b: u64): u64 {
  if (isNan64(a) || isNan64(b)) {
    fpFlags |= FP_IE;
    return daz64(b);
  }
  a = daz64(a);
  b = daz64(b);
  noteDenormal64(a);
  noteDenormal64(b);
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  return (op == OP_MIN ? x < y : x > y) ? a : b;
}

export function soft32(op: i32, a: u32, b: u32): u32 {
  if (op == OP_SQRT) return sqrt32(b);
  if (op >= OP_MIN) return minMax32(op, a, b);
  if (isNan32(a) || isNan32(b)) {
    if ((isNan32(a) && !(a & QUIET32)) || (isNan32(b) && !(b & QUIET32))) fpFlags |= FP_IE;
    return (isNan32(a) ? a : b) | QUIET32;
  }
  a = daz32(a);
  b = daz32(b);
  const ma = a & MAG32;
  const mb = b & MAG32;
  if (op <= OP_SUB) {
    if (op == OP_SUB) b ^= 0x80000000;
    if (ma == INF32 || mb == INF32) {
      if (ma == mb && a != b) {
        fpFlags |= FP_IE;
        return NAN32;
      }
      noteDenormal32(a);
      noteDenormal32(b);
      return ma == INF32 ? a : b;
    }
    noteDenormal32(a);
    noteDenormal32(b);
    if (ma == 0 && mb == 0) return a == b ? a : fpRounding == 1 ? 0x80000000 : 0;
    if (ma == 0 || mb == 0) {
      const x = ma == 0 ? b : a;
      unpack32(x);
      return roundPack32(x >> 31, uExp, uMant, 0);
    }
    unpack32(a);
    const ea = uExp;
    const fa = uMant;
    unpack32(b);
    addFinite(a >> 31, ea, fa, b >> 31, uExp, uMant);
    if (zHi == 0) return fpRounding == 1 ? 0x80000000 : 0;
    return roundPack32(zSign, zExp, zHi, zLo);
  }
  const sign = (a ^ b) & 0x80000000;
  if (op == OP_MUL) {
    if (ma == INF32 || mb == INF32) {
      if (ma == 0 || mb == 0) {
        fpFlags |= FP_IE;
        return NAN32;
      }
      noteDenormal32(a);
      noteDenormal32(b);
      return sign | INF32;
    }
    noteDenormal32(a);
    noteDenormal32(b);
    if (ma == 0 || mb == 0) return sign;
  } else {
    if (ma == INF32 || mb == INF32) {
      if (ma == mb) {
        fpFlags |= FP_IE;
        return NAN32;
      }
      noteDenormal32(a);
      noteDenormal32(b);
      return ma == INF32 ? sign | INF32 : sign;
    }
    if (mb == 0) {
      if (ma == 0) {
        fpFlags |= FP_IE;
        return NAN32;
      }
      fpFlags |= FP_ZE;
      return sign | INF32;
    }
    noteDenormal32(a);
    noteDenormal32(b);
    if (ma == 0) return sign;
  }
  unpack32(a);
  const ea = uExp;
  const fa = uMant;
  unpack32(b);
  if (op == OP_MUL) mulFinite(a >> 31, ea, fa, b >> 31, uExp, uMant);
  else divFinite(a >> 31, ea, fa, b >> 31, uExp, uMant);
  return roundPack32(zSign, zExp, zHi, zLo);
}

function sqrt32(a: u32): u32 {
  if (isNan32(a)) {
    if (!(a & QUIET32)) fpFlags |= FP_IE;
    return a | QUIET32;
  }
  a = daz32(a);
  if ((a & MAG32) == 0) return a;
  if (a >> 31) {
    fpFlags |= FP_IE;
    return NAN32;
  }
  if (a == INF32) return a;
  noteDenormal32(a);
  unpack32(a);
  sqrtFinite(uExp, uMant);
  return roundPack32(zSign, zExp, zHi, zLo);
}

function minMax32(op: i32, a: u32, b: u32): u32 {
  if (isNan32(a) || isNan32(b)) {
    fpFlags |= FP_IE;
    return daz32(b);
  }
  a = daz32(a);
  b = daz32(b);
  noteDenormal32(a);
  noteDenormal32(b);
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  return (op == OP_MIN ? x < y : x > y) ? a : b;
}

/** Bits of a comparison: 1 less, 2 equal, 4 greater, 8 unordered. */
export function compare64(a: u64, b: u64, signalQuiet: bool): i32 {
  if (isNan64(a) || isNan64(b)) {
    if (signalQuiet || (isNan64(a) && !(a & QUIET64)) || (isNan64(b) && !(b & QUIET64))) fpFlags |= FP_IE;
    return 8;
  }
  a = daz64(a);
  b = daz64(b);
  noteDenormal64(a);
  noteDenormal64(b);
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  return x < y ? 1 : x > y ? 4 : 2;
}

export function compare32(a: u32, b: u32, signalQuiet: bool): i32 {
  if (isNan32(a) || isNan32(b)) {
    if (signalQuiet || (isNan32(a) && !(a & QUIET32)) || (isNan32(b) && !(b & QUIET32))) fpFlags |= FP_IE;
    return 8;
  }
  a = daz32(a);
  b = daz32(b);
  noteDenormal32(a);
  noteDenormal32(b);
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  return x < y ? 1 : x > y ? 4 : 2;
}

/** CVTSS2SD. */
export function widen32(a: u32): u64 {
  const sign = u64(a >> 31) << 63;
  if (isNan32(a)) {
    if (!(a & QUIET32)) fpFlags |= FP_IE;
    return sign | NAN64 ^ TOP | (u64(a & 0x7fffff) << 29);
  }
  a = daz32(a);
  if ((a & MAG32) == INF32) return sign | INF64;
  noteDenormal32(a);
  return reinterpret<u64>(f64(reinterpret<f32>(a)));
}

/** CVTSD2SS. */
export function narrow64(a: u64): u32 {
  const sign = u32(a >> 63) << 31;
  if (isNan64(a)) {
    if (!(a & QUIET64)) fpFlags |= FP_IE;
    return sign | 0x7fc00000 | (u32(a >> 29) & 0x7fffff);
  }
  a = daz64(a);
  const m = a & MAG64;
  if (m == INF64) return sign | INF32;
  if (m == 0) return sign;
  noteDenormal64(a);
  unpack64(a);
  return roundPack32(sign >> 31, uExp, uMant, 0);
}

/** To a signed integer of 32 or 64 bits. Denormals raise no DE here, only PE (SDM 1 table E-…: CVT*2SI). */
export function toInteger64(a: u64, bits: i32, rounding: u32): u64 {
  if ((a & INF64) == INF64) {
    fpFlags |= FP_IE;
    return (<u64>1) << (bits - 1);
  }
  a = daz64(a);
  if ((a & MAG64) == 0) return 0;
  unpack64(a);
  return toInteger(u32(a >> 63), uExp, uMant, bits, rounding);
}

export function toInteger32(a: u32, bits: i32, rounding: u32): u64 {
  if ((a & INF32) == INF32) {
    fpFlags |= FP_IE;
    return (<u64>1) << (bits - 1);
  }
  a = daz32(a);
  if ((a & MAG32) == 0) return 0;
  unpack32(a);
  return toInteger(a >> 31, uExp, uMant, bits, rounding);
}

export function fromInteger64(n: i64): u64 {
  if (n == 0) return 0;
  const sign = u32(n < 0);
  const m = n < 0 ? 0 - u64(n) : u64(n);
  const shift = i32(clz(m));
  return roundPack64(sign, BIAS80 + 63 - shift, m << shift, 0);
}

export function fromInteger32(n: i64): u32 {
  if (n == 0) return 0;
  const sign = u32(n < 0);
  const m = n < 0 ? 0 - u64(n) : u64(n);
  const shift = i32(clz(m));
  return roundPack32(sign, BIAS80 + 63 - shift, m << shift, 0);
}

/** ROUNDSD: `rounding` 0..3; DE is never raised (SDM 2, ROUNDPD). */
export function integral64(a: u64, rounding: u32): u64 {
  if (isNan64(a)) {
    if (!(a & QUIET64)) fpFlags |= FP_IE;
    return a | QUIET64;
  }
  a = daz64(a);
  const sign = a & TOP;
  if ((a & MAG64) == 0 || (a & INF64) >= 0x4330000000000000) return a;
  unpack64(a);
  const saved = fpRounding;
  fpRounding = rounding;
  let n = integerPart(uExp, uMant);
  const rest = fractionRest;
  if (roundsAway(u32(a >> 63), (n & 1) != 0, rest)) n++;
  fpRounding = saved;
  if (rest != 0) fpFlags |= FP_PE;
  return sign | reinterpret<u64>(f64(n));
}

export function integral32(a: u32, rounding: u32): u32 {
  if (isNan32(a)) {
    if (!(a & QUIET32)) fpFlags |= FP_IE;
    return a | QUIET32;
  }
  a = daz32(a);
  const sign = a & 0x80000000;
  if ((a & MAG32) == 0 || (a & INF32) >= 0x4b000000) return a;
  unpack32(a);
  const saved = fpRounding;
  fpRounding = rounding;
  let n = integerPart(uExp, uMant);
  const rest = fractionRest;
  if (roundsAway(a >> 31, (n & 1) != 0, rest)) n++;
  fpRounding = saved;
  if (rest != 0) fpFlags |= FP_PE;
  return sign | reinterpret<u32>(f32(n));
}
