/**
 * The x87's usual case: 64 bits of precision, rounding to nearest, all exceptions masked, normal operands and results. The
 * only flags are then PE and C1, which are set here; every function says whether it did the work. The rest is in
 * softfloat80.ts, with the same results.
 */
import { OFF_FPU_CONTROL, OFF_FPU_EMPTY, OFF_FPU_STATUS, OFF_FPU_TOP, OFF_X87 } from './layout';
import { CPU } from './state';

const LEADING: u64 = 0x8000000000000000;
const C1: u32 = 0x200;
const PE: u32 = 0x20;
/** From the bias of binary64 and binary32 to that of 80 bits. */
const REBIAS64: u32 = 16383 - 1023;
const REBIAS32: u32 = 16383 - 127;

/** PC = 11, RC = 00, six masks. */
@inline
function usualControl(): bool {
  return (load<u32>(CPU, OFF_FPU_CONTROL) & 0xf3f) == 0x33f;
}

/** Address of ST(i) minus OFF_X87. */
@inline
function at(i: u32): usize {
  return CPU + (((load<u32>(CPU, OFF_FPU_TOP) + i) & 7) << 4);
}

@inline
function isUsed(i: u32): bool {
  return !((load<u32>(CPU, OFF_FPU_EMPTY) >> ((load<u32>(CPU, OFF_FPU_TOP) + i) & 7)) & 1);
}

@inline
function seAt(p: usize): u32 {
  return <u32>load<u16>(p, OFF_X87 + 8);
}

@inline
function mantAt(p: usize): u64 {
  return load<u64>(p, OFF_X87);
}

@inline
function put(p: usize, se: u32, mant: u64): void {
  store<u64>(p, mant, OFF_X87);
  store<u16>(p, <u16>se, OFF_X87 + 8);
}

/** Normal number: leading bit set, exponent neither 0 nor all ones. */
@inline
function isNormal(se: u32, mant: u64): bool {
  return <i64>mant < 0 && ((se + 1) & 0x7fff) > 1;
}

@inline
function post(flags: u32): void {
  store<u32>(CPU, (load<u32>(CPU, OFF_FPU_STATUS) & ~C1) | flags, OFF_FPU_STATUS);
}

@inline
export function popOrdinary(): void {
  const t = load<u32>(CPU, OFF_FPU_TOP);
  store<u32>(CPU, load<u32>(CPU, OFF_FPU_EMPTY) | (1 << t), OFF_FPU_EMPTY);
  store<u32>(CPU, (t + 1) & 7, OFF_FPU_TOP);
}

/** Rounds hi:lo, whose leading bit is bit 127, and stores it. */
@inline
function roundTo(to: usize, sign: u32, exp: i32, hi: u64, lo: u64): bool {
  const up = lo > LEADING - (hi & 1);
  hi += <u64>up;
  if (hi == 0) {
    hi = LEADING;
    exp++;
  }
  if (<u32>(exp - 1) >= 0x7ffe) return false;
  put(to, sign | <u32>exp, hi);
  post(lo == 0 ? 0 : up ? PE | C1 : PE);
  return true;
}

@inline
function product(to: usize, aSe: u32, a: u64, bSe: u32, b: u64): bool {
  const aLo = a & 0xffffffff;
  const aHi = a >> 32;
  const bLo = b & 0xffffffff;
  const bHi = b >> 32;
  const low = aLo * bLo;
  const mid1 = aHi * bLo + (low >> 32);
  const mid2 = aLo * bHi + (mid1 & 0xffffffff);
  let hi = aHi * bHi + (mid1 >> 32) + (mid2 >> 32);
  let lo = (mid2 << 32) | (low & 0xffffffff);
  let exp = <i32>((aSe & 0x7fff) + (bSe & 0x7fff)) - 16382;
  if (<i64>hi >= 0) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
    exp--;
  }
  return roundTo(to, (aSe ^ bSe) & 0x8000, exp, hi, lo);
}

@inline
function sum(to: usize, aSe: u32, a: u64, bSe: u32, b: u64): bool {
  let d = <i32>(aSe & 0x7fff) - <i32>(bSe & 0x7fff);
  if (d < 0 || (d == 0 && a < b)) {
    const se = aSe;
    aSe = bSe;
    bSe = se;
    const mant = a;
    a = b;
    b = mant;
    d = -d;
  }
  if (d > 63) return false;
  const exp = <i32>(aSe & 0x7fff);
  const bHi = b >> d;
  const bLo = (b << (63 - d)) << 1;
  if ((aSe ^ bSe) & 0x8000) {
    let lo = 0 - bLo;
    let hi = a - bHi - <u64>(bLo != 0);
    if (hi == 0) return false;
    const n = clz(hi);
    hi = (hi << n) | ((lo >> 1) >> (63 - n));
    lo <<= n;
    return roundTo(to, aSe & 0x8000, exp - <i32>n, hi, lo);
  }
  const hi = a + bHi;
  if (hi >= a) return roundTo(to, aSe & 0x8000, exp, hi, bLo);
  return roundTo(to, aSe & 0x8000, exp + 1, (hi >> 1) | LEADING, (bLo >> 1) | (bLo & 1) | (hi << 63));
}

/** Stores `a op b` for op 0 ADD, 1 MUL, 4 SUB, 5 SUBR; the others are not done here. */
@inline
function compute(op: u32, to: usize, aSe: u32, a: u64, bSe: u32, b: u64): bool {
  if (!isNormal(aSe, a) || !isNormal(bSe, b)) return false;
  if (op == 1) return product(to, aSe, a, bSe, b);
  if (op == 0) return sum(to, aSe, a, bSe, b);
  if (op == 4) return sum(to, aSe, a, bSe ^ 0x8000, b);
  if (op == 5) return sum(to, aSe ^ 0x8000, a, bSe, b);
  return false;
}

/** ST(0) = ST(0) op m64. */
export function ordinaryM64(op: u32, bits: u64): bool {
  const exp = <u32>(bits >> 52) & 0x7ff;
  if (!usualControl() || !isUsed(0) || exp - 1 >= 0x7fe) return false;
  const p = at(0);
  return compute(op, p, seAt(p), mantAt(p), (<u32>(bits >> 48) & 0x8000) | (exp + REBIAS64), LEADING | (bits << 11));
}

/** ST(0) = ST(0) op m32. */
export function ordinaryM32(op: u32, bits: u32): bool {
  const exp = (bits >> 23) & 0xff;
  if (!usualControl() || !isUsed(0) || exp - 1 >= 0xfe) return false;
  const p = at(0);
  return compute(op, p, seAt(p), mantAt(p), ((bits >> 16) & 0x8000) | (exp + REBIAS32), LEADING | (<u64>bits << 40));
}

/** ST(destination) = ST(0) op ST(i); the caller pops. */
export function ordinaryRegister(op: u32, i: u32, destination: u32): bool {
  if (!usualControl() || !isUsed(0) || !isUsed(i)) return false;
  const p = at(0);
  const q = at(i);
  return compute(op, at(destination), seAt(p), mantAt(p), seAt(q), mantAt(q));
}

/** Pushes a number that raises nothing, unless the stack is full. */
@inline
export function pushOrdinary(se: u32, mant: u64): bool {
  const t = (load<u32>(CPU, OFF_FPU_TOP) - 1) & 7;
  const empty = load<u32>(CPU, OFF_FPU_EMPTY);
  if (!((empty >> t) & 1)) return false;
  put(CPU + (t << 4), se, mant);
  store<u32>(CPU, empty & ~(1 << t), OFF_FPU_EMPTY);
  store<u32>(CPU, t, OFF_FPU_TOP);
  post(0);
  return true;
}

/** FLD m64 and m32 of normal numbers and zeros. */
@inline
export function pushM64(bits: u64): bool {
  const exp = <u32>(bits >> 52) & 0x7ff;
  const sign = <u32>(bits >> 48) & 0x8000;
  if (exp - 1 < 0x7fe) return pushOrdinary(sign | (exp + REBIAS64), LEADING | (bits << 11));
  return bits << 1 == 0 && pushOrdinary(sign, 0);
}

@inline
export function pushM32(bits: u32): bool {
  const exp = (bits >> 23) & 0xff;
  const sign = (bits >> 16) & 0x8000;
  if (exp - 1 < 0xfe) return pushOrdinary(sign | (exp + REBIAS32), LEADING | (<u64>bits << 40));
  return bits << 1 == 0 && pushOrdinary(sign, 0);
}

/** FILD. */
@inline
export function pushInteger(value: i64): bool {
  if (value == 0) return pushOrdinary(0, 0);
  const sign: u32 = value < 0 ? 0x8000 : 0;
  const magnitude = value < 0 ? 0 - <u64>value : <u64>value;
  const shift = clz(magnitude);
  return pushOrdinary(sign | (16383 + 63 - <u32>shift), magnitude << shift);
}

/** FLD ST(i). */
@inline
export function pushRegister(i: u32): bool {
  const p = at(i);
  return isUsed(i) && pushOrdinary(seAt(p), mantAt(p));
}

/** FXCH. */
@inline
export function exchangeOrdinary(i: u32): bool {
  if (!isUsed(0) || !isUsed(i)) return false;
  const p = at(0);
  const q = at(i);
  const se = seAt(p);
  const mant = mantAt(p);
  put(p, seAt(q), mantAt(q));
  put(q, se, mant);
  post(0);
  return true;
}

/** FST, FSTP ST(i); the caller pops. */
@inline
export function copyOrdinary(i: u32): bool {
  if (!isUsed(0)) return false;
  const t = load<u32>(CPU, OFF_FPU_TOP);
  const p = at(0);
  put(at(i), seAt(p), mantAt(p));
  store<u32>(CPU, load<u32>(CPU, OFF_FPU_EMPTY) & ~(1 << ((t + i) & 7)), OFF_FPU_EMPTY);
  post(0);
  return true;
}

/** Status flags of the last narrowed64 or narrowed32. */
let narrowedFlags: u32 = 0;

@inline
export function postNarrowed(): void {
  post(narrowedFlags);
}

/** ST(0) rounded to binary64, or 0 if that is not the usual case. */
export function narrowed64(): u64 {
  const p = at(0);
  const se = seAt(p);
  const mant = mantAt(p);
  const exp = (se & 0x7fff) - REBIAS64;
  if (!usualControl() || !isUsed(0) || <i64>mant >= 0 || exp - 1 >= 0x7fd) return 0;
  const rest = mant & 0x7ff;
  const up = rest > 0x400 - ((mant >> 11) & 1);
  narrowedFlags = rest == 0 ? 0 : up ? PE | C1 : PE;
  // The leading bit adds one to the exponent, as a carry from rounding does.
  return (<u64>(se & 0x8000) << 48) | ((<u64>(exp - 1) << 52) + (mant >> 11) + <u64>up);
}

export function narrowed32(): u32 {
  const p = at(0);
  const se = seAt(p);
  const mant = mantAt(p);
  const exp = (se & 0x7fff) - REBIAS32;
  if (!usualControl() || !isUsed(0) || <i64>mant >= 0 || exp - 1 >= 0xfd) return 0;
  const rest = mant & 0xffffffffff;
  const up = rest > 0x8000000000 - ((mant >> 40) & 1);
  narrowedFlags = rest == 0 ? 0 : up ? PE | C1 : PE;
  return ((se & 0x8000) << 16) | (((exp - 1) << 23) + <u32>(mant >> 40) + <u32>up);
}
