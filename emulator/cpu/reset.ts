/** Power-on state, SDM 3A §9.1.1 table 9-1, and the local APIC's, §10.4.7.1. */
import {
  CS,
  ES,
  GS,
  LDTR,
  OFF_APIC_BASE,
  OFF_APIC_ID,
  OFF_CPL,
  OFF_CR0,
  OFF_CPUID,
  OFF_DR,
  OFF_FPU_CONTROL,
  OFF_FPU_EMPTY,
  OFF_GDT_LIMIT,
  OFF_IDT_LIMIT,
  OFF_KVM_SYSTEM_TIME,
  OFF_LAPIC_DFR,
  OFF_LAPIC_IRR,
  OFF_LAPIC_LVT,
  OFF_LAPIC_SVR,
  OFF_LAPIC_TIMER_NEXT,
  OFF_MISC_ENABLE,
  OFF_MTRR_DEF_TYPE,
  OFF_MTRR_FIXED,
  OFF_MTRR_VARIABLE,
  OFF_MXCSR,
  OFF_OPEN_BUS,
  OFF_PAT,
  OFF_SHADOW,
  OFF_SLOT_COUNT,
  OFF_TSC_ADJUST,
  OFF_TSC_OFFSET,
  TR,
} from './layout';
import { lvt } from './lapic';
import { setFlags } from './flags';
import { dropAllCode } from './blocks';
import { updateMode } from './segments';
import { updateChecks } from './debugRegisters';
import { updatePending } from './interrupts';
import { CPU, setGpr, setRip, setSegment } from './state';
import { flushAll } from './tlb';

/** What the host has set stays: slots, CPUID, APIC ID, TSC rate, code map. */
export function reset(): void {
  // Registers up to and with the x87; then control state up to the first thing of the host's.
  memory.fill(CPU, 0, OFF_CR0);
  memory.fill(CPU + OFF_CR0, 0, OFF_SHADOW - OFF_CR0);
  // Shadow to EXTERNAL: event state.
  memory.fill(CPU + OFF_SHADOW, 0, 0x24);
  memory.fill(CPU + OFF_KVM_SYSTEM_TIME, 0, OFF_LAPIC_IRR - OFF_KVM_SYSTEM_TIME);
  memory.fill(CPU + OFF_LAPIC_IRR, 0, OFF_SLOT_COUNT - OFF_LAPIC_IRR);
  memory.fill(CPU + OFF_MTRR_VARIABLE, 0, 16 * 8);
  memory.fill(CPU + OFF_OPEN_BUS, 0xff, 0x1000);
  store<u64>(CPU, 0, OFF_TSC_OFFSET);
  store<u64>(CPU, 0, OFF_TSC_ADJUST);

  setFlags(0, 0x3f7fd5);
  setRip(0xfff0);
  // EDX: family, model, stepping, as CPUID leaf 1 gives them (the table's second entry).
  setGpr(2, signature());
  setSegment(CS, 0xf000, 0xffff0000, 0xffff, 0x9b);
  for (let i = ES; i <= GS; i++) if (i != CS) setSegment(i, 0, 0, 0xffff, 0x93);
  setSegment(LDTR, 0, 0, 0xffff, 0x82);
  setSegment(TR, 0, 0, 0xffff, 0x8b);
  store<u32>(CPU, 0xffff, OFF_GDT_LIMIT);
  store<u32>(CPU, 0xffff, OFF_IDT_LIMIT);
  store<u64>(CPU, 0x60000010, OFF_CR0);
  store<u32>(CPU, 0, OFF_CPL);
  store<u64>(CPU + 6 * 8, 0xffff0ff0, OFF_DR);
  store<u64>(CPU + 7 * 8, 0x400, OFF_DR);
  store<u32>(CPU, 0x40, OFF_FPU_CONTROL);
  store<u32>(CPU, 0, OFF_FPU_EMPTY);
  store<u32>(CPU, 0x1f80, OFF_MXCSR);
  store<u64>(CPU, 0x0007040600070406, OFF_PAT);
  // Fast strings on; no branch trace or precise sampling.
  store<u64>(CPU, 0x1801, OFF_MISC_ENABLE);
  // As a BIOS leaves it: MTRRs on, all memory write-back.
  store<u64>(CPU, 0xc06, OFF_MTRR_DEF_TYPE);
  for (let i = 0; i < 11; i++) store<u64>(CPU + (i << 3), 0x0606060606060606, OFF_MTRR_FIXED);
  resetLapic();
  dropAllCode();
  flushAll();
  updateMode();
  updateChecks();
  updatePending();
}

function signature(): u32 {
  return load<u32>(CPU + 24 + 8, OFF_CPUID);
}

function resetLapic(): void {
  const bsp = load<u32>(CPU, OFF_APIC_ID) == 0;
  store<u64>(CPU, 0xfee00800 | (bsp ? <u64>0x100 : 0), OFF_APIC_BASE);
  store<u32>(CPU, 0xffffffff, OFF_LAPIC_DFR);
  store<u32>(CPU, 0xff, OFF_LAPIC_SVR);
  for (let i: u32 = 0; i < 6; i++) store<u32>(CPU + (i << 2), lvt(i) | 0x10000, OFF_LAPIC_LVT);
  // A BIOS leaves LINT0 as ExtINT (virtual wire mode); direct boot has none that could.
  if (bsp) store<u32>(CPU + 3 * 4, 0x700, OFF_LAPIC_LVT);
  store<f64>(CPU, Infinity, OFF_LAPIC_TIMER_NEXT);
}
