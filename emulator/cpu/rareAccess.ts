/** Out-of-line data accesses, for forms marked rare(): smaller code. */
import {
  readForWriteU16,
  readForWriteU32,
  readForWriteU64,
  readForWriteU8,
  readU16,
  readU32,
  readU64,
  readU8,
  writeU16,
  writeU32,
  writeU64,
  writeU8,
} from './memory';

export function readU8Rare(linear: u64): u64 {
  return readU8(linear);
}
export function readForWriteU8Rare(linear: u64): u64 {
  return readForWriteU8(linear);
}
export function writeU8Rare(linear: u64, value: u64): void {
  writeU8(linear, value);
}

export function readU16Rare(linear: u64): u64 {
  return readU16(linear);
}
export function readForWriteU16Rare(linear: u64): u64 {
  return readForWriteU16(linear);
}
export function writeU16Rare(linear: u64, value: u64): void {
  writeU16(linear, value);
}

export function readU32Rare(linear: u64): u64 {
  return readU32(linear);
}
export function readForWriteU32Rare(linear: u64): u64 {
  return readForWriteU32(linear);
}
export function writeU32Rare(linear: u64, value: u64): void {
  writeU32(linear, value);
}

export function readU64Rare(linear: u64): u64 {
  return readU64(linear);
}
export function readForWriteU64Rare(linear: u64): u64 {
  return readForWriteU64(linear);
}
export function writeU64Rare(linear: u64, value: u64): void {
  writeU64(linear, value);
}
