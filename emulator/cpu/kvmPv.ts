/**
 * KVM's paravirtual interface: kvmclock, PV EOI and hypercalls. Documentation/virt/kvm/x86/{msr,hypercalls,
 * cpuid}.rst of Linux 6.1. The TSC is an exact function of machine time, so a page is written once and
 * stays true (PVCLOCK_TSC_STABLE_BIT).
 */
import { hostNowNs, hostWallMs } from './host';
import { syncEoi } from './lapic';
import { tscAt } from './lapicTimer';
import {
  MODE_CODE64,
  MODE_CODE_MASK,
  OFF_KVM_EOI_ACTIVE,
  OFF_KVM_PV_EOI,
  OFF_KVM_SYSTEM_TIME,
  OFF_KVM_VERSION,
  OFF_KVM_WALL_CLOCK,
  OFF_TSC_KHZ,
} from './layout';
import { physicalWrite } from './physical';
import { CPU, cpl, gpr, mode, setGpr } from './state';

const TSC_STABLE: u64 = 1;
const HC_VAPIC_POLL_IRQ: u64 = 1;
const ENOSYS: i64 = 1000;
const EPERM: i64 = 1;

/** MSR_KVM_SYSTEM_TIME_NEW: bit 0 enables the page at the address above it. */
export function setSystemTime(value: u64): void {
  store<u64>(CPU, value, OFF_KVM_SYSTEM_TIME);
  writeSystemTime();
}

/**
 * struct pvclock_vcpu_time_info. Also after the TSC was written. time = system_time + ((tsc -
 * tsc_timestamp) << shift) * mul >> 32.
 */
export function writeSystemTime(): void {
  const value = load<u64>(CPU, OFF_KVM_SYSTEM_TIME);
  if (!(value & 1)) return;
  const at = value & ~(<u64>1);
  const version = load<u32>(CPU, OFF_KVM_VERSION) + 2;
  store<u32>(CPU, version, OFF_KVM_VERSION);
  const now = hostNowNs();
  // mul = 10^6 * 2^32 / kHz, scaled by 2^shift to lie in [2^31, 2^32).
  let mul = 1000000.0 * 4294967296.0 / <f64>load<u32>(CPU, OFF_TSC_KHZ);
  let shift: i32 = 0;
  while (mul >= 4294967296.0) {
    mul /= 2;
    shift++;
  }
  while (mul < 2147483648.0) {
    mul *= 2;
    shift--;
  }
  physicalWrite(at, version - 1, 4);
  physicalWrite(at + 8, tscAt(now), 8);
  physicalWrite(at + 16, <u64>now, 8);
  physicalWrite(at + 24, <u64>mul, 4);
  physicalWrite(at + 28, <u64>(shift & 0xff) | (TSC_STABLE << 8), 4);
  physicalWrite(at, version, 4);
}

/** MSR_KVM_WALL_CLOCK_NEW: struct pvclock_wall_clock, the wall time at machine time 0. */
export function setWallClock(value: u64): void {
  store<u64>(CPU, value, OFF_KVM_WALL_CLOCK);
  if (!value) return;
  const bootNs = hostWallMs() * 1000000.0 - hostNowNs();
  const seconds = floor(bootNs / 1000000000.0);
  const version = load<u32>(CPU, OFF_KVM_VERSION) + 2;
  store<u32>(CPU, version, OFF_KVM_VERSION);
  physicalWrite(value, version - 1, 4);
  physicalWrite(value + 4, <u64>seconds, 4);
  physicalWrite(value + 8, <u64>(bootNs - seconds * 1000000000.0), 4);
  physicalWrite(value, version, 4);
}

/** MSR_KVM_PV_EOI_EN. */
export function setPvEoi(value: u64): void {
  syncEoi();
  store<u32>(CPU, 0, OFF_KVM_EOI_ACTIVE);
  store<u64>(CPU, value, OFF_KVM_PV_EOI);
}

/** VMCALL and VMMCALL: number in RAX, answer in RAX. */
export function hypercall(): void {
  const wide = (mode() & MODE_CODE_MASK) == MODE_CODE64;
  const number = wide ? gpr(0) : gpr(0) & 0xffffffff;
  let answer: i64 = -ENOSYS;
  if (cpl() != 0) answer = -EPERM;
  else if (number == HC_VAPIC_POLL_IRQ) answer = 0;
  setGpr(0, wide ? <u64>answer : <u64>answer & 0xffffffff);
}
