/**
 * When events are taken: the pending word that the loop looks at between blocks, interrupts, NMI, HLT and
 * interrupt shadows. SDM 3A §6.7-6.9.
 *
 * The loop: `startRun()` first; before a block, if PENDING is not 0, `serviceEvents()`; on SERVICE_STEP
 * `beforeStep()` (true: deliverFault), one instruction, `afterStep()` (after a fault: `endStep()`).
 */
import { debugStepping } from './debugRegisters';
import { deliverEvent, EVENT_INTERRUPT } from './eventDelivery';
import { deliverNoted } from './exceptions';
import { hostAcknowledgePic } from './host';
import {
  acknowledge,
  deliverable,
  externalPending,
  nothingRequested,
  syncEoi,
  withdrawEoi,
} from './lapic';
import { pollTimer } from './lapicTimer';
import {
  EXIT_BUDGET,
  EXIT_HALT,
  FLAG_IF,
  HALTED_HLT,
  OFF_COUNT_INTERRUPTS,
  OFF_EXIT_REASON,
  OFF_EXTERNAL,
  OFF_FAULT,
  OFF_HALTED,
  OFF_INSTRET,
  OFF_LAPIC_EXTINT,
  OFF_NMI_BLOCKED,
  OFF_NMI_PENDING,
  OFF_PENDING,
  OFF_RFLAGS,
  OFF_SHADOW,
  OFF_SHADOW_RIP,
  PENDING_EXIT,
  PENDING_HALT,
  PENDING_INTERRUPT,
  PENDING_STEP,
  SERVICE_EXIT,
  SERVICE_RUN,
  SERVICE_STEP,
  SHADOW_MOV_SS,
  SHADOW_STI,
  VECTOR_NMI,
} from './layout';
import { CPU, rip, setPending } from './state';

/** Not a vector of an exception: interrupts are benign in double-fault rules. */
const BENIGN: u32 = 0x100;

function interruptWaits(): bool {
  if (!(load<u64>(CPU, OFF_RFLAGS) & FLAG_IF) || nothingRequested()) return false;
  return externalPending() || deliverable() >= 0;
}

function nmiWaits(): bool {
  return load<u32>(CPU, OFF_NMI_PENDING) != 0 && load<u32>(CPU, OFF_NMI_BLOCKED) == 0;
}

/** Recomputes PENDING; called by everything that changes IF, TF, shadows, DR7, APIC or PIC state. */
export function updatePending(): void {
  let bits = load<u32>(CPU, OFF_PENDING) & PENDING_EXIT;
  if (nmiWaits() || interruptWaits()) bits |= PENDING_INTERRUPT;
  const shadow = load<u32>(CPU, OFF_SHADOW);
  // The shadow of STI matters only if there is something to hold off.
  if (shadow == SHADOW_MOV_SS || (shadow && bits & PENDING_INTERRUPT) || debugStepping()) {
    bits |= PENDING_STEP;
  }
  if (load<u32>(CPU, OFF_HALTED)) bits |= PENDING_HALT;
  setPending(bits);
}

export function requestNmi(): void {
  store<u32>(CPU, 1, OFF_NMI_PENDING);
  updatePending();
}

/**
 * Lockstep (test/lockstep): the leader leaves its run before it takes an interrupt in the middle of it, the follower
 * does not take it and does not leave. So both take interrupts only where runs begin.
 */
const TAKE: i32 = 0;
const LEAD: i32 = 1;
const FOLLOW: i32 = 2;
let role: i32 = TAKE;
/** INSTRET where the run began. */
let runStart: u64 = 0;

/** 0: on its own; 1: leader; 2: follower. */
export function setLockstepRole(which: i32): void {
  role = which;
}

/** At the entry of run(). */
export function startRun(): void {
  runStart = load<u64>(CPU, OFF_INSTRET);
  pollTimer();
  syncEoi();
  updatePending();
}

/** Instead of startRun() where a follower goes on with a run. */
export function continueRun(): void {
  runStart = ~(<u64>0);
}

/** Ends the shadow of an STI whose next instruction has been run meanwhile. */
export function expireShadow(): void {
  if (load<u32>(CPU, OFF_SHADOW) != SHADOW_STI || rip() == load<u64>(CPU, OFF_SHADOW_RIP)) return;
  store<u32>(CPU, 0, OFF_SHADOW);
  updatePending();
}

export function serviceEvents(): i32 {
  expireShadow();
  const pending = load<u32>(CPU, OFF_PENDING);
  const begins = role == TAKE || load<u64>(CPU, OFF_INSTRET) == runStart;
  if (pending & PENDING_EXIT && role != FOLLOW) {
    store<u32>(CPU, pending & ~PENDING_EXIT, OFF_PENDING);
    store<u32>(CPU, EXIT_BUDGET, OFF_EXIT_REASON);
    return SERVICE_EXIT;
  }
  if (pending & PENDING_INTERRUPT && !load<u32>(CPU, OFF_SHADOW)) {
    if (begins) takeInterrupt();
    else if (role == LEAD) {
      store<u32>(CPU, EXIT_BUDGET, OFF_EXIT_REASON);
      return SERVICE_EXIT;
    }
  }
  const halted = load<u32>(CPU, OFF_HALTED);
  if (halted) {
    // Shutdown has set its own reason.
    if (halted <= 2) store<u32>(CPU, EXIT_HALT, OFF_EXIT_REASON);
    return SERVICE_EXIT;
  }
  return load<u32>(CPU, OFF_PENDING) & PENDING_STEP ? SERVICE_STEP : SERVICE_RUN;
}

/** Delivers one NMI or interrupt; wakes from HLT. */
function takeInterrupt(): void {
  if (load<u32>(CPU, OFF_HALTED) > <u32>HALTED_HLT) return;
  let vector: u32;
  if (nmiWaits()) {
    store<u32>(CPU, 0, OFF_NMI_PENDING);
    store<u32>(CPU, 1, OFF_NMI_BLOCKED);
    vector = VECTOR_NMI;
  } else {
    withdrawEoi();
    if (!interruptWaits()) {
      updatePending();
      return;
    }
    const local = deliverable();
    if (externalPending()) {
      // INTA first goes to the 8259, which has no place in the APIC's priorities.
      store<u32>(CPU, 0, OFF_LAPIC_EXTINT);
      vector = hostAcknowledgePic() & 0xff;
    } else {
      vector = acknowledge(local);
    }
  }
  store<u32>(CPU, load<u32>(CPU, OFF_COUNT_INTERRUPTS) + 1, OFF_COUNT_INTERRUPTS);
  store<u32>(CPU, 0, OFF_HALTED);
  store<u32>(CPU, 1, OFF_EXTERNAL);
  deliverEvent(vector, EVENT_INTERRUPT, false, 0, rip());
  store<u32>(CPU, 0, OFF_EXTERNAL);
  if (load<u32>(CPU, OFF_FAULT)) deliverNoted(BENIGN);
  updatePending();
}

/** HLT: RIP is already behind it. */
export function halt(): void {
  store<u32>(CPU, 0, OFF_SHADOW);
  store<u32>(CPU, HALTED_HLT, OFF_HALTED);
  setPending(load<u32>(CPU, OFF_PENDING) | PENDING_HALT);
}
