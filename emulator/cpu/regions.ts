/**
 * Translated code seen from the core: regions of blocks that run as one function of the shared table
 * (translator/), the list of blocks that got hot, and what emitted code calls where its inlined paths do not do.
 */
import { cachedBlock, overlapsRegion, regionAlive, regionLife } from './blocks';
import { enter, interrupted, retire, runningBlock, setOrigin, stop, takeOrigin } from './dispatch';
import {
  flagsAdd16, flagsAdd32, flagsAdd64, flagsAdd8, flagsDec16, flagsDec32, flagsDec64, flagsDec8,
  flagsInc16, flagsInc32, flagsInc64, flagsInc8, flagsLogic16, flagsLogic32, flagsLogic64, flagsLogic8,
  flagsSub16, flagsSub32, flagsSub64, flagsSub8, setFlags,
} from './flags';
import { HANDLERS } from './generated/handlers';
import { SLOTS } from './generated/tables';
import {
  ARRIVED,
  BLOCK_REGION,
  FAULT_INTERPRET,
  FLAG_CF,
  HOOK_ENTRY,
  HOOK_FUNCTION,
  HOOK_HEAT,
  HOOK_OFFSET,
  HOT_MAX,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_STACK32,
  OFF_COUNT_EXIT_BUDGET,
  OFF_COUNT_EXIT_DIRECT,
  OFF_COUNT_EXIT_EVENT,
  OFF_COUNT_EXIT_FAULT,
  OFF_COUNT_EXIT_INDIRECT,
  OFF_COUNT_EXIT_INTERPRET,
  OFF_COUNT_INVALIDATED,
  OFF_COUNT_REGION_RETIRED,
  OFF_COUNT_REGION_RUNS,
  OFF_FAULT,
  OFF_FAULT_NONCANONICAL,
  OFF_FLAG_FORM,
  OFF_FLAG_FORM_A,
  OFF_FLAG_FORM_B,
  OFF_FLAG_FORM_RESULT,
  OFF_HEAT_LIMIT,
  OFF_HOT,
  OFF_HOT_COUNT,
  OFF_INSTRET,
  OFF_PENDING,
  OFF_REGION_CURRENT,
  OFF_REGION_FROM,
  OFF_REGION_LIMIT,
  OFF_REGION_RETIRED,
  OFF_SLICE_END,
  OFF_TLB_CONTEXT,
  OFF_TLB_READ,
  OFF_TLB_WRITE,
  RECORD_SIZE,
  REC_HANDLER,
  REGION_FAULT,
} from './layout';
import { hostOf } from './memory';
import { cachedCodeAddress } from './mmu';
import { probeWriteSlow, readForWriteSlow, readSlow, readV128Slow, writeSlow, writeV128Slow } from './memorySlow';
import { CPU, faulted, mode, rip } from './state';
import { isCode, noteJump, noteStack, tlbEntry } from './tlb';

// --- Hooks: the first records of blocks -----------------------------------------------------------

/** What a region returns after a fault was noted, or the wish to interpret (translator/regionFrame.ts, regionExit). */
const REGION_NOTED = 1;

/** The next region that would be entered is interpreted instead: its code asked for it. */
let interpretNext: bool = false;

/** Counts a run by the interpreter; notes the block when it gets hot, and whose indirect branch led to it. */
export function countHeat(rec: usize): i32 {
  const from = takeOrigin();
  const left = load<u32>(rec, HOOK_HEAT) - 1;
  store<u32>(rec, left, HOOK_HEAT);
  if (!left && !noteHot(from)) store<u32>(rec, load<u32>(CPU, OFF_HEAT_LIMIT), HOOK_HEAT);
  return call_indirect<i32>(load<u32>(rec, RECORD_SIZE), rec + RECORD_SIZE);
}

/** The host looks at the list now and then and says when the block is to be noted again. False if the list is full. */
function noteHot(from: usize): bool {
  const count = load<u32>(CPU, OFF_HOT_COUNT);
  if (count == <u32>HOT_MAX) return false;
  const at = CPU + OFF_HOT + <usize>(count << 4);
  store<u32>(at, <u32>runningBlock());
  store<u32>(at, <u32>from, 4);
  store<u64>(at, rip(), 8);
  store<u32>(CPU, count + 1, OFF_HOT_COUNT);
  return true;
}

/** Emitted code takes a flat stack for granted: 64-bit, or 32-bit with SS.B. */
@inline
function stackIsFlat(): bool {
  const bits = mode();
  return (bits & MODE_CODE_MASK) == MODE_CODE64 || (bits & MODE_STACK32) != 0;
}

@inline
function count(counter: usize): void {
  store<u32>(CPU + counter, load<u32>(CPU + counter) + 1);
}

/** The block starts translated code: runs it, and goes on to where that leads. */
export function enterRegion(rec: usize): i32 {
  const block = runningBlock();
  const from = takeOrigin();
  const region = <u32>load<u16>(block, BLOCK_REGION);
  if (!load<u8>(regionAlive(region))) {
    count(OFF_COUNT_INVALIDATED);
    store<u32>(rec, countHeat.index, REC_HANDLER);
    return call_indirect<i32>(load<u32>(rec, RECORD_SIZE), rec + RECORD_SIZE);
  }
  if (interpretNext || !stackIsFlat()) {
    interpretNext = false;
    return call_indirect<i32>(load<u32>(rec, RECORD_SIZE), rec + RECORD_SIZE);
  }
  const life = regionLife(region);
  if (load<i32>(life) <= 0) store<i32>(life, noteHot(from) ? i32.MAX_VALUE : load<i32>(CPU, OFF_HEAT_LIMIT));
  const fn = load<u32>(rec, HOOK_FUNCTION);
  const entry = load<u32>(rec, HOOK_ENTRY);
  const offset = load<i32>(rec, HOOK_OFFSET);
  noteJump(rip(), (mode() & MODE_CODE_MASK) == MODE_CODE64, fn, entry, offset);
  const left = load<u64>(CPU, OFF_SLICE_END) - load<u64>(CPU, OFF_INSTRET);
  store<i32>(CPU, load<u32>(CPU, OFF_PENDING) ? i32.MIN_VALUE : <i32>left, OFF_REGION_LIMIT);
  // It goes on in other regions by itself.
  const noted = call_indirect<i32>(fn, entry, rip() - <u64>offset, 0);
  store<u32>(CPU, 0, OFF_REGION_CURRENT);
  if (load<u32>(CPU, OFF_FLAG_FORM)) settleFlags();
  const retired = load<i32>(CPU, OFF_REGION_RETIRED);
  retire(retired);
  count(OFF_COUNT_REGION_RUNS);
  store<u64>(CPU, load<u64>(CPU, OFF_COUNT_REGION_RETIRED) + <u64>retired, OFF_COUNT_REGION_RETIRED);
  if (noted == REGION_NOTED) {
    if (!wantsInterpreter()) {
      count(OFF_COUNT_EXIT_FAULT);
      return stop(rec, REGION_FAULT);
    }
    count(OFF_COUNT_EXIT_INTERPRET);
    interpretNext = true;
    return stop(rec, ARRIVED);
  }
  const indirect = <usize>load<u32>(CPU, OFF_REGION_FROM);
  setOrigin(indirect);
  if (interrupted()) {
    count(load<u32>(CPU, OFF_PENDING) ? OFF_COUNT_EXIT_EVENT : OFF_COUNT_EXIT_BUDGET);
    return stop(rec, ARRIVED);
  }
  count(indirect ? OFF_COUNT_EXIT_INDIRECT : OFF_COUNT_EXIT_DIRECT);
  const next = cachedBlock();
  if (!next) return stop(rec, ARRIVED);
  return enter(next);
}

/** Behind the copy of a record whose handler translated code calls: it went on to the next instruction. */
export function handlerDone(rec: usize): i32 {
  return 0;
}

/** True, once, if the noted fault is for the interpreter to find again, or only asks for it. */
function wantsInterpreter(): bool {
  // A non-canonical stack address is #SS, which only the record's handler knows.
  if (load<u32>(CPU, OFF_FAULT) != FAULT_INTERPRET && !load<u32>(CPU, OFF_FAULT_NONCANONICAL)) return false;
  store<u32>(CPU, 0, OFF_FAULT);
  store<u32>(CPU, 0, OFF_FAULT_NONCANONICAL);
  return true;
}

// --- From emitted code -------------------------------------------------------------------------

/** Whether the code at `linear` is still at the wasm address; a global page may have been entered by another address space. */
export function codeStillAt(linear: u64, host: u32): bool {
  return cachedCodeAddress(linear) == host;
}

/** Asks for the instruction to be interpreted: emitted code then leaves as after a fault. */
export function interpretInstead(): void {
  store<u32>(CPU, FAULT_INTERPRET, OFF_FAULT);
}

/**
 * A store that would change code of the region that is running is left to the interpreter, which drops the
 * region first. Raises what the store would raise.
 */
function guarded(linear: u64, size: i32): bool {
  probeWriteSlow(linear, size);
  if (faulted()) return true;
  if ((<u32>linear & 0xfff) + <u32>size > 0x1000) {
    interpretInstead();
    return true;
  }
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (load<u64>(entry) != ((linear & ~(<u64>0xfff)) | load<u64>(CPU, OFF_TLB_CONTEXT))) return false;
  const host = <u32>linear + load<u32>(entry, 8);
  if (!isCode(host) || !overlapsRegion(host, size, load<u32>(CPU, OFF_REGION_CURRENT))) return false;
  interpretInstead();
  return true;
}

/** Wasm address of the bytes if `table` has their page, else 0. */
@inline
function at(table: usize, linear: u64, size: i32): usize {
  const entry = tlbEntry(table, linear);
  const page = (linear + <u64>(size - 1)) & ~(<u64>0xfff);
  return load<u64>(entry) == (page | load<u64>(CPU, OFF_TLB_CONTEXT)) ? hostOf(entry, linear) : 0;
}
@inline
function readAt(host: usize, size: i32): u64 {
  return size == 8
    ? load<u64>(host)
    : size == 4
      ? <u64>load<u32>(host)
      : size == 2
        ? <u64>load<u16>(host)
        : <u64>load<u8>(host);
}

/** Accesses outside the page of the stack that emitted code keeps in locals (translator/pageCache.ts): they note the new one. */
export function readStack(linear: u64, size: i32): u64 {
  const value = readFromRegion(linear, size);
  noteStack(linear);
  return value;
}
export function writeStack(linear: u64, value: u64, size: i32): void {
  writeFromRegion(linear, value, size);
  noteStack(linear);
}

/** Accesses that emitted code found no way for; those of a group (translator/accessGroups.ts) may still be in the TLB. */
export function readFromRegion(linear: u64, size: i32): u64 {
  const host = at(OFF_TLB_READ, linear, size);
  return host ? readAt(host, size) : readSlow(linear, size);
}
export function readV128FromRegion(linear: u64): v128 {
  const host = at(OFF_TLB_READ, linear, 16);
  return host ? v128.load(host) : readV128Slow(linear);
}
export function readForWriteFromRegion(linear: u64, size: i32): u64 {
  const host = at(OFF_TLB_WRITE, linear, size);
  if (host) return readAt(host, size);
  return guarded(linear, size) ? 0 : readForWriteSlow(linear, size);
}
export function writeFromRegion(linear: u64, value: u64, size: i32): void {
  const host = at(OFF_TLB_WRITE, linear, size);
  if (!host) {
    if (!guarded(linear, size)) writeSlow(linear, value, size);
  } else if (size == 8) store<u64>(host, value);
  else if (size == 4) store<u32>(host, <u32>value);
  else if (size == 2) store<u16>(host, <u16>value);
  else store<u8>(host, <u8>value);
}
export function writeV128FromRegion(linear: u64, value: v128): void {
  const host = at(OFF_TLB_WRITE, linear, 16);
  if (host) v128.store(host, value);
  else if (!guarded(linear, 16)) writeV128Slow(linear, value);
}

/** The two flag words out of what a region left of flags in the state block; of narrow operands the low halves count. */
export function settleFlags(): void {
  const form = load<u32>(CPU, OFF_FLAG_FORM);
  if (!form) return;
  storeLazyFlags(form, load<u64>(CPU, OFF_FLAG_FORM_RESULT), load<u64>(CPU, OFF_FLAG_FORM_A), load<u64>(CPU, OFF_FLAG_FORM_B));
}

/**
 * The two flag words out of an operation that a region left behind (translator/guestFlags.ts, flagFormCode). Of a plain
 * addition `a` is missing, of a plain subtraction `result`.
 */
export function storeLazyFlags(form: u32, result: u64, a: u64, b: u64): void {
  store<u32>(CPU, 0, OFF_FLAG_FORM);
  const r = <u32>result;
  const x = <u32>a;
  const y = <u32>b;
  switch (form) {
    case 1: flagsAdd8(r, r - y, y); break;
    case 2: flagsAdd16(r, r - y, y); break;
    case 3: flagsAdd32(r, r - y, y); break;
    case 4: flagsAdd64(result, result - b, b); break;
    case 5: flagsSub8(x - y, x, y); break;
    case 6: flagsSub16(x - y, x, y); break;
    case 7: flagsSub32(x - y, x, y); break;
    case 8: flagsSub64(a - b, a, b); break;
    // A carry came in.
    case 21: flagsAdd8(r, x, y); break;
    case 22: flagsAdd16(r, x, y); break;
    case 23: flagsAdd32(r, x, y); break;
    case 24: flagsAdd64(result, a, b); break;
    case 25: flagsSub8(r, x, y); break;
    case 26: flagsSub16(r, x, y); break;
    case 27: flagsSub32(r, x, y); break;
    case 28: flagsSub64(result, a, b); break;
    case 17: flagsLogic8(r); break;
    case 18: flagsLogic16(r); break;
    case 19: flagsLogic32(r); break;
    case 20: flagsLogic64(result); break;
    default: {
      // INC and DEC keep CF, which is in b.
      setFlags(b & 1, FLAG_CF);
      if (form == 9) flagsInc8(r);
      else if (form == 10) flagsInc16(r);
      else if (form == 11) flagsInc32(r);
      else if (form == 12) flagsInc64(result);
      else if (form == 13) flagsDec8(r);
      else if (form == 14) flagsDec16(r);
      else if (form == 15) flagsDec32(r);
      else flagsDec64(result);
    }
  }
}

// --- For the host ------------------------------------------------------------------------------

/** Address of the decoder's slots, and a handler's index in the function table (vcpu/wasm/guestCodeReader.ts). */
export function slotsAddress(): usize {
  return SLOTS;
}
export function handlerIndex(number: i32): i32 {
  return HANDLERS[number].index;
}
export function countHeatIndex(): i32 {
  return countHeat.index;
}
export function enterRegionIndex(): i32 {
  return enterRegion.index;
}
export function handlerDoneIndex(): i32 {
  return handlerDone.index;
}
