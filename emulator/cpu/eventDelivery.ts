/**
 * Entering a handler through the IVT or IDT: real mode (SDM 3A §20.1.4), protected (§6.12), virtual-8086
 * (§20.3) and 64-bit mode with IST (§6.14). Nothing but memory of the new stack changes before all
 * checks have passed; a fault stays noted for the caller.
 */
import { updateChecks } from './debugRegisters';
import {
  attributesOf,
  descriptor,
  descriptorAttributes,
  descriptorBase,
  descriptorLimit,
  fetchDescriptor,
  markAccessed,
} from './descriptors';
import { raiseWithCode } from './exceptions';
import { deliverQuickly } from './fastEvents';
import { getFlags, setFlags } from './flags';
import { updatePending } from './interrupts';
import {
  ATTR_DB,
  ATTR_DPL_SHIFT,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_UNUSABLE,
  CR0_PE,
  CS,
  DS,
  ES,
  FLAG_AC,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  FS,
  GS,
  MODE_LONG,
  MODE_V86,
  OFF_CR0,
  OFF_IDT_BASE,
  OFF_IDT_LIMIT,
  OFF_STEP_TF,
  SS,
  TR,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  VECTOR_TS,
  TYPE_CODE,
  TYPE_CONFORMING,
  TYPE_WRITABLE,
} from './layout';
import { readSystem } from './memorySlow';
import { isCanonical } from './mmu';
import { loadRealSegment, setCpl, updateMode } from './segments';
import {
  commitStack,
  openStack,
  openStackAt,
  openWideStack,
  pushFrame,
} from './stackFrame';
import {
  CPU,
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
import { switchTask, TASK_GATE } from './tasks';

/** Exceptions of the fault class: RF is set in the pushed image. */
export const EVENT_FAULT: u32 = 0;
/** Hardware interrupts, NMI, traps, INT1: no privilege check of the gate. */
export const EVENT_INTERRUPT: u32 = 1;
/** INT n. */
export const EVENT_SOFTWARE: u32 = 2;
/** INT3 and INTO: gate privilege is checked, IOPL in virtual-8086 mode is not. */
export const EVENT_SOFTWARE_TRAP: u32 = 3;

export function deliverEvent(
  vector: u32,
  kind: u32,
  hasCode: bool,
  code: u32,
  returnRip: u64,
): void {
  let image = getFlags();
  if (kind == EVENT_FAULT && vector != VECTOR_DB) image |= FLAG_RF;
  if (deliverQuickly(vector, kind >= EVENT_SOFTWARE, hasCode, code, image, returnRip)) {
    store<u32>(CPU, 0, OFF_STEP_TF);
    return;
  }
  if (!(load<u64>(CPU, OFF_CR0) & CR0_PE)) {
    enterReal(vector, image, returnRip);
  } else if (mode() & MODE_LONG) {
    enterLong(vector, kind, hasCode, code, image, returnRip);
  } else {
    enterProtected(vector, kind, hasCode, code, image, returnRip);
  }
  // Entering a handler clears TF: the instruction that led here is not single-stepped.
  if (!faulted()) store<u32>(CPU, 0, OFF_STEP_TF);
}

function clearFlags(mask: u64): void {
  setFlags(0, mask);
  updateChecks();
  updatePending();
}

function enterReal(vector: u32, image: u64, returnRip: u64): void {
  if (vector * 4 + 3 > load<u32>(CPU, OFF_IDT_LIMIT)) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  const entry = readSystem(load<u64>(CPU, OFF_IDT_BASE) + vector * 4, 4);
  openStack();
  pushFrame(image, 2);
  pushFrame(segmentSelector(CS), 2);
  pushFrame(returnRip, 2);
  if (faulted()) return;
  commitStack();
  loadRealSegment(CS, <u32>(entry >> 16));
  setRip(entry & 0xffff);
  updateMode();
  clearFlags(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
}

/** The gate's error code: its vector, in the IDT (SDM 3A §6.13). */
@inline
function gateCode(vector: u32): u32 {
  return vector * 8 + 2;
}

function gateAllowed(vector: u32, kind: u32, gate: u64): bool {
  const attributes = attributesOf(gate);
  if (kind >= EVENT_SOFTWARE && ((attributes >> ATTR_DPL_SHIFT) & 3) < cpl()) {
    raiseWithCode(VECTOR_GP, gateCode(vector));
    return false;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_NP, gateCode(vector));
    return false;
  }
  return true;
}

/** The handler's code segment; false after raising. */
function fetchHandlerCode(selector: u32): bool {
  if ((selector & 0xfffc) == 0) {
    raiseWithCode(VECTOR_GP, 0);
    return false;
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return false;
  const attributes = descriptorAttributes();
  if (
    (attributes & (ATTR_S | TYPE_CODE)) != (ATTR_S | TYPE_CODE) ||
    ((attributes >> ATTR_DPL_SHIFT) & 3) > cpl()
  ) {
    raiseWithCode(VECTOR_GP, selector & 0xfffc);
    return false;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_NP, selector & 0xfffc);
    return false;
  }
  return true;
}

function enterProtected(
  vector: u32,
  kind: u32,
  hasCode: bool,
  code: u32,
  image: u64,
  returnRip: u64,
): void {
  const v86 = (mode() & MODE_V86) != 0;
  if (v86 && kind == EVENT_SOFTWARE && (image & FLAG_IOPL) != FLAG_IOPL) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  if (vector * 8 + 7 > load<u32>(CPU, OFF_IDT_LIMIT)) {
    raiseWithCode(VECTOR_GP, gateCode(vector));
    return;
  }
  const gate = readSystem((load<u64>(CPU, OFF_IDT_BASE) + vector * 8) & 0xffffffff, 8);
  if (faulted()) return;
  const type = attributesOf(gate) & 0x1f;
  if (type != 5 && type != 6 && type != 7 && type != 14 && type != 15) {
    raiseWithCode(VECTOR_GP, gateCode(vector));
    return;
  }
  if (!gateAllowed(vector, kind, gate)) return;
  const selector = <u32>(gate >> 16) & 0xffff;
  if (type == 5) {
    switchTask(selector, TASK_GATE, returnRip, image, hasCode, code);
    return;
  }
  if (!fetchHandlerCode(selector)) return;
  const target = descriptor();
  const attributes = descriptorAttributes();
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  const inner = !(attributes & TYPE_CONFORMING) && dpl < cpl();
  if (v86 && (!inner || dpl != 0)) {
    raiseWithCode(VECTOR_GP, selector & 0xfffc);
    return;
  }
  const size = type >= 14 ? 4 : 2;
  const level = inner ? dpl : cpl();
  let stackSelector: u32 = 0;
  let stack: u64 = 0;
  let offset = gate & 0xffff;
  if (size == 4) offset |= (gate >> 32) & 0xffff0000;
  if (offset > descriptorLimit(target)) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  markAccessed(selector);
  if (inner) {
    const pointer = innerStack(dpl);
    if (faulted()) return;
    stackSelector = <u32>(pointer >> 32);
    if (!fetchInnerStack(stackSelector, dpl)) return;
    stack = descriptor();
    markAccessed(stackSelector);
    const sp = pointer & 0xffffffff;
    openStackAt(
      sp,
      descriptorBase(stack),
      descriptorLimit(stack),
      attributesOf(stack),
      dpl,
      stackSelector,
    );
    if (v86) {
      for (let i = GS; i >= FS; i--) pushFrame(segmentSelector(i), size);
      pushFrame(segmentSelector(DS), size);
      pushFrame(segmentSelector(ES), size);
    }
    pushFrame(segmentSelector(SS), size);
    pushFrame(gpr(4), size);
  } else {
    openStack();
  }
  pushFrame(image, size);
  pushFrame(segmentSelector(CS), size);
  pushFrame(returnRip, size);
  if (hasCode) pushFrame(code, size);
  if (faulted()) return;
  commitStack();
  let cleared: u64 = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM;
  if (!(type & 1)) cleared |= FLAG_IF;
  setFlags(0, cleared);
  if (inner) {
    setSegment(
      SS,
      stackSelector,
      descriptorBase(stack),
      descriptorLimit(stack),
      attributesOf(stack) | 1,
    );
  }
  setSegment(
    CS,
    (selector & ~3) | level,
    descriptorBase(target),
    descriptorLimit(target),
    attributes | 1,
  );
  if (v86) {
    for (let i = ES; i <= GS; i++) {
      if (i != CS && i != SS) setSegment(i, 0, 0, 0, ATTR_UNUSABLE);
    }
  }
  setCpl(level);
  setRip(offset);
  updateMode();
  updateChecks();
  updatePending();
}

/** SS:ESP of privilege `level` from the TSS: selector in the high half (SDM 3A §7.2.1). */
export function innerStack(level: u32): u64 {
  const wide = (segmentAttributes(TR) & 8) != 0;
  const offset = wide ? 4 + level * 8 : 2 + level * 4;
  if (<u32>offset + (wide ? <u32>5 : <u32>3) > segmentLimit(TR)) {
    raiseWithCode(VECTOR_TS, segmentSelector(TR) & 0xfffc);
    return 0;
  }
  const at = segmentBase(TR) + offset;
  const pointer = readSystem(at & 0xffffffff, wide ? 4 : 2);
  const selector = readSystem((at + (wide ? 4 : 2)) & 0xffffffff, 2);
  return pointer | (selector << 32);
}

/** Checks of an inner stack segment: #TS, or #SS if not present. */
export function fetchInnerStack(selector: u32, level: u32): bool {
  if ((selector & 0xfffc) == 0) {
    raiseWithCode(VECTOR_TS, 0);
    return false;
  }
  if (!fetchDescriptor(selector, VECTOR_TS)) return false;
  const attributes = descriptorAttributes();
  if (
    (selector & 3) != level ||
    ((attributes >> ATTR_DPL_SHIFT) & 3) != level ||
    (attributes & (ATTR_S | TYPE_CODE | TYPE_WRITABLE)) != (ATTR_S | TYPE_WRITABLE)
  ) {
    raiseWithCode(VECTOR_TS, selector & 0xfffc);
    return false;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_SS, selector & 0xfffc);
    return false;
  }
  return true;
}

function enterLong(
  vector: u32,
  kind: u32,
  hasCode: bool,
  code: u32,
  image: u64,
  returnRip: u64,
): void {
  if (vector * 16 + 15 > load<u32>(CPU, OFF_IDT_LIMIT)) {
    raiseWithCode(VECTOR_GP, gateCode(vector));
    return;
  }
  const at = load<u64>(CPU, OFF_IDT_BASE) + vector * 16;
  const gate = readSystem(at, 8);
  if (faulted()) return;
  const high = readSystem(at + 8, 8);
  if (faulted()) return;
  const type = attributesOf(gate) & 0x1f;
  if (type != 14 && type != 15) {
    raiseWithCode(VECTOR_GP, gateCode(vector));
    return;
  }
  if (!gateAllowed(vector, kind, gate)) return;
  const selector = <u32>(gate >> 16) & 0xffff;
  if (!fetchHandlerCode(selector)) return;
  const target = descriptor();
  const attributes = descriptorAttributes();
  if ((attributes & (ATTR_L | ATTR_DB)) != ATTR_L) {
    raiseWithCode(VECTOR_GP, selector & 0xfffc);
    return;
  }
  const offset = (gate & 0xffff) | ((gate >> 32) & 0xffff0000) | (high << 32);
  if (!isCanonical(offset)) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  markAccessed(selector);
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  const inner = !(attributes & TYPE_CONFORMING) && dpl < cpl();
  const level = inner ? dpl : cpl();
  const ist = <u32>(gate >> 32) & 7;
  let pointer = gpr(4);
  if (ist || inner) {
    pointer = longStack(ist ? 36 + (ist - 1) * 8 : 4 + dpl * 8);
    if (faulted()) return;
  }
  openWideStack(pointer & ~(<u64>15), level);
  pushFrame(segmentSelector(SS), 8);
  pushFrame(gpr(4), 8);
  pushFrame(image, 8);
  pushFrame(segmentSelector(CS), 8);
  pushFrame(returnRip, 8);
  if (hasCode) pushFrame(code, 8);
  if (faulted()) return;
  commitStack();
  let cleared: u64 = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM;
  if (!(type & 1)) cleared |= FLAG_IF;
  setFlags(0, cleared);
  if (inner) setSegment(SS, level, 0, 0, ATTR_UNUSABLE | (level << ATTR_DPL_SHIFT));
  setSegment(
    CS,
    (selector & ~3) | level,
    descriptorBase(target),
    descriptorLimit(target),
    attributes | 1,
  );
  setCpl(level);
  setRip(offset);
  updateMode();
  updateChecks();
  updatePending();
}

/** RSPn or ISTn at `offset` of the 64-bit TSS (SDM 3A §7.7). */
export function longStack(offset: u32): u64 {
  if (offset + 7 > segmentLimit(TR)) {
    raiseWithCode(VECTOR_TS, segmentSelector(TR) & 0xfffc);
    return 0;
  }
  const pointer = readSystem(segmentBase(TR) + offset, 8);
  if (!faulted() && !isCanonical(pointer)) raiseWithCode(VECTOR_SS, 0);
  return pointer;
}
