/**
 * The local APIC's interrupt logic, SDM 3A §10.8: acceptance, priorities, end of interrupt, messages, and
 * KVM's paravirtual EOI (Documentation/virt/kvm/x86/msr.rst). Registers are in lapicRegisters.ts, the timer
 * in lapicTimer.ts. Left out: remote read, SMI, lowest-priority arbitration (one CPU).
 */
import { hostEndOfInterrupt, hostSendMessage } from './host';
import { requestNmi, updatePending } from './interrupts';
import {
  OFF_APIC_BASE,
  OFF_APIC_ID,
  OFF_KVM_EOI_ACTIVE,
  OFF_KVM_PV_EOI,
  OFF_LAPIC_DFR,
  OFF_LAPIC_ESR_NEW,
  OFF_LAPIC_EXTINT,
  OFF_LAPIC_IRR,
  OFF_LAPIC_ISR,
  OFF_LAPIC_LDR,
  OFF_LAPIC_LVT,
  OFF_LAPIC_SVR,
  OFF_LAPIC_TMR,
  OFF_LAPIC_TPR,
  OFF_PIC_INTR,
} from './layout';
import { physicalRead, physicalWrite } from './physical';
import { CPU } from './state';

export const APIC_ENABLED: u64 = 0x800;
export const APIC_X2: u64 = 0x400;

export const DELIVERY_FIXED: u32 = 0;
export const DELIVERY_LOWEST: u32 = 1;
export const DELIVERY_NMI: u32 = 4;
export const DELIVERY_INIT: u32 = 5;
export const DELIVERY_STARTUP: u32 = 6;
export const DELIVERY_EXTINT: u32 = 7;

export const LVT_TIMER: u32 = 0;
export const LVT_LINT0: u32 = 3;
export const LVT_LINT1: u32 = 4;
export const LVT_ERROR: u32 = 5;
export const LVT_MASKED: u32 = 0x10000;
const LVT_LEVEL: u32 = 0x8000;

const SVR_ENABLE: u32 = 0x100;
const SVR_NO_BROADCAST: u32 = 0x1000;
const ESR_SEND_VECTOR: u32 = 0x20;
const ESR_RECEIVE_VECTOR: u32 = 0x40;

export function apicEnabled(): bool {
  return (load<u64>(CPU, OFF_APIC_BASE) & APIC_ENABLED) != 0;
}

export function isX2Apic(): bool {
  const both = APIC_ENABLED | APIC_X2;
  return (load<u64>(CPU, OFF_APIC_BASE) & both) == both;
}

export function softwareEnabled(): bool {
  return apicEnabled() && (load<u32>(CPU, OFF_LAPIC_SVR) & SVR_ENABLE) != 0;
}

@inline
function word(bits: usize, vector: u32): usize {
  return CPU + bits + ((vector >> 5) << 2);
}

function setBit(bits: usize, vector: u32): void {
  const at = word(bits, vector);
  store<u32>(at, load<u32>(at) | (1 << (vector & 31)));
}

function clearBit(bits: usize, vector: u32): void {
  const at = word(bits, vector);
  store<u32>(at, load<u32>(at) & ~(1 << (vector & 31)));
}

function testBit(bits: usize, vector: u32): bool {
  return ((load<u32>(word(bits, vector)) >> (vector & 31)) & 1) != 0;
}

/** Highest set bit of 256, or -1. */
function highest(bits: usize): i32 {
  for (let i = 7; i >= 0; i--) {
    const value = load<u32>(CPU + bits + (<usize>i << 2));
    if (value) return (i << 5) + 31 - clz(value);
  }
  return -1;
}

/** PPR (SDM 3A §10.8.3.1). */
export function processorPriority(): u32 {
  const tpr = load<u32>(CPU, OFF_LAPIC_TPR);
  const service = highest(OFF_LAPIC_ISR);
  const inService = service < 0 ? 0 : <u32>service & 0xf0;
  return <i32>(tpr & 0xf0) >= <i32>inService ? tpr : inService;
}

export function lvt(index: u32): u32 {
  return load<u32>(CPU + (index << 2), OFF_LAPIC_LVT);
}

/** Takes a fixed interrupt into IRR. */
export function acceptInterrupt(vector: u32, level: bool): void {
  if (!softwareEnabled()) return;
  if (vector < 16) {
    reportError(ESR_RECEIVE_VECTOR);
    return;
  }
  withdrawEoi();
  setBit(OFF_LAPIC_IRR, vector);
  if (level) setBit(OFF_LAPIC_TMR, vector);
  else clearBit(OFF_LAPIC_TMR, vector);
  updatePending();
}

export function reportError(bit: u32): void {
  store<u32>(CPU, load<u32>(CPU, OFF_LAPIC_ESR_NEW) | bit, OFF_LAPIC_ESR_NEW);
  const entry = lvt(LVT_ERROR);
  const vector = entry & 0xff;
  // A bad vector in the error entry itself must not recurse.
  if (!(entry & LVT_MASKED) && vector >= 16) acceptInterrupt(vector, false);
}

/** Delivers what a local vector table entry says (SDM 3A §10.5.1). */
export function triggerLocal(index: u32): void {
  const entry = lvt(index);
  if (entry & LVT_MASKED || !apicEnabled()) return;
  const delivery = (entry >> 8) & 7;
  if (delivery == DELIVERY_FIXED) acceptInterrupt(entry & 0xff, (entry & LVT_LEVEL) != 0);
  else if (delivery == DELIVERY_NMI) requestNmi();
}

/** Whether the 8259's INTR reaches the core: pin mode, or LINT0 as ExtINT. */
export function externalPending(): bool {
  if (load<u32>(CPU, OFF_LAPIC_EXTINT)) return true;
  if (!load<u32>(CPU, OFF_PIC_INTR)) return false;
  if (!apicEnabled()) return true;
  const entry = lvt(LVT_LINT0);
  return !(entry & LVT_MASKED) && ((entry >> 8) & 7) == DELIVERY_EXTINT;
}

/** Level of the INTR wire changed. */
export function setPicLevel(high: bool): void {
  const rose = high && !load<u32>(CPU, OFF_PIC_INTR);
  store<u32>(CPU, u32(high), OFF_PIC_INTR);
  if (rose && apicEnabled() && ((lvt(LVT_LINT0) >> 8) & 7) != DELIVERY_EXTINT) {
    triggerLocal(LVT_LINT0);
  }
  updatePending();
}

/** No interrupt is requested at all, whatever masks it. */
@inline
export function nothingRequested(): bool {
  return (
    !(load<u32>(CPU, OFF_LAPIC_EXTINT) | load<u32>(CPU, OFF_PIC_INTR)) &&
    !v128.any_true(v128.or(v128.load(CPU + OFF_LAPIC_IRR), v128.load(CPU + OFF_LAPIC_IRR + 16)))
  );
}

/** Vector that could be taken now, or -1. */
export function deliverable(): i32 {
  if (!apicEnabled()) return -1;
  const vector = highest(OFF_LAPIC_IRR);
  if (vector < 0) return -1;
  return <u32>(vector & 0xf0) > (processorPriority() & 0xf0) ? vector : -1;
}

/** Moves the vector into service and returns it. */
export function acknowledge(vector: u32): u32 {
  clearBit(OFF_LAPIC_IRR, vector);
  const others = highest(OFF_LAPIC_ISR) >= 0;
  setBit(OFF_LAPIC_ISR, vector);
  const pv = load<u64>(CPU, OFF_KVM_PV_EOI);
  // Offered only when nothing else waits and no broadcast is due: the guest's EOI is then a store.
  if (
    pv & 1 &&
    !others &&
    !testBit(OFF_LAPIC_TMR, vector) &&
    highest(OFF_LAPIC_IRR) < 0 &&
    load<u32>(CPU, OFF_LAPIC_TPR) < 16
  ) {
    const at = pv & ~(<u64>3);
    physicalWrite(at, physicalRead(at, 1) | 1, 1);
    store<u32>(CPU, 1, OFF_KVM_EOI_ACTIVE);
  }
  return vector;
}

/** Looks whether the guest has ended the interrupt by clearing the PV EOI bit. */
export function syncEoi(): void {
  if (!load<u32>(CPU, OFF_KVM_EOI_ACTIVE)) return;
  if (physicalRead(load<u64>(CPU, OFF_KVM_PV_EOI) & ~(<u64>3), 1) & 1) return;
  store<u32>(CPU, 0, OFF_KVM_EOI_ACTIVE);
  const vector = highest(OFF_LAPIC_ISR);
  if (vector >= 0) clearBit(OFF_LAPIC_ISR, vector);
}

/** Takes the offer back: another interrupt must see a real EOI. */
export function withdrawEoi(): void {
  if (!load<u32>(CPU, OFF_KVM_EOI_ACTIVE)) return;
  syncEoi();
  if (!load<u32>(CPU, OFF_KVM_EOI_ACTIVE)) return;
  const at = load<u64>(CPU, OFF_KVM_PV_EOI) & ~(<u64>3);
  physicalWrite(at, physicalRead(at, 1) & ~(<u64>1), 1);
  store<u32>(CPU, 0, OFF_KVM_EOI_ACTIVE);
}

/** EOI register (SDM 3A §10.8.5). */
export function endInterrupt(): void {
  withdrawEoi();
  const vector = highest(OFF_LAPIC_ISR);
  if (vector >= 0) {
    clearBit(OFF_LAPIC_ISR, vector);
    if (testBit(OFF_LAPIC_TMR, vector) && !(load<u32>(CPU, OFF_LAPIC_SVR) & SVR_NO_BROADCAST)) {
      hostEndOfInterrupt(vector);
    }
  }
  updatePending();
}

// --- Messages ----------------------------------------------------------------------------------

/** Whether a message's destination is this CPU (SDM 3A §10.6.2, x2APIC §10.12.10). */
export function isDestination(destination: u32, logical: bool): bool {
  const id = load<u32>(CPU, OFF_APIC_ID);
  if (!isX2Apic()) {
    if (destination == 0xffffffff) return true;
    destination &= 0xff;
    if (destination == 0xff) return true;
    if (!logical) return destination == id;
    const own = load<u32>(CPU, OFF_LAPIC_LDR) >> 24;
    if (load<u32>(CPU, OFF_LAPIC_DFR) >> 28 == 0xf) return (destination & own) != 0;
    return destination >> 4 == own >> 4 && (destination & own & 15) != 0;
  }
  if (destination == 0xffffffff || destination == 0xff) return true;
  if (!logical) return destination == id;
  const own = x2LogicalId();
  return destination >> 16 == own >> 16 && (destination & own & 0xffff) != 0;
}

/** LDR in x2APIC mode, derived from the ID (SDM 3A §10.12.10.2). */
export function x2LogicalId(): u32 {
  const id = load<u32>(CPU, OFF_APIC_ID);
  return ((id >> 4) << 16) | (1 << (id & 15));
}

/** A message addressed to this CPU. */
export function receive(vector: u32, delivery: u32, level: bool): void {
  if (delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST) acceptInterrupt(vector, level);
  else if (delivery == DELIVERY_NMI) requestNmi();
  else if (delivery == DELIVERY_EXTINT) {
    store<u32>(CPU, 1, OFF_LAPIC_EXTINT);
    updatePending();
  }
}

/** A write of the ICR (SDM 3A §10.6.1). */
export function sendInterrupt(low: u32, destination: u32): void {
  const delivery = (low >> 8) & 7;
  const vector = low & 0xff;
  if (delivery <= DELIVERY_LOWEST && vector < 16) {
    reportError(ESR_SEND_VECTOR);
    return;
  }
  const shorthand = (low >> 18) & 3;
  const logical = (low & 0x800) != 0;
  const self =
    shorthand == 1 ||
    shorthand == 2 ||
    (shorthand == 0 && isDestination(destination, logical));
  const others = shorthand >= 2 || (shorthand == 0 && !onlySelf(destination, logical));
  // INIT to itself and startup messages to a running CPU do nothing.
  if (self) receive(vector, delivery, false);
  if (others) hostSendMessage(shorthand >= 2 ? 0xffffffff : destination, low & 0xfff);
}

function onlySelf(destination: u32, logical: bool): bool {
  return !logical && destination == load<u32>(CPU, OFF_APIC_ID);
}
