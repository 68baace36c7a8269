/**
 * Model-specific registers, SDM 4 table 2-2. Unknown ones raise #GP(0). Those that only a BIOS or a
 * microcode loader would use answer like an idle machine.
 */
import { privileged, writeEfer } from './control';
import { raiseWithCode } from './exceptions';
import { updatePending } from './interrupts';
import { setPvEoi, setSystemTime, setWallClock, writeSystemTime } from './kvmPv';
import { APIC_ENABLED, APIC_X2 } from './lapic';
import { aimDeadline, readDeadline, setDeadline, tscNow } from './lapicTimer';
import { x2Read, x2Write } from './lapicRegisters';
import {
  FS,
  GS,
  OFF_APIC_BASE,
  OFF_APIC_ID,
  OFF_CSTAR,
  OFF_EFER,
  OFF_KERNEL_GS_BASE,
  OFF_KVM_PV_EOI,
  OFF_KVM_SYSTEM_TIME,
  OFF_KVM_WALL_CLOCK,
  OFF_LSTAR,
  OFF_MISC_ENABLE,
  OFF_MTRR_DEF_TYPE,
  OFF_MTRR_FIXED,
  OFF_MTRR_VARIABLE,
  OFF_PAT,
  OFF_SFMASK,
  OFF_STAR,
  OFF_SYSENTER_CS,
  OFF_SYSENTER_EIP,
  OFF_SYSENTER_ESP,
  OFF_TSC_ADJUST,
  OFF_TSC_AUX,
  OFF_TSC_OFFSET,
  SEG_BASE,
  VECTOR_GP,
} from './layout';
import { isCanonical } from './mmu';
import { CPU, segment } from './state';
import { flushAll } from './tlb';

/** 8 variable MTRRs, fixed ones, write-combining. */
const MTRR_CAP: u64 = 0x508;

/** Address of a register that is plain storage, or 0. */
function storage(index: u32): usize {
  switch (index) {
    case 0x174:
      return CPU + OFF_SYSENTER_CS;
    case 0x175:
      return CPU + OFF_SYSENTER_ESP;
    case 0x176:
      return CPU + OFF_SYSENTER_EIP;
    case 0x1a0:
      return CPU + OFF_MISC_ENABLE;
    case 0x277:
      return CPU + OFF_PAT;
    case 0x2ff:
      return CPU + OFF_MTRR_DEF_TYPE;
    case 0xc0000081:
      return CPU + OFF_STAR;
    case 0xc0000082:
      return CPU + OFF_LSTAR;
    case 0xc0000083:
      return CPU + OFF_CSTAR;
    case 0xc0000084:
      return CPU + OFF_SFMASK;
    case 0xc0000100:
      return segment(FS) + SEG_BASE;
    case 0xc0000101:
      return segment(GS) + SEG_BASE;
    case 0xc0000102:
      return CPU + OFF_KERNEL_GS_BASE;
    case 0xc0000103:
      return CPU + OFF_TSC_AUX;
    default:
      break;
  }
  if (index >= 0x200 && index <= 0x20f) return CPU + OFF_MTRR_VARIABLE + ((index - 0x200) << 3);
  if (index == 0x250) return CPU + OFF_MTRR_FIXED;
  if (index == 0x258 || index == 0x259) return CPU + OFF_MTRR_FIXED + ((index - 0x257) << 3);
  if (index >= 0x268 && index <= 0x26f) return CPU + OFF_MTRR_FIXED + ((index - 0x265) << 3);
  return 0;
}

/** Registers that read as 0 and take any write: platform ID, microcode, thermal, machine check, debug control. */
function isIdle(index: u32): bool {
  switch (index) {
    case 0x17: // IA32_PLATFORM_ID
    case 0x79: // IA32_BIOS_UPDT_TRIG
    case 0x8b: // IA32_BIOS_SIGN_ID
    case 0xce: // MSR_PLATFORM_INFO
    case 0x179: // IA32_MCG_CAP: no banks
    case 0x17a: // IA32_MCG_STATUS
    case 0x198: // IA32_PERF_STATUS
    case 0x199: // IA32_PERF_CTL
    case 0x19b: // IA32_THERM_INTERRUPT
    case 0x19c: // IA32_THERM_STATUS
    case 0x1d9: // IA32_DEBUGCTL
      return true;
    default:
      return false;
  }
}

function refuse(): void {
  raiseWithCode(VECTOR_GP, 0);
}

/** RDMSR. */
export function readMsr(index: u32): u64 {
  return privileged() ? msrValue(index) : 0;
}

function msrValue(index: u32): u64 {
  const at = storage(index);
  if (at) return load<u64>(at);
  if (isIdle(index)) return 0;
  if (index >= 0x800 && index <= 0x8ff) return x2Read(index);
  switch (index) {
    case 0x10:
      return tscNow();
    case 0x1b:
      return load<u64>(CPU, OFF_APIC_BASE);
    case 0x3a:
      // IA32_FEATURE_CONTROL: locked, no VMX.
      return 1;
    case 0x3b:
      return load<u64>(CPU, OFF_TSC_ADJUST);
    case 0xfe:
      return MTRR_CAP;
    case 0x6e0:
      return readDeadline();
    case 0xc0000080:
      return load<u64>(CPU, OFF_EFER);
    case 0x11:
    case 0x4b564d00:
      return load<u64>(CPU, OFF_KVM_WALL_CLOCK);
    case 0x12:
    case 0x4b564d01:
      return load<u64>(CPU, OFF_KVM_SYSTEM_TIME);
    case 0x4b564d04:
      return load<u64>(CPU, OFF_KVM_PV_EOI);
    default:
      refuse();
      return 0;
  }
}

/** WRMSR. */
export function writeMsr(index: u32, value: u64): void {
  if (!privileged()) return;
  const at = storage(index);
  if (at) {
    if (storable(index, value)) store<u64>(at, value);
    else refuse();
    return;
  }
  if (isIdle(index)) {
    if (index == 0x179) refuse();
    return;
  }
  if (index >= 0x800 && index <= 0x8ff) {
    x2Write(index, value);
    return;
  }
  switch (index) {
    case 0x10:
      adjustTsc(value - tscNow());
      break;
    case 0x1b:
      writeApicBase(value);
      break;
    case 0x3b:
      adjustTsc(value - load<u64>(CPU, OFF_TSC_ADJUST));
      break;
    case 0x6e0:
      setDeadline(value);
      break;
    case 0xc0000080:
      writeEfer(value);
      break;
    case 0x11:
    case 0x4b564d00:
      setWallClock(value);
      break;
    case 0x12:
    case 0x4b564d01:
      setSystemTime(value);
      break;
    case 0x4b564d04:
      setPvEoi(value);
      break;
    default:
      refuse();
  }
}

/** Reserved bits and canonical addresses of stored registers. */
function storable(index: u32, value: u64): bool {
  switch (index) {
    case 0x175:
    case 0x176:
    case 0xc0000082:
    case 0xc0000083:
    case 0xc0000100:
    case 0xc0000101:
    case 0xc0000102:
      return isCanonical(value);
    case 0xc0000084:
    case 0xc0000103:
      return value >> 32 == 0;
    case 0x277:
      return isPat(value);
    case 0x2ff:
      return (value & ~(<u64>0xcff)) == 0 && isMemoryType(<u32>value & 0xff);
    default:
      return true;
  }
}

/** UC, WC, WT, WP, WB; `pat` allows UC- too. */
function isMemoryType(type: u32): bool {
  return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

function isPat(value: u64): bool {
  for (let i = 0; i < 8; i++) {
    const type = <u32>(value >> (<u64>i * 8)) & 0xff;
    if (!isMemoryType(type) && type != 7) return false;
  }
  return true;
}

/** Shifts the counter; IA32_TSC_ADJUST shows the sum of all writes (SDM 3B §17.17.3). */
function adjustTsc(delta: u64): void {
  store<u64>(CPU, load<u64>(CPU, OFF_TSC_OFFSET) + delta, OFF_TSC_OFFSET);
  store<u64>(CPU, load<u64>(CPU, OFF_TSC_ADJUST) + delta, OFF_TSC_ADJUST);
  aimDeadline();
  writeSystemTime();
}

/** IA32_APIC_BASE: the transitions of SDM 3A figure 10-27. */
function writeApicBase(value: u64): void {
  const old = load<u64>(CPU, OFF_APIC_BASE);
  const both = APIC_ENABLED | APIC_X2;
  const before = old & both;
  const after = value & both;
  const allowed =
    after != APIC_X2 &&
    !(before == both && after == APIC_ENABLED) &&
    !(before == 0 && after == both);
  if (value & 0xffffff00000002ff || !allowed) {
    refuse();
    return;
  }
  const bsp = load<u32>(CPU, OFF_APIC_ID) == 0 ? <u64>0x100 : 0;
  store<u64>(CPU, (value & ~(<u64>0x100)) | bsp, OFF_APIC_BASE);
  if (before != after || (old ^ value) >> 12) flushAll();
  updatePending();
}
