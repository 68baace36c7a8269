/** SSE conversions (SDM 1 §4.8, §11.4.4; SDM 2 CVT*). Fast where no flag can change, else softfloatSse. */
import {
  mxcsr,
  plainMxcsr,
  sseBegin,
  sseFinish,
} from './mxcsr';
import {
  fpRounding,
} from './softfloatCore';
import {
  fromInteger32,
  fromInteger64,
  narrow64,
  toInteger32,
  toInteger64,
  widen32,
} from './softfloatSse';

/** PE set and masked: a lost fraction leaves no trace. */
@inline
function inexactIsSilent(): bool {
  return (mxcsr() & 0x1020) == 0x1020;
}

const TRUNCATE: u32 = 3;

/** CVTSI2SD from 32 bits is exact. */
export function cvtSi2Sd32(n: u32): u64 {
  return reinterpret<u64>(f64(i32(n)));
}

export function cvtSi2Sd64(n: u64): u64 {
  // Up to 53 bits it is exact.
  if (u64(i64(n) + 0x10000000000000) <= 0x20000000000000 || plainMxcsr()) {
    return reinterpret<u64>(f64(i64(n)));
  }
  sseBegin();
  const r = fromInteger64(i64(n));
  sseFinish();
  return r;
}

export function cvtSi2Ss32(n: u32): u32 {
  return cvtSi2Ss64(u64(i64(i32(n))));
}

export function cvtSi2Ss64(n: u64): u32 {
  if (u64(i64(n) + 0x800000) <= 0x1000000 || plainMxcsr()) return reinterpret<u32>(f32(i64(n)));
  sseBegin();
  const r = fromInteger32(i64(n));
  sseFinish();
  return r;
}

export function cvttSd2Si32(a: u64): u32 {
  const x = reinterpret<f64>(a);
  if (x > -2147483649.0 && x < 2147483648.0) {
    const n = i32(x);
    if (f64(n) == x || (inexactIsSilent() && !(mxcsr() & 0x40))) return n;
  }
  sseBegin();
  const r = u32(toInteger64(a, 32, TRUNCATE));
  sseFinish();
  return r;
}

export function cvttSd2Si64(a: u64): u64 {
  const x = reinterpret<f64>(a);
  if (x >= -9223372036854775808.0 && x < 9223372036854775808.0) {
    const n = i64(x);
    if (f64(n) == x || (inexactIsSilent() && !(mxcsr() & 0x40))) return n;
  }
  sseBegin();
  const r = toInteger64(a, 64, TRUNCATE);
  sseFinish();
  return r;
}

export function cvttSs2Si32(a: u32): u32 {
  const x = reinterpret<f32>(a);
  if (x >= -2147483648.0 && x < 2147483648.0) {
    const n = i32(x);
    if (f32(n) == x || (inexactIsSilent() && !(mxcsr() & 0x40))) return n;
  }
  sseBegin();
  const r = u32(toInteger32(a, 32, TRUNCATE));
  sseFinish();
  return r;
}

export function cvttSs2Si64(a: u32): u64 {
  const x = reinterpret<f32>(a);
  if (x >= -9223372036854775808.0 && x < 9223372036854775808.0) {
    const n = i64(x);
    if (f32(n) == x || (inexactIsSilent() && !(mxcsr() & 0x40))) return n;
  }
  sseBegin();
  const r = toInteger32(a, 64, TRUNCATE);
  sseFinish();
  return r;
}

export function cvtSd2Si32(a: u64): u32 {
  if (plainMxcsr()) {
    const x = nearest<f64>(reinterpret<f64>(a));
    if (x >= -2147483648.0 && x <= 2147483647.0) return i32(x);
  }
  sseBegin();
  const r = u32(toInteger64(a, 32, fpRounding));
  sseFinish();
  return r;
}

export function cvtSd2Si64(a: u64): u64 {
  if (plainMxcsr()) {
    const x = nearest<f64>(reinterpret<f64>(a));
    if (x >= -9223372036854775808.0 && x < 9223372036854775808.0) return i64(x);
  }
  sseBegin();
  const r = toInteger64(a, 64, fpRounding);
  sseFinish();
  return r;
}

export function cvtSs2Si32(a: u32): u32 {
  if (plainMxcsr()) {
    const x = nearest<f32>(reinterpret<f32>(a));
    if (x >= -2147483648.0 && x < 2147483648.0) return i32(x);
  }
  sseBegin();
  const r = u32(toInteger32(a, 32, fpRounding));
  sseFinish();
  return r;
}

export function cvtSs2Si64(a: u32): u64 {
  if (plainMxcsr()) {
    const x = nearest<f32>(reinterpret<f32>(a));
    if (x >= -9223372036854775808.0 && x < 9223372036854775808.0) return i64(x);
  }
  sseBegin();
  const r = toInteger32(a, 64, fpRounding);
  sseFinish();
  return r;
}

export function cvtSs2Sd(a: u32): u64 {
  const exp = (a >> 23) & 0xff;
  if (exp - 1 < 254 || a << 1 == 0) return reinterpret<u64>(f64(reinterpret<f32>(a)));
  sseBegin();
  const r = widen32(a);
  sseFinish();
  return r;
}

export function cvtSd2Ss(a: u64): u32 {
  if (plainMxcsr()) {
    const r = reinterpret<u32>(f32(reinterpret<f64>(a)));
    // Normal result well inside the range.
    if ((r << 1) - 0x02000000 < 0xfd000000 || a << 1 == 0) return r;
  }
  sseBegin();
  const r = narrow64(a);
  sseFinish();
  return r;
}

/** Two floats in the low half. */
export function cvtPs2Pd(a: u64): v128 {
  sseBegin();
  const low = widen32(u32(a));
  const high = widen32(u32(a >> 32));
  sseFinish();
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

export function cvtPd2Ps(a: v128): v128 {
  sseBegin();
  const low = narrow64(i64x2.extract_lane(a, 0));
  const high = narrow64(i64x2.extract_lane(a, 1));
  sseFinish();
  return i64x2.replace_lane(i64x2.splat(0), 0, u64(low) | (u64(high) << 32));
}

export function cvtDq2Ps(a: v128): v128 {
  if (plainMxcsr()) return f32x4.convert_i32x4_s(a);
  sseBegin();
  let r = i32x4.splat(fromInteger32(i32x4.extract_lane(a, 0)));
  r = i32x4.replace_lane(r, 1, fromInteger32(i32x4.extract_lane(a, 1)));
  r = i32x4.replace_lane(r, 2, fromInteger32(i32x4.extract_lane(a, 2)));
  r = i32x4.replace_lane(r, 3, fromInteger32(i32x4.extract_lane(a, 3)));
  sseFinish();
  return r;
}

function ps2Dq(a: v128, truncated: bool): v128 {
  sseBegin();
  const rounding = truncated ? TRUNCATE : fpRounding;
  let r = i32x4.splat(u32(toInteger32(i32x4.extract_lane(a, 0), 32, rounding)));
  r = i32x4.replace_lane(r, 1, u32(toInteger32(i32x4.extract_lane(a, 1), 32, rounding)));
  r = i32x4.replace_lane(r, 2, u32(toInteger32(i32x4.extract_lane(a, 2), 32, rounding)));
  r = i32x4.replace_lane(r, 3, u32(toInteger32(i32x4.extract_lane(a, 3), 32, rounding)));
  sseFinish();
  return r;
}

@inline
function inRangePs(x: v128): bool {
  return i32x4.all_true(v128.and(f32x4.ge(x, f32x4.splat(-2147483648.0)), f32x4.lt(x, f32x4.splat(2147483648.0))));
}

export function cvtPs2Dq(a: v128): v128 {
  if (plainMxcsr()) {
    const x = f32x4.nearest(a);
    if (inRangePs(x)) return i32x4.trunc_sat_f32x4_s(x);
  }
  return ps2Dq(a, false);
}

export function cvttPs2Dq(a: v128): v128 {
  if (plainMxcsr() && inRangePs(a)) return i32x4.trunc_sat_f32x4_s(a);
  return ps2Dq(a, true);
}

function pd2Dq(a: v128, truncated: bool): v128 {
  sseBegin();
  const rounding = truncated ? TRUNCATE : fpRounding;
  const low = toInteger64(i64x2.extract_lane(a, 0), 32, rounding);
  const high = toInteger64(i64x2.extract_lane(a, 1), 32, rounding);
  sseFinish();
  return i64x2.replace_lane(i64x2.splat(0), 0, low | (high << 32));
}

export function cvtPd2Dq(a: v128): v128 {
  return pd2Dq(a, false);
}

export function cvttPd2Dq(a: v128): v128 {
  return pd2Dq(a, true);
}

/** The MMX forms: 64-bit results. */
export function cvtPd2Pi(a: v128): u64 {
  return i64x2.extract_lane(pd2Dq(a, false), 0);
}

export function cvttPd2Pi(a: v128): u64 {
  return i64x2.extract_lane(pd2Dq(a, true), 0);
}

function ps2Pi(a: u64, truncated: bool): u64 {
  sseBegin();
  const rounding = truncated ? TRUNCATE : fpRounding;
  const low = toInteger32(u32(a), 32, rounding);
  const high = toInteger32(u32(a >> 32), 32, rounding);
  sseFinish();
  return low | (high << 32);
}

export function cvtPs2Pi(a: u64): u64 {
  return ps2Pi(a, false);
}

export function cvttPs2Pi(a: u64): u64 {
  return ps2Pi(a, true);
}

/** CVTPI2PS: the two floats. */
export function cvtPi2Ps(a: u64): u64 {
  sseBegin();
  const low = fromInteger32(i64(i32(a)));
  const high = fromInteger32(i64(a) >> 32);
  sseFinish();
  return u64(low) | (u64(high) << 32);
}
