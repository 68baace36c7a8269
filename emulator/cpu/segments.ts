/**
 * Segment caches: checked addressing, the mode word derived from them, and loading of data segments.
 * SDM 3A §3.4, §5.2-5.7, §20 (real and virtual-8086 mode).
 */
import { raise, raiseWithCode } from './exceptions';
import {
  descriptor,
  descriptorAttributes,
  descriptorBase,
  descriptorLimit,
  fetchDescriptor,
  markAccessed,
} from './descriptors';
import { updateChecks } from './debugRegisters';
import { updatePending } from './interrupts';
import {
  ATTR_DB,
  ATTR_DPL_SHIFT,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_UNUSABLE,
  CR0_EM,
  CR0_MP,
  CR0_PE,
  CR0_TS,
  CR4_OSFXSR,
  CS,
  DS,
  EFER_LMA,
  ES,
  FLAG_VM,
  FS,
  GS,
  MODE_CODE16,
  MODE_CODE32,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_CPL_SHIFT,
  MODE_EM,
  MODE_FLAT,
  MODE_LONG,
  MODE_MP,
  MODE_OSFXSR,
  MODE_PROTECTED,
  MODE_STACK32,
  MODE_TS,
  MODE_V86,
  OFF_CPL,
  OFF_CR0,
  OFF_CR4,
  OFF_EFER,
  OFF_MODE,
  OFF_RFLAGS,
  OFF_SHADOW,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SHADOW_MOV_SS,
  SS,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  VECTOR_UD,
  TYPE_CODE,
  TYPE_CONFORMING,
  TYPE_EXPAND_DOWN,
  TYPE_READABLE,
  TYPE_WRITABLE,
} from './layout';
import { isCanonical } from './mmu';
import {
  CPU,
  cpl,
  faulted,
  mode,
  segment,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentSelector,
  setSegment,
} from './state';
import { commitStack, openStack, popFrame } from './stackFrame';
import { updateContext } from './tlb';

function segmentFault(index: i32): u64 {
  raiseWithCode(index == SS ? VECTOR_SS : VECTOR_GP, 0);
  return 0;
}

/** Whether [offset, offset+size) lies inside a segment with these attributes (SDM 3A §5.3). */
export function withinLimit(offset: u64, size: u32, limit: u32, attributes: u32): bool {
  const last = offset + size - 1;
  if ((attributes & (ATTR_S | TYPE_CODE | TYPE_EXPAND_DOWN)) == (ATTR_S | TYPE_EXPAND_DOWN)) {
    return offset > limit && last <= (attributes & ATTR_DB ? <u64>0xffffffff : <u64>0xffff);
  }
  return last <= limit;
}

/** Linear address of a checked access; raises #GP or #SS and returns 0. */
export function linearAddress(index: i32, offset: u64, size: i32, write: bool): u64 {
  const at = segment(index);
  if ((mode() & MODE_CODE_MASK) == MODE_CODE64) {
    const linear = index >= FS ? load<u64>(at, SEG_BASE) + offset : offset;
    if (isCanonical(linear) && isCanonical(linear + size - 1)) return linear;
    return segmentFault(index);
  }
  const attributes = load<u32>(at, SEG_ATTR);
  offset &= 0xffffffff;
  if (mode() & MODE_PROTECTED) {
    if (attributes & ATTR_UNUSABLE) return segmentFault(index);
    if (write) {
      if ((attributes & (TYPE_CODE | TYPE_WRITABLE)) != TYPE_WRITABLE) return segmentFault(index);
    } else if ((attributes & (TYPE_CODE | TYPE_READABLE)) == TYPE_CODE) {
      return segmentFault(index);
    }
  }
  if (!withinLimit(offset, size, load<u32>(at, SEG_LIMIT), attributes)) return segmentFault(index);
  return (load<u64>(at, SEG_BASE) + offset) & 0xffffffff;
}

/** Recomputes MODE after changes of CS, SS, DS, ES, control registers, EFER or RFLAGS.VM. */
export function updateMode(): void {
  const cr0 = load<u64>(CPU, OFF_CR0);
  let bits: u32 = 0;
  const long = (load<u64>(CPU, OFF_EFER) & EFER_LMA) != 0;
  const code = segmentAttributes(CS);
  if (long) bits |= MODE_LONG;
  if (cr0 & CR0_PE) {
    bits |= load<u64>(CPU, OFF_RFLAGS) & FLAG_VM ? MODE_V86 : MODE_PROTECTED;
  }
  if (long && code & ATTR_L) bits |= MODE_CODE64;
  else {
    bits |= code & ATTR_DB ? MODE_CODE32 : MODE_CODE16;
    if (segmentAttributes(SS) & ATTR_DB) bits |= MODE_STACK32;
    if (bits & MODE_PROTECTED && isFlat(CS) && isFlat(SS) && isFlat(DS) && isFlat(ES)) {
      bits |= MODE_FLAT;
    }
  }
  bits |= cpl() << MODE_CPL_SHIFT;
  if (cr0 & CR0_TS) bits |= MODE_TS;
  if (cr0 & CR0_EM) bits |= MODE_EM;
  if (cr0 & CR0_MP) bits |= MODE_MP;
  if (load<u64>(CPU, OFF_CR4) & CR4_OSFXSR) bits |= MODE_OSFXSR;
  store<u32>(CPU, bits, OFF_MODE);
}

/** Readable (code) or writable (data), base 0, 4 GiB. */
@inline
function isFlat(index: i32): bool {
  const attributes = segmentAttributes(index);
  if (segmentBase(index) != 0 || segmentLimit(index) != 0xffffffff) return false;
  if (attributes & ATTR_UNUSABLE || !(attributes & ATTR_P)) return false;
  const type = attributes & (TYPE_CODE | TYPE_EXPAND_DOWN | TYPE_WRITABLE);
  return index == CS ? (attributes & TYPE_READABLE) != 0 : type == TYPE_WRITABLE;
}

export function setCpl(level: u32): void {
  if (level == cpl()) return;
  store<u32>(CPU, level, OFF_CPL);
  updateChecks();
  updateContext();
}

/** A segment register in real or virtual-8086 mode: base only; limits stay in real mode. */
export function loadRealSegment(index: i32, selector: u32): void {
  const at = segment(index);
  store<u32>(at, selector, SEG_SELECTOR);
  store<u64>(at, <u64>selector << 4, SEG_BASE);
  if (mode() & MODE_V86) {
    store<u32>(at, 0xffff, SEG_LIMIT);
    store<u32>(at, 0xf3, SEG_ATTR);
  } else if (index == CS) {
    // A code segment left from protected mode would not be writable.
    store<u32>(at, (load<u32>(at, SEG_ATTR) & ATTR_DB) | 0x93, SEG_ATTR);
  }
}

/** A null selector in a data segment; in 64-bit mode SS too (SDM 3A §5.4.1). */
function loadNull(index: i32, selector: u32): void {
  // The base of FS and GS is cleared by Intel's processors.
  setSegment(index, selector, 0, 0, ATTR_UNUSABLE | (index == SS ? cpl() << ATTR_DPL_SHIFT : 0));
}

/** SS from protected-mode `selector` for privilege `level`, fault vector for bad ones as given. */
export function loadStackSegment(selector: u32, level: u32, vector: u32): void {
  if ((selector & 0xfffc) == 0) {
    raiseWithCode(vector, 0);
    return;
  }
  if (!fetchDescriptor(selector, vector)) return;
  const attributes = descriptorAttributes();
  const type = attributes & (ATTR_S | TYPE_CODE | TYPE_WRITABLE);
  if (
    (selector & 3) != level ||
    type != (ATTR_S | TYPE_WRITABLE) ||
    ((attributes >> ATTR_DPL_SHIFT) & 3) != level
  ) {
    raiseWithCode(vector, selector & 0xfffc);
    return;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_SS, selector & 0xfffc);
    return;
  }
  const value = descriptor();
  markAccessed(selector);
  if (faulted()) return;
  setSegment(SS, selector, descriptorBase(value), descriptorLimit(value), attributes | 1);
}

/** MOV to a segment register, POP and LDS..LGS: everything but CS. */
export function loadSegment(index: i32, selector: u32): void {
  selector &= 0xffff;
  if (index == CS || index > GS) {
    raise(VECTOR_UD);
    return;
  }
  if (!(mode() & MODE_PROTECTED)) {
    loadRealSegment(index, selector);
  } else if ((selector & 0xfffc) == 0) {
    const long = (mode() & MODE_CODE_MASK) == MODE_CODE64;
    if (index == SS && (!long || cpl() == 3 || (selector & 3) != cpl())) {
      raiseWithCode(VECTOR_GP, 0);
      return;
    }
    loadNull(index, selector);
  } else if (index == SS) {
    loadStackSegment(selector, cpl(), VECTOR_GP);
    if (faulted()) return;
  } else if (!loadDataSegment(index, selector, VECTOR_GP)) {
    return;
  }
  // Of a 64-bit program's segments only CS matters to MODE, and FS and GS never do.
  if (index < FS && (mode() & MODE_CODE_MASK) != MODE_CODE64) updateMode();
}

/** ES, DS, FS, GS from a non-null selector; false after raising. */
export function loadDataSegment(index: i32, selector: u32, vector: u32): bool {
  if (!fetchDescriptor(selector, vector)) return false;
  const attributes = descriptorAttributes();
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  const conforming = (attributes & (TYPE_CODE | TYPE_CONFORMING)) == (TYPE_CODE | TYPE_CONFORMING);
  const readable = (attributes & (TYPE_CODE | TYPE_READABLE)) != TYPE_CODE;
  if (
    !(attributes & ATTR_S) ||
    !readable ||
    (!conforming && ((selector & 3) > dpl || cpl() > dpl))
  ) {
    raiseWithCode(vector, selector & 0xfffc);
    return false;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_NP, selector & 0xfffc);
    return false;
  }
  const value = descriptor();
  markAccessed(selector);
  if (faulted()) return false;
  setSegment(index, selector, descriptorBase(value), descriptorLimit(value), attributes | 1);
  return true;
}

/** MOV SS and POP SS hold interrupts off for one instruction (SDM 3A §6.8.3). */
export function shadowStackLoad(): void {
  store<u32>(CPU, SHADOW_MOV_SS, OFF_SHADOW);
  updatePending();
}

/** Data segments that the outer level may not use become null (SDM 2A, RET and IRET). */
export function dropPrivilegedSegments(): void {
  for (let index = ES; index <= GS; index++) {
    if (index == CS || index == SS) continue;
    const attributes = segmentAttributes(index);
    if (attributes & ATTR_UNUSABLE) {
      continue;
    }
    const conforming =
      (attributes & (TYPE_CODE | TYPE_CONFORMING)) == (TYPE_CODE | TYPE_CONFORMING);
    if (!conforming && ((attributes >> ATTR_DPL_SHIFT) & 3) < cpl()) {
      store<u32>(segment(index), 0, SEG_SELECTOR);
      store<u32>(segment(index), ATTR_UNUSABLE, SEG_ATTR);
      store<u64>(segment(index), 0, SEG_BASE);
    }
  }
}

// --- Instructions ------------------------------------------------------------------------------

/** Selector for MOV r/m, Sreg and PUSH Sreg; registers 6 and 7 are #UD. */
export function readSelector(index: u32): u32 {
  if (index > <u32>GS) {
    raise(VECTOR_UD);
    return 0;
  }
  return segmentSelector(index) & 0xffff;
}

/** MOV Sreg, POP Sreg. */
export function moveToSegment(index: u32, selector: u32): void {
  loadSegment(index, selector);
  if (index == SS && !faulted()) shadowStackLoad();
}

/** POP Sreg, operand size in bytes: rSP moves by the size that SS had before. */
export function popSegment(index: u32, size: u32): void {
  openStack();
  const selector = <u32>popFrame(size) & 0xffff;
  if (faulted()) return;
  moveToSegment(index, selector);
  if (!faulted()) commitStack();
}

/** SLDT (6) and STR (7): protected mode only. */
export function readSystemSelector(index: u32): u32 {
  if (mode() & MODE_PROTECTED) return segmentSelector(index) & 0xffff;
  raise(VECTOR_UD);
  return 0;
}

/** ARPL: the adjusted selector, bit 16 set if it was changed. */
export function adjustPrivilege(target: u32, source: u32): u32 {
  if (!(mode() & MODE_PROTECTED)) {
    raise(VECTOR_UD);
    return 0;
  }
  if ((target & 3) >= (source & 3)) return target & 0xffff;
  return (target & 0xfffc) | (source & 3) | 0x10000;
}
