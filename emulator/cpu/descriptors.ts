/**
 * Descriptors in memory: fetching, LAR LSL VERR VERW, and the system segments LDTR and TR.
 * SDM 3A §3.4.5, §3.5, §7.2; SDM 2, LAR, LLDT, LTR.
 */
import { raise, raiseWithCode } from './exceptions';
import { setFlags } from './flags';
import {
  ATTR_DPL_SHIFT,
  ATTR_P,
  ATTR_S,
  ATTR_UNUSABLE,
  FLAG_ZF,
  LDTR,
  MODE_LONG,
  MODE_PROTECTED,
  OFF_GDT_BASE,
  OFF_GDT_LIMIT,
  TR,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_UD,
} from './layout';
import { readSystem, writeSystem } from './memorySlow';
import { isCanonical } from './mmu';
import {
  CPU,
  cpl,
  faulted,
  mode,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  setSegment,
} from './state';

let current: u64 = 0;
let currentAddress: u64 = 0;

/** The descriptor that fetchDescriptor() read last. */
export function descriptor(): u64 {
  return current;
}

/** Its linear address. */
export function descriptorAddress(): u64 {
  return currentAddress;
}

export function descriptorBase(value: u64): u64 {
  return ((value >> 16) & 0xffffff) | ((value >> 56) << 24);
}

export function descriptorLimit(value: u64): u32 {
  const limit = <u32>(value & 0xffff) | (<u32>(value >> 32) & 0xf0000);
  return (value >> 55) & 1 ? (limit << 12) | 0xfff : limit;
}

/** Attributes of the descriptor fetched last. */
export function descriptorAttributes(): u32 {
  return attributesOf(current);
}

export function attributesOf(value: u64): u32 {
  return <u32>(value >> 40) & 0xf0ff;
}

/** Linear address of a selector's descriptor, or ~0 if it is beyond its table. */
function locate(selector: u32): u64 {
  const index = selector & 0xfff8;
  if (selector & 4) {
    if (segmentAttributes(LDTR) & ATTR_UNUSABLE || index + 7 > segmentLimit(LDTR)) return ~(<u64>0);
    return segmentBase(LDTR) + index;
  }
  if (index + 7 > load<u32>(CPU, OFF_GDT_LIMIT)) return ~(<u64>0);
  return load<u64>(CPU, OFF_GDT_BASE) + index;
}

@inline
function wrap(linear: u64): u64 {
  return mode() & MODE_LONG ? linear : linear & 0xffffffff;
}

/** Reads a descriptor; outside its table raises `vector` with the selector. */
export function fetchDescriptor(selector: u32, vector: u32): bool {
  const at = locate(selector);
  if (at == ~(<u64>0)) {
    raiseWithCode(vector, selector & 0xfffc);
    return false;
  }
  currentAddress = wrap(at);
  current = readSystem(currentAddress, 8);
  return !faulted();
}

/** Upper half of a 16-byte system descriptor, the base's bits 63:32 in the low half; check faulted(). */
export function fetchUpperHalf(selector: u32, vector: u32): u64 {
  const at = locate((selector & ~7) + 8 + (selector & 7));
  if (at == ~(<u64>0)) {
    raiseWithCode(vector, selector & 0xfffc);
    return 0;
  }
  return readSystem(wrap(at), 8);
}

/** Sets the accessed bit of the descriptor fetched last. */
export function markAccessed(selector: u32): void {
  const bit = (<u64>1) << 40;
  if (current & bit) return;
  writeSystem(currentAddress + 5, (current | bit) >> 40, 1);
}

/** Sets or clears the busy bit of a TSS descriptor at `linear`. */
export function setBusy(linear: u64, busy: bool): void {
  const at = wrap(linear + 5);
  const value = readSystem(at, 1);
  if (!faulted()) writeSystem(at, busy ? value | 2 : value & ~(<u64>2), 1);
}

/** LLDT. */
export function loadLdt(selector: u32): void {
  if (!systemAllowed()) return;
  selector &= 0xffff;
  if ((selector & 0xfffc) == 0) {
    setSegment(LDTR, selector, 0, 0, ATTR_UNUSABLE);
    return;
  }
  loadSystemSegment(LDTR, selector, 2, VECTOR_GP);
}

/** LTR. */
export function loadTaskRegister(selector: u32): void {
  if (!systemAllowed()) return;
  selector &= 0xffff;
  if ((selector & 0xfffc) == 0) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  loadSystemSegment(TR, selector, 0, VECTOR_GP);
}

/** LLDT and LTR: CPL 0 in protected mode only. */
function systemAllowed(): bool {
  if (!(mode() & MODE_PROTECTED)) raise(VECTOR_UD);
  else if (cpl() != 0) raiseWithCode(VECTOR_GP, 0);
  else return true;
  return false;
}

/** Type 2: an LDT; 0: an available TSS, marked busy. Also the LDTR of a task switch. */
export function loadSystemSegment(index: i32, selector: u32, wanted: u32, vector: u32): void {
  if (selector & 4) {
    raiseWithCode(vector, selector & 0xfffc);
    return;
  }
  if (!fetchDescriptor(selector, vector)) return;
  const value = current;
  const address = currentAddress;
  let attributes = attributesOf(value);
  const type = attributes & 0x1f;
  const fits = wanted == 2 ? type == 2 : type == 9 || (type == 1 && !(mode() & MODE_LONG));
  if (!fits) {
    raiseWithCode(vector, selector & 0xfffc);
    return;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(vector == VECTOR_GP ? VECTOR_NP : vector, selector & 0xfffc);
    return;
  }
  let base = descriptorBase(value);
  if (mode() & MODE_LONG) {
    const upper = fetchUpperHalf(selector, vector);
    if (faulted()) return;
    base |= upper << 32;
    if (!isCanonical(base)) {
      raiseWithCode(vector, selector & 0xfffc);
      return;
    }
  }
  if (wanted == 0) {
    setBusy(address, true);
    if (faulted()) return;
    attributes |= 2;
  }
  setSegment(index, selector, base, descriptorLimit(value), attributes);
}

/** Reads `selector`'s descriptor for LAR, LSL, VERR, VERW: false (no fault) if it cannot be used. */
function inspect(selector: u32): bool {
  if ((selector & 0xfffc) == 0) return false;
  const at = locate(selector);
  if (at == ~(<u64>0)) return false;
  current = readSystem(wrap(at), 8);
  return !faulted();
}

function visible(selector: u32, attributes: u32): bool {
  const conforming = (attributes & 0x1c) == 0x1c;
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  return conforming || (cpl() <= dpl && (selector & 3) <= dpl);
}

function zero(set: bool): void {
  setFlags(set ? FLAG_ZF : 0, FLAG_ZF);
}

/**
 * LAR and LSL: `previous` comes back if ZF is cleared. System types that count: LAR 1 2 3 4 5 9 B C,
 * LSL 1 2 3 9 B; in long mode 2 9 B (and C for LAR).
 */
export function inspectDescriptor(selector: u32, previous: u64, limit: u32): u64 {
  selector &= 0xffff;
  if (!(mode() & MODE_PROTECTED)) {
    raise(VECTOR_UD);
    return previous;
  }
  let usable = inspect(selector);
  if (faulted()) return previous;
  const attributes = attributesOf(current);
  if (usable && !(attributes & ATTR_S)) {
    const types: u32 = mode() & MODE_LONG ? (limit ? 0x0a04 : 0x1a04) : limit ? 0x0a0e : 0x1a3e;
    usable = ((types >> (attributes & 0xf)) & 1) != 0;
  }
  if (usable) usable = visible(selector, attributes);
  zero(usable);
  if (!usable) return previous;
  return limit ? <u64>descriptorLimit(current) : (current >> 32) & 0xf0ff00;
}

/** VERR (write = 0) and VERW. */
export function verify(selector: u32, write: u32): void {
  selector &= 0xffff;
  if (!(mode() & MODE_PROTECTED)) {
    raise(VECTOR_UD);
    return;
  }
  let usable = inspect(selector);
  if (faulted()) return;
  const attributes = attributesOf(current);
  usable = usable && (attributes & ATTR_S) != 0 && visible(selector, attributes);
  if (usable) {
    usable = write ? (attributes & 0xa) == 2 : (attributes & 8) == 0 || (attributes & 2) != 0;
  }
  zero(usable);
}
