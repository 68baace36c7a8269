/**
 * The soft TLBs: read, write and execute tables of TLB_ENTRIES direct-mapped entries. A tag is the linear
 * page with a 12-bit context in its low bits: generation << 1 | user; then comes the 32-bit distance to the wasm address, then
 * the tag again in 32 bits for code that reaches no further (0, which is no tag, for pages above 4 GiB). A CR3 load takes a new
 * generation (or the one its PCID had), so nothing is cleared. Global pages of the supervisor (SDM 3A §4.10.2.4) have a generation of their own,
 * noted beside the entries: an entry that has it is adopted by another address space without a walk, and jumps to
 * such pages are noted for all of them.
 */
import {
  JUMPS_BYTES,
  JUMPS_FACTOR,
  JUMP_WAYS,
  OFF_CHECKED_ACCESS,
  OFF_CODE_MAP,
  OFF_COUNT_TLB_FILLS,
  OFF_COUNT_TLB_FLUSHES,
  OFF_CPL,
  OFF_CR3,
  OFF_CR4,
  CR4_PCIDE,
  OFF_JUMPS32,
  OFF_JUMPS64,
  OFF_PCID_GENERATION,
  OFF_STACK_HOST,
  OFF_STACK_PAGE,
  OFF_TLB_CONTEXT,
  OFF_TLB_EXECUTE,
  OFF_TLB_GLOBAL,
  OFF_TLB_GLOBAL_CONTEXT,
  OFF_TLB_GLOBAL_GENERATION,
  OFF_TLB_LARGE,
  OFF_TLB_NEXT,
  OFF_TLB_READ,
  OFF_TLB_USER_CONTEXT,
  OFF_TLB_WRITE,
  OFF_VIDEO_SIZE,
  OFF_VIDEO_START,
  TLB_BYTES,
  TLB_GLOBAL_BYTES,
  TLB_LARGE_BYTES,
} from './layout';
import { CPU } from './state';
import { forgetWalk, forgetWalks } from './walkCache';

/** Matches no tag: every access takes the slow path. */
const CONTEXT_NONE: u32 = 0xfff;
const GENERATION_MAX: u32 = 0x7fe;
const JUMPS_PER_PAGE: usize = 0x1000;

@inline
export function tlbEntry(table: usize, linear: u64): usize {
  return CPU + ((<u32>linear >> 8) & 0xfff0) + table;
}

/**
 * Not a page: no canonical address, and far from all. Code that names it all the same must reach no memory of the guest's:
 * its place is the memory's first page, which holds nothing.
 */
const NO_PAGE: u64 = 0xb5e193c74a2df000;

/** Translated code finds its stack's page anew. */
@inline
export function forgetStack(): void {
  store<u64>(CPU, NO_PAGE, OFF_STACK_PAGE);
  store<u32>(CPU, 0, OFF_STACK_HOST);
}

/** Notes where the page of `linear` lies, if it may be read and written at once. */
export function noteStack(linear: u64): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  const page = linear & ~(<u64>0xfff);
  if (load<u64>(entry) != (page | load<u64>(CPU, OFF_TLB_CONTEXT))) {
    forgetStack();
    return;
  }
  store<u64>(CPU, page, OFF_STACK_PAGE);
  store<u32>(CPU, <u32>page + load<u32>(entry, 8), OFF_STACK_HOST);
}

/** Chooses the context that matches now: after changes of CPL, address space or access checking. */
export function updateContext(): void {
  const generation = load<u32>(CPU, OFF_TLB_USER_CONTEXT);
  const user = u32(load<u32>(CPU, OFF_CPL) == 3);
  const context = load<u32>(CPU, OFF_CHECKED_ACCESS) ? CONTEXT_NONE : (generation << 1) | user;
  store<u64>(CPU, <u64>context, OFF_TLB_CONTEXT);
  // Programs see no page of the supervisor, and checks are for all accesses.
  const global = context & 1 ? context : load<u32>(CPU, OFF_TLB_GLOBAL_GENERATION) << 1;
  store<u64>(CPU, <u64>global, OFF_TLB_GLOBAL_CONTEXT);
  forgetStack();
}

/** Context for tags of accesses as user or supervisor, whatever CPL is. */
@inline
export function contextOf(user: bool): u64 {
  return <u64>((load<u32>(CPU, OFF_TLB_USER_CONTEXT) << 1) | u32(user));
}

function newGeneration(): u32 {
  let next = load<u32>(CPU, OFF_TLB_NEXT) + 1;
  if (next > GENERATION_MAX) {
    clearTables();
    store<u32>(CPU, 1, OFF_TLB_GLOBAL_GENERATION);
    next = 2;
  }
  store<u32>(CPU, next, OFF_TLB_NEXT);
  return next;
}

/** Forgets every translation at once, also for code that holds the context in a local: slots have moved. */
export function clearTables(): void {
  forgetStack();
  memory.fill(CPU + OFF_TLB_READ, 0, TLB_BYTES);
  memory.fill(CPU + OFF_TLB_WRITE, 0, TLB_BYTES);
  memory.fill(CPU + OFF_TLB_EXECUTE, 0, TLB_BYTES);
  memory.fill(CPU + OFF_TLB_GLOBAL, 0, TLB_GLOBAL_BYTES);
  memory.fill(CPU + OFF_PCID_GENERATION, 0, 8192);
  forgetWalks();
  forgetJumps();
}

/** All of them: a tag of ones is no address. */
export function forgetJumps(): void {
  memory.fill(CPU + OFF_JUMPS64, 0xff, JUMPS_BYTES);
  memory.fill(CPU + OFF_JUMPS32, 0xff, JUMPS_BYTES);
}

/** Those to a page. */
function forgetJumpsTo(linear: u64): void {
  const at = CPU + <usize>((<u32>linear >> 12) & 63) * JUMPS_PER_PAGE;
  memory.fill(at + OFF_JUMPS64, 0xff, JUMPS_PER_PAGE);
  memory.fill(at + OFF_JUMPS32, 0xff, JUMPS_PER_PAGE);
}

/** Notes that the block at RIP is entered so. `isLong`: 64-bit code. */
export function noteJump(rip: u64, isLong: bool, fn: u32, entry: u32, offset: i32): void {
  let context = load<u64>(CPU, OFF_TLB_CONTEXT);
  // Not one address space's.
  if (<u32>context == CONTEXT_NONE) return;
  if (!(context & 1) && holdsGlobal(tlbEntry(OFF_TLB_EXECUTE, rip), rip)) context = load<u64>(CPU, OFF_TLB_GLOBAL_CONTEXT);
  const low = <u32>rip;
  const at = CPU + (isLong ? OFF_JUMPS64 : OFF_JUMPS32) + ((low & 0x3f000) | (((low * JUMPS_FACTOR) >> 20) & 0xff0));
  const tag = rip ^ (context << 52);
  const place = placeOfJump(at, tag);
  store<u64>(place, tag);
  store<u32>(place, (fn << 8) | entry, 8);
  store<i32>(place, offset, 12);
}

/** Where a jump is to be noted: where it is, or where nothing of use is, or at its first place, what was there going to the next one, and so on. */
@inline
function placeOfJump(at: usize, tag: u64): usize {
  for (let way: usize = 0; way < <usize>JUMP_WAYS; way += 16) if (load<u64>(at ^ way) == tag) return at ^ way;
  let free: usize = 0;
  while (free < <usize>JUMP_WAYS - 16 && !isStaleJump(load<u64>(at ^ free))) free += 16;
  for (; free; free -= 16) memory.copy(at ^ free, at ^ (free - 16), 16);
  return at;
}

/** Whether a tag of the table is another address space's, or none. */
@inline
function isStaleJump(tag: u64): bool {
  // The top bits of RIP are copies of bit 51.
  const context = (tag >> 52) ^ ((tag >> 51) & 1 ? 0xfff : 0);
  return context != load<u64>(CPU, OFF_TLB_CONTEXT) && context != load<u64>(CPU, OFF_TLB_GLOBAL_CONTEXT);
}

@inline
function pcidSlot(pcid: u32): usize {
  return CPU + OFF_PCID_GENERATION + (<usize>(pcid & 0xfff) << 1);
}

function currentPcid(): u32 {
  return load<u64>(CPU, OFF_CR4) & CR4_PCIDE ? <u32>load<u64>(CPU, OFF_CR3) & 0xfff : 0;
}

/** After CR3 was loaded: `keep` = bit 63 of MOV CR3 with CR4.PCIDE, entries of the PCID stay. */
export function switchAddressSpace(keep: bool): void {
  const pcid = currentPcid();
  let generation: u32 = keep ? load<u16>(pcidSlot(pcid)) : 0;
  if (!generation) {
    countFlush();
    generation = newGeneration();
    store<u16>(pcidSlot(pcid), <u16>generation);
  }
  store<u32>(CPU, generation, OFF_TLB_USER_CONTEXT);
  updateContext();
}

/** Drops everything, in all PCIDs, global pages too. */
export function flushAll(): void {
  memory.fill(CPU + OFF_PCID_GENERATION, 0, 8192);
  memory.fill(CPU + OFF_TLB_LARGE, 0, TLB_LARGE_BYTES);
  store<u32>(CPU, newGeneration(), OFF_TLB_GLOBAL_GENERATION);
  switchAddressSpace(false);
}

/** Drops one PCID's entries (INVPCID types 1 and, for the current one, MOV CR3). */
export function flushPcid(pcid: u32): void {
  store<u16>(pcidSlot(pcid), 0);
  if (pcid == currentPcid()) switchAddressSpace(false);
}

/** INVLPG. Clears the page's entries in every PCID, which is more than asked (SDM 3A §4.10.4.1). */
export function flushPage(linear: u64): void {
  const bit = largeBit(linear);
  if ((load<u8>(CPU + (bit >> 3), OFF_TLB_LARGE) >> <u8>(bit & 7)) & 1) {
    flushAll();
    return;
  }
  clearEntry(tlbEntry(OFF_TLB_READ, linear));
  clearEntry(tlbEntry(OFF_TLB_WRITE, linear));
  clearEntry(tlbEntry(OFF_TLB_EXECUTE, linear));
  forgetWalk(linear);
  forgetJumpsTo(linear);
}

function largeBit(linear: u64): u32 {
  const region = linear >> 21;
  return <u32>(region ^ (region >> 9) ^ (region >> 20)) & (TLB_LARGE_BYTES * 8 - 1);
}

/** Remembers that `linear` lies in a large page, `huge` in one of 1 GiB. */
export function noteLarge(linear: u64, huge: bool): void {
  if (huge) {
    // Every 2 MiB of it, once per page: the first entry marks all.
    let at = linear & ~(<u64>0x3fffffff);
    const last = at + 0x3fe00000;
    const bit = largeBit(linear);
    if ((load<u8>(CPU + (bit >> 3), OFF_TLB_LARGE) >> <u8>(bit & 7)) & 1) return;
    for (; at <= last; at += 0x200000) setLarge(at);
  } else {
    setLarge(linear);
  }
}

function setLarge(linear: u64): void {
  const bit = largeBit(linear);
  const at = CPU + (bit >> 3);
  store<u8>(at, load<u8>(at, OFF_TLB_LARGE) | (<u8>1 << <u8>(bit & 7)), OFF_TLB_LARGE);
}

/** Enters a page: `host` is the wasm address of the page of `linear`; `isGlobal`: of the supervisor, and in all address spaces. */
export function enter(table: usize, linear: u64, host: u32, user: bool, isGlobal: bool): void {
  store<u32>(CPU, load<u32>(CPU, OFF_COUNT_TLB_FILLS) + 1, OFF_COUNT_TLB_FILLS);
  const entry = tlbEntry(table, linear);
  const page = linear & ~(<u64>0xfff);
  store<u32>(entry, host - <u32>page, 8);
  store<u16>(globalMark(entry), isGlobal ? <u16>load<u32>(CPU, OFF_TLB_GLOBAL_GENERATION) : 0);
  setTag(entry, page, user);
}

@inline
function setTag(entry: usize, page: u64, user: bool): void {
  const tag = page | contextOf(user);
  store<u64>(entry, tag);
  store<u32>(entry, page >> 32 ? 0 : <u32>tag, 12);
}

@inline
function globalMark(entry: usize): usize {
  return CPU + OFF_TLB_GLOBAL + ((entry - CPU - OFF_TLB_READ) >> 3);
}

/** Whether the entry has the page of `linear`, entered in some address space, as a global one. */
@inline
export function holdsGlobal(entry: usize, linear: u64): bool {
  return (
    <u32>load<u16>(globalMark(entry)) == load<u32>(CPU, OFF_TLB_GLOBAL_GENERATION) &&
    (load<u64>(entry) ^ linear) >> 12 == 0
  );
}

/** Makes a global page's entry one of the present address space. False: it is not there, or not for programs. */
export function adopt(entry: usize, linear: u64, user: bool): bool {
  if (user || !holdsGlobal(entry, linear)) return false;
  setTag(entry, linear & ~(<u64>0xfff), false);
  return true;
}

/** Empties an entry. */
@inline
function clearEntry(entry: usize): void {
  forgetStack();
  store<u64>(entry, 0);
  store<u32>(entry, 0, 12);
  store<u16>(globalMark(entry), 0);
}

/** Drops the write entries of video memory: the next write to each of its pages is noted (memorySlow.ts). */
export function watchVideo(): void {
  const start = load<u32>(CPU, OFF_VIDEO_START);
  const size = load<u32>(CPU, OFF_VIDEO_SIZE);
  forgetStack();
  let entry = CPU + OFF_TLB_WRITE;
  const end = entry + TLB_BYTES;
  for (; entry < end; entry += 16) {
    const host = (<u32>load<u64>(entry) & ~0xfff) + load<u32>(entry, 8);
    if (host - start < size) clearEntry(entry);
  }
}

function countFlush(): void {
  store<u32>(CPU, load<u32>(CPU, OFF_COUNT_TLB_FLUSHES) + 1, OFF_COUNT_TLB_FLUSHES);
}

// --- Pages with decoded code -------------------------------------------------------------------

/** Whether decoded code lies in the wasm page of `host`. */
@inline
export function isCode(host: usize): bool {
  return load<u8>(<usize>load<u32>(CPU, OFF_CODE_MAP) + (host >> 12)) != 0;
}

/** Code was decoded from the wasm page of `host`: stores into it must take the slow path from now on. */
export function markCode(host: u32): void {
  const at = <usize>load<u32>(CPU, OFF_CODE_MAP) + (host >> 12);
  if (load<u8>(at)) return;
  store<u8>(at, 1);
  forgetStack();
  const page = host & ~0xfff;
  let entry = CPU + OFF_TLB_WRITE;
  const end = entry + TLB_BYTES;
  for (; entry < end; entry += 16) {
    const tag = load<u64>(entry);
    if (tag && (<u32>tag & ~0xfff) + load<u32>(entry, 8) == page) clearEntry(entry);
  }
}

/** No decoded code is left there. */
export function unmarkCode(host: u32): void {
  store<u8>(<usize>load<u32>(CPU, OFF_CODE_MAP) + (host >> 12), 0);
}
