/**
 * Decoded blocks: the arena, finding by (wasm address of the first byte, mode key), and killing of
 * blocks whose bytes were written. Blocks and page entries are only ever added to the arena; when it is
 * full it is emptied as a whole, between two blocks. Formats: layout.ts.
 */
import { decodeBlock } from './decoder';
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  BLOCK_HOST,
  BLOCK_KEY,
  BLOCK_NEXT,
  BLOCK_NEXT_IN_PAGE,
  BLOCK_NEXT_IN_SECOND,
  BLOCK_RECORDS,
  BLOCK_REGION,
  BLOCK_SECOND,
  CS,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_FLAT,
  OFF_ARENA_EPOCH,
  OFF_ARENA_NEXT,
  OFF_COUNT_BLOCKS,
  OFF_COUNT_CODE_WRITES,
  OFF_COUNT_KILLED,
  OFF_COUNT_RESETS,
  OFF_DECODE,
  OFF_HOT_COUNT,
  OFF_REGION_LIFE,
  HANDLER_RECORDS_SIZE,
  RECORD_SIZE,
  REGION_MAX,
  REC_HANDLER,
  VCPU_REGION_SIZE,
} from './layout';
import { cachedCodeAddress, codeAddress } from './mmu';
import { hostAddressOf } from './physical';
import { resynchronise } from './specialHandlers';
import { CPU, faulted, mode, rip, segmentBase, segmentLimit } from './state';
import { forgetJumps, markCode, unmarkCode } from './tlb';

/** Bits of MODE that decoding depends on. */
export const KEY_MASK: u32 = MODE_CODE_MASK | MODE_FLAT;
/** Instructions of a block, and so of a slice's granularity. */
export const BLOCK_LIMIT: i32 = 48;

const HASH_ENTRIES: u32 = 32768;
const PAGE_ENTRIES: u32 = 8192;
const OFF_HASH: usize = OFF_DECODE;
const OFF_PAGES: usize = OFF_HASH + 4 * HASH_ENTRIES;
/**
 * Blocks found of late: host, key, block, BLOCK_SECOND, each u32. Blocks lie far apart, so that a walk along a hash chain misses
 * the caches at each of them.
 */
const RECENT_ENTRIES: u32 = 8192;
const OFF_RECENT: usize = OFF_PAGES + 4 * PAGE_ENTRIES;
/** A block of one instruction for single steps; not in the arena. */
const OFF_SCRATCH_BLOCK: usize = OFF_RECENT + 16 * RECENT_ENTRIES;
const OFF_ARENA: usize = OFF_SCRATCH_BLOCK + 256;
/**
 * Page entry: first block, wasm page, next entry of the hash chain, bitmap of the bytes that hold code: loaders keep
 * their variables right beside it.
 */
const PAGE_FIRST = 0;
const PAGE_HOST = 4;
const PAGE_NEXT = 8;
/** Not 0 if the map may name places whose blocks are gone. */
const PAGE_STALE = 12;
const PAGE_MAP = 16;
const PAGE_MAP_BYTES = 512;
const PAGE_SIZE = PAGE_MAP + PAGE_MAP_BYTES;
/** Blocks start a cache line: the header and what is wanted of the first record come together. */
const BLOCK_ALIGNMENT: u32 = 64;
/** A block of the greatest size, with its two page entries. */
const LARGEST: u32 = BLOCK_ALIGNMENT + BLOCK_HEADER + RECORD_SIZE * (BLOCK_LIMIT + 2) + 2 * (PAGE_SIZE + 8);

@inline
function hash(host: u32, key: u32): u32 {
  return (host ^ (host >> 13)) + key * 0x1d3;
}
@inline
function hashOf(host: u32, key: u32): usize {
  return CPU + OFF_HASH + ((hash(host, key) & (HASH_ENTRIES - 1)) << 2);
}
@inline
function recentOf(host: u32, key: u32): usize {
  return CPU + OFF_RECENT + ((hash(host, key) & (RECENT_ENTRIES - 1)) << 4);
}
@inline
function isRecent(recent: usize, host: u32, key: u32): bool {
  return load<u32>(recent) == host && load<u32>(recent, 4) == key;
}

@inline
function forgetRecent(host: u32, key: u32): void {
  const recent = recentOf(host, key);
  if (isRecent(recent, host, key)) store<u32>(recent, 0);
}

/** Address of the byte that says whether a region may be run. */
@inline
export function regionAlive(region: u32): usize {
  return CPU + VCPU_REGION_SIZE - REGION_MAX + region;
}

@inline
export function regionLife(region: u32): usize {
  return CPU + OFF_REGION_LIFE + (<usize>region << 2);
}

@inline
function bump(counter: usize): void {
  store<u32>(CPU + counter, load<u32>(CPU + counter) + 1);
}

/** Empties the arena. At reset, after a load of state, and when it is full. */
export function resetBlocks(): void {
  let bucket = CPU + OFF_PAGES;
  const end = bucket + 4 * PAGE_ENTRIES;
  for (; bucket < end; bucket += 4) {
    for (let page = <usize>load<u32>(bucket); page; page = <usize>load<u32>(page, PAGE_NEXT)) {
      if (load<u32>(page, PAGE_FIRST)) unmarkCode(load<u32>(page, PAGE_HOST));
    }
  }
  memory.fill(CPU + OFF_HASH, 0, 4 * (HASH_ENTRIES + PAGE_ENTRIES) + 16 * RECENT_ENTRIES);
  store<u32>(CPU, <u32>(CPU + OFF_ARENA), OFF_ARENA_NEXT);
  memory.fill(regionAlive(0), 0, REGION_MAX);
  memory.fill(regionLife(0), 0, 4 * REGION_MAX);
  forgetJumps();
  store<u32>(CPU, 0, OFF_HOT_COUNT);
  bump(OFF_ARENA_EPOCH);
  bump(OFF_COUNT_RESETS);
}

/** For the host: after a load of state or registers. */
export function dropAllCode(): void {
  resetBlocks();
}

function pageEntry(host: u32): usize {
  const page = host & ~0xfff;
  let entry = <usize>load<u32>(CPU + OFF_PAGES + (((host >> 12) & (PAGE_ENTRIES - 1)) << 2));
  for (; entry; entry = <usize>load<u32>(entry, PAGE_NEXT)) {
    if (load<u32>(entry, PAGE_HOST) == page) return entry;
  }
  return 0;
}

function pageEntryFor(host: u32): usize {
  let entry = pageEntry(host);
  if (entry) return entry;
  entry = (<usize>load<u32>(CPU, OFF_ARENA_NEXT) + 7) & ~7;
  store<u32>(CPU, <u32>entry + PAGE_SIZE, OFF_ARENA_NEXT);
  const bucket = CPU + OFF_PAGES + (((host >> 12) & (PAGE_ENTRIES - 1)) << 2);
  store<u32>(entry, 0, PAGE_FIRST);
  store<u32>(entry, host & ~0xfff, PAGE_HOST);
  store<u32>(entry, load<u32>(bucket), PAGE_NEXT);
  store<u32>(entry, 0, PAGE_STALE);
  memory.fill(entry + PAGE_MAP, 0, PAGE_MAP_BYTES);
  store<u32>(bucket, <u32>entry);
  return entry;
}

/** Bits of word `word` of a page's map that stand for the bytes from `first` to `last`. */
@inline
function bytesOf(word: u32, first: u32, last: u32): u64 {
  let bits = ~(<u64>0);
  if (word == first >> 6) bits <<= <u64>(first & 63);
  if (word == last >> 6) bits &= ~(<u64>0) >> <u64>(63 - (last & 63));
  return bits;
}

/** Notes code in a page from offset `from` to `to`, exclusive. */
function mapCode(entry: usize, from: u32, to: u32): void {
  const last = to - 1;
  for (let word = from >> 6; word <= last >> 6; word++) {
    const at = entry + PAGE_MAP + <usize>(word << 3);
    store<u64>(at, load<u64>(at) | bytesOf(word, from, last));
  }
}

/** Whether code may lie from offset `from` to `to`, exclusive. */
function mayHoldCode(entry: usize, from: u32, to: u32): bool {
  const last = to - 1;
  for (let word = from >> 6; word <= last >> 6; word++) {
    if (load<u64>(entry + PAGE_MAP + <usize>(word << 3)) & bytesOf(word, from, last)) return true;
  }
  return false;
}

/** Bytes of a block that lie in its first page. */
@inline
function bytesInFirst(block: usize): u32 {
  const length = <u32>load<u16>(block, BLOCK_BYTES);
  const room = <u32>0x1000 - (load<u32>(block, BLOCK_HOST) & 0xfff);
  return length < room ? length : room;
}

/** Linear address of RIP. */
@inline
export function codeLinear(): u64 {
  if ((mode() & MODE_CODE_MASK) == MODE_CODE64) return rip();
  return (segmentBase(CS) + rip()) & 0xffffffff;
}

/** Block at RIP, decoded if need be; 0 with a fault pending if the code cannot be fetched. */
export function findBlock(): usize {
  const linear = codeLinear();
  const bits = mode();
  const key = bits & KEY_MASK;
  const host = codeAddress(linear);
  if (!host) return 0;
  let block = <usize>load<u32>(hashOf(host, key));
  for (; block; block = <usize>load<u32>(block, BLOCK_NEXT)) {
    if (load<u32>(block, BLOCK_HOST) == host && load<u32>(block, BLOCK_KEY) == key) {
      if (load<u32>(block, BLOCK_SECOND)) {
        const second = codeAddress((linear & ~(<u64>0xfff)) + 0x1000);
        if (faulted()) return 0;
        if (second != load<u32>(block, BLOCK_SECOND)) continue;
      }
      if (!(key & (MODE_FLAT | MODE_CODE64)) && !withinCodeLimit(block)) return singleBlock();
      return block;
    }
  }
  return newBlock(linear, host, key);
}

/** Block at RIP if it is found at once, in flat code, without a page walk or a fault; else 0. */
@inline
export function cachedBlock(): usize {
  const key = mode() & KEY_MASK;
  if (!(key & (MODE_FLAT | MODE_CODE64))) return 0;
  // Flat 32-bit code has CS based at 0.
  const linear = rip();
  const host = cachedCodeAddress(linear);
  if (!host) return 0;
  const recent = recentOf(host, key);
  if (!isRecent(recent, host, key)) {
    const block = blockAt(host, key);
    if (!block) return 0;
    store<u32>(recent, host);
    store<u32>(recent, key, 4);
    store<u32>(recent, <u32>block, 8);
    store<u32>(recent, load<u32>(block, BLOCK_SECOND), 12);
  }
  const second = load<u32>(recent, 12);
  if (second && cachedCodeAddress((linear & ~(<u64>0xfff)) + 0x1000) != second) return 0;
  return <usize>load<u32>(recent, 8);
}

/** Outside flat code a block may end beyond the limit of this CS: then it goes step by step. */
function withinCodeLimit(block: usize): bool {
  return rip() + <u64>load<u16>(block, BLOCK_BYTES) - 1 <= <u64>segmentLimit(CS);
}

function newBlock(linear: u64, host: u32, key: u32): usize {
  const room = load<u32>(CPU, OFF_ARENA_NEXT) + LARGEST;
  if (room > <u32>CPU + VCPU_REGION_SIZE - REGION_MAX - HANDLER_RECORDS_SIZE || !load<u32>(CPU, OFF_ARENA_NEXT)) resetBlocks();
  const block = (<usize>load<u32>(CPU, OFF_ARENA_NEXT) + (BLOCK_ALIGNMENT - 1)) & ~(BLOCK_ALIGNMENT - 1);
  if (!decodeBlock(block, linear, host, key, BLOCK_LIMIT)) return 0;
  bump(OFF_COUNT_BLOCKS);
  const records = <u32>load<u16>(block, BLOCK_RECORDS);
  store<u32>(CPU, <u32>block + BLOCK_HEADER + records * RECORD_SIZE, OFF_ARENA_NEXT);

  store<u16>(block, 0, BLOCK_REGION);
  const bucket = hashOf(host, key);
  store<u32>(block, load<u32>(bucket), BLOCK_NEXT);
  store<u32>(bucket, <u32>block);
  // It may differ from the one before in its second page.
  forgetRecent(host, key);

  const page = pageEntryFor(host);
  const from = host & 0xfff;
  store<u32>(block, load<u32>(page, PAGE_FIRST), BLOCK_NEXT_IN_PAGE);
  store<u32>(page, <u32>block, PAGE_FIRST);
  mapCode(page, from, from + bytesInFirst(block));
  markCode(host);
  const second = load<u32>(block, BLOCK_SECOND);
  if (second) {
    const next = pageEntryFor(second);
    store<u32>(block, load<u32>(next, PAGE_FIRST), BLOCK_NEXT_IN_SECOND);
    store<u32>(next, <u32>block, PAGE_FIRST);
    mapCode(next, 0, <u32>load<u16>(block, BLOCK_BYTES) - bytesInFirst(block));
    markCode(second);
  }
  return block;
}

/** One instruction at RIP, decoded anew into a place of its own. */
export function singleBlock(): usize {
  const linear = codeLinear();
  const host = codeAddress(linear);
  if (!host) return 0;
  const block = CPU + OFF_SCRATCH_BLOCK;
  return decodeBlock(block, linear, host, mode() & KEY_MASK, 1) ? block : 0;
}

/** Field of `block` that links it in the chain of the page of `host`. */
@inline
function chainField(block: usize, page: u32): usize {
  return block + (isInFirst(block, page) ? BLOCK_NEXT_IN_PAGE : BLOCK_NEXT_IN_SECOND);
}

@inline
function isInFirst(block: usize, page: u32): bool {
  return (load<u32>(block, BLOCK_HOST) & ~0xfff) == page;
}

/** Where a block starts in one of its pages. */
@inline
function startIn(block: usize, page: u32): u32 {
  return isInFirst(block, page) ? load<u32>(block, BLOCK_HOST) & 0xfff : 0;
}

/** Where a block ends in one of its pages, exclusive. */
@inline
function endIn(block: usize, page: u32): u32 {
  const first = bytesInFirst(block);
  return isInFirst(block, page)
    ? (load<u32>(block, BLOCK_HOST) & 0xfff) + first
    : <u32>load<u16>(block, BLOCK_BYTES) - first;
}

/** Makes the rest of the block leave it, and takes it out of the hash table. */
function kill(block: usize): void {
  bump(OFF_COUNT_KILLED);
  const region = <u32>load<u16>(block, BLOCK_REGION);
  if (region) {
    store<u8>(regionAlive(region), 0);
    store<i32>(regionLife(region), 0);
  }
  const host = load<u32>(block, BLOCK_HOST);
  const key = load<u32>(block, BLOCK_KEY);
  forgetRecent(host, key);
  const bucket = hashOf(host, key);
  if (load<u32>(bucket) == <u32>block) store<u32>(bucket, load<u32>(block, BLOCK_NEXT));
  else {
    let at = <usize>load<u32>(bucket);
    while (at && load<u32>(at, BLOCK_NEXT) != <u32>block) at = <usize>load<u32>(at, BLOCK_NEXT);
    if (at) store<u32>(at, load<u32>(block, BLOCK_NEXT), BLOCK_NEXT);
  }
  const handler = resynchronise.index;
  let rec = block + BLOCK_HEADER;
  const end = rec + <usize>load<u16>(block, BLOCK_RECORDS) * RECORD_SIZE;
  for (; rec < end; rec += RECORD_SIZE) store<u32>(rec, handler, REC_HANDLER);
  // A dead block is recognised by this, wherever a link or a chain still leads to it.
  store<u32>(block, 0, BLOCK_KEY);
  store<u32>(block, 0, BLOCK_BYTES);
}

/** True for a block that was killed: no living one is without bytes. */
@inline
export function isDead(block: usize): bool {
  return load<u16>(block, BLOCK_BYTES) == 0;
}

/** The bytes [host, host+size) of the wasm memory, within a page, were written. */
export function codeWritten(host: u32, size: i32): void {
  bump(OFF_COUNT_CODE_WRITES);
  const entry = pageEntry(host);
  if (!entry) return;
  const from = host & 0xfff;
  const to = min<u32>(from + size, 0x1000);
  if (!mayHoldCode(entry, from, to)) return;
  const page = host & ~0xfff;
  let changed = false;
  let link = entry + PAGE_FIRST;
  for (let block = <usize>load<u32>(link); block; block = <usize>load<u32>(link)) {
    const field = chainField(block, page);
    if (!isDead(block) && to > startIn(block, page) && from < endIn(block, page)) kill(block);
    if (isDead(block)) {
      store<u32>(link, load<u32>(field));
      changed = true;
    } else link = field;
  }
  if (changed) {
    // Code that is patched again and again is decoded again, at the same place: the map is mended when it misleads.
    store<u32>(entry, 1, PAGE_STALE);
    if (!load<u32>(entry, PAGE_FIRST)) unmarkCode(host);
  } else if (load<u32>(entry, PAGE_STALE)) remapCode(entry, page);
}

function remapCode(entry: usize, page: u32): void {
  memory.fill(entry + PAGE_MAP, 0, PAGE_MAP_BYTES);
  store<u32>(entry, 0, PAGE_STALE);
  let block = <usize>load<u32>(entry, PAGE_FIRST);
  for (; block; block = <usize>load<u32>(chainField(block, page))) {
    mapCode(entry, startIn(block, page), endIn(block, page));
  }
}

/** Guest physical memory was changed by a device. */
export function codeChanged(address: f64, length: u32): void {
  let at = <u64>address;
  const end = at + length;
  while (at < end) {
    const host = hostAddressOf(at);
    const next = min<u64>((at | 0xfff) + 1, end);
    if (host) {
      const entry = pageEntry(host);
      if (entry && load<u32>(entry, PAGE_FIRST)) codeWritten(host, <i32>(next - at));
    }
    at = next;
  }
}

/** The decoded block that starts at a wasm address, or 0. */
export function blockAt(host: u32, key: u32): usize {
  let block = <usize>load<u32>(hashOf(host, key));
  for (; block; block = <usize>load<u32>(block, BLOCK_NEXT)) {
    if (load<u32>(block, BLOCK_HOST) == host && load<u32>(block, BLOCK_KEY) == key) return block;
  }
  return 0;
}

/** Whether a write of [host, host+size), within a page, would kill code of the region. */
export function overlapsRegion(host: u32, size: i32, region: u32): bool {
  const entry = pageEntry(host);
  if (!entry) return false;
  const from = host & 0xfff;
  const to = from + size;
  if (!mayHoldCode(entry, from, to)) return false;
  const page = host & ~0xfff;
  let block = <usize>load<u32>(entry, PAGE_FIRST);
  for (; block; block = <usize>load<u32>(chainField(block, page))) {
    if (isDead(block) || load<u16>(block, BLOCK_REGION) != region) continue;
    if (to > startIn(block, page) && from < endIn(block, page)) return true;
  }
  return false;
}
