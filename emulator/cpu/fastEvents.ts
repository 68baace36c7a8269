/**
 * The usual ways between program and kernel, short: interrupt and trap gates from CPL 0 or 3 to a CPL 0 handler (SDM 3A
 * §6.12, §6.14), and IRET back (SDM 2A), with flat segments. They take only what certainly passes every
 * check, whose memory the TLBs know, and change nothing before that is clear; else they return false and
 * eventDelivery.ts or iret.ts does it all. Descriptors are read each time: nothing is remembered of them.
 */
import { attributesOf, descriptorBase, descriptorLimit } from './descriptors';
import { storeFlags } from './flags';
import { updatePending } from './interrupts';
import {
  ATTR_DB,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_UNUSABLE,
  CS,
  DS,
  ES,
  FLAG_AC,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_CPL_SHIFT,
  MODE_FLAT,
  MODE_LONG,
  MODE_PROTECTED,
  MODE_STACK32,
  OFF_CHECKED_ACCESS,
  OFF_CPL,
  OFF_DR,
  OFF_GDT_BASE,
  OFF_GDT_LIMIT,
  OFF_IDT_BASE,
  OFF_IDT_LIMIT,
  OFF_MODE,
  OFF_RFLAGS,
  OFF_TLB_READ,
  OFF_TLB_WRITE,
  SS,
  TR,
  TYPE_CODE,
  TYPE_CONFORMING,
} from './layout';
import { hostOf } from './memory';
import { isCanonical } from './mmu';
import { dropPrivilegedSegments, updateMode } from './segments';
import {
  CPU,
  cpl,
  gpr,
  mode,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentSelector,
  setGpr,
  setRip,
  setSegment,
} from './state';
import { contextOf, tlbEntry, updateContext } from './tlb';

const RSP: i32 = 4;
const CPL_MASK: u32 = 3 << MODE_CPL_SHIFT;
/** Descriptors of flat segments at DPL 0, accessed: base 0, 4 GiB, readable or writable, D/B set; AVL is anybody's. */
const FLAT_CODE: u64 = 0x00cf9b000000ffff;
const FLAT_DATA: u64 = 0x00cf93000000ffff;
const AVL: u64 = 0x10000000000000;
/** Attributes that a 64-bit code segment has or has not, accessed included; DPL apart. */
const CODE64_MASK: u32 = ATTR_P | ATTR_S | TYPE_CODE | TYPE_CONFORMING | ATTR_L | ATTR_DB | 1;
const CODE64_BITS: u32 = ATTR_P | ATTR_S | TYPE_CODE | ATTR_L | 1;

/** Wasm address for a supervisor's access to linear..linear + last, within a page; 0 if the TLB does not know it. */
@inline
function known(table: usize, linear: u64, last: u64): usize {
  const entry = tlbEntry(table, linear);
  if (load<u64>(entry) != (((linear + last) & ~(<u64>0xfff)) | contextOf(false))) return 0;
  return hostOf(entry, linear);
}

/** Descriptor of a GDT selector, or 0, which is no usable one. */
@inline
function globalDescriptor(selector: u32): u64 {
  const index = selector & 0xfff8;
  if (selector & 4 || index == 0 || index + 7 > load<u32>(CPU, OFF_GDT_LIMIT)) return 0;
  let at = load<u64>(CPU, OFF_GDT_BASE) + index;
  if (!(mode() & MODE_LONG)) at &= 0xffffffff;
  const host = known(OFF_TLB_READ, at, 7);
  return host ? load<u64>(host) : 0;
}

@inline
function isFlat(value: u64, kind: u64, level: u32): bool {
  return (value & ~AVL) == (kind | (<u64>level << 45));
}

@inline
function isCode64(value: u64, level: u32): bool {
  const attributes = attributesOf(value);
  return (attributes & CODE64_MASK) == CODE64_BITS && ((attributes >> 5) & 3) == level;
}

@inline
function setFrom(index: i32, selector: u32, value: u64): void {
  setSegment(index, selector, descriptorBase(value), descriptorLimit(value), attributesOf(value) | 1);
}

@inline
function setLevel(level: u32, bits: u32): void {
  store<u32>(CPU, level, OFF_CPL);
  store<u32>(CPU, (bits & ~CPL_MASK) | (level << MODE_CPL_SHIFT), OFF_MODE);
  updateContext();
}

/** TF, NT, RF and VM are cleared, and IF by an interrupt gate. */
@inline
function enterHandler(type: u32): void {
  const cleared: u64 = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM;
  const flags = load<u64>(CPU, OFF_RFLAGS);
  store<u64>(CPU, flags & ~(type & 1 ? cleared : cleared | FLAG_IF), OFF_RFLAGS);
  updatePending();
}

/**
 * `software`: the gate's DPL is checked. `image`: the flags to push. In 64-bit and flat 32-bit protected mode.
 */
export function deliverQuickly(
  vector: u32,
  software: bool,
  hasCode: bool,
  code: u32,
  image: u64,
  returnRip: u64,
): bool {
  if (load<u32>(CPU, OFF_CHECKED_ACCESS)) return false;
  const bits = mode();
  if (!(bits & MODE_PROTECTED)) return false;
  return bits & MODE_LONG
    ? deliverLong(vector, software, hasCode, code, image, returnRip)
    : deliverFlat(vector, software, hasCode, code, image, returnRip);
}

/** Whether a present interrupt or trap gate lets the program through. */
@inline
function passes(gate: u64, software: bool): bool {
  const attributes = <u32>(gate >> 40);
  // Types 14 and 15.
  if ((attributes & 0x9e) != 0x8e) return false;
  return !software || ((attributes >> 5) & 3) >= cpl();
}

function deliverFlat(
  vector: u32,
  software: bool,
  hasCode: bool,
  code: u32,
  image: u64,
  returnRip: u64,
): bool {
  const bits = mode();
  const level = cpl();
  if (!(bits & MODE_FLAT) || !(bits & MODE_STACK32) || (level != 0 && level != 3)) return false;
  if (vector * 8 + 7 > load<u32>(CPU, OFF_IDT_LIMIT)) return false;
  const table = known(OFF_TLB_READ, (load<u64>(CPU, OFF_IDT_BASE) + vector * 8) & 0xffffffff, 7);
  if (!table) return false;
  const gate = load<u64>(table);
  if (!passes(gate, software)) return false;
  const selector = <u32>(gate >> 16) & 0xffff;
  const target = globalDescriptor(selector);
  if (!isFlat(target, FLAT_CODE, 0)) return false;
  let sp = gpr(RSP);
  let stack: u64 = 0;
  let stackSelector: u32 = 0;
  const bytes: u64 = (level ? 20 : 12) + (hasCode ? 4 : 0);
  if (level) {
    // SS0:ESP0 of a 32-bit TSS (SDM 3A §7.2.1).
    if (!(segmentAttributes(TR) & 8) || segmentLimit(TR) < 9) return false;
    const pointer = known(OFF_TLB_READ, (segmentBase(TR) + 4) & 0xffffffff, 5);
    if (!pointer) return false;
    sp = load<u32>(pointer);
    stackSelector = load<u16>(pointer, 4);
    stack = globalDescriptor(stackSelector);
    if (stackSelector & 3 || !isFlat(stack, FLAT_DATA, 0)) return false;
  }
  const top = (sp - bytes) & 0xffffffff;
  let frame = known(OFF_TLB_WRITE, top, bytes - 1);
  if (!frame) return false;
  if (hasCode) {
    store<u32>(frame, code);
    frame += 4;
  }
  store<u32>(frame, <u32>returnRip);
  store<u32>(frame, segmentSelector(CS), 4);
  store<u32>(frame, <u32>image, 8);
  if (level) {
    store<u32>(frame, <u32>gpr(RSP), 12);
    store<u32>(frame, segmentSelector(SS), 16);
    setFrom(SS, stackSelector, stack);
    setLevel(0, bits);
  }
  setFrom(CS, selector & ~3, target);
  setGpr(RSP, top);
  setRip((gate & 0xffff) | ((gate >> 32) & 0xffff0000));
  enterHandler(<u32>(gate >> 40));
  return true;
}

function deliverLong(
  vector: u32,
  software: bool,
  hasCode: bool,
  code: u32,
  image: u64,
  returnRip: u64,
): bool {
  const level = cpl();
  if (level != 0 && level != 3) return false;
  if (vector * 16 + 15 > load<u32>(CPU, OFF_IDT_LIMIT)) return false;
  const table = known(OFF_TLB_READ, load<u64>(CPU, OFF_IDT_BASE) + vector * 16, 15);
  if (!table) return false;
  const gate = load<u64>(table);
  if (!passes(gate, software)) return false;
  const selector = <u32>(gate >> 16) & 0xffff;
  const target = globalDescriptor(selector);
  const offset = (gate & 0xffff) | ((gate >> 32) & 0xffff0000) | (load<u64>(table, 8) << 32);
  if (!isCode64(target, 0) || !isCanonical(offset)) return false;
  let sp = gpr(RSP);
  const ist = <u32>(gate >> 32) & 7;
  if (ist || level) {
    // RSP0 or ISTn of the 64-bit TSS (SDM 3A §7.7).
    const at: u32 = ist ? 28 + ist * 8 : 4;
    if (at + 7 > segmentLimit(TR)) return false;
    const pointer = known(OFF_TLB_READ, segmentBase(TR) + at, 7);
    if (!pointer) return false;
    sp = load<u64>(pointer);
  }
  const bytes: u64 = hasCode ? 48 : 40;
  const top = (sp & ~(<u64>15)) - bytes;
  let frame = known(OFF_TLB_WRITE, top, bytes - 1);
  if (!frame) return false;
  if (hasCode) {
    store<u64>(frame, code);
    frame += 8;
  }
  store<u64>(frame, returnRip);
  store<u64>(frame, segmentSelector(CS), 8);
  store<u64>(frame, image, 16);
  store<u64>(frame, gpr(RSP), 24);
  store<u64>(frame, segmentSelector(SS), 32);
  if (level) setSegment(SS, 0, 0, 0, ATTR_UNUSABLE);
  setFrom(CS, selector & ~3, target);
  setLevel(0, (mode() & ~(MODE_CODE_MASK | MODE_STACK32 | MODE_FLAT)) | MODE_CODE64);
  setGpr(RSP, top);
  setRip(offset);
  enterHandler(<u32>(gate >> 40));
  return true;
}

/** Bits of RFLAGS that IRETD and IRETQ load at CPL 0 when no breakpoint is enabled: RF and VM not. */
const RETURN_MASK: u64 = 0x3c7fd5;
/** Images with one of these have further consequences. */
const RETURN_RARE: u64 = FLAG_TF | FLAG_NT | FLAG_VM | FLAG_AC;

/** IRET of `size` bytes from CPL 0 to CPL 0 or 3, 64-bit to 64-bit or flat 32-bit to the same. */
export function returnQuickly(size: u32): bool {
  const bits = mode();
  if ((bits & (MODE_PROTECTED | CPL_MASK)) != MODE_PROTECTED) return false;
  const old = load<u64>(CPU, OFF_RFLAGS);
  if (load<u32>(CPU, OFF_CHECKED_ACCESS) || old & FLAG_NT) return false;
  if (load<u64>(CPU + 7 * 8, OFF_DR) & 0xff) return false;
  if ((bits & MODE_CODE_MASK) == MODE_CODE64) return size == 8 && returnLong(bits, old);
  if (bits & MODE_LONG || !(bits & MODE_FLAT) || !(bits & MODE_STACK32)) return false;
  return size == 4 && returnFlat(bits, old);
}

function returnFlat(bits: u32, old: u64): bool {
  const sp = gpr(RSP) & 0xffffffff;
  const frame = known(OFF_TLB_READ, sp, 19);
  if (!frame) return false;
  const flags = <u64>load<u32>(frame, 8);
  const selector = load<u32>(frame, 4) & 0xffff;
  const level = selector & 3;
  const target = globalDescriptor(selector);
  if (flags & RETURN_RARE || !isFlat(target, FLAT_CODE, level)) return false;
  if (level) {
    const stackSelector = load<u32>(frame, 16) & 0xffff;
    const stack = globalDescriptor(stackSelector);
    if ((stackSelector & 3) != level || !isFlat(stack, FLAT_DATA, level)) return false;
    setFrom(SS, stackSelector, stack);
    setGpr(RSP, load<u32>(frame, 12));
  } else {
    setGpr(RSP, (sp + 12) & 0xffffffff);
  }
  setFrom(CS, selector, target);
  setRip(load<u32>(frame));
  if (level) {
    setLevel(level, bits);
    dropPrivilegedSegments();
    if ((segmentAttributes(DS) | segmentAttributes(ES)) & ATTR_UNUSABLE) updateMode();
  }
  storeFlags((old & ~RETURN_MASK) | (flags & RETURN_MASK));
  updatePending();
  return true;
}

function returnLong(bits: u32, old: u64): bool {
  const frame = known(OFF_TLB_READ, gpr(RSP), 39);
  if (!frame) return false;
  const offset = load<u64>(frame);
  const flags = load<u64>(frame, 16);
  const selector = load<u32>(frame, 8) & 0xffff;
  const level = selector & 3;
  const target = globalDescriptor(selector);
  if (flags & RETURN_RARE || !isCode64(target, level) || !isCanonical(offset)) return false;
  const stackSelector = load<u32>(frame, 32) & 0xffff;
  if ((stackSelector & 3) != level) return false;
  if (stackSelector & 0xfffc) {
    const stack = globalDescriptor(stackSelector);
    if (!isFlat(stack, FLAT_DATA, level)) return false;
    setFrom(SS, stackSelector, stack);
  } else {
    if (level) return false;
    setSegment(SS, 0, 0, 0, ATTR_UNUSABLE);
  }
  setGpr(RSP, load<u64>(frame, 24));
  setFrom(CS, selector, target);
  setRip(offset);
  if (level) {
    setLevel(level, bits);
    dropPrivilegedSegments();
  }
  storeFlags((old & ~RETURN_MASK) | (flags & RETURN_MASK));
  updatePending();
  return true;
}
