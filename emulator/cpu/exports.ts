/** What the host calls besides run() and codeChanged(): vcpu/wasm/wasmCpu.ts. */
import { updateChecks } from './debugRegisters';
import { getFlags, setFlags } from './flags';
import { updatePending } from './interrupts';
import { isDestination, receive, setPicLevel } from './lapic';
import { nextTimerNs as nextTimer } from './lapicTimer';
import { OFF_CR3, OFF_PENDING, OFF_SHADOW_RIP, PENDING_EXIT } from './layout';
import { loadPdptes, peekTranslation } from './mmu';
import { updateMode } from './segments';
import { CPU, rip, setPending } from './state';
import { flushAll } from './tlb';
import { dropAllCode } from './blocks';

export { setLockstepRole } from './interrupts';
export { reset as resetCpu } from './reset';
export { clearTables as slotsChanged, forgetJumps, watchVideo } from './tlb';

/** Where a comparison begins in the middle (test/lockstep): the other CPU's TLB is empty too. */
export function flushTlb(): void {
  flushAll();
}

export function setPicInterrupt(high: i32): void {
  setPicLevel(high != 0);
}

/** True if this CPU is a destination of the message. */
export function deliverMessage(
  destination: u32,
  logical: i32,
  vector: u32,
  delivery: u32,
  level: i32,
): i32 {
  if (!isDestination(destination, logical != 0)) return 0;
  receive(vector, delivery, level != 0);
  return 1;
}

export function nextTimerNs(): f64 {
  return nextTimer();
}

export function requestExit(): void {
  setPending(load<u32>(CPU, OFF_PENDING) | PENDING_EXIT);
}

/** Derived state after the host has written registers: mode, TLB, decoded code, pending word. */
export function stateChanged(): void {
  // A shadow that was saved is one for the instruction at RIP.
  store<u64>(CPU, rip(), OFF_SHADOW_RIP);
  dropAllCode();
  flushAll();
  updateMode();
  updateChecks();
  updatePending();
}

/** RFLAGS in two halves, with the lazy flags joined in. */
export function flagsLow(): u32 {
  return <u32>getFlags();
}

export function setFlagsLow(value: u32): void {
  setFlags(value, 0xffffffff);
}

/** PDPTEs of CR3, when the host enters PAE paging. */
export function loadPointers(): i32 {
  return i32(loadPdptes(load<u64>(CPU, OFF_CR3)));
}

/** Physical address of a linear one as a double, or -1. For debugging. */
export function translateLinear(high: u32, low: u32): f64 {
  const physical = peekTranslation((<u64>high << 32) | low);
  return physical == ~(<u64>0) ? -1 : <f64>physical;
}
