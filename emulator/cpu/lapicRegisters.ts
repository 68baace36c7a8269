/**
 * Registers of the local APIC: the xAPIC's page (SDM 3A table 10-1) and the x2APIC's MSRs (table 10-6).
 * Both go by the page offset; MSR 800H + n is offset n * 10H.
 */
import { raiseWithCode } from './exceptions';
import { updatePending } from './interrupts';
import {
  endInterrupt,
  isX2Apic,
  LVT_LINT0,
  LVT_MASKED,
  LVT_TIMER,
  lvt,
  processorPriority,
  sendInterrupt,
  syncEoi,
  withdrawEoi,
  x2LogicalId,
} from './lapic';
import { currentCount, pollTimer, setDivide, startTimer, timerModeChanged } from './lapicTimer';
import {
  OFF_APIC_ID,
  OFF_LAPIC_DFR,
  OFF_LAPIC_ESR,
  OFF_LAPIC_ESR_NEW,
  OFF_LAPIC_ICR,
  OFF_LAPIC_ICR_HIGH,
  OFF_LAPIC_IRR,
  OFF_LAPIC_ISR,
  OFF_LAPIC_LDR,
  OFF_LAPIC_LVT,
  OFF_LAPIC_SVR,
  OFF_LAPIC_TIMER_DIVIDE,
  OFF_LAPIC_TIMER_INITIAL,
  OFF_LAPIC_TMR,
  OFF_LAPIC_TPR,
  OFF_PIC_INTR,
  VECTOR_GP,
} from './layout';
import { CPU } from './state';

const REG_ID: u32 = 0x20;
const REG_VERSION: u32 = 0x30;
const REG_TPR: u32 = 0x80;
const REG_PPR: u32 = 0xa0;
const REG_EOI: u32 = 0xb0;
const REG_LDR: u32 = 0xd0;
const REG_DFR: u32 = 0xe0;
const REG_SVR: u32 = 0xf0;
const REG_ISR: u32 = 0x100;
const REG_TMR: u32 = 0x180;
const REG_IRR: u32 = 0x200;
const REG_ESR: u32 = 0x280;
const REG_ICR: u32 = 0x300;
const REG_ICR_HIGH: u32 = 0x310;
const REG_LVT: u32 = 0x320;
const REG_LVT_END: u32 = 0x380;
const REG_TIMER_INITIAL: u32 = 0x380;
const REG_TIMER_CURRENT: u32 = 0x390;
const REG_TIMER_DIVIDE: u32 = 0x3e0;
const REG_SELF_IPI: u32 = 0x3f0;

/** Version 14h, 6 LVT entries, EOI-broadcast suppression. */
const VERSION: u32 = 0x01050014;

/** Writable bits of the LVT entries (SDM 3A figure 10-8). */
function lvtMask(index: u32): u32 {
  if (index == LVT_TIMER) return 0x700ff;
  if (index >= LVT_LINT0 && index <= LVT_LINT0 + 1) return 0x1a7ff;
  return index == LVT_LINT0 + 2 ? 0x100ff : 0x107ff;
}

export function lapicRead(offset: u32): u32 {
  if (offset >= REG_ISR && offset < REG_ESR) {
    syncEoi();
    const index = ((offset & 0x7f) >> 4) << 2;
    if (offset < REG_TMR) return load<u32>(CPU + index, OFF_LAPIC_ISR);
    if (offset < REG_IRR) return load<u32>(CPU + index, OFF_LAPIC_TMR);
    pollTimer();
    return load<u32>(CPU + index, OFF_LAPIC_IRR);
  }
  if (offset >= REG_LVT && offset < REG_LVT_END) return lvt((offset - REG_LVT) >> 4);
  switch (offset) {
    case REG_ID:
      return isX2Apic() ? load<u32>(CPU, OFF_APIC_ID) : load<u32>(CPU, OFF_APIC_ID) << 24;
    case REG_VERSION:
      return VERSION;
    case REG_TPR:
      return load<u32>(CPU, OFF_LAPIC_TPR);
    case REG_PPR:
      syncEoi();
      return processorPriority();
    case REG_LDR:
      return isX2Apic() ? x2LogicalId() : load<u32>(CPU, OFF_LAPIC_LDR);
    case REG_DFR:
      return load<u32>(CPU, OFF_LAPIC_DFR);
    case REG_SVR:
      return load<u32>(CPU, OFF_LAPIC_SVR);
    case REG_ESR:
      return load<u32>(CPU, OFF_LAPIC_ESR);
    case REG_ICR:
      return load<u32>(CPU, OFF_LAPIC_ICR);
    case REG_ICR_HIGH:
      return load<u32>(CPU, OFF_LAPIC_ICR_HIGH);
    case REG_TIMER_INITIAL:
      return load<u32>(CPU, OFF_LAPIC_TIMER_INITIAL);
    case REG_TIMER_CURRENT:
      return currentCount();
    case REG_TIMER_DIVIDE:
      return load<u32>(CPU, OFF_LAPIC_TIMER_DIVIDE);
    default:
      return 0;
  }
}

export function lapicWrite(offset: u32, value: u32): void {
  if (offset >= REG_LVT && offset < REG_LVT_END) {
    writeLvt((offset - REG_LVT) >> 4, value);
    return;
  }
  switch (offset) {
    case REG_TPR:
      setTaskPriority(value & 0xff);
      break;
    case REG_EOI:
      endInterrupt();
      break;
    case REG_LDR:
      store<u32>(CPU, value & 0xff000000, OFF_LAPIC_LDR);
      break;
    case REG_DFR:
      store<u32>(CPU, value | 0x0fffffff, OFF_LAPIC_DFR);
      break;
    case REG_SVR:
      writeSpurious(value & 0x11ff);
      break;
    case REG_ESR:
      store<u32>(CPU, load<u32>(CPU, OFF_LAPIC_ESR_NEW), OFF_LAPIC_ESR);
      store<u32>(CPU, 0, OFF_LAPIC_ESR_NEW);
      break;
    case REG_ICR:
      store<u32>(CPU, value & 0xccfff, OFF_LAPIC_ICR);
      sendInterrupt(
        value,
        isX2Apic()
          ? load<u32>(CPU, OFF_LAPIC_ICR_HIGH)
          : load<u32>(CPU, OFF_LAPIC_ICR_HIGH) >> 24,
      );
      break;
    case REG_ICR_HIGH:
      store<u32>(CPU, value, OFF_LAPIC_ICR_HIGH);
      break;
    case REG_TIMER_INITIAL:
      startTimer(value);
      break;
    case REG_TIMER_DIVIDE:
      setDivide(value);
      break;
    default:
      break;
  }
}

/** TPR, also as CR8 << 4. */
export function setTaskPriority(value: u32): void {
  withdrawEoi();
  store<u32>(CPU, value, OFF_LAPIC_TPR);
  updatePending();
}

function writeSpurious(value: u32): void {
  store<u32>(CPU, value, OFF_LAPIC_SVR);
  // Disabled by software: every local entry is masked (SDM 3A §10.4.7.2).
  if (!(value & 0x100)) {
    for (let i: u32 = 0; i < 6; i++) {
      store<u32>(CPU + (i << 2), lvt(i) | LVT_MASKED, OFF_LAPIC_LVT);
    }
  }
  updatePending();
}

function writeLvt(index: u32, value: u32): void {
  // LVT order in the page: timer, thermal, performance, LINT0, LINT1, error.
  if (index > 5) return;
  value &= lvtMask(index);
  if (!(load<u32>(CPU, OFF_LAPIC_SVR) & 0x100)) value |= LVT_MASKED;
  if (index == LVT_TIMER) timerModeChanged(lvt(index), value);
  store<u32>(CPU + (index << 2), value, OFF_LAPIC_LVT);
  if (index == LVT_TIMER) pollTimer();
  if (index == LVT_LINT0 && load<u32>(CPU, OFF_PIC_INTR)) updatePending();
  updatePending();
}

/** RDMSR 800H..8FFH. */
export function x2Read(msr: u32): u64 {
  const offset = (msr & 0xff) << 4;
  if (!isX2Apic() || !readable(offset)) {
    raiseWithCode(VECTOR_GP, 0);
    return 0;
  }
  if (offset == REG_ICR) {
    return (<u64>load<u32>(CPU, OFF_LAPIC_ICR_HIGH) << 32) | load<u32>(CPU, OFF_LAPIC_ICR);
  }
  return lapicRead(offset);
}

function readable(offset: u32): bool {
  if (offset >= REG_ISR && offset <= REG_ESR) return true;
  if (offset >= REG_LVT && offset <= REG_TIMER_CURRENT) return true;
  return (
    offset == REG_ID ||
    offset == REG_VERSION ||
    offset == REG_TPR ||
    offset == REG_PPR ||
    offset == REG_LDR ||
    offset == REG_SVR ||
    offset == REG_ICR ||
    offset == REG_TIMER_DIVIDE
  );
}

/** WRMSR 800H..8FFH: reserved bits and registers raise #GP (SDM 3A §10.12.1.3). */
export function x2Write(msr: u32, value: u64): void {
  const offset = (msr & 0xff) << 4;
  const low = <u32>value;
  let good = isX2Apic() && (value >> 32 == 0 || offset == REG_ICR);
  if (offset == REG_TPR) good = good && low <= 0xff;
  else if (offset == REG_EOI || offset == REG_ESR) good = good && low == 0;
  else if (offset == REG_SVR) good = good && (low & ~0x11ff) == 0;
  else if (offset == REG_SELF_IPI) good = good && low <= 0xff;
  else if (offset >= REG_LVT && offset < REG_LVT_END) {
    // Delivery status and remote IRR are read-only, not reserved: Linux writes LINT0 back with them.
    good = good && (low & ~(lvtMask((offset - REG_LVT) >> 4) | 0x5000)) == 0;
  } else if (offset != REG_ICR && offset != REG_TIMER_INITIAL && offset != REG_TIMER_DIVIDE) {
    good = false;
  }
  if (!good) {
    raiseWithCode(VECTOR_GP, 0);
    return;
  }
  if (offset == REG_SELF_IPI) sendInterrupt(low | 0x40000, 0);
  else {
    if (offset == REG_ICR) store<u32>(CPU, <u32>(value >> 32), OFF_LAPIC_ICR_HIGH);
    lapicWrite(offset, low);
  }
}
