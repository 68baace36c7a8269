/**
 * The interpreter loop: finds blocks, runs their records, links blocks of one page, looks at events and
 * the budget between blocks, delivers faults.
 */
import { nonCanonicalIsStack } from './addressing';
import { BLOCK_LIMIT, findBlock, singleBlock } from './blocks';
import { afterStep, beforeStep, endStep } from './debugRegisters';
import {
  ELSEWHERE,
  enter,
  retire,
  runningBlock,
  runningStart,
  sliceOver,
  stopRecord,
} from './dispatch';
import { deliverFault } from './exceptions';
import {
  ARRIVED,
  BLOCK_HOST,
  BLOCK_KEY,
  BLOCK_SECOND,
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
  PENDING_EXIT,
  REC_COUNT,
  REC_LINK_NEXT,
  REC_LINK_TAKEN,
  REC_SEGMENT,
  REC_START,
  REGION_FAULT,
  RESYNCHRONISE,
  SERVICE_EXIT,
  SERVICE_STEP,
  SS,
  TAKEN,
} from './layout';
import { continueRun, expireShadow, serviceEvents, startRun } from './interrupts';
import { CPU, faulted, rip, setRip } from './state';

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
  const outcome = enter(block);
  if (outcome == LEAVE && faulted()) {
    faultAt(stopRecord());
    // Delivery clears RF and the shadow itself, so stepping ends first.
    endStep();
    deliverFault();
    retire(1);
    return;
  }
  // Branches and the end record, which has stored RIP, have counted already.
  if (outcome == LEAVE) retire(1);
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
  startRun();
  const reason = loop(budget);
  expireShadow();
  return reason;
}

/** INSTRET at which runExactly() stops; 0 otherwise. */
let exactEnd: u64 = 0;

/**
 * For the follower in lockstep (test/lockstep): stops after exactly `count` instructions, or earlier when the CPU halts.
 * `begins`: a run begins here, else the last one goes on.
 */
export function runExactly(count: i32, begins: i32): i32 {
  exactEnd = load<u64>(CPU, OFF_INSTRET) + <u64>count;
  if (begins) startRun();
  else continueRun();
  // A block may go beyond the slice's end by its length; what is left is done one by one.
  const reason = loop(count - BLOCK_LIMIT);
  expireShadow();
  exactEnd = 0;
  // Heard of in the middle of the leader's run, which ended there.
  store<u32>(CPU, load<u32>(CPU, OFF_PENDING) & ~PENDING_EXIT, OFF_PENDING);
  return reason;
}

@inline
function runOver(): bool {
  return sliceOver() && load<u64>(CPU, OFF_INSTRET) >= exactEnd;
}

function loop(budget: i32): i32 {
  store<u64>(CPU, load<u64>(CPU, OFF_INSTRET) + <u64>budget, OFF_SLICE_END);
  let block: usize = 0;
  for (;;) {
    if (load<u32>(CPU, OFF_PENDING)) {
      const service = serviceEvents();
      block = 0;
      if (service == SERVICE_EXIT) return load<u32>(CPU, OFF_EXIT_REASON);
      if (service == SERVICE_STEP) {
        if (runOver()) return EXIT_BUDGET;
        step();
        continue;
      }
    }
    if (runOver()) return EXIT_BUDGET;
    if (!block) {
      block = sliceOver() ? singleBlock() : findBlock();
      if (!block) {
        deliverFault();
        retire(1);
        continue;
      }
    }
    const outcome = enter(block);
    const rec = stopRecord();
    block = 0;
    if (outcome == LEAVE) {
      retire(<i32>load<u16>(rec, REC_COUNT));
      if (faulted()) {
        faultAt(rec);
        deliverFault();
      }
      continue;
    }
    if (outcome == RESYNCHRONISE) {
      retire(<i32>load<u16>(rec, REC_COUNT) - 1);
      continue;
    }
    if (outcome == REGION_FAULT) {
      deliverFault();
      retire(1);
      continue;
    }
    if (outcome == ARRIVED || load<u32>(CPU, OFF_PENDING) || sliceOver()) continue;

    // A direct branch without a living link.
    const epoch = load<u32>(CPU, OFF_ARENA_EPOCH);
    const linkable = mayLink(runningBlock(), runningStart());
    block = findBlock();
    if (!block) {
      deliverFault();
      retire(1);
      continue;
    }
    if (epoch == load<u32>(CPU, OFF_ARENA_EPOCH)) {
      const link = linkable && !load<u32>(block, BLOCK_SECOND) ? block : ELSEWHERE;
      store<u32>(rec + (outcome == TAKEN ? REC_LINK_TAKEN : REC_LINK_NEXT), <u32>link);
    }
  }
  return EXIT_BUDGET;
}
