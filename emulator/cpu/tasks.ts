/**
 * Hardware task switching, SDM 3A §7.3 with 16- and 32-bit TSSs. Order as in §7.3's list: the new TSS is
 * read before anything is written; faults after the commit point are raised in the new task.
 */
import { updateChecks } from './debugRegisters';
import {
  descriptor,
  descriptorAddress,
  descriptorAttributes,
  descriptorBase,
  descriptorLimit,
  fetchDescriptor,
  loadSystemSegment,
  markAccessed,
  setBusy,
} from './descriptors';
import { deliverEvent, EVENT_INTERRUPT } from './eventDelivery';
import { deliverNoted, raiseWithCode } from './exceptions';
import { getFlags, setFlags } from './flags';
import { updatePending } from './interrupts';
import {
  ATTR_DPL_SHIFT,
  ATTR_P,
  ATTR_S,
  ATTR_UNUSABLE,
  CR0_PG,
  CR0_TS,
  CR4_PAE,
  CS,
  DS,
  ES,
  FLAG_NT,
  FLAG_VM,
  GS,
  LDTR,
  OFF_CR0,
  OFF_CR3,
  OFF_CR4,
  OFF_DR,
  OFF_GDT_BASE,
  SS,
  TR,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_TS,
  TYPE_CODE,
  TYPE_CONFORMING,
} from './layout';
import { loadPdptes } from './mmu';
import { probeWriteAs, readSystem, writeSystem } from './memorySlow';
import { loadDataSegment, loadRealSegment, loadStackSegment, setCpl, updateMode } from './segments';
import { openStack, commitStack, pushFrame } from './stackFrame';
import {
  CPU,
  faulted,
  gpr,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentSelector,
  rip,
  setGpr,
  setRip,
  setSegment,
} from './state';
import { switchAddressSpace } from './tlb';

export const TASK_JUMP: u32 = 0;
export const TASK_CALL: u32 = 1;
export const TASK_GATE: u32 = 2;
export const TASK_RETURN: u32 = 3;

/** Offsets in the 32- and 16-bit TSS (SDM 3A figures 7-2, 7-10). */
const TSS32_CR3: u64 = 28;
const TSS32_EIP: u64 = 32;
const TSS32_LDT: u64 = 96;
const TSS32_TRAP: u64 = 100;
const TSS16_IP: u64 = 14;
const TSS16_LDT: u64 = 42;

function read(base: u64, offset: u64, size: i32): u64 {
  return readSystem((base + offset) & 0xffffffff, size);
}

function write(base: u64, offset: u64, value: u64, size: i32): void {
  writeSystem((base + offset) & 0xffffffff, value, size);
}

/** The registers read from the new TSS, in its order: EIP EFLAGS EAX..EDI ES..GS LDT. */
const fields = memory.data(4 * 17, 8);

@inline
function field(index: i32): u32 {
  return load<u32>(fields + (index << 2));
}

/**
 * Switches to the task of TSS `selector`. `next` and `flags` are saved for the old task; an error code
 * goes onto the new task's stack.
 */
export function switchTask(
  selector: u32,
  kind: u32,
  next: u64,
  flags: u64,
  hasCode: bool,
  code: u32,
): void {
  const badSelector = kind == TASK_RETURN ? VECTOR_TS : VECTOR_GP;
  if (selector & 4 || (selector & 0xfffc) == 0) {
    raiseWithCode(badSelector, selector & 0xfffc);
    return;
  }
  if (!fetchDescriptor(selector, badSelector)) return;
  const value = descriptor();
  const address = descriptorAddress();
  const attributes = descriptorAttributes();
  const type = attributes & 0x1f;
  const wanted: u32 = kind == TASK_RETURN ? 3 : 1;
  if ((type & 0x17) != wanted) {
    raiseWithCode(badSelector, selector & 0xfffc);
    return;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_NP, selector & 0xfffc);
    return;
  }
  const wide = (type & 8) != 0;
  const base = descriptorBase(value);
  const limit = descriptorLimit(value);
  if ((wide ? <u32>103 : <u32>43) > limit) {
    raiseWithCode(VECTOR_TS, selector & 0xfffc);
    return;
  }
  const oldWide = (segmentAttributes(TR) & 8) != 0;
  const oldBase = segmentBase(TR);
  const oldSelector = segmentSelector(TR);
  const oldDescriptor = load<u64>(CPU, OFF_GDT_BASE) + (oldSelector & 0xfff8);
  // All pages of both must be there before the switch begins.
  probeWriteAs(oldBase & 0xffffffff, oldWide ? 104 : 44, false);
  if (kind != TASK_JUMP && kind != TASK_RETURN) probeWriteAs(base & 0xffffffff, 2, false);
  readFields(base, wide);
  const cr3 = wide ? read(base, TSS32_CR3, 4) : 0;
  const trap = wide ? read(base, TSS32_TRAP, 2) & 1 : 0;
  if (faulted()) return;

  if (kind == TASK_JUMP || kind == TASK_RETURN) setBusy(oldDescriptor, false);
  if (faulted()) return;
  if (kind == TASK_RETURN) flags &= ~(<u64>FLAG_NT);
  saveOld(oldBase, oldWide, next, flags);
  if (kind == TASK_CALL || kind == TASK_GATE) write(base, 0, oldSelector, 2);
  if (kind != TASK_RETURN) setBusy(address, true);
  if (faulted()) return;

  // The commit point: the task register is the new task's from here on.
  setSegment(TR, selector, base, limit, attributes | 2);
  store<u64>(CPU, load<u64>(CPU, OFF_CR0) | CR0_TS, OFF_CR0);
  store<u64>(CPU + 7 * 8, load<u64>(CPU + 7 * 8, OFF_DR) & ~(<u64>0x155), OFF_DR);
  if (wide && load<u64>(CPU, OFF_CR0) & <u64>CR0_PG && cr3 != load<u64>(CPU, OFF_CR3)) {
    if (load<u64>(CPU, OFF_CR4) & CR4_PAE && !loadPdptes(cr3)) raiseWithCode(VECTOR_GP, 0);
    else {
      store<u64>(CPU, cr3, OFF_CR3);
      switchAddressSpace(false);
    }
  }
  loadNew(kind, wide);
  if (!faulted() && hasCode) {
    openStack();
    pushFrame(code, wide ? 4 : 2);
    if (!faulted()) commitStack();
  }
  updateMode();
  updateChecks();
  if (faulted()) {
    // Beyond the commit point a fault belongs to the new task, before its first instruction.
    deliverNoted(<u32>-1);
    return;
  }
  // The T bit's debug trap (SDM 3A §17.3.1.5) comes after the switch.
  updatePending();
  if (trap) {
    store<u64>(CPU + 6 * 8, load<u64>(CPU + 6 * 8, OFF_DR) | 0x8000, OFF_DR);
    deliverEvent(VECTOR_DB, EVENT_INTERRUPT, false, 0, rip());
  }
}

function readFields(base: u64, wide: bool): void {
  const size = wide ? 4 : 2;
  const from = wide ? TSS32_EIP : TSS16_IP;
  const count = wide ? 16 : 14;
  for (let i = 0; i < 17; i++) store<u32>(fields + (i << 2), 0);
  for (let i = 0; i < count; i++) {
    store<u32>(fields + (i << 2), <u32>read(base, from + i * size, size));
  }
  store<u32>(fields + (16 << 2), <u32>read(base, wide ? TSS32_LDT : TSS16_LDT, 2));
}

function saveOld(base: u64, wide: bool, next: u64, flags: u64): void {
  const size = wide ? 4 : 2;
  let at = wide ? TSS32_EIP : TSS16_IP;
  write(base, at, next, size);
  write(base, at + size, flags, size);
  at += 2 * size;
  for (let i = 0; i < 8; i++) write(base, at + i * size, gpr(i), size);
  at += 8 * size;
  const last = wide ? GS : DS;
  for (let i = ES; i <= last; i++) write(base, at + i * size, segmentSelector(i), 2);
}

function loadNew(kind: u32, wide: bool): void {
  let flags: u64 = field(1);
  if (kind == TASK_CALL || kind == TASK_GATE) flags |= FLAG_NT;
  setRip(field(0));
  setFlags(flags, wide ? 0x3f7fd5 : 0x7fd5);
  if (!wide) setFlags(0, FLAG_VM);
  for (let i = 0; i < 8; i++) {
    setGpr(i, wide ? <u64>field(2 + i) : <u64>(field(2 + i) & 0xffff) | 0xffff0000);
  }
  const v86 = (getFlags() & FLAG_VM) != 0;
  // Selectors first, all invalid: a fault then finds no stale cache.
  for (let i = ES; i <= GS; i++) setSegment(i, field(10 + i) & 0xffff, 0, 0, ATTR_UNUSABLE);
  setSegment(LDTR, field(16) & 0xffff, 0, 0, ATTR_UNUSABLE);
  if (v86) {
    setCpl(3);
    updateMode();
    for (let i = ES; i <= GS; i++) loadRealSegment(i, field(10 + i) & 0xffff);
  } else {
    setCpl(field(10 + CS) & 3);
    updateMode();
  }
  const ldt = field(16) & 0xffff;
  if (ldt & 0xfffc) loadSystemSegment(LDTR, ldt, 2, VECTOR_TS);
  if (faulted() || v86) return;
  const code = field(10 + CS) & 0xffff;
  if (!fetchTaskCode(code)) return;
  markAccessed(code);
  setSegment(
    CS,
    code,
    descriptorBase(descriptor()),
    descriptorLimit(descriptor()),
    descriptorAttributes() | 1,
  );
  updateMode();
  loadStackSegment(field(10 + SS) & 0xffff, code & 3, VECTOR_TS);
  if (faulted()) return;
  for (let i = ES; i <= GS; i++) {
    const selector = field(10 + i) & 0xffff;
    if (i == CS || i == SS || !(selector & 0xfffc)) continue;
    if (!loadDataSegment(i, selector, VECTOR_TS)) return;
  }
  if (field(0) > segmentLimit(CS)) raiseWithCode(VECTOR_GP, 0);
}

function fetchTaskCode(selector: u32): bool {
  if ((selector & 0xfffc) == 0) {
    raiseWithCode(VECTOR_TS, 0);
    return false;
  }
  if (!fetchDescriptor(selector, VECTOR_TS)) return false;
  const attributes = descriptorAttributes();
  const dpl = (attributes >> ATTR_DPL_SHIFT) & 3;
  const level = selector & 3;
  if (
    (attributes & (ATTR_S | TYPE_CODE)) != (ATTR_S | TYPE_CODE) ||
    (attributes & TYPE_CONFORMING ? dpl > level : dpl != level)
  ) {
    raiseWithCode(VECTOR_TS, selector & 0xfffc);
    return false;
  }
  if (!(attributes & ATTR_P)) {
    raiseWithCode(VECTOR_NP, selector & 0xfffc);
    return false;
  }
  return true;
}
