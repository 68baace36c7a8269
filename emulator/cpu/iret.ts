/**
 * INT n, INT3, INTO, INT1 and IRET in all modes. SDM 2A, INT n; IRET. SDM 3A §20.3 for virtual-8086 mode
 * without VME.
 */
import { updateChecks } from './debugRegisters';
import { descriptor, markAccessed } from './descriptors';
import {
  deliverEvent,
  EVENT_INTERRUPT,
  EVENT_SOFTWARE,
  EVENT_SOFTWARE_TRAP,
} from './eventDelivery';
import { raiseWithCode } from './exceptions';
import { enterOuter, fetchOuterStack, fetchReturnCode } from './farTransfers';
import { returnQuickly } from './fastEvents';
import { getFlags, setFlags } from './flags';
import { updatePending } from './interrupts';
import {
  attributesOf,
  descriptorBase,
  descriptorLimit,
} from './descriptors';
import {
  ATTR_L,
  CS,
  DS,
  ES,
  FLAG_AC,
  FLAG_CF,
  FLAG_AF,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_OF,
  FLAG_PF,
  FLAG_RF,
  FLAG_SF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAG_ZF,
  FS,
  GS,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_LONG,
  MODE_PROTECTED,
  MODE_V86,
  OFF_DR,
  OFF_NMI_BLOCKED,
  SS,
  TR,
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_OF,
} from './layout';
import { readSystem } from './memorySlow';
import { isCanonical } from './mmu';
import { loadRealSegment, setCpl, updateMode } from './segments';
import { commitStack, openStack, popFrame } from './stackFrame';
import {
  CPU,
  cpl,
  faulted,
  mode,
  segmentBase,
  segmentLimit,
  setGpr,
  setRip,
  setSegment,
} from './state';
import { switchTask, TASK_RETURN } from './tasks';

const STATUS_FLAGS: u64 = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

/** INT n. */
export function softwareInterrupt(vector: u32, next: u64): void {
  deliverEvent(vector, EVENT_SOFTWARE, false, 0, next);
}

/** INT3. */
export function breakpoint(next: u64): void {
  deliverEvent(VECTOR_BP, EVENT_SOFTWARE_TRAP, false, 0, next);
}

/** INTO; true if the trap was taken (or faulted). */
export function overflowTrap(next: u64): void {
  if (getFlags() & FLAG_OF) deliverEvent(VECTOR_OF, EVENT_SOFTWARE_TRAP, false, 0, next);
  else setRip(next);
}

/** INT1: a debug trap without DR6 bits or gate privilege check. */
export function debugTrap(next: u64): void {
  deliverEvent(VECTOR_DB, EVENT_INTERRUPT, false, 0, next);
}

function flagsChanged(): void {
  updateChecks();
  updatePending();
}

/** RF is kept only where an instruction breakpoint could look at it. */
function resumeMask(): u64 {
  return load<u64>(CPU + 7 * 8, OFF_DR) & 0xff ? FLAG_RF : 0;
}

export function interruptReturn(size: u32): void {
  store<u32>(CPU, 0, OFF_NMI_BLOCKED);
  if (returnQuickly(size)) return;
  if (mode() & MODE_PROTECTED) {
    if (getFlags() & FLAG_NT) returnToTask();
    else returnProtected(size);
  } else if (mode() & MODE_V86) {
    returnVirtual(size);
  } else {
    returnReal(size);
  }
}

function returnReal(size: u32): void {
  openStack();
  const offset = popFrame(size);
  const selector = <u32>popFrame(size) & 0xffff;
  const flags = popFrame(size);
  if (!faulted() && offset > segmentLimit(CS) && offset > 0xffff) raiseWithCode(VECTOR_GP, 0);
  if (faulted()) return;
  commitStack();
  let mask: u64 = STATUS_FLAGS | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT;
  if (size == 4) mask |= FLAG_AC | FLAG_ID | resumeMask();
  setFlags(flags, mask);
  loadRealSegment(CS, selector);
  setRip(offset);
  updateMode();
  flagsChanged();
}

/** Inside virtual-8086 mode: IOPL 3 only. */
function returnVirtual(size: u32): void {
  if ((getFlags() & FLAG_IOPL) != FLAG_IOPL) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  openStack();
  const offset = popFrame(size);
  const selector = <u32>popFrame(size) & 0xffff;
  const flags = popFrame(size);
  if (!faulted() && offset > 0xffff) raiseWithCode(VECTOR_GP, 0);
  if (faulted()) return;
  commitStack();
  let mask: u64 = STATUS_FLAGS | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT;
  if (size == 4) mask |= FLAG_AC | FLAG_ID | resumeMask();
  setFlags(flags, mask);
  loadRealSegment(CS, selector);
  setRip(offset);
  updateMode();
  flagsChanged();
}

function returnToTask(): void {
  if (mode() & MODE_LONG) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  const link = <u32>readSystem(segmentBase(TR) & 0xffffffff, 2);
  if (faulted()) return;
  switchTask(link, TASK_RETURN, returnAddress, getFlags(), false, 0);
}

/** Address after the IRET, for the outgoing task's TSS. */
let returnAddress: u64 = 0;

export function interruptReturnFrom(size: u32, next: u64): void {
  returnAddress = next;
  interruptReturn(size);
}

function returnProtected(size: u32): void {
  const from64 = (mode() & MODE_CODE_MASK) == MODE_CODE64;
  openStack();
  const offset = popFrame(size);
  const selector = <u32>popFrame(size) & 0xffff;
  const flags = popFrame(size);
  if (faulted()) return;
  if (flags & FLAG_VM && size == 4 && cpl() == 0 && !(mode() & MODE_LONG)) {
    returnToVirtual(offset, selector, flags);
    return;
  }
  if (!fetchReturnCode(selector)) return;
  const code = descriptor();
  const level = selector & 3;
  const to64 = (mode() & MODE_LONG) != 0 && (attributesOf(code) & ATTR_L) != 0;
  if (to64 ? !isCanonical(offset) : offset > descriptorLimit(code)) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  let mask: u64 = STATUS_FLAGS | FLAG_TF | FLAG_DF | FLAG_NT;
  if (size != 2) mask |= FLAG_AC | FLAG_ID | resumeMask();
  const iopl = <u32>(getFlags() >> 12) & 3;
  if (cpl() <= iopl) mask |= FLAG_IF;
  if (cpl() == 0) {
    mask |= FLAG_IOPL;
    if (size != 2) mask |= FLAG_VIF | FLAG_VIP;
  }
  // From 64-bit code SS:RSP is popped whatever the level.
  if (level == cpl() && !from64) {
    markAccessed(selector);
    if (faulted()) return;
    commitStack();
    setSegment(
      CS,
      selector,
      descriptorBase(code),
      descriptorLimit(code),
      attributesOf(code) | 1,
    );
    setRip(offset);
  } else {
    const pointer = popFrame(size);
    const stackSelector = <u32>popFrame(size) & 0xffff;
    if (faulted() || !fetchOuterStack(stackSelector, level, code)) return;
    const stack = descriptor();
    if (stackSelector & 0xfffc) markAccessed(stackSelector);
    if (faulted()) return;
    markAccessedCode(selector, code);
    if (faulted()) return;
    enterOuter(selector, code, offset, stackSelector, stack, pointer);
  }
  setFlags(flags, mask);
  updateMode();
  flagsChanged();
}

/** The accessed bit of a code descriptor fetched before another one. */
function markAccessedCode(selector: u32, code: u64): void {
  if ((code >> 40) & 1) return;
  if (fetchReturnCode(selector)) markAccessed(selector);
}

/** IRETD at CPL 0 with VM set in the image (SDM 3A §20.2.5). */
function returnToVirtual(offset: u64, selector: u32, flags: u64): void {
  const pointer = popFrame(4);
  const stackSelector = <u32>popFrame(4) & 0xffff;
  const es = <u32>popFrame(4) & 0xffff;
  const ds = <u32>popFrame(4) & 0xffff;
  const fs = <u32>popFrame(4) & 0xffff;
  const gs = <u32>popFrame(4) & 0xffff;
  if (!faulted() && offset > 0xffff) raiseWithCode(VECTOR_GP, 0);
  if (faulted()) return;
  setFlags(
    flags,
    STATUS_FLAGS |
      FLAG_TF |
      FLAG_IF |
      FLAG_DF |
      FLAG_IOPL |
      FLAG_NT |
      FLAG_VM |
      FLAG_AC |
      FLAG_ID |
      FLAG_VIF |
      FLAG_VIP |
      resumeMask(),
  );
  setCpl(3);
  updateMode();
  loadRealSegment(CS, selector);
  loadRealSegment(SS, stackSelector);
  loadRealSegment(ES, es);
  loadRealSegment(DS, ds);
  loadRealSegment(FS, fs);
  loadRealSegment(GS, gs);
  setGpr(4, pointer & 0xffffffff);
  setRip(offset & 0xffff);
  updateMode();
  flagsChanged();
}
