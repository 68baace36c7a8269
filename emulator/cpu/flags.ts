/**
 * Status flags, kept lazily (SDM 1 §3.4.3.1) in two words, so that every condition is a few shifts and
 * no rule has to be dispatched on:
 *
 * - FLAG_RESULT: the last result, sign-extended to 64 bits: SF is bit 63, ZF is "equals 0", PF the
 *   parity of the low byte.
 * - FLAG_CARRY: bit 63 CF, bit 62 CF^OF, bit 61 "SF is inverted", bit 3 AF, bits 16..23 are XORed
 *   to the low byte before parity. Other bits are garbage. An addition's carry vector
 *   (carry out of each bit) shifted to the top has the first two for free.
 */
import {
  FLAG_AF,
  FLAG_CF,
  FLAG_OF,
  FLAG_PF,
  FLAG_SF,
  FLAG_ZF,
  OFF_FLAG_CARRY,
  OFF_FLAG_RESULT,
  OFF_RFLAGS,
} from './layout';
import { CPU } from './state';

const ARITHMETIC: u64 = 0x8d5;

@inline
function carry(): u64 {
  return load<u64>(CPU, OFF_FLAG_CARRY);
}
@inline
function setCarry(value: u64): void {
  store<u64>(CPU, value, OFF_FLAG_CARRY);
}
@inline
function result(): u64 {
  return load<u64>(CPU, OFF_FLAG_RESULT);
}
@inline
function setResult(value: u64): void {
  store<u64>(CPU, value, OFF_FLAG_RESULT);
}

// --- Rules -------------------------------------------------------------------------------------

@inline
export function flagsAdd8(r: u32, a: u32, b: u32): void {
  const c = <u64>(((a & b) | ((a | b) & ~r)) & 0xc8);
  setCarry(c | (c << 56));
  setResult(<u64>(<i64>(<i8>r)));
}
@inline
export function flagsAdd16(r: u32, a: u32, b: u32): void {
  const c = <u64>(((a & b) | ((a | b) & ~r)) & 0xc008);
  setCarry(c | (c << 48));
  setResult(<u64>(<i64>(<i16>r)));
}
@inline
export function flagsAdd32(r: u32, a: u32, b: u32): void {
  const c = <u64>(((a & b) | ((a | b) & ~r)) & 0xc0000008);
  setCarry(c | (c << 32));
  setResult(<u64>(<i64>(<i32>r)));
}
@inline
export function flagsAdd64(r: u64, a: u64, b: u64): void {
  setCarry(((a & b) | ((a | b) & ~r)) & 0xc000000000000008);
  setResult(r);
}
@inline
export function flagsSub8(r: u32, a: u32, b: u32): void {
  const c = <u64>(((~a & b) | ((~a ^ b) & r)) & 0xc8);
  setCarry(c | (c << 56));
  setResult(<u64>(<i64>(<i8>r)));
}
@inline
export function flagsSub16(r: u32, a: u32, b: u32): void {
  const c = <u64>(((~a & b) | ((~a ^ b) & r)) & 0xc008);
  setCarry(c | (c << 48));
  setResult(<u64>(<i64>(<i16>r)));
}
@inline
export function flagsSub32(r: u32, a: u32, b: u32): void {
  const c = <u64>(((~a & b) | ((~a ^ b) & r)) & 0xc0000008);
  setCarry(c | (c << 32));
  setResult(<u64>(<i64>(<i32>r)));
}
@inline
export function flagsSub64(r: u64, a: u64, b: u64): void {
  setCarry(((~a & b) | ((~a ^ b) & r)) & 0xc000000000000008);
  setResult(r);
}

/** CF stays; `overflow` and `auxiliary` are new. */
@inline
function keepCarry(overflow: bool, auxiliary: bool): void {
  const cf = carry() & 0x8000000000000000;
  setCarry(cf | ((cf >> 1) ^ (<u64>overflow << 62)) | (<u64>auxiliary << 3));
}
@inline
export function flagsInc8(r: u32): void {
  keepCarry(r == 0x80, (r & 15) == 0);
  setResult(<u64>(<i64>(<i8>r)));
}
@inline
export function flagsInc16(r: u32): void {
  keepCarry(r == 0x8000, (r & 15) == 0);
  setResult(<u64>(<i64>(<i16>r)));
}
@inline
export function flagsInc32(r: u32): void {
  keepCarry(r == 0x80000000, (r & 15) == 0);
  setResult(<u64>(<i64>(<i32>r)));
}
@inline
export function flagsInc64(r: u64): void {
  keepCarry(r == 0x8000000000000000, (r & 15) == 0);
  setResult(r);
}
@inline
export function flagsDec8(r: u32): void {
  keepCarry(r == 0x7f, (r & 15) == 15);
  setResult(<u64>(<i64>(<i8>r)));
}
@inline
export function flagsDec16(r: u32): void {
  keepCarry(r == 0x7fff, (r & 15) == 15);
  setResult(<u64>(<i64>(<i16>r)));
}
@inline
export function flagsDec32(r: u32): void {
  keepCarry(r == 0x7fffffff, (r & 15) == 15);
  setResult(<u64>(<i64>(<i32>r)));
}
@inline
export function flagsDec64(r: u64): void {
  keepCarry(r == 0x7fffffffffffffff, (r & 15) == 15);
  setResult(r);
}

@inline
export function flagsLogic8(r: u32): void {
  setCarry(0);
  setResult(<u64>(<i64>(<i8>r)));
}
@inline
export function flagsLogic16(r: u32): void {
  setCarry(0);
  setResult(<u64>(<i64>(<i16>r)));
}
@inline
export function flagsLogic32(r: u32): void {
  setCarry(0);
  setResult(<u64>(<i64>(<i32>r)));
}
@inline
export function flagsLogic64(r: u64): void {
  setCarry(0);
  setResult(r);
}

@inline
function carryOverflow(cf: bool, overflow: bool): void {
  setCarry((<u64>cf << 63) | (<u64>(cf != overflow) << 62));
}
@inline
export function flagsFrom8(r: u32, cf: bool, overflow: bool): void {
  carryOverflow(cf, overflow);
  setResult(<u64>(<i64>(<i8>r)));
}
@inline
export function flagsFrom16(r: u32, cf: bool, overflow: bool): void {
  carryOverflow(cf, overflow);
  setResult(<u64>(<i64>(<i16>r)));
}
@inline
export function flagsFrom32(r: u32, cf: bool, overflow: bool): void {
  carryOverflow(cf, overflow);
  setResult(<u64>(<i64>(<i32>r)));
}
@inline
export function flagsFrom64(r: u64, cf: bool, overflow: bool): void {
  carryOverflow(cf, overflow);
  setResult(r);
}

/** ZF, PF, CF; the others 0. */
@inline
export function flagsCompared(zero: bool, parity: bool, cf: bool): void {
  // CF^OF is CF, and a low byte of 0 has even parity.
  setCarry((<u64>cf * 0xc000000000000000) | (<u64>!parity << 16));
  setResult(<u64>!zero << 8);
}

// --- Single flags ------------------------------------------------------------------------------

@inline
export function flagCF(): bool {
  return <i64>carry() < 0;
}
@inline
export function flagZF(): bool {
  return result() == 0;
}
@inline
export function flagSF(): bool {
  return <i64>(result() ^ (carry() << 2)) < 0;
}
@inline
export function flagOF(): bool {
  const c = carry();
  return <i64>(c ^ (c << 1)) < 0;
}
@inline
export function flagAF(): bool {
  return ((carry() >> 3) & 1) != 0;
}
@inline
export function flagPF(): bool {
  return (popcnt<u64>((result() ^ (carry() >> 16)) & 0xff) & 1) == 0;
}
@inline
export function flagLess(): bool {
  const c = carry();
  return <i64>(result() ^ c ^ (c << 1) ^ (c << 2)) < 0;
}

@inline
export function setFlagCF(value: bool): void {
  const c = carry();
  // OF is bit 63 ^ bit 62, so both change together.
  if (<i64>c < 0 != value) setCarry(c ^ 0xc000000000000000);
}
@inline
export function setFlagOF(value: bool): void {
  const c = carry();
  setCarry((c & ~(<u64>0x4000000000000000)) | (((c >> 63) ^ <u64>value) << 62));
}
@inline
export function setFlagAF(value: bool): void {
  setCarry((carry() & ~(<u64>8)) | (<u64>value << 3));
}
export function setFlagZF(value: bool): void {
  setFlags(value ? FLAG_ZF : 0, FLAG_ZF);
}
export function setFlagSF(value: bool): void {
  setFlags(value ? FLAG_SF : 0, FLAG_SF);
}
export function setFlagPF(value: bool): void {
  setFlags(value ? FLAG_PF : 0, FLAG_PF);
}

/** Condition codes of SDM 1 appendix B by number; generated code calls it with constants. */
@inline
export function condition(code: i32): bool {
  let value: bool = false;
  const kind = code >> 1;
  if (kind == 0) value = flagOF();
  else if (kind == 1) value = flagCF();
  else if (kind == 2) value = flagZF();
  else if (kind == 3) value = flagCF() || flagZF();
  else if (kind == 4) value = flagSF();
  else if (kind == 5) value = flagPF();
  else if (kind == 6) value = flagLess();
  else value = flagLess() || flagZF();
  return value != ((code & 1) != 0);
}

// --- RFLAGS as a whole -------------------------------------------------------------------------

/** RFLAGS as PUSHFQ would store it, RF and VM included. */
export function getFlags(): u64 {
  let flags = (load<u64>(CPU, OFF_RFLAGS) & ~ARITHMETIC) | 2;
  if (flagCF()) flags |= FLAG_CF;
  if (flagPF()) flags |= FLAG_PF;
  if (flagAF()) flags |= FLAG_AF;
  if (flagZF()) flags |= FLAG_ZF;
  if (flagSF()) flags |= FLAG_SF;
  if (flagOF()) flags |= FLAG_OF;
  return flags;
}

/** Replaces the bits of `mask`. What follows from TF, IF, AC and VM is the caller's. */
export function setFlags(value: u64, mask: u64): void {
  if (mask & ARITHMETIC) {
    storeFlags((getFlags() & ~mask) | (value & mask));
  } else {
    store<u64>(CPU, (load<u64>(CPU, OFF_RFLAGS) & ~mask) | (value & mask), OFF_RFLAGS);
  }
}

/** Replaces all of RFLAGS. */
export function storeFlags(flags: u64): void {
  store<u64>(CPU, (flags & ~ARITHMETIC) | 2, OFF_RFLAGS);
  setArithmeticFlags(flags);
}

/** Replaces CF, PF, AF, ZF, SF and OF, from their places in RFLAGS. */
export function setArithmeticFlags(flags: u64): void {
  const cf = flags & FLAG_CF;
  const overflow = (flags >> 11) & 1;
  let c = (cf << 63) | ((cf ^ overflow) << 62) | (((flags >> 4) & 1) << 3);
  if (!(flags & FLAG_PF)) c |= 0x10000;
  let r: u64 = 0;
  if (flags & FLAG_ZF) {
    if (flags & FLAG_SF) c |= 0x2000000000000000;
  } else {
    r = flags & FLAG_SF ? 0x8000000000000000 : 0x100;
  }
  setCarry(c);
  setResult(r);
}
