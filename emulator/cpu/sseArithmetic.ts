/**
 * SSE floating-point arithmetic (SDM 1 §11). Every operation first tries the host's: when MXCSR is plain
 * (see mxcsr.ts) and operands and result are ordinary, the result is identical and no flag can arise.
 */
import { mxcsr, plainMxcsr, sseBegin, sseFinish } from './mxcsr';
import { OP_ADD, OP_DIV, OP_MAX, OP_MIN, OP_MUL, OP_SQRT, OP_SUB, soft32, soft64 } from './softfloatSse';

/** Zero, normal, infinite or NaN: anything but denormal. */
@inline
function notDenormal64(x: u64): bool {
  return (x << 1) - 1 >= 0x001fffffffffffff;
}

@inline
function notDenormal32(x: u32): bool {
  return (x << 1) - 1 >= 0x00ffffff;
}

/** Finite and above the smallest normal binade, where rounding could have come from below it. */
@inline
function safeResult64(r: u64): bool {
  return (r << 1) - 0x0040000000000000 < 0xffa0000000000000;
}

@inline
function safeResult32(r: u32): bool {
  return (r << 1) - 0x02000000 < 0xfd000000;
}

/** Neither NaN nor denormal. */
@inline
export function comparable64(x: u64): bool {
  return notDenormal64(x) && (x << 1) <= 0xffe0000000000000;
}

@inline
export function comparable32(x: u32): bool {
  return notDenormal32(x) && (x << 1) <= 0xff000000;
}

@inline
function notDenormalPs(x: v128): v128 {
  return i32x4.ge_u(
    i32x4.sub(i32x4.shl(x, 1), i32x4.splat(1)),
    i32x4.splat(0x00ffffff),
  );
}

@inline
function exponentPs(x: v128): v128 {
  return i32x4.shr_u(i32x4.shl(x, 1), 24);
}

@inline
function notDenormalPd(x: v128): v128 {
  // 64-bit lanes have only signed comparison: exponent ≠ 0, or value = 0.
  const magnitude = i64x2.shl(x, 1);
  return v128.or(
    i64x2.gt_s(i64x2.shr_u(magnitude, 53), i64x2.splat(0)),
    i64x2.eq(magnitude, i64x2.splat(0)),
  );
}

/** Lanes that are safe results, or zero where `zero` lanes allow it. */
@inline
function safePs(r: v128, a: v128, b: v128, zero: v128): bool {
  const e = exponentPs(r);
  const normal = i32x4.lt_u(i32x4.sub(e, i32x4.splat(2)), i32x4.splat(253));
  const exact = v128.and(i32x4.eq(i32x4.shl(r, 1), i32x4.splat(0)), zero);
  return i32x4.all_true(
    v128.and(v128.and(notDenormalPs(a), notDenormalPs(b)), v128.or(normal, exact)),
  );
}

@inline
function safePd(r: v128, a: v128, b: v128, zero: v128): bool {
  const magnitude = i64x2.shl(r, 1);
  const e = i64x2.shr_u(magnitude, 53);
  const normal = v128.and(i64x2.gt_s(e, i64x2.splat(1)), i64x2.lt_s(e, i64x2.splat(0x7ff)));
  const exact = v128.and(i64x2.eq(magnitude, i64x2.splat(0)), zero);
  return i64x2.all_true(
    v128.and(v128.and(notDenormalPd(a), notDenormalPd(b)), v128.or(normal, exact)),
  );
}

@inline
function zeroPs(a: v128): v128 {
  return i32x4.eq(i32x4.shl(a, 1), i32x4.splat(0));
}

@inline
function zeroPd(a: v128): v128 {
  return i64x2.eq(i64x2.shl(a, 1), i64x2.splat(0));
}

/** Plain; plain but for PE, so that inexact results must be told from exact ones; anything else. */
const MXCSR_PLAIN = 0;
const MXCSR_EXACT = 1;
const MXCSR_OTHER = 2;

@inline
function mxcsrKind(): i32 {
  const m = mxcsr();
  if ((m & 0xffc0) != 0x1f80) return MXCSR_OTHER;
  return m & 0x20 ? MXCSR_PLAIN : MXCSR_EXACT;
}

/** Whether r = a + b without rounding (Knuth's two-sum; TAOCP 2 §4.2.2). May say no at the edges. */
function exactSum64(a: u64, b: u64, r: u64): bool {
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  const s = reinterpret<f64>(r);
  const t = s - x;
  return x - (s - t) + (y - t) == 0.0;
}

function exactSum32(a: u32, b: u32, r: u32): bool {
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  const s = reinterpret<f32>(r);
  const t: f32 = s - x;
  const left: f32 = x - (s - t);
  return left + (y - t) == 0.0;
}

/** Bits from the leading to the last one of a normal number's significand. */
@inline
function significantBits64(x: u64): i32 {
  return 53 - i32(ctz(x | 0x0010000000000000));
}

/** Whether a · b = r without rounding, if that is easily seen: both together have no more bits than a result. */
function exactProduct64(a: u64, b: u64, r: u64): bool {
  if (significantBits64(a) + significantBits64(b) > 53) return false;
  return reinterpret<f64>(a) * reinterpret<f64>(b) == reinterpret<f64>(r);
}

/** Products of 24-bit significands are exact in 53 bits. */
function exactProduct32(a: u32, b: u32, r: u32): bool {
  return f64(reinterpret<f32>(a)) * f64(reinterpret<f32>(b)) == f64(reinterpret<f32>(r));
}

function exactSumPs(a: v128, b: v128, r: v128): bool {
  const t = f32x4.sub(r, a);
  const rest = f32x4.add(f32x4.sub(a, f32x4.sub(r, t)), f32x4.sub(b, t));
  return i32x4.all_true(f32x4.eq(rest, f32x4.splat(0)));
}

function exactSumPd(a: v128, b: v128, r: v128): bool {
  const t = f64x2.sub(r, a);
  const rest = f64x2.add(f64x2.sub(a, f64x2.sub(r, t)), f64x2.sub(b, t));
  return i64x2.all_true(f64x2.eq(rest, f64x2.splat(0)));
}

function exactProductPs(a: v128, b: v128, r: v128): bool {
  const low = f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
  const highA = i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  const highB = i8x16.shuffle(b, b, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  const highR = i8x16.shuffle(r, r, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  const high = f64x2.mul(f64x2.promote_low_f32x4(highA), f64x2.promote_low_f32x4(highB));
  return i64x2.all_true(
    v128.and(
      f64x2.eq(low, f64x2.promote_low_f32x4(r)),
      f64x2.eq(high, f64x2.promote_low_f32x4(highR)),
    ),
  );
}

function exactProductPd(a: v128, b: v128, r: v128): bool {
  return (
    exactProduct64(i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0), i64x2.extract_lane(r, 0)) &&
    exactProduct64(i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1), i64x2.extract_lane(r, 1))
  );
}

function slow64(op: i32, a: u64, b: u64): u64 {
  sseBegin();
  const r = soft64(op, a, b);
  sseFinish();
  return r;
}

function slow32(op: i32, a: u32, b: u32): u32 {
  sseBegin();
  const r = soft32(op, a, b);
  sseFinish();
  return r;
}

function lanes32(op: i32, a: v128, b: v128): v128 {
  let r = i32x4.splat(0);
  r = i32x4.replace_lane(r, 0, soft32(op, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  r = i32x4.replace_lane(r, 1, soft32(op, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  r = i32x4.replace_lane(r, 2, soft32(op, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  return i32x4.replace_lane(r, 3, soft32(op, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
}

function lanes64(op: i32, a: v128, b: v128): v128 {
  const r = i64x2.splat(soft64(op, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0)));
  return i64x2.replace_lane(r, 1, soft64(op, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1)));
}

function slowPs(op: i32, a: v128, b: v128): v128 {
  sseBegin();
  const r = lanes32(op, a, b);
  sseFinish();
  return r;
}

function slowPd(op: i32, a: v128, b: v128): v128 {
  sseBegin();
  const r = lanes64(op, a, b);
  sseFinish();
  return r;
}

export function addSd(a: u64, b: u64): u64 {
  const r = reinterpret<u64>(reinterpret<f64>(a) + reinterpret<f64>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal64(a) && notDenormal64(b) && (safeResult64(r) || r << 1 == 0)) {
    if (kind == MXCSR_PLAIN || exactSum64(a, b, r)) return r;
  }
  return slow64(OP_ADD, a, b);
}

export function subSd(a: u64, b: u64): u64 {
  const r = reinterpret<u64>(reinterpret<f64>(a) - reinterpret<f64>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal64(a) && notDenormal64(b) && (safeResult64(r) || r << 1 == 0)) {
    if (kind == MXCSR_PLAIN || exactSum64(a, b ^ 0x8000000000000000, r)) return r;
  }
  return slow64(OP_SUB, a, b);
}

export function mulSd(a: u64, b: u64): u64 {
  const r = reinterpret<u64>(reinterpret<f64>(a) * reinterpret<f64>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal64(a) && notDenormal64(b)) {
    if (safeResult64(r) && (kind == MXCSR_PLAIN || exactProduct64(a, b, r))) return r;
    if (r << 1 == 0 && (a << 1 == 0 || b << 1 == 0)) return r;
  }
  return slow64(OP_MUL, a, b);
}

export function divSd(a: u64, b: u64): u64 {
  const r = reinterpret<u64>(reinterpret<f64>(a) / reinterpret<f64>(b));
  // An infinite divisor gives 0, a zero one infinity or NaN: neither is safe.
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal64(a) && notDenormal64(b) && safeResult64(r)) {
    if (kind == MXCSR_PLAIN || exactProduct64(r, b, a)) return r;
  }
  return slow64(OP_DIV, a, b);
}

export function sqrtSd(b: u64): u64 {
  const r = reinterpret<u64>(Math.sqrt(reinterpret<f64>(b)));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal64(b) && safeResult64(r)) {
    if (kind == MXCSR_PLAIN || exactProduct64(r, r, b)) return r;
  }
  return slow64(OP_SQRT, 0, b);
}

export function minSd(a: u64, b: u64): u64 {
  if (comparable64(a) && comparable64(b)) return reinterpret<f64>(a) < reinterpret<f64>(b) ? a : b;
  return slow64(OP_MIN, a, b);
}

export function maxSd(a: u64, b: u64): u64 {
  if (comparable64(a) && comparable64(b)) return reinterpret<f64>(a) > reinterpret<f64>(b) ? a : b;
  return slow64(OP_MAX, a, b);
}

export function addSs(a: u32, b: u32): u32 {
  const r = reinterpret<u32>(reinterpret<f32>(a) + reinterpret<f32>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal32(a) && notDenormal32(b) && (safeResult32(r) || r << 1 == 0)) {
    if (kind == MXCSR_PLAIN || exactSum32(a, b, r)) return r;
  }
  return slow32(OP_ADD, a, b);
}

export function subSs(a: u32, b: u32): u32 {
  const r = reinterpret<u32>(reinterpret<f32>(a) - reinterpret<f32>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal32(a) && notDenormal32(b) && (safeResult32(r) || r << 1 == 0)) {
    if (kind == MXCSR_PLAIN || exactSum32(a, b ^ 0x80000000, r)) return r;
  }
  return slow32(OP_SUB, a, b);
}

export function mulSs(a: u32, b: u32): u32 {
  const r = reinterpret<u32>(reinterpret<f32>(a) * reinterpret<f32>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal32(a) && notDenormal32(b)) {
    if (safeResult32(r) && (kind == MXCSR_PLAIN || exactProduct32(a, b, r))) return r;
    if (r << 1 == 0 && (a << 1 == 0 || b << 1 == 0)) return r;
  }
  return slow32(OP_MUL, a, b);
}

export function divSs(a: u32, b: u32): u32 {
  const r = reinterpret<u32>(reinterpret<f32>(a) / reinterpret<f32>(b));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal32(a) && notDenormal32(b) && safeResult32(r)) {
    if (kind == MXCSR_PLAIN || exactProduct32(r, b, a)) return r;
  }
  return slow32(OP_DIV, a, b);
}

export function sqrtSs(b: u32): u32 {
  const r = reinterpret<u32>(Mathf.sqrt(reinterpret<f32>(b)));
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && notDenormal32(b) && safeResult32(r)) {
    if (kind == MXCSR_PLAIN || exactProduct32(r, r, b)) return r;
  }
  return slow32(OP_SQRT, 0, b);
}

export function minSs(a: u32, b: u32): u32 {
  if (comparable32(a) && comparable32(b)) return reinterpret<f32>(a) < reinterpret<f32>(b) ? a : b;
  return slow32(OP_MIN, a, b);
}

export function maxSs(a: u32, b: u32): u32 {
  if (comparable32(a) && comparable32(b)) return reinterpret<f32>(a) > reinterpret<f32>(b) ? a : b;
  return slow32(OP_MAX, a, b);
}

export function addPs(a: v128, b: v128): v128 {
  const r = f32x4.add(a, b);
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && safePs(r, a, b, i32x4.splat(-1))) {
    if (kind == MXCSR_PLAIN || exactSumPs(a, b, r)) return r;
  }
  return slowPs(OP_ADD, a, b);
}

export function subPs(a: v128, b: v128): v128 {
  const r = f32x4.sub(a, b);
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && safePs(r, a, b, i32x4.splat(-1))) {
    if (kind == MXCSR_PLAIN || exactSumPs(a, f32x4.neg(b), r)) return r;
  }
  return slowPs(OP_SUB, a, b);
}

export function mulPs(a: v128, b: v128): v128 {
  const r = f32x4.mul(a, b);
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && safePs(r, a, b, v128.or(zeroPs(a), zeroPs(b)))) {
    if (kind == MXCSR_PLAIN || exactProductPs(a, b, r)) return r;
  }
  return slowPs(OP_MUL, a, b);
}

export function divPs(a: v128, b: v128): v128 {
  const r = f32x4.div(a, b);
  if (plainMxcsr() && safePs(r, a, b, i32x4.splat(0))) return r;
  return slowPs(OP_DIV, a, b);
}

export function sqrtPs(b: v128): v128 {
  const r = f32x4.sqrt(b);
  if (plainMxcsr() && safePs(r, b, b, i32x4.splat(0))) return r;
  return slowPs(OP_SQRT, b, b);
}

export function minPs(a: v128, b: v128): v128 {
  if (comparablePs(a) && comparablePs(b)) return v128.bitselect(a, b, f32x4.lt(a, b));
  return slowPs(OP_MIN, a, b);
}

export function maxPs(a: v128, b: v128): v128 {
  if (comparablePs(a) && comparablePs(b)) return v128.bitselect(a, b, f32x4.gt(a, b));
  return slowPs(OP_MAX, a, b);
}

export function addPd(a: v128, b: v128): v128 {
  const r = f64x2.add(a, b);
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && safePd(r, a, b, i64x2.splat(-1))) {
    if (kind == MXCSR_PLAIN || exactSumPd(a, b, r)) return r;
  }
  return slowPd(OP_ADD, a, b);
}

export function subPd(a: v128, b: v128): v128 {
  const r = f64x2.sub(a, b);
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && safePd(r, a, b, i64x2.splat(-1))) {
    if (kind == MXCSR_PLAIN || exactSumPd(a, f64x2.neg(b), r)) return r;
  }
  return slowPd(OP_SUB, a, b);
}

export function mulPd(a: v128, b: v128): v128 {
  const r = f64x2.mul(a, b);
  const kind = mxcsrKind();
  if (kind != MXCSR_OTHER && safePd(r, a, b, v128.or(zeroPd(a), zeroPd(b)))) {
    if (kind == MXCSR_PLAIN || exactProductPd(a, b, r)) return r;
  }
  return slowPd(OP_MUL, a, b);
}

export function divPd(a: v128, b: v128): v128 {
  const r = f64x2.div(a, b);
  if (plainMxcsr() && safePd(r, a, b, i64x2.splat(0))) return r;
  return slowPd(OP_DIV, a, b);
}

export function sqrtPd(b: v128): v128 {
  const r = f64x2.sqrt(b);
  if (plainMxcsr() && safePd(r, b, b, i64x2.splat(0))) return r;
  return slowPd(OP_SQRT, b, b);
}

export function minPd(a: v128, b: v128): v128 {
  if (comparablePd(a) && comparablePd(b)) return v128.bitselect(a, b, f64x2.lt(a, b));
  return slowPd(OP_MIN, a, b);
}

export function maxPd(a: v128, b: v128): v128 {
  if (comparablePd(a) && comparablePd(b)) return v128.bitselect(a, b, f64x2.gt(a, b));
  return slowPd(OP_MAX, a, b);
}

@inline
export function comparablePs(a: v128): bool {
  return i32x4.all_true(v128.and(notDenormalPs(a), f32x4.eq(a, a)));
}

@inline
export function comparablePd(a: v128): bool {
  return i64x2.all_true(v128.and(notDenormalPd(a), f64x2.eq(a, a)));
}

/** ADDSUBPS and ADDSUBPD: even lanes subtract, odd ones add. */
export function addSubPs(a: v128, b: v128): v128 {
  sseBegin();
  let r = i32x4.splat(0);
  r = i32x4.replace_lane(r, 0, soft32(OP_SUB, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)));
  r = i32x4.replace_lane(r, 1, soft32(OP_ADD, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)));
  r = i32x4.replace_lane(r, 2, soft32(OP_SUB, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)));
  r = i32x4.replace_lane(r, 3, soft32(OP_ADD, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)));
  sseFinish();
  return r;
}

export function addSubPd(a: v128, b: v128): v128 {
  sseBegin();
  let r = i64x2.splat(soft64(OP_SUB, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0)));
  r = i64x2.replace_lane(r, 1, soft64(OP_ADD, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1)));
  sseFinish();
  return r;
}
