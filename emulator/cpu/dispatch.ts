/**
 * From record to record and from block to block without the loop: a handler ends by calling the next one.
 * build.ts turns every `return call_indirect(...)` and `return taken(rec)` etc. of handlers and of this file
 * into tail calls, which AssemblyScript cannot write itself; without that the stack would overflow.
 */
import { cachedBlock, isDead } from './blocks';
import {
  ARRIVED,
  BLOCK_HEADER,
  END_OF_BLOCK,
  HOOK_HEAT,
  NOT_TAKEN,
  OFF_INSTRET,
  OFF_PENDING,
  OFF_SLICE_END,
  RECORD_SIZE,
  REC_COUNT,
  REC_HANDLER,
  REC_LINK_NEXT,
  REC_LINK_TAKEN,
  TAKEN,
} from './layout';
import { countHeat } from './regions';
import { CPU, rip } from './state';

/** Record that gave control back to the loop, the block being run, and RIP at its start. */
let lastRecord: usize = 0;
let currentBlock: usize = 0;
let blockStart: u64 = 0;
/** The block whose indirect branch was the last one; 0 once that is used. */
let cameFrom: usize = 0;

/** The block whose indirect branch led here, or 0. */
@inline
export function takeOrigin(): usize {
  const from = cameFrom;
  cameFrom = 0;
  return from;
}
@inline
export function setOrigin(block: usize): void {
  cameFrom = block;
}

@inline
export function stopRecord(): usize {
  return lastRecord;
}
@inline
export function runningBlock(): usize {
  return currentBlock;
}
@inline
export function runningStart(): u64 {
  return blockStart;
}

/** Counts `count` retired instructions. */
@inline
export function retire(count: i32): void {
  store<u64>(CPU, load<u64>(CPU, OFF_INSTRET) + <u64>count, OFF_INSTRET);
}

@inline
export function sliceOver(): bool {
  return <i64>(load<u64>(CPU, OFF_INSTRET) - load<u64>(CPU, OFF_SLICE_END)) >= 0;
}

/** Runs `block`, and what it leads to, until something needs the loop; what for is returned. */
export function enter(block: usize): i32 {
  currentBlock = block;
  blockStart = rip();
  const hook = block + BLOCK_HEADER;
  const handler = load<u32>(hook, REC_HANDLER);
  const left = load<u32>(hook, HOOK_HEAT) - 1;
  // What most hooks do, without a call of its own.
  if (handler == countHeat.index && left) {
    cameFrom = 0;
    store<u32>(hook, left, HOOK_HEAT);
    return call_indirect<i32>(load<u32>(hook, RECORD_SIZE), hook + RECORD_SIZE);
  }
  return call_indirect<i32>(handler, hook);
}

/** Back to the loop from `rec`. */
@inline
export function stop(rec: usize, code: i32): i32 {
  lastRecord = rec;
  return code;
}

/** The loop must look at an event or the end of the slice. */
@inline
export function interrupted(): bool {
  return load<u32>(CPU, OFF_PENDING) != 0 || sliceOver();
}

/** A link of a branch to another page: its block is found anew each time. */
export const ELSEWHERE: usize = 1;

/** The living block that a link leads to, or 0. */
@inline
function linked(link: usize): usize {
  if (link > ELSEWHERE) return isDead(link) ? 0 : link;
  return link ? cachedBlock() : 0;
}

/** A direct branch was taken: RIP is stored. */
export function taken(rec: usize): i32 {
  retire(load<u16>(rec, REC_COUNT));
  const block = linked(<usize>load<u32>(rec, REC_LINK_TAKEN));
  if (!block || interrupted()) return stop(rec, TAKEN);
  return enter(block);
}

/** A direct branch was not taken. */
export function notTaken(rec: usize): i32 {
  retire(load<u16>(rec, REC_COUNT));
  const block = linked(<usize>load<u32>(rec, REC_LINK_NEXT));
  if (!block || interrupted()) return stop(rec, NOT_TAKEN);
  return enter(block);
}

/** The end record of a block: it is no instruction. */
export function ended(rec: usize): i32 {
  retire(<i32>load<u16>(rec, REC_COUNT) - 1);
  const block = linked(<usize>load<u32>(rec, REC_LINK_NEXT));
  if (!block || interrupted()) return stop(rec, END_OF_BLOCK);
  return enter(block);
}

/** An indirect branch: RIP is stored. */
export function arrived(rec: usize): i32 {
  retire(load<u16>(rec, REC_COUNT));
  cameFrom = currentBlock;
  if (interrupted()) return stop(rec, ARRIVED);
  const block = cachedBlock();
  if (!block) return stop(rec, ARRIVED);
  return enter(block);
}
