/**
 * Debug registers and single step, SDM 3A §17.2-17.3. While DR7 enables a breakpoint the loop runs one
 * instruction at a time and data accesses take the slow path, so that the cost is paid only then.
 * Left out: RTM, debug status of the LBR facility.
 */
import { deliverNoted, raise, raiseWithCode } from './exceptions';
import {
  CR0_AM,
  CR4_DE,
  FLAG_AC,
  FLAG_RF,
  FLAG_TF,
  OFF_CHECKED_ACCESS,
  OFF_CPL,
  OFF_CR0,
  OFF_CR4,
  OFF_DEBUG_HITS,
  OFF_DR,
  OFF_FAULT,
  OFF_RFLAGS,
  OFF_SHADOW,
  OFF_STEP_TF,
  OFF_STEPPING,
  SHADOW_MOV_SS,
  CS,
  MODE_CODE64,
  MODE_CODE_MASK,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_UD,
  CR0_PE,
} from './layout';
import { updatePending } from './interrupts';
import { CPU, cpl, mode, rip, segmentBase } from './state';
import { deliverEvent, EVENT_INTERRUPT } from './eventDelivery';
import { updateContext } from './tlb';

const DR6_BS: u64 = 0x4000;
const DR6_BD: u64 = 0x2000;
const DR7_GD: u64 = 0x2000;
/** Bits that read as ones (SDM 3A figure 17-1). */
const DR6_FIXED: u64 = 0xffff0ff0;
const DR7_FIXED: u64 = 0x400;

const KIND_EXECUTE: u32 = 0;
const KIND_WRITE: u32 = 1;
const KIND_IO: u32 = 2;
const KIND_ACCESS: u32 = 3;

@inline
function dr(index: i32): u64 {
  return load<u64>(CPU + (<usize>index << 3), OFF_DR);
}

@inline
function setDr(index: i32, value: u64): void {
  store<u64>(CPU + (<usize>index << 3), value, OFF_DR);
}

@inline
function kindOf(dr7: u64, index: i32): u32 {
  return <u32>(dr7 >> (<u64>(16 + index * 4))) & 3;
}

/** Length in bytes: LEN 0..3 = 1, 2, 8, 4. */
@inline
function lengthOf(dr7: u64, index: i32): u32 {
  const code = <u32>(dr7 >> (<u64>(18 + index * 4))) & 3;
  return code == 2 ? 8 : code + 1;
}

@inline
function enabled(dr7: u64, index: i32): bool {
  return ((dr7 >> (<u64>index * 2)) & 3) != 0;
}

/** Whether data accesses must be looked at one by one: alignment check or data breakpoints. */
export function updateChecks(): void {
  const flags = load<u64>(CPU, OFF_RFLAGS);
  if (!(flags & FLAG_AC) && !(dr(7) & 0xff) && !load<u32>(CPU, OFF_CHECKED_ACCESS)) return;
  const alignment =
    load<u32>(CPU, OFF_CPL) == 3 &&
    (load<u64>(CPU, OFF_CR0) & CR0_AM) != 0 &&
    (flags & FLAG_AC) != 0;
  const checked = u32(alignment || hasDataBreakpoint());
  if (checked == load<u32>(CPU, OFF_CHECKED_ACCESS)) return;
  store<u32>(CPU, checked, OFF_CHECKED_ACCESS);
  updateContext();
}

function hasDataBreakpoint(): bool {
  const dr7 = dr(7);
  if (!(dr7 & 0xff)) return false;
  for (let i = 0; i < 4; i++) {
    if (enabled(dr7, i) && (kindOf(dr7, i) & 1) != 0) return true;
  }
  return false;
}

/** Whether instructions must be run one at a time for debugging. */
export function debugStepping(): bool {
  return (load<u64>(CPU, OFF_RFLAGS) & FLAG_TF) != 0 || (dr(7) & 0xff) != 0;
}

/** DR6 bits of the breakpoints that [address, address+size) touches. */
function matches(address: u64, size: u32, write: bool, io: bool): u32 {
  const dr7 = dr(7);
  let hits: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const length = lengthOf(dr7, i);
    const start = dr(i) & ~<u64>(length - 1);
    if (address >= start + length || start >= address + size) continue;
    const kind = kindOf(dr7, i);
    if (io ? kind == KIND_IO : kind == KIND_ACCESS || (write && kind == KIND_WRITE)) {
      hits |= 1 << i;
    }
  }
  return hits;
}

/** Data access at a linear address. */
export function noteDataAccess(linear: u64, size: u32, write: bool): void {
  if (!(dr(7) & 0xff) || !load<u32>(CPU, OFF_STEPPING)) return;
  const hits = matches(linear, size, write, false);
  store<u32>(CPU, load<u32>(CPU, OFF_DEBUG_HITS) | hits, OFF_DEBUG_HITS);
}

/** Port access (CR4.DE). */
export function notePortAccess(port: u32, size: u32): void {
  if (!(dr(7) & 0xff) || !(load<u64>(CPU, OFF_CR4) & CR4_DE)) return;
  const hits = matches(port, size, true, true);
  store<u32>(CPU, load<u32>(CPU, OFF_DEBUG_HITS) | hits, OFF_DEBUG_HITS);
}

/**
 * Before one instruction is run by itself. True: an instruction breakpoint was raised as a fault, and
 * the loop delivers it.
 */
export function beforeStep(): bool {
  const flags = load<u64>(CPU, OFF_RFLAGS);
  store<u32>(CPU, u32((flags & FLAG_TF) != 0), OFF_STEP_TF);
  store<u32>(CPU, 0, OFF_DEBUG_HITS);
  store<u32>(CPU, 1, OFF_STEPPING);
  stepShadow = load<u32>(CPU, OFF_SHADOW);
  ranWithResume = (flags & FLAG_RF) != 0;
  const dr7 = dr(7);
  if (!(dr7 & 0xff) || flags & FLAG_RF || stepShadow == SHADOW_MOV_SS) return false;
  const linear =
    (mode() & MODE_CODE_MASK) == MODE_CODE64 ? rip() : (segmentBase(CS) + rip()) & 0xffffffff;
  let hits: u32 = 0;
  for (let i = 0; i < 4; i++) {
    if (enabled(dr7, i) && kindOf(dr7, i) == KIND_EXECUTE && dr(i) == linear) hits |= 1 << i;
  }
  if (!hits) return false;
  setDr(6, (dr(6) & ~(<u64>15)) | hits);
  store<u32>(CPU, 0, OFF_STEPPING);
  raise(VECTOR_DB);
  return true;
}

/** Shadow that held for the instruction being stepped; it ends with it. */
let stepShadow: u32 = 0;

/** After it, if it did not fault: traps of single step and data breakpoints. */
export function afterStep(): void {
  endStep();
  let bits: u64 = 0;
  const dr7 = dr(7);
  const hits = load<u32>(CPU, OFF_DEBUG_HITS);
  for (let i = 0; i < 4; i++) {
    if (hits & (1 << i) && enabled(dr7, i)) bits = hits;
  }
  if (load<u32>(CPU, OFF_STEP_TF)) bits |= DR6_BS;
  const loadedStack = load<u32>(CPU, OFF_SHADOW) == SHADOW_MOV_SS && stepShadow != SHADOW_MOV_SS;
  if (bits && !loadedStack) {
    setDr(6, (dr(6) & ~(<u64>15)) | bits);
    trap();
  }
}

/** #DB as a trap, at the instruction that comes next. */
function trap(): void {
  deliverEvent(VECTOR_DB, EVENT_INTERRUPT, false, 0, rip());
  if (load<u32>(CPU, OFF_FAULT)) deliverNoted(VECTOR_DB);
  updatePending();
}

/** Ends stepping; also after a fault of the stepped instruction (deliverFault cleared the shadow). */
export function endStep(): void {
  store<u32>(CPU, 0, OFF_STEPPING);
  // A shadow set by this very instruction holds for the next one; an older one is over. STI right
  // after STI does not prolong it (SDM 2B, STI).
  if (stepShadow) store<u32>(CPU, 0, OFF_SHADOW);
  const flags = load<u64>(CPU, OFF_RFLAGS);
  if (flags & FLAG_RF && ranWithResume) store<u64>(CPU, flags & ~(<u64>FLAG_RF), OFF_RFLAGS);
  updatePending();
}

/** RF was set before the stepped instruction: it is cleared after it, but not if an IRET sets it. */
let ranWithResume: bool = false;

/** Privilege, CR4.DE and DR7.GD; the register that the number means, or -1 after raising. */
function checkedIndex(index: u32): i32 {
  if (index > 7) {
    raise(VECTOR_UD);
    return -1;
  }
  if (load<u64>(CPU, OFF_CR0) & CR0_PE && cpl() != 0) {
    raiseWithCode(VECTOR_GP, 0);
    return -1;
  }
  if (index == 4 || index == 5) {
    if (load<u64>(CPU, OFF_CR4) & CR4_DE) {
      raise(VECTOR_UD);
      return -1;
    }
    index += 2;
  }
  if (dr(7) & DR7_GD) {
    setDr(6, dr(6) | DR6_BD);
    setDr(7, dr(7) & ~DR7_GD);
    raise(VECTOR_DB);
    return -1;
  }
  return index;
}

/** MOV from a debug register. */
export function readDebugRegister(index: u32): u64 {
  const number = checkedIndex(index);
  return number < 0 ? 0 : dr(number);
}

/** MOV to a debug register; `value` is 32-bit outside 64-bit mode. */
export function writeDebugRegister(index: u32, value: u64): void {
  const number = checkedIndex(index);
  if (number < 0) return;
  if (number >= 6) {
    if (value >> 32) {
      raiseWithCode(VECTOR_GP, 0);
      return;
    }
    value = number == 6 ? (value & 0xe00f) | DR6_FIXED : (value & 0xffff2bff) | DR7_FIXED;
  }
  setDr(number, value);
  updateChecks();
  updatePending();
}
