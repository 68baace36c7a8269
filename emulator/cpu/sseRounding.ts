/**
 * What is not one IEEE operation of SSE (SDM 1 §12, SDM 2): ROUNDxx, the dot products, and the approximations of
 * reciprocals.
 */
import { sseBegin, sseFinish } from './mxcsr';
import { fpFlags, fpRounding, FP_PE } from './softfloatCore';
import { integral32, integral64, OP_ADD, OP_MUL, soft32, soft64 } from './softfloatSse';
import { faulted } from './state';

/** Rounding of ROUNDxx's immediate: bit 2 = MXCSR's, bit 3 = no PE (SDM 2, ROUNDPD). */
@inline
function beginRound(control: u32): u32 {
  sseBegin();
  return control & 4 ? fpRounding : control & 3;
}

@inline
function finishRound(control: u32): void {
  if (control & 8) fpFlags &= ~FP_PE;
  sseFinish();
}

export function roundSd(a: u64, control: u32): u64 {
  const rounding = beginRound(control);
  const r = integral64(a, rounding);
  finishRound(control);
  return r;
}

export function roundSs(a: u32, control: u32): u32 {
  const rounding = beginRound(control);
  const r = integral32(a, rounding);
  finishRound(control);
  return r;
}

export function roundPd(a: v128, control: u32): v128 {
  const rounding = beginRound(control);
  const low = integral64(i64x2.extract_lane(a, 0), rounding);
  const high = integral64(i64x2.extract_lane(a, 1), rounding);
  finishRound(control);
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

export function roundPs(a: v128, control: u32): v128 {
  const rounding = beginRound(control);
  let r = i32x4.splat(integral32(i32x4.extract_lane(a, 0), rounding));
  r = i32x4.replace_lane(r, 1, integral32(i32x4.extract_lane(a, 1), rounding));
  r = i32x4.replace_lane(r, 2, integral32(i32x4.extract_lane(a, 2), rounding));
  r = i32x4.replace_lane(r, 3, integral32(i32x4.extract_lane(a, 3), rounding));
  finishRound(control);
  return r;
}

@inline
function dpProduct32(a: i32, b: i32, wanted: u32): u32 {
  return wanted ? soft32(OP_MUL, a, b) : 0;
}

/** DPPS: (p0+p1)+(p2+p3), each stage with its own exceptions, to the lanes of the low four bits of the immediate. */
export function dpPs(a: v128, b: v128, control: u32): v128 {
  sseBegin();
  const p0 = dpProduct32(i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0), control & 0x10);
  const p1 = dpProduct32(i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1), control & 0x20);
  const p2 = dpProduct32(i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2), control & 0x40);
  const p3 = dpProduct32(i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3), control & 0x80);
  sseFinish();
  if (faulted()) return a;
  const low = soft32(OP_ADD, p0, p1);
  const high = soft32(OP_ADD, p2, p3);
  sseFinish();
  if (faulted()) return a;
  const sum = soft32(OP_ADD, low, high);
  sseFinish();
  let r = i32x4.splat(0);
  if (control & 1) r = i32x4.replace_lane(r, 0, sum);
  if (control & 2) r = i32x4.replace_lane(r, 1, sum);
  if (control & 4) r = i32x4.replace_lane(r, 2, sum);
  if (control & 8) r = i32x4.replace_lane(r, 3, sum);
  return r;
}

export function dpPd(a: v128, b: v128, control: u32): v128 {
  sseBegin();
  const p0 = control & 0x10 ? soft64(OP_MUL, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0)) : 0;
  const p1 = control & 0x20 ? soft64(OP_MUL, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1)) : 0;
  sseFinish();
  if (faulted()) return a;
  const sum = soft64(OP_ADD, p0, p1);
  sseFinish();
  let r = i64x2.splat(0);
  if (control & 1) r = i64x2.replace_lane(r, 0, sum);
  if (control & 2) r = i64x2.replace_lane(r, 1, sum);
  return r;
}

/**
 * RCPSS: relative error below 1.5 × 2^-12 (SDM 2). The manual leaves the bits open and processors differ;
 * this is the reciprocal cut to 12 significant bits. No flags, denormals count as zero.
 */
export function rcpSs(a: u32): u32 {
  const sign = a & 0x80000000;
  const m = a & 0x7fffffff;
  if (m > 0x7f800000) return a | 0x400000;
  if (m < 0x00800000) return sign | 0x7f800000;
  const r = reinterpret<u32>(<f32>1.0 / reinterpret<f32>(m));
  if (r < 0x00800000) return sign;
  return sign | ((r + 0x400) & 0x7ffff800);
}

export function rsqrtSs(a: u32): u32 {
  const m = a & 0x7fffffff;
  if (m > 0x7f800000) return a | 0x400000;
  if (m < 0x00800000) return (a & 0x80000000) | 0x7f800000;
  if (a >> 31) return 0xffc00000;
  if (m == 0x7f800000) return 0;
  const r = reinterpret<u32>(f32(1.0 / Math.sqrt(f64(reinterpret<f32>(m)))));
  return (r + 0x400) & 0x7ffff800;
}

export function rcpPs(a: v128): v128 {
  let r = i32x4.splat(rcpSs(i32x4.extract_lane(a, 0)));
  r = i32x4.replace_lane(r, 1, rcpSs(i32x4.extract_lane(a, 1)));
  r = i32x4.replace_lane(r, 2, rcpSs(i32x4.extract_lane(a, 2)));
  return i32x4.replace_lane(r, 3, rcpSs(i32x4.extract_lane(a, 3)));
}

export function rsqrtPs(a: v128): v128 {
  let r = i32x4.splat(rsqrtSs(i32x4.extract_lane(a, 0)));
  r = i32x4.replace_lane(r, 1, rsqrtSs(i32x4.extract_lane(a, 1)));
  r = i32x4.replace_lane(r, 2, rsqrtSs(i32x4.extract_lane(a, 2)));
  return i32x4.replace_lane(r, 3, rsqrtSs(i32x4.extract_lane(a, 3)));
}
