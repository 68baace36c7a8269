/**
 * Far JMP, CALL and RET: real mode, code segments, call gates, task gates and TSSs. SDM 3A §5.8, SDM 2,
 * CALL, JMP, RET. `size` is the operand size in bytes, `next` the address after the instruction.
 */
import {
  attributesOf,
  descriptor,
  descriptorAttributes,
  descriptorBase,
  descriptorLimit,
  fetchDescriptor,
  fetchUpperHalf,
  markAccessed,
} from './descriptors';
import { fetchInnerStack, innerStack, longStack } from './eventDelivery';
import { raiseWithCode } from './exceptions';
import { getFlags } from './flags';
import {
  ATTR_DB,
  ATTR_DPL_SHIFT,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_UNUSABLE,
  CS,
  MODE_LONG,
  MODE_PROTECTED,
  SS,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  TYPE_CODE,
  TYPE_CONFORMING,
  TYPE_WRITABLE,
} from './layout';
import { readAs } from './memorySlow';
import { isCanonical } from './mmu';
import { dropPrivilegedSegments, loadRealSegment, setCpl, updateMode, withinLimit } from './segments';
import {
  commitStack,
  openStack,
  openStackAt,
  openWideStack,
  popFrame,
  pushFrame,
  setStackPointer,
  skipFrame,
} from './stackFrame';
import {
  cpl,
  faulted,
  gpr,
  mode,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentSelector,
  setRip,
  setSegment,
} from './state';
import { switchTask, TASK_CALL, TASK_JUMP } from './tasks';

@inline
function truncated(value: u64, size: u32): u64 {
  return size == 8 ? value : size == 4 ? value & 0xffffffff : value & 0xffff;
}

function refuse(vector: u32, selector: u32): bool {
  raiseWithCode(vector, selector & 0xfffc);
  return false;
}

/** Offset inside the code segment `value`: canonical in 64-bit, else below the limit. */
function offsetFits(offset: u64, value: u64): bool {
  const is64 = mode() & MODE_LONG && attributesOf(value) & ATTR_L;
  if (is64 ? isCanonical(offset) : offset <= descriptorLimit(value)) return true;
  raiseWithCode(VECTOR_GP, 0);
  return false;
}

/** Direct transfer to the code segment just fetched: privilege rules of SDM 3A §5.8.1. */
function directAllowed(selector: u32): bool {
  const attributes = descriptorAttributes();
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  if (attributes & TYPE_CONFORMING) {
    if (dpl > cpl()) return refuse(VECTOR_GP, selector);
  } else if ((selector & 3) > cpl() || dpl != cpl()) {
    return refuse(VECTOR_GP, selector);
  }
  return codeUsable(selector);
}

function codeUsable(selector: u32): bool {
  const attributes = descriptorAttributes();
  if (mode() & MODE_LONG && (attributes & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB)) {
    return refuse(VECTOR_GP, selector);
  }
  return attributes & ATTR_P ? true : refuse(VECTOR_NP, selector);
}

function setCode(selector: u32, level: u32, value: u64, offset: u64): void {
  setSegment(
    CS,
    (selector & 0xfffc) | level,
    descriptorBase(value),
    descriptorLimit(value),
    attributesOf(value) | 1,
  );
  setCpl(level);
  setRip(offset);
  updateMode();
}

export function farJump(selector: u32, offset: u64, size: u32, next: u64): void {
  selector &= 0xffff;
  offset = truncated(offset, size);
  if (!(mode() & MODE_PROTECTED)) {
    if (offset > 0xffff && offset > segmentLimit(CS)) {
      raiseWithCode(VECTOR_GP, 0);
      return;
    }
    loadRealSegment(CS, selector);
    setRip(offset);
    updateMode();
    return;
  }
  if (!fetchTarget(selector)) return;
  const attributes = descriptorAttributes();
  if (attributes & ATTR_S) {
    if (!(attributes & TYPE_CODE)) {
      refuse(VECTOR_GP, selector);
      return;
    }
    const value = descriptor();
    if (!directAllowed(selector) || !offsetFits(offset, value)) return;
    markAccessed(selector);
    if (!faulted()) setCode(selector, cpl(), value, offset);
    return;
  }
  if (systemTransfer(selector, TASK_JUMP, next)) return;
  const gate = fetchGate(selector);
  if (faulted()) return;
  const target = <u32>(descriptorOfGate >> 16) & 0xffff;
  if (!fetchGateTarget(target)) return;
  const dpl = (descriptorAttributes() >> ATTR_DPL_SHIFT) & 3;
  if (descriptorAttributes() & TYPE_CONFORMING ? dpl > cpl() : dpl != cpl()) {
    refuse(VECTOR_GP, target);
    return;
  }
  const value = descriptor();
  if (!offsetFits(gate, value)) return;
  markAccessed(target);
  if (!faulted()) setCode(target, cpl(), value, gate);
}

function fetchTarget(selector: u32): bool {
  if ((selector & 0xfffc) == 0) return refuse(VECTOR_GP, 0);
  return fetchDescriptor(selector, VECTOR_GP);
}

/** TSSs and task gates; false if the descriptor fetched last is neither. */
function systemTransfer(selector: u32, kind: u32, next: u64): bool {
  if (mode() & MODE_LONG) return false;
  const attributes = descriptorAttributes();
  const type = attributes & 0xf;
  if (type != 1 && type != 9 && type != 5) return false;
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  if (dpl < cpl() || (selector & 3) > dpl) {
    refuse(VECTOR_GP, selector);
    return true;
  }
  if (!(attributes & ATTR_P)) {
    refuse(VECTOR_NP, selector);
    return true;
  }
  const tss = type == 5 ? <u32>(descriptor() >> 16) & 0xffff : selector;
  switchTask(tss, kind, next, getFlags(), false, 0);
  return true;
}

/** Low half of the call gate that fetchGate() accepted. */
let descriptorOfGate: u64 = 0;

/** Checks the call gate fetched last and returns its offset. */
function fetchGate(selector: u32): u64 {
  const value = descriptor();
  const attributes = descriptorAttributes();
  const type = attributes & 0xf;
  const long = (mode() & MODE_LONG) != 0;
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  if ((type != 12 && (type != 4 || long)) || dpl < cpl() || (selector & 3) > dpl) {
    refuse(VECTOR_GP, selector);
    return 0;
  }
  if (!(attributes & ATTR_P)) {
    refuse(VECTOR_NP, selector);
    return 0;
  }
  descriptorOfGate = value;
  let offset = value & 0xffff;
  if (type == 12) offset |= (value >> 32) & 0xffff0000;
  if (!long) return offset;
  const upper = fetchUpperHalf(selector, VECTOR_GP);
  if (faulted()) return 0;
  // The second half must not look like a descriptor of its own.
  if ((upper >> 40) & 0x1f) {
    refuse(VECTOR_GP, selector);
    return 0;
  }
  return offset | (upper << 32);
}

/** The code segment a gate names: any privilege up to CPL, 64-bit in long mode. */
function fetchGateTarget(selector: u32): bool {
  if (!fetchTarget(selector)) return false;
  const attributes = descriptorAttributes();
  if (
    (attributes & (ATTR_S | TYPE_CODE)) != (ATTR_S | TYPE_CODE) ||
    ((attributes >> ATTR_DPL_SHIFT) & 3) > cpl() ||
    (mode() & MODE_LONG && (attributes & (ATTR_L | ATTR_DB)) != ATTR_L)
  ) {
    return refuse(VECTOR_GP, selector);
  }
  return attributes & ATTR_P ? true : refuse(VECTOR_NP, selector);
}

export function farCall(selector: u32, offset: u64, size: u32, next: u64): void {
  selector &= 0xffff;
  offset = truncated(offset, size);
  if (!(mode() & MODE_PROTECTED)) {
    openStack();
    pushFrame(segmentSelector(CS), size);
    pushFrame(next, size);
    if (!faulted() && offset > 0xffff && offset > segmentLimit(CS)) raiseWithCode(VECTOR_GP, 0);
    if (faulted()) return;
    commitStack();
    loadRealSegment(CS, selector);
    setRip(offset);
    updateMode();
    return;
  }
  if (!fetchTarget(selector)) return;
  const attributes = descriptorAttributes();
  if (attributes & ATTR_S) {
    if (!(attributes & TYPE_CODE)) {
      refuse(VECTOR_GP, selector);
      return;
    }
    const value = descriptor();
    if (!directAllowed(selector)) return;
    openStack();
    pushFrame(segmentSelector(CS), size);
    pushFrame(next, size);
    if (faulted() || !offsetFits(offset, value)) return;
    markAccessed(selector);
    if (faulted()) return;
    commitStack();
    setCode(selector, cpl(), value, offset);
    return;
  }
  if (systemTransfer(selector, TASK_CALL, next)) return;
  callGate(selector, next);
}

function callGate(selector: u32, next: u64): void {
  const offset = fetchGate(selector);
  if (faulted()) return;
  const gate = descriptorOfGate;
  const long = (mode() & MODE_LONG) != 0;
  const size = long ? 8 : attributesOf(gate) & 8 ? 4 : 2;
  const target = <u32>(gate >> 16) & 0xffff;
  if (!fetchGateTarget(target)) return;
  const value = descriptor();
  const dpl = (attributesOf(value) >> ATTR_DPL_SHIFT) & 3;
  if (!offsetFits(offset, value)) return;
  markAccessed(target);
  if (faulted()) return;
  const inner = !(attributesOf(value) & TYPE_CONFORMING) && dpl < cpl();
  if (!inner) {
    if (long) openWideStack(gpr(4), cpl());
    else openStack();
    pushFrame(segmentSelector(CS), size);
    pushFrame(next, size);
    if (faulted()) return;
    commitStack();
    setCode(target, cpl(), value, offset);
    return;
  }
  if (long) {
    const pointer = longStack(4 + dpl * 8);
    if (faulted()) return;
    openWideStack(pointer, dpl);
    pushFrame(segmentSelector(SS), 8);
    pushFrame(gpr(4), 8);
    pushFrame(segmentSelector(CS), 8);
    pushFrame(next, 8);
    if (faulted()) return;
    commitStack();
    setSegment(SS, dpl, 0, 0, ATTR_UNUSABLE | (dpl << ATTR_DPL_SHIFT));
    setCode(target, dpl, value, offset);
    return;
  }
  const pointer = innerStack(dpl);
  if (faulted()) return;
  const stackSelector = <u32>(pointer >> 32);
  if (!fetchInnerStack(stackSelector, dpl)) return;
  const stack = descriptor();
  markAccessed(stackSelector);
  openStackAt(
    pointer & 0xffffffff,
    descriptorBase(stack),
    descriptorLimit(stack),
    attributesOf(stack),
    dpl,
    stackSelector,
  );
  pushFrame(segmentSelector(SS), size);
  pushFrame(gpr(4), size);
  for (let i = (<i32>(gate >> 32) & 31) - 1; i >= 0 && !faulted(); i--) {
    pushFrame(readParameter(i, size), size);
  }
  pushFrame(segmentSelector(CS), size);
  pushFrame(next, size);
  if (faulted()) return;
  setSegment(
    SS,
    stackSelector,
    descriptorBase(stack),
    descriptorLimit(stack),
    attributesOf(stack) | 1,
  );
  commitStack();
  setCode(target, dpl, value, offset);
}

/** Parameter `index` of a call gate, from the caller's stack. */
function readParameter(index: i32, size: u32): u64 {
  const attributes = segmentAttributes(SS);
  const mask: u64 = attributes & ATTR_DB ? 0xffffffff : 0xffff;
  const offset = (gpr(4) + <u64>index * size) & mask;
  if (!withinLimit(offset, size, segmentLimit(SS), attributes)) raiseWithCode(VECTOR_SS, 0);
  if (faulted()) return 0;
  return readAs((segmentBase(SS) + offset) & 0xffffffff, size, cpl() == 3);
}

export function farReturn(size: u32, release: u32): void {
  openStack();
  const offset = popFrame(size);
  const selector = <u32>popFrame(size) & 0xffff;
  if (faulted()) return;
  if (!(mode() & MODE_PROTECTED)) {
    if (offset > 0xffff && offset > segmentLimit(CS)) {
      raiseWithCode(VECTOR_GP, 0);
      return;
    }
    skipFrame(release);
    commitStack();
    loadRealSegment(CS, selector);
    setRip(offset);
    updateMode();
    return;
  }
  if (!fetchReturnCode(selector)) return;
  const value = descriptor();
  const level = selector & 3;
  if (!offsetFits(offset, value)) return;
  if (level == cpl()) {
    markAccessed(selector);
    if (faulted()) return;
    skipFrame(release);
    commitStack();
    setCode(selector, level, value, offset);
    return;
  }
  skipFrame(release);
  returnOutward(selector, value, offset, size, release);
}

/** Checks of a code segment returned to by RET or IRET; descriptor() is it. */
export function fetchReturnCode(selector: u32): bool {
  if (!fetchTarget(selector)) return false;
  const attributes = descriptorAttributes();
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  const level = selector & 3;
  if (
    (attributes & (ATTR_S | TYPE_CODE)) != (ATTR_S | TYPE_CODE) ||
    level < cpl() ||
    (attributes & TYPE_CONFORMING ? dpl > level : dpl != level)
  ) {
    return refuse(VECTOR_GP, selector);
  }
  return codeUsable(selector);
}

/** Pops SS:rSP and returns to an outer level. */
function returnOutward(selector: u32, value: u64, offset: u64, size: u32, release: u32): void {
  const level = selector & 3;
  const pointer = popFrame(size);
  const stackSelector = <u32>popFrame(size) & 0xffff;
  if (faulted()) return;
  if (!fetchOuterStack(stackSelector, level, value)) return;
  const stack = descriptor();
  const isNull = (stackSelector & 0xfffc) == 0;
  if (!isNull) markAccessed(stackSelector);
  if (faulted()) return;
  enterOuter(selector, value, offset, stackSelector, stack, pointer + release);
}

/** Stack segment of an outer level; null is for 64-bit code below level 3. */
export function fetchOuterStack(selector: u32, level: u32, code: u64): bool {
  if ((selector & 0xfffc) == 0) {
    const is64 = mode() & MODE_LONG && attributesOf(code) & ATTR_L;
    if (is64 && level != 3 && (selector & 3) == level) return true;
    return refuse(VECTOR_GP, 0);
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return false;
  const attributes = descriptorAttributes();
  if (
    (selector & 3) != level ||
    ((attributes >> ATTR_DPL_SHIFT) & 3) != level ||
    (attributes & (ATTR_S | TYPE_CODE | TYPE_WRITABLE)) != (ATTR_S | TYPE_WRITABLE)
  ) {
    return refuse(VECTOR_GP, selector);
  }
  return attributes & ATTR_P ? true : refuse(VECTOR_SS, selector);
}

/** Commits a return to an outer level. */
export function enterOuter(
  selector: u32,
  code: u64,
  offset: u64,
  stackSelector: u32,
  stack: u64,
  pointer: u64,
): void {
  const level = selector & 3;
  const is64 = (mode() & MODE_LONG) != 0 && (attributesOf(code) & ATTR_L) != 0;
  if ((stackSelector & 0xfffc) == 0) {
    setSegment(SS, stackSelector, 0, 0, ATTR_UNUSABLE | (level << ATTR_DPL_SHIFT));
  } else {
    setSegment(
      SS,
      stackSelector,
      descriptorBase(stack),
      descriptorLimit(stack),
      attributesOf(stack) | 1,
    );
  }
  setStackPointer(pointer, is64, segmentAttributes(SS));
  setCode(selector, level, code, offset);
  dropPrivilegedSegments();
  updateMode();
}
