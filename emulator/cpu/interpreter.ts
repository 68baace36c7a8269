/**
 * The interpreter loop: finds blocks, runs their records, links blocks of one page, looks at events and
 * the budget between blocks, delivers faults.
 */
import { nonCanonicalIsStack } from './addressing';
import { findBlock, isDead, singleBlock } from './blocks';
import { afterStep, beforeStep, endStep } from './debugRegisters';
import { deliverFault } from './exceptions';
import {
  BLOCK_HEADER,
  BLOCK_HOST,
  BLOCK_KEY,
  BLOCK_SECOND,
  END_OF_BLOCK,
  EXIT_BUDGET,
  LEAVE,
  MODE_CODE64,
  MODE_FLAT,
  OFF_ARENA_EPOCH,
  OFF_EXIT_REASON,
  OFF_FAULT_NONCANONICAL,
  OFF_INSTRET,
  OFF_PENDING,
  OFF_SLICE_END,
  RECORD_SIZE,
  REC_COUNT,
  REC_HANDLER,
  REC_LINK_NEXT,
  REC_LINK_TAKEN,
  REC_SEGMENT,
  REC_START,
  RESYNCHRONISE,
  SERVICE_EXIT,
  SERVICE_STEP,
  SS,
  TAKEN,
} from './layout';
import { serviceEvents, startRun } from './interrupts';
import { CPU, faulted, rip, setRip } from './state';

/** Result of the last runRecords(): what the last handler returned. */
let outcome: i32 = 0;

/** Runs records until one leaves; returns that record. */
@inline
function runRecords(block: usize): usize {
  let rec = block + BLOCK_HEADER;
  let code: i32;
  for (;;) {
    code = call_indirect<i32>(load<u32>(rec, REC_HANDLER), rec);
    if (code) break;
    rec += RECORD_SIZE;
  }
  outcome = code;
  return rec;
}

/** Counts `count` retired instructions. */
@inline
function retire(count: i32): void {
  store<u64>(CPU, load<u64>(CPU, OFF_INSTRET) + <u64>count, OFF_INSTRET);
}

@inline
function sliceOver(): bool {
  return <i64>(load<u64>(CPU, OFF_INSTRET) - load<u64>(CPU, OFF_SLICE_END)) >= 0;
}

/** The record faulted: makes RIP point at its instruction and delivers. */
function faultAt(rec: usize): void {
  setRip(rip() + <u64>load<u16>(rec, REC_START));
  if (load<u32>(CPU, OFF_FAULT_NONCANONICAL) && load<u8>(rec, REC_SEGMENT) == SS) {
    nonCanonicalIsStack();
  }
}

/** One instruction with trap flag, breakpoints or a shadow looked at. */
function step(): void {
  if (beforeStep()) {
    deliverFault();
    return;
  }
  const block = singleBlock();
  if (!block) {
    endStep();
    deliverFault();
    retire(1);
    return;
  }
  const rec = runRecords(block);
  if (outcome == LEAVE && faulted()) {
    faultAt(rec);
    // Delivery clears RF and the shadow itself, so stepping ends first.
    endStep();
    deliverFault();
    retire(1);
    return;
  }
  // The record behind a plain instruction is the end of the block: it has stored RIP.
  retire(1);
  afterStep();
}

/** Where a link of `rec` in `block` to the block at RIP may be stored; 0 if they may not be linked. */
@inline
function mayLink(block: usize, start: u64): bool {
  if (!(load<u32>(block, BLOCK_KEY) & (MODE_FLAT | MODE_CODE64))) return false;
  // Within the page of the block's start, so that both always have the same translation.
  return (<u64>(load<u32>(block, BLOCK_HOST) & 0xfff) + (rip() - start)) >> 12 == 0;
}

/**
 * Runs about `budget` instructions; returns EXIT_*. Instructions are counted exactly in INSTRET; a fault
 * counts as one, so that a guest that only faults makes progress too.
 */
export function run(budget: i32): i32 {
  store<u64>(CPU, load<u64>(CPU, OFF_INSTRET) + <u64>budget, OFF_SLICE_END);
  startRun();
  let block: usize = 0;
  for (;;) {
    if (load<u32>(CPU, OFF_PENDING)) {
      const service = serviceEvents();
      block = 0;
      if (service == SERVICE_EXIT) return load<u32>(CPU, OFF_EXIT_REASON);
      if (service == SERVICE_STEP) {
        step();
        if (sliceOver()) return EXIT_BUDGET;
        continue;
      }
    }
    if (sliceOver()) return EXIT_BUDGET;
    if (!block) {
      block = findBlock();
      if (!block) {
        deliverFault();
        retire(1);
        continue;
      }
    }
    const start = rip();
    const rec = runRecords(block);
    if (outcome == LEAVE) {
      retire(<i32>load<u16>(rec, REC_COUNT));
      block = 0;
      if (faulted()) {
        faultAt(rec);
        deliverFault();
      }
      continue;
    }
    if (outcome == RESYNCHRONISE) {
      retire(<i32>load<u16>(rec, REC_COUNT) - 1);
      block = 0;
      continue;
    }
    retire(<i32>load<u16>(rec, REC_COUNT) - i32(outcome == END_OF_BLOCK));
    const slot = rec + (outcome == TAKEN ? REC_LINK_TAKEN : REC_LINK_NEXT);
    const linked = <usize>load<u32>(slot);
    if (linked && !isDead(linked)) {
      block = linked;
      continue;
    }
    if (load<u32>(CPU, OFF_PENDING)) {
      block = 0;
      continue;
    }
    const epoch = load<u32>(CPU, OFF_ARENA_EPOCH);
    const linkable = mayLink(block, start);
    const next = findBlock();
    if (!next) {
      deliverFault();
      retire(1);
      block = 0;
      continue;
    }
    if (linkable && epoch == load<u32>(CPU, OFF_ARENA_EPOCH) && !load<u32>(next, BLOCK_SECOND)) {
      store<u32>(slot, <u32>next);
    }
    block = next;
  }
  return EXIT_BUDGET;
}
