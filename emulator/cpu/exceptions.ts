/**
 * Raising and delivering exceptions: fault note, double and triple faults. SDM 3A §6.3-6.15.
 */
import { deliverEvent, EVENT_FAULT } from './eventDelivery';
import {
  EXIT_SHUTDOWN,
  HALTED_SHUTDOWN,
  OFF_COUNT_EXCEPTIONS,
  OFF_CR2,
  OFF_DELIVERING,
  OFF_EXIT_REASON,
  OFF_EXTERNAL,
  OFF_FAULT,
  OFF_FAULT_CODE,
  OFF_FAULT_HAS_CODE,
  OFF_FAULT_NONCANONICAL,
  OFF_HALTED,
  OFF_PENDING,
  OFF_SHADOW,
  OFF_TRIPLE_VECTOR,
  PENDING_HALT,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_PF,
  VECTOR_TS,
} from './layout';
import { updatePending } from './interrupts';
import { CPU, rip, setPending } from './state';

/** Notes a fault without an error code. The first one of an instruction counts. */
export function raise(vector: u32): void {
  if (load<u32>(CPU, OFF_FAULT)) return;
  store<u32>(CPU, vector + 1, OFF_FAULT);
  store<u32>(CPU, 0, OFF_FAULT_HAS_CODE);
  store<u32>(CPU, 0, OFF_FAULT_CODE);
  store<u32>(CPU, 0, OFF_FAULT_NONCANONICAL);
}

export function raiseWithCode(vector: u32, code: u32): void {
  if (load<u32>(CPU, OFF_FAULT)) return;
  raise(vector);
  if (vector >= <u32>VECTOR_TS && vector <= <u32>VECTOR_GP) code |= load<u32>(CPU, OFF_EXTERNAL);
  store<u32>(CPU, 1, OFF_FAULT_HAS_CODE);
  store<u32>(CPU, code, OFF_FAULT_CODE);
}

/** #GP(0), which the loop turns into #SS(0) if the access was a stack reference. */
export function raiseNonCanonical(): void {
  if (load<u32>(CPU, OFF_FAULT)) return;
  raiseWithCode(VECTOR_GP, 0);
  store<u32>(CPU, 1, OFF_FAULT_NONCANONICAL);
}

export function raisePageFault(linear: u64, code: u32): void {
  if (load<u32>(CPU, OFF_FAULT)) return;
  raiseWithCode(VECTOR_PF, code);
  store<u64>(CPU, linear, OFF_CR2);
}

/** Contributory exceptions: #DE #TS #NP #SS #GP (SDM 3A table 6-4). */
function isContributory(vector: u32): bool {
  return vector == 0 || (vector >= <u32>VECTOR_TS && vector <= <u32>VECTOR_GP);
}

function becomesDouble(first: u32, second: u32): bool {
  if (isContributory(first)) return isContributory(second);
  return first == VECTOR_PF && (second == VECTOR_PF || isContributory(second));
}

export function clearFault(): void {
  store<u32>(CPU, 0, OFF_FAULT);
}

/** Delivers the noted fault with RIP as the return address. */
export function deliverFault(): void {
  deliverNoted(<u32>-1);
}

/**
 * Delivers the noted fault, which arose while `first` was being delivered (-1: by an instruction).
 * Interrupts and INT n are benign: first = any vector above 31.
 */
export function deliverNoted(first: u32): void {
  // A fault ends the shadow of the instruction before.
  store<u32>(CPU, 0, OFF_SHADOW);
  for (;;) {
    let vector = load<u32>(CPU, OFF_FAULT) - 1;
    let hasCode = load<u32>(CPU, OFF_FAULT_HAS_CODE) != 0;
    let code = load<u32>(CPU, OFF_FAULT_CODE);
    clearFault();
    if (first == VECTOR_DF) {
      shutDown(vector);
      return;
    }
    if (first != <u32>-1 && becomesDouble(first, vector)) {
      vector = VECTOR_DF;
      hasCode = true;
      code = 0;
    }
    store<u32>(CPU, load<u32>(CPU, OFF_COUNT_EXCEPTIONS) + 1, OFF_COUNT_EXCEPTIONS);
    store<u32>(CPU, 1 + vector, OFF_DELIVERING);
    store<u32>(CPU, 1, OFF_EXTERNAL);
    deliverEvent(vector, EVENT_FAULT, hasCode, code, rip());
    store<u32>(CPU, 0, OFF_EXTERNAL);
    store<u32>(CPU, 0, OFF_DELIVERING);
    if (!load<u32>(CPU, OFF_FAULT)) {
      updatePending();
      return;
    }
    first = vector;
  }
}

/** Triple fault: the shutdown cycle, which resets a PC. */
export function shutDown(vector: u32): void {
  store<u32>(CPU, vector, OFF_TRIPLE_VECTOR);
  store<u32>(CPU, HALTED_SHUTDOWN, OFF_HALTED);
  setPending(load<u32>(CPU, OFF_PENDING) | PENDING_HALT);
  store<u32>(CPU, EXIT_SHUTDOWN, OFF_EXIT_REASON);
}
