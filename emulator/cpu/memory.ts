/**
 * Data accesses by linear address. The inlined part is one TLB probe whose tag compare also finds page
 * crossings (the last byte's page is compared) and non-canonical addresses; all else is in memorySlow.ts.
 */
import {
  OFF_TLB_CONTEXT,
  OFF_TLB_READ,
  OFF_TLB_WRITE,
} from './layout';
import {
  probeReadSlow,
  probeWriteSlow,
  readForWriteSlow,
  readForWriteV128Slow,
  readSlow,
  readV128Slow,
  writeSlow,
  writeV128Slow,
} from './memorySlow';
import { CPU } from './state';
import { tlbEntry } from './tlb';

/** The probe that generated handlers inline too: `last` is the offset of the last byte. */
@inline
export function hits(entry: usize, linear: u64, last: u64): bool {
  return load<u64>(entry) == (((linear + last) & ~(<u64>0xfff)) | load<u64>(CPU, OFF_TLB_CONTEXT));
}

@inline
export function hostOf(entry: usize, linear: u64): usize {
  return <usize>(<u32>linear + load<u32>(entry, 8));
}

@inline
export function readU8(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (hits(entry, linear, 0)) return <u64>load<u8>(hostOf(entry, linear));
  return readSlow(linear, 1);
}

/** Reads, having checked that the same bytes may be written. */
@inline
export function readForWriteU8(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 0)) return <u64>load<u8>(hostOf(entry, linear));
  return readForWriteSlow(linear, 1);
}

@inline
export function writeU8(linear: u64, value: u64): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 0)) store<u8>(hostOf(entry, linear), <u8>value);
  else writeSlow(linear, value, 1);
}

@inline
export function readU16(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (hits(entry, linear, 1)) return <u64>load<u16>(hostOf(entry, linear));
  return readSlow(linear, 2);
}

/** Reads, having checked that the same bytes may be written. */
@inline
export function readForWriteU16(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 1)) return <u64>load<u16>(hostOf(entry, linear));
  return readForWriteSlow(linear, 2);
}

@inline
export function writeU16(linear: u64, value: u64): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 1)) store<u16>(hostOf(entry, linear), <u16>value);
  else writeSlow(linear, value, 2);
}

@inline
export function readU32(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (hits(entry, linear, 3)) return <u64>load<u32>(hostOf(entry, linear));
  return readSlow(linear, 4);
}

/** Reads, having checked that the same bytes may be written. */
@inline
export function readForWriteU32(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 3)) return <u64>load<u32>(hostOf(entry, linear));
  return readForWriteSlow(linear, 4);
}

@inline
export function writeU32(linear: u64, value: u64): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 3)) store<u32>(hostOf(entry, linear), <u32>value);
  else writeSlow(linear, value, 4);
}

@inline
export function readU64(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (hits(entry, linear, 7)) return <u64>load<u64>(hostOf(entry, linear));
  return readSlow(linear, 8);
}

/** Reads, having checked that the same bytes may be written. */
@inline
export function readForWriteU64(linear: u64): u64 {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 7)) return <u64>load<u64>(hostOf(entry, linear));
  return readForWriteSlow(linear, 8);
}

@inline
export function writeU64(linear: u64, value: u64): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 7)) store<u64>(hostOf(entry, linear), <u64>value);
  else writeSlow(linear, value, 8);
}

@inline
export function readV128(linear: u64): v128 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (hits(entry, linear, 15)) return v128.load(hostOf(entry, linear));
  return readV128Slow(linear);
}

@inline
export function readForWriteV128(linear: u64): v128 {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 15)) return v128.load(hostOf(entry, linear));
  return readForWriteV128Slow(linear);
}

@inline
export function writeV128(linear: u64, value: v128): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (hits(entry, linear, 15)) v128.store(hostOf(entry, linear), value);
  else writeV128Slow(linear, value);
}

/** Raises what reading `size` bytes (up to 4096) would raise. */
@inline
export function probeRead(linear: u64, size: i32): void {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  if (!hits(entry, linear, <u64>(size - 1))) probeReadSlow(linear, size);
}

/** Raises what writing `size` bytes (up to 4096) would raise; writes nothing. */
@inline
export function probeWrite(linear: u64, size: i32): void {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  if (!hits(entry, linear, <u64>(size - 1))) probeWriteSlow(linear, size);
}

/**
 * Wasm address for a run of reads from `linear` to the end of its page, or 0 if it must go
 * access by access (devices, faults; nothing is raised). For REP MOVS and the like.
 */
export function bulkReadAddress(linear: u64): u32 {
  const entry = tlbEntry(OFF_TLB_READ, linear);
  return hits(entry, linear, 0) ? <u32>hostOf(entry, linear) : 0;
}

/** The same for writes. */
export function bulkWriteAddress(linear: u64): u32 {
  const entry = tlbEntry(OFF_TLB_WRITE, linear);
  return hits(entry, linear, 0) ? <u32>hostOf(entry, linear) : 0;
}
