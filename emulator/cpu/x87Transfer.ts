/** x87 loads, stores, exchanges and constants (SDM 2A FLD … FXCH). Stores probe the memory before anything changes. */
import {
  probeWrite,
  writeU16,
  writeU32,
  writeU64,
} from './memory';
import {
  bcdHigh,
  fromBinary32,
  fromBinary64,
  fromDecimal80,
  fromSigned80,
  isDenormal32,
  isDenormal64,
  isSignaling80,
  toBinary32,
  toBinary64,
  toDecimal80,
  toSigned80,
} from './softfloat80';
import {
  fpFlags,
  fpRounding,
  FP_C1,
  FP_DE,
  FP_IE,
  FP_OE,
  FP_PE,
  FP_UE,
  result80,
  rMant,
  rSe,
} from './softfloatCore';
import {
  faulted,
} from './state';
import {
  begin,
  controlWord,
  emptyBits,
  finish,
  FSW_C1,
  full,
  isEmpty,
  overflow,
  pop,
  push,
  setEmptyBits,
  setSt,
  setStatusBits,
  statusBits,
  stMant,
  stSe,
  top,
  underflow,
} from './x87';
import {
  copyOrdinary,
  exchangeOrdinary,
  narrowed32,
  narrowed64,
  popOrdinary,
  postNarrowed,
  pushInteger,
  pushM32,
  pushM64,
  pushRegister,
} from './x87Ordinary';

const QUIET: u64 = 0x4000000000000000;

/** Pushes rSe:rMant, with the flags so far, unless the stack is full. */
function pushResult(): void {
  if (full() ? overflow() : finish()) push();
}

/** FLD of a float: a denormal is loaded even if its exception is unmasked. */
function pushLoaded(): void {
  if (full() ? overflow() : finish() || !(fpFlags & FP_IE)) push();
}

/** A signalling NaN from memory is quieted with IE. */
function quieten(denormal: bool): void {
  if (isSignaling80(rSe, rMant)) {
    fpFlags |= FP_IE;
    result80(rSe, rMant | QUIET);
  }
  if (denormal) fpFlags |= FP_DE;
}

export function fldM32(bits: u32): void {
  if (pushM32(bits)) return;
  begin();
  if (!full()) {
    fromBinary32(bits);
    quieten(isDenormal32(bits));
  }
  pushLoaded();
}

export function fldM64(bits: u64): void {
  if (pushM64(bits)) return;
  begin();
  if (!full()) {
    fromBinary64(bits);
    quieten(isDenormal64(bits));
  }
  pushLoaded();
}

export function fldM80(mant: u64, se: u32): void {
  begin();
  result80(se, mant);
  pushResult();
}

/** FILD: sign-extended to 64 bits. */
export function fild(value: u64): void {
  if (pushInteger(<i64>value)) return;
  begin();
  fromSigned80(i64(value));
  pushResult();
}

export function fbld(low: u64, high: u32): void {
  begin();
  fromDecimal80(low, high);
  pushResult();
}

export function fldSt(i: u32): void {
  if (pushRegister(i)) return;
  begin();
  if (isEmpty(i)) {
    if (underflow()) push();
    return;
  }
  if (full()) {
    if (overflow()) push();
    return;
  }
  result80(stSe(i), stMant(i));
  finish();
  push();
}

/** 0 FLD1, 1 FLDL2T, 2 FLDL2E, 3 FLDPI, 4 FLDLG2, 5 FLDLN2, 6 FLDZ; the last place follows rounding control. */
export function fldConstant(which: u32): void {
  begin();
  const nearest = fpRounding == 0;
  const up = fpRounding == 2;
  switch (which) {
    case 0:
      result80(0x3fff, 0x8000000000000000);
      break;
    case 1:
      result80(0x4000, 0xd49a784bcd1b8afe + u64(up));
      break;
    case 2:
      result80(0x3fff, 0xb8aa3b295c17f0bb + u64(nearest || up));
      break;
    case 3:
      result80(0x4000, 0xc90fdaa22168c234 + u64(nearest || up));
      break;
    case 4:
      result80(0x3ffd, 0x9a209a84fbcff798 + u64(nearest || up));
      break;
    case 5:
      result80(0x3ffe, 0xb17217f7d1cf79ab + u64(nearest || up));
      break;
    default:
      result80(0, 0);
  }
  pushResult();
}

/** FST, FSTP to a register. */
export function fstSt(i: u32, pops: u32): void {
  if (copyOrdinary(i)) {
    if (pops) popOrdinary();
    return;
  }
  begin();
  let write = true;
  if (isEmpty(0)) write = underflow();
  else {
    result80(stSe(0), stMant(0));
    finish();
  }
  if (write) {
    setSt(i, rSe, rMant);
    if (pops) pop();
  }
}

/** FSTPNCE (D9 D8+i, undocumented): an empty ST(0) is no exception, nothing is copied then. */
export function fstpNoCheck(i: u32): void {
  setStatusBits(statusBits() & ~FSW_C1);
  if (!isEmpty(0)) setSt(i, stSe(0), stMant(0));
  pop();
}

export function fxch(i: u32): void {
  if (exchangeOrdinary(i)) return;
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    if (!underflow()) return;
    const e0 = isEmpty(0);
    const ei = isEmpty(i);
    const se0 = e0 ? rSe : stSe(0);
    const m0 = e0 ? rMant : stMant(0);
    const sei = ei ? rSe : stSe(i);
    const mi = ei ? rMant : stMant(i);
    setSt(0, sei, mi);
    setSt(i, se0, m0);
    return;
  }
  const se = stSe(0);
  const mant = stMant(0);
  finish();
  setSt(0, stSe(i), stMant(i));
  setSt(i, se, mant);
}

/** FCMOVcc; C1 changes only with an underflow. */
export function fcmov(i: u32, condition: u32): void {
  begin();
  if (isEmpty(0) || isEmpty(i)) {
    if (underflow()) setSt(0, rSe, rMant);
    return;
  }
  if (condition) setSt(0, stSe(i), stMant(i));
}

export function ffree(i: u32, pops: u32): void {
  setStatusBits(statusBits() & ~FSW_C1);
  setEmptyBits(emptyBits() | (1 << ((top() + i) & 7)));
  if (pops) pop();
}

/** Whether exceptions let a store to memory happen: unmasked overflow and underflow forbid it too. */
function finishStore(): bool {
  const forbidden = fpFlags & ~controlWord() & (FP_OE | FP_UE);
  if (forbidden) fpFlags &= ~(FP_PE | FP_C1);
  return finish() && !forbidden;
}

export function fstM32(linear: u64, pops: u32): void {
  const ordinary = narrowed32();
  if (ordinary) {
    writeU32(linear, <u64>ordinary);
    if (faulted()) return;
    postNarrowed();
    if (pops) popOrdinary();
    return;
  }
  probeWrite(linear, 4);
  if (faulted()) return;
  begin();
  let bits: u32 = 0xffc00000;
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    bits = toBinary32(stSe(0), stMant(0));
    write = finishStore();
  }
  if (!write) return;
  writeU32(linear, u64(bits));
  if (pops) pop();
}

export function fstM64(linear: u64, pops: u32): void {
  const ordinary = narrowed64();
  if (ordinary) {
    writeU64(linear, ordinary);
    if (faulted()) return;
    postNarrowed();
    if (pops) popOrdinary();
    return;
  }
  probeWrite(linear, 8);
  if (faulted()) return;
  begin();
  let bits: u64 = 0xfff8000000000000;
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    bits = toBinary64(stSe(0), stMant(0));
    write = finishStore();
  }
  if (!write) return;
  writeU64(linear, bits);
  if (pops) pop();
}

export function fstpM80(linear: u64): void {
  probeWrite(linear, 10);
  if (faulted()) return;
  begin();
  let write = true;
  if (isEmpty(0)) write = underflow();
  else {
    result80(stSe(0), stMant(0));
    finish();
  }
  if (!write) return;
  writeU64(linear, rMant);
  writeU16(linear + 8, u64(rSe));
  pop();
}

/** FIST, FISTP, FISTTP of `bytes` 2, 4, 8. */
export function fist(linear: u64, bytes: u32, truncate: u32, pops: u32): void {
  probeWrite(linear, bytes);
  if (faulted()) return;
  begin();
  const bits = i32(bytes << 3);
  let value: u64 = (<u64>1) << (bits - 1);
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    value = toSigned80(stSe(0), stMant(0), bits, truncate ? 3 : fpRounding);
    write = finish();
  }
  if (!write) return;
  if (bytes == 2) writeU16(linear, value);
  else if (bytes == 4) writeU32(linear, value);
  else writeU64(linear, value);
  if (pops) pop();
}

export function fbstp(linear: u64): void {
  probeWrite(linear, 10);
  if (faulted()) return;
  begin();
  let low: u64 = 0xc000000000000000;
  let high: u32 = 0xffff;
  let write: bool;
  if (isEmpty(0)) write = underflow();
  else {
    low = toDecimal80(stSe(0), stMant(0));
    high = bcdHigh;
    write = finish();
  }
  if (!write) return;
  writeU64(linear, low);
  writeU16(linear + 8, u64(high));
  pop();
}
