/**
 * Data accesses that miss the inlined probe: page walks, page crossings, devices, ROM, pages with decoded
 * code, alignment checks and data breakpoints. `user` is the privilege of the access (SDM 3A §4.6).
 */
import { codeWritten } from './blocks';
import { noteDataAccess } from './debugRegisters';
import { raiseNonCanonical, raiseWithCode } from './exceptions';
import {
  CR0_AM,
  FLAG_AC,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_FLAT,
  OFF_CHECKED_ACCESS,
  OFF_CPL,
  OFF_CR0,
  OFF_RFLAGS,
  OFF_TLB_READ,
  OFF_TLB_WRITABLE,
  OFF_TLB_WRITE,
  TLB_ENTRIES,
  VECTOR_AC,
} from './layout';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  isCanonical,
  lastGlobal,
  lastWriteAllowed,
  noteLastLarge,
  NO_TRANSLATION,
  translate,
} from './mmu';
import {
  deviceRead,
  deviceWrite,
  hostAddressForWrite,
  hostAddressOf,
  isLapicPage,
  noteVideoWrite,
} from './physical';
import { CPU, faulted, mode } from './state';
import { adopt, contextOf, enter, holdsGlobal, isCode, tlbEntry } from './tlb';

const PAGE_MASK: u64 = ~(<u64>0xfff);

/** Physical address behind the last locate*() that returned 0 without a fault: a device or ROM. */
let devicePhysical: u64 = 0;

@inline
function userNow(): bool {
  return load<u32>(CPU, OFF_CPL) == 3;
}

@inline
function setWritable(linear: u64, value: bool): void {
  store<u8>(CPU + (<u32>(linear >> 12) & (TLB_ENTRIES - 1)), u8(value), OFF_TLB_WRITABLE);
}
@inline
function isWritable(linear: u64): bool {
  return load<u8>(CPU + (<u32>(linear >> 12) & (TLB_ENTRIES - 1)), OFF_TLB_WRITABLE) != 0;
}

/** Wasm address for reading `linear`; 0 = device (devicePhysical) or fault. */
function locateRead(linear: u64, user: bool): usize {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (load<u64>(entry) == ((linear & PAGE_MASK) | contextOf(user)) || adopt(entry, linear, user)) {
    return <usize>(<u32>linear + load<u32>(entry, 8));
  }
  const physical = translate(linear, ACCESS_READ, user);
  if (physical == NO_TRANSLATION) return 0;
  noteLastLarge(linear);
  const host = isLapicPage(physical) ? 0 : hostAddressOf(physical);
  devicePhysical = physical;
  if (!host) return 0;
  enter(OFF_TLB_READ, linear, host & ~0xfff, user, lastGlobal());
  // For stores to pages with code, which never enter the write table.
  setWritable(linear, lastWriteAllowed() && hostAddressForWrite(physical) != 0);
  return <usize>host;
}

/** Wasm address for writing `linear`; 0 = device, ROM (devicePhysical) or fault. */
function locateWrite(linear: u64, user: bool): usize {
  const context = contextOf(user);
  const page = linear & PAGE_MASK;
  let entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (load<u64>(entry) == (page | context) || adopt(entry, linear, user))
    return <usize>(<u32>linear + load<u32>(entry, 8));
  entry = tlbEntry(OFF_TLB_READ, linear);
  if ((load<u64>(entry) == (page | context) || adopt(entry, linear, user)) && isWritable(linear)) {
    const host = <u32>linear + load<u32>(entry, 8);
    noteVideoWrite(host);
    if (!isCode(<usize>host)) enter(OFF_TLB_WRITE, linear, host & ~0xfff, user, holdsGlobal(entry, linear));
    return <usize>host;
  }
  const physical = translate(linear, ACCESS_WRITE, user);
  if (physical == NO_TRANSLATION) return 0;
  noteLastLarge(linear);
  const host = isLapicPage(physical) ? 0 : hostAddressForWrite(physical);
  devicePhysical = physical;
  if (!host) return 0;
  noteVideoWrite(host);
  if (!isCode(<usize>host)) enter(OFF_TLB_WRITE, linear, host & ~0xfff, user, lastGlobal());
  enter(OFF_TLB_READ, linear, host & ~0xfff, user, lastGlobal());
  setWritable(linear, true);
  return <usize>host;
}

/** Linear address after `linear`'s page: wraps at 4 GiB outside 64-bit code. */
@inline
function nextPage(linear: u64): u64 {
  const next = (linear & PAGE_MASK) + 0x1000;
  return (mode() & MODE_CODE_MASK) == MODE_CODE64 ? next : next & 0xffffffff;
}

/** Canonical form, alignment and data breakpoints; false after raising. */
function admissible(linear: u64, size: i32, user: bool, write: bool): bool {
  // Flat segments end at 4 GiB: what crosses that is beyond their limit. (Descriptor tables and stacks of
  // a 64-bit kernel lie above it while an event of 32-bit code is delivered.)
  const beyond =
    (mode() & MODE_FLAT) != 0 && linear >> 32 == 0 && (linear + size - 1) >> 32 != 0;
  if (beyond || !isCanonical(linear) || !isCanonical(linear + size - 1)) {
    raiseNonCanonical();
    return false;
  }
  if (load<u32>(CPU, OFF_CHECKED_ACCESS)) {
    // SDM 3A table 6-7: 80-bit numbers and 128-bit halves by 8, x87 environments by 4.
    const aligned = size <= 8 ? size : size == 10 || size == 16 ? 8 : 4;
    if (
      user &&
      (<i32>linear & (aligned - 1)) != 0 &&
      load<u64>(CPU, OFF_CR0) & CR0_AM &&
      load<u64>(CPU, OFF_RFLAGS) & FLAG_AC
    ) {
      raiseWithCode(VECTOR_AC, 0);
      return false;
    }
    noteDataAccess(linear, size, write);
  }
  return true;
}

function loadSized(host: usize, size: i32): u64 {
  if (size == 8) return load<u64>(host);
  if (size == 4) return load<u32>(host);
  if (size == 2) return load<u16>(host);
  if (size == 1) return load<u8>(host);
  let value: u64 = 0;
  for (let i = 0; i < size; i++) value |= <u64>load<u8>(host + i) << (<u64>i << 3);
  return value;
}

function storeBytes(host: usize, value: u64, size: i32): void {
  if (size == 8) store<u64>(host, value);
  else if (size == 4) store<u32>(host, <u32>value);
  else if (size == 2) store<u16>(host, <u16>value);
  else if (size == 1) store<u8>(host, <u8>value);
  else for (let i = 0; i < size; i++) store<u8>(host + i, <u8>(value >> (<u64>i << 3)));
}

function storeSized(host: usize, value: u64, size: i32): void {
  storeBytes(host, value, size);
  if (isCode(host)) codeWritten(<u32>host, size);
}

/** Whether the TLB entry serves an access inside one page that nothing has to look at. */
@inline
function hitsAs(entry: usize, linear: u64, size: i32, user: bool): bool {
  return (
    load<u64>(entry) == (((linear + size - 1) & PAGE_MASK) | contextOf(user)) &&
    !load<u32>(CPU, OFF_CHECKED_ACCESS)
  );
}

/** Reads `size` bytes, 1..8, with the given privilege. */
export function readAs(linear: u64, size: i32, user: bool): u64 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (hitsAs(entry, linear, size, user)) {
    return loadSized(<usize>(<u32>linear + load<u32>(entry, 8)), size);
  }
  if (!admissible(linear, size, user, false)) return 0;
  const first = 0x1000 - (<i32>linear & 0xfff);
  let host = locateRead(linear, user);
  if (faulted()) return 0;
  if (first >= size) return host ? loadSized(host, size) : deviceRead(devicePhysical, size);
  const device = devicePhysical;
  const next = locateRead(nextPage(linear), user);
  if (faulted()) return 0;
  const nextDevice = devicePhysical;
  const low = host ? loadSized(host, first) : deviceRead(device, first);
  const high = next ? loadSized(next, size - first) : deviceRead(nextDevice, size - first);
  return low | (high << (<u64>first << 3));
}

/** Writes `size` bytes, 1..8; nothing is written if either page faults. */
export function writeAs(linear: u64, value: u64, size: i32, user: bool): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hitsAs(entry, linear, size, user)) {
    storeBytes(<usize>(<u32>linear + load<u32>(entry, 8)), value, size);
    return;
  }
  // A page with code never enters the write table: data beside code is common enough for a shorter way.
  const readable = tlbEntry(OFF_TLB_READ, linear);
  if (hitsAs(readable, linear, size, user) && isWritable(linear)) {
    const at = <u32>linear + load<u32>(readable, 8);
    if (isCode(<usize>at)) {
      noteVideoWrite(at);
      storeBytes(<usize>at, value, size);
      codeWritten(at, size);
      return;
    }
  }
  if (!admissible(linear, size, user, true)) return;
  const first = 0x1000 - (<i32>linear & 0xfff);
  const host = locateWrite(linear, user);
  if (faulted()) return;
  if (first >= size) {
    if (host) storeSized(host, value, size);
    else deviceWrite(devicePhysical, value, size);
    return;
  }
  const device = devicePhysical;
  const next = locateWrite(nextPage(linear), user);
  if (faulted()) return;
  const nextDevice = devicePhysical;
  if (host) storeSized(host, value, first);
  else deviceWrite(device, value, first);
  const high = value >> (<u64>first << 3);
  if (next) storeSized(next, high, size - first);
  else deviceWrite(nextDevice, high, size - first);
}

export function readSlow(linear: u64, size: i32): u64 {
  return readAs(linear, size, userNow());
}

export function writeSlow(linear: u64, value: u64, size: i32): void {
  writeAs(linear, value, size, userNow());
}

export function readForWriteSlow(linear: u64, size: i32): u64 {
  probeWriteSlow(linear, size);
  return faulted() ? 0 : readAs(linear, size, userNow());
}

export function readV128Slow(linear: u64): v128 {
  probeReadSlow(linear, 16);
  if (faulted()) return i64x2.splat(0);
  const user = userNow();
  const low = readAs(linear, 8, user);
  return i64x2.replace_lane(i64x2.splat(low), 1, readAs(linear + 8, 8, user));
}

export function readForWriteV128Slow(linear: u64): v128 {
  probeWriteSlow(linear, 16);
  return faulted() ? i64x2.splat(0) : readV128Slow(linear);
}

export function writeV128Slow(linear: u64, value: v128): void {
  probeWriteSlow(linear, 16);
  if (faulted()) return;
  const user = userNow();
  writeAs(linear, i64x2.extract_lane(value, 0), 8, user);
  writeAs(linear + 8, i64x2.extract_lane(value, 1), 8, user);
}

export function probeReadSlow(linear: u64, size: i32): void {
  const user = userNow();
  if (!admissible(linear, size, user, false)) return;
  locateRead(linear, user);
  if (faulted() || (<i32>linear & 0xfff) + size <= 0x1000) return;
  locateRead(nextPage(linear), user);
}

export function probeWriteSlow(linear: u64, size: i32): void {
  const user = userNow();
  if (!admissible(linear, size, user, true)) return;
  locateWrite(linear, user);
  if (faulted() || (<i32>linear & 0xfff) + size <= 0x1000) return;
  locateWrite(nextPage(linear), user);
}

// --- Implicit supervisor accesses: descriptor tables, TSS (SDM 3A §4.6) -------------------------

export function readSystem(linear: u64, size: i32): u64 {
  return readAs(linear, size, false);
}

export function writeSystem(linear: u64, value: u64, size: i32): void {
  writeAs(linear, value, size, false);
}

/** Raises what a supervisor write of `size` bytes (up to 4096) would raise. */
export function probeWriteAs(linear: u64, size: i32, user: bool): void {
  if (!isCanonical(linear)) {
    raiseNonCanonical();
    return;
  }
  locateWrite(linear, user);
  if (faulted() || (<i32>linear & 0xfff) + size <= 0x1000) return;
  locateWrite(nextPage(linear), user);
}
