/**
 * What page walks found, behind the soft TLBs: these are direct-mapped, and programs and the kernel have entries of their own, so that
 * two pages in use may take each other's place all the time. Entries are {u64 linear page | context, u64 physical page | bits}; a
 * place has one for the supervisor, then one for programs. It holds no more than the TLB of a processor may (SDM 3A §4.10).
 */
import {
  OFF_TLB_GLOBAL_GENERATION,
  OFF_WALKS,
  WALKS_BYTES,
} from './layout';
import { CPU } from './state';
import { contextOf } from './tlb';

/** Bits of an entry: fetches were allowed; writes need no walk; a global page; in a large page; in one of 1 GiB. */
export const WALK_EXECUTE: u64 = 1;
export const WALK_WRITE: u64 = 2;
export const WALK_GLOBAL: u64 = 4;
export const WALK_LARGE: u64 = 8;
export const WALK_HUGE: u64 = 16;

const PLACES: u32 = WALKS_BYTES / 32;
const PAGE_MASK: u64 = ~(<u64>0xfff);

@inline
function placeOf(linear: u64): usize {
  // Not the bits that the TLBs go by alone.
  const page = <u32>(linear >> 12);
  return CPU + OFF_WALKS + (((page ^ (page >> 10) ^ (page >> 19)) & (PLACES - 1)) << 5);
}

@inline
function entryOf(linear: u64, user: bool): usize {
  return placeOf(linear) + (user ? 16 : 0);
}

@inline
function globalContext(): u64 {
  return <u64>(load<u32>(CPU, OFF_TLB_GLOBAL_GENERATION) << 1);
}

/** The physical page of `linear` with its bits, or 0 if no walk for it is known. */
@inline
export function knownWalk(linear: u64, user: bool): u64 {
  const entry = entryOf(linear, user);
  const tag = load<u64>(entry);
  const page = linear & PAGE_MASK;
  const matches = tag == (page | contextOf(user)) || (!user && tag == (page | globalContext()));
  return matches ? load<u64>(entry, 8) : 0;
}

/** Notes a walk: `found` is the physical page with the bits. */
export function noteWalk(linear: u64, user: bool, found: u64): void {
  const entry = entryOf(linear, user);
  const context = found & WALK_GLOBAL ? globalContext() : contextOf(user);
  const tag = (linear & PAGE_MASK) | context;
  // What another kind of access was allowed holds for the same page.
  const more = load<u64>(entry) == tag && !((load<u64>(entry, 8) ^ found) & PAGE_MASK) ? load<u64>(entry, 8) & WALK_EXECUTE : 0;
  store<u64>(entry, tag);
  store<u64>(entry, found | more, 8);
}

/** INVLPG: the page in all address spaces. */
export function forgetWalk(linear: u64): void {
  const place = placeOf(linear);
  store<u64>(place, 0);
  store<u64>(place, 0, 16);
}

export function forgetWalks(): void {
  memory.fill(CPU + OFF_WALKS, 0, WALKS_BYTES);
}
