/** SSE comparisons (SDM 2A CMPPD, COMISD): the host's where no operand is a NaN or denormal. */
import {
  sseBegin,
  sseFinish,
} from './mxcsr';
import {
  comparable32,
  comparable64,
  comparablePd,
  comparablePs,
} from './sseArithmetic';
import {
  compare32,
  compare64,
} from './softfloatSse';

/** Relations (1 less, 2 equal, 4 greater, 8 unordered) that each CMPxx predicate accepts. */
@inline
function predicateSet(predicate: u32): i32 {
  // EQ LT LE UNORD NEQ NLT NLE ORD
  return i32((0x7ced8312 >> ((predicate & 7) << 2)) & 15);
}

/** LT, LE, NLT, NLE say invalid for quiet NaNs too. */
@inline
function signals(predicate: u32): bool {
  return ((0x66 >> (predicate & 7)) & 1) != 0;
}

export function cmpSd(a: u64, b: u64, predicate: u32): u64 {
  let relation: i32;
  if (comparable64(a) && comparable64(b)) {
    const x = reinterpret<f64>(a);
    const y = reinterpret<f64>(b);
    relation = x < y ? 1 : x > y ? 4 : 2;
  } else {
    sseBegin();
    relation = compare64(a, b, signals(predicate));
    sseFinish();
  }
  return predicateSet(predicate) & relation ? ~(<u64>0) : 0;
}

export function cmpSs(a: u32, b: u32, predicate: u32): u32 {
  let relation: i32;
  if (comparable32(a) && comparable32(b)) {
    const x = reinterpret<f32>(a);
    const y = reinterpret<f32>(b);
    relation = x < y ? 1 : x > y ? 4 : 2;
  } else {
    sseBegin();
    relation = compare32(a, b, signals(predicate));
    sseFinish();
  }
  return predicateSet(predicate) & relation ? ~(<u32>0) : 0;
}

@inline
function cmpLane32(a: i32, b: i32, predicate: u32): i32 {
  return predicateSet(predicate) & compare32(a, b, signals(predicate)) ? -1 : 0;
}

export function cmpPs(a: v128, b: v128, predicate: u32): v128 {
  if (comparablePs(a) && comparablePs(b)) {
    let r: v128;
    switch (predicate & 3) {
      case 0:
        r = f32x4.eq(a, b);
        break;
      case 1:
        r = f32x4.lt(a, b);
        break;
      case 2:
        r = f32x4.le(a, b);
        break;
      default:
        r = i32x4.splat(0);
    }
    return predicate & 4 ? v128.not(r) : r;
  }
  sseBegin();
  let r = i32x4.splat(0);
  r = i32x4.replace_lane(r, 0, cmpLane32(i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0), predicate));
  r = i32x4.replace_lane(r, 1, cmpLane32(i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1), predicate));
  r = i32x4.replace_lane(r, 2, cmpLane32(i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2), predicate));
  r = i32x4.replace_lane(r, 3, cmpLane32(i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3), predicate));
  sseFinish();
  return r;
}

export function cmpPd(a: v128, b: v128, predicate: u32): v128 {
  if (comparablePd(a) && comparablePd(b)) {
    let r: v128;
    switch (predicate & 3) {
      case 0:
        r = f64x2.eq(a, b);
        break;
      case 1:
        r = f64x2.lt(a, b);
        break;
      case 2:
        r = f64x2.le(a, b);
        break;
      default:
        r = i32x4.splat(0);
    }
    return predicate & 4 ? v128.not(r) : r;
  }
  sseBegin();
  const set = predicateSet(predicate);
  const signal = signals(predicate);
  const low: i64 = set & compare64(i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0), signal) ? -1 : 0;
  const high: i64 = set & compare64(i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1), signal) ? -1 : 0;
  sseFinish();
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

/** COMISD, UCOMISD: ZF PF CF in their RFLAGS positions. */
export function comiSd(a: u64, b: u64, signalQuiet: u32): u32 {
  if (comparable64(a) && comparable64(b)) {
    const x = reinterpret<f64>(a);
    const y = reinterpret<f64>(b);
    return x > y ? 0 : x < y ? 1 : 0x40;
  }
  sseBegin();
  const relation = compare64(a, b, signalQuiet != 0);
  sseFinish();
  return relation == 8 ? 0x45 : relation == 4 ? 0 : relation == 1 ? 1 : 0x40;
}

export function comiSs(a: u32, b: u32, signalQuiet: u32): u32 {
  if (comparable32(a) && comparable32(b)) {
    const x = reinterpret<f32>(a);
    const y = reinterpret<f32>(b);
    return x > y ? 0 : x < y ? 1 : 0x40;
  }
  sseBegin();
  const relation = compare32(a, b, signalQuiet != 0);
  sseFinish();
  return relation == 8 ? 0x45 : relation == 4 ? 0 : relation == 1 ? 1 : 0x40;
}
