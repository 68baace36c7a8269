/**
 * The local APIC timer, SDM 3A §10.5.4: one-shot, periodic and TSC-deadline. Its clock is 1 GHz, the
 * crystal that CPUID leaf 15h reports, so a count is a nanosecond of machine time.
 */
import { hostNowNs } from './host';
import { LVT_MASKED, LVT_TIMER, lvt, triggerLocal } from './lapic';
import {
  OFF_LAPIC_TIMER_DIVIDE,
  OFF_LAPIC_TIMER_INITIAL,
  OFF_LAPIC_TIMER_NEXT,
  OFF_LAPIC_TIMER_START,
  OFF_LAPIC_TSC_DEADLINE,
  OFF_TSC_OFFSET,
  OFF_TSC_PER_NS,
} from './layout';
import { CPU } from './state';

const MODE_PERIODIC: u32 = 1;
const MODE_DEADLINE: u32 = 2;

/** Time-stamp counter at machine time `now`. */
export function tscAt(now: f64): u64 {
  return <u64>(now * load<f64>(CPU, OFF_TSC_PER_NS)) + load<u64>(CPU, OFF_TSC_OFFSET);
}

export function tscNow(): u64 {
  return tscAt(hostNowNs());
}

function timerMode(): u32 {
  return (lvt(LVT_TIMER) >> 17) & 3;
}

/** Nanoseconds of one count: 1, 2, ... 128 (SDM 3A figure 10-10). */
function divisor(): f64 {
  const value = load<u32>(CPU, OFF_LAPIC_TIMER_DIVIDE);
  const code = (value & 3) | ((value & 8) >> 1);
  return <f64>(1 << ((code + 1) & 7));
}

function setNext(at: f64): void {
  store<f64>(CPU, at, OFF_LAPIC_TIMER_NEXT);
}

/** Initial-count register written. */
export function startTimer(count: u32): void {
  if (timerMode() == MODE_DEADLINE) return;
  store<u32>(CPU, count, OFF_LAPIC_TIMER_INITIAL);
  if (!count) {
    setNext(Infinity);
    return;
  }
  const now = hostNowNs();
  store<f64>(CPU, now, OFF_LAPIC_TIMER_START);
  setNext(now + <f64>count * divisor());
}

/** Divide configuration written: the count goes on at the new rate. */
export function setDivide(value: u32): void {
  const left = currentCount();
  store<u32>(CPU, value & 11, OFF_LAPIC_TIMER_DIVIDE);
  if (left) setNext(hostNowNs() + <f64>left * divisor());
}

export function currentCount(): u32 {
  const next = load<f64>(CPU, OFF_LAPIC_TIMER_NEXT);
  if (timerMode() == MODE_DEADLINE || next == Infinity) return 0;
  const left = (next - hostNowNs()) / divisor();
  if (left > 0) return <u32>ceil(left);
  // Periodic: it has wrapped since the last poll.
  return timerMode() == MODE_PERIODIC ? load<u32>(CPU, OFF_LAPIC_TIMER_INITIAL) : 0;
}

/** LVT timer entry changed mode: TSC-deadline and counting disarm each other. */
export function timerModeChanged(before: u32, after: u32): void {
  if ((((before >> 17) ^ (after >> 17)) & 2) == 0) return;
  store<u64>(CPU, 0, OFF_LAPIC_TSC_DEADLINE);
  store<u32>(CPU, 0, OFF_LAPIC_TIMER_INITIAL);
  setNext(Infinity);
}

export function readDeadline(): u64 {
  pollTimer();
  return load<u64>(CPU, OFF_LAPIC_TSC_DEADLINE);
}

/** WRMSR of IA32_TSC_DEADLINE. */
export function setDeadline(value: u64): void {
  if (timerMode() != MODE_DEADLINE) return;
  store<u64>(CPU, value, OFF_LAPIC_TSC_DEADLINE);
  aimDeadline();
  pollTimer();
}

/** Machine time of the deadline: also after the TSC was written. */
export function aimDeadline(): void {
  if (timerMode() != MODE_DEADLINE) return;
  const deadline = load<u64>(CPU, OFF_LAPIC_TSC_DEADLINE);
  if (!deadline) {
    setNext(Infinity);
    return;
  }
  const ticks = <i64>(deadline - load<u64>(CPU, OFF_TSC_OFFSET));
  setNext(<f64>ticks / load<f64>(CPU, OFF_TSC_PER_NS));
}

/** Fires what is due. Called at the start of run() and before halting. */
export function pollTimer(): void {
  const next = load<f64>(CPU, OFF_LAPIC_TIMER_NEXT);
  if (next == Infinity) return;
  const now = hostNowNs();
  if (now < next) return;
  const mode = timerMode();
  if (mode == MODE_PERIODIC) {
    const period = <f64>load<u32>(CPU, OFF_LAPIC_TIMER_INITIAL) * divisor();
    // Ticks that were missed are lost, as IRR holds one.
    setNext(next + (floor((now - next) / period) + 1) * period);
  } else {
    setNext(Infinity);
    if (mode == MODE_DEADLINE) store<u64>(CPU, 0, OFF_LAPIC_TSC_DEADLINE);
  }
  triggerLocal(LVT_TIMER);
}

/** When pollTimer() has something to do next, for the host. A masked timer wakes nobody. */
export function nextTimerNs(): f64 {
  if (lvt(LVT_TIMER) & LVT_MASKED) return Infinity;
  return load<f64>(CPU, OFF_LAPIC_TIMER_NEXT);
}
