/**
 * REP MOVS and REP STOS by runs of at most a page. They only take what certainly cannot fault; for
 * everything else they return 0 and the caller does one element, which also fills the TLB. Element and
 * address sizes are in bytes.
 */
import {
  ATTR_S,
  ATTR_UNUSABLE,
  ES,
  FLAG_DF,
  FS,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_PROTECTED,
  OFF_RFLAGS,
  OFF_STEPPING,
  TYPE_CODE,
  TYPE_EXPAND_DOWN,
  TYPE_READABLE,
  TYPE_WRITABLE,
} from './layout';
import { bulkReadAddress, bulkWriteAddress } from './memory';

import {
  CPU,
  gpr,
  mode,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  setGprSized,
} from './state';

const RAX: i32 = 0;
const RCX: i32 = 1;
const RSI: i32 = 6;
const RDI: i32 = 7;

/** Bytes from the last offset that runAt() was asked about to the end of page, segment and offsets. */
let runLength: u64 = 0;

@inline
function masked(value: u64, addressSize: u32): u64 {
  return addressSize == 8 ? value : addressSize == 4 ? value & 0xffffffff : value & 0xffff;
}

function smaller(a: u64, b: u64): u64 {
  return a < b ? a : b;
}

/** Linear address of segment:offset with runLength set; runLength 0 if it needs the checked way. */
function runAt(index: i32, offset: u64, addressSize: u32, write: bool): u64 {
  runLength = 0;
  let linear = offset;
  let length: u64 = 0x1000;
  if ((mode() & MODE_CODE_MASK) == MODE_CODE64) {
    if (index >= FS) linear += segmentBase(index);
  } else {
    const attributes = segmentAttributes(index);
    if (mode() & MODE_PROTECTED) {
      if (attributes & ATTR_UNUSABLE) return 0;
      if (write && (attributes & (TYPE_CODE | TYPE_WRITABLE)) != TYPE_WRITABLE) return 0;
      if (!write && (attributes & (TYPE_CODE | TYPE_READABLE)) == TYPE_CODE) return 0;
    }
    const kind = attributes & (ATTR_S | TYPE_CODE | TYPE_EXPAND_DOWN);
    if (kind == (ATTR_S | TYPE_EXPAND_DOWN)) return 0;
    const limit = <u64>segmentLimit(index);
    if (offset > limit) return 0;
    length = smaller(length, limit - offset + 1);
    linear = (linear + segmentBase(index)) & 0xffffffff;
  }
  if (addressSize == 2) length = smaller(length, 0x10000 - offset);
  runLength = smaller(length, 0x1000 - (linear & 0xfff));
  return linear;
}

@inline
function possible(): bool {
  return !(load<u64>(CPU, OFF_RFLAGS) & FLAG_DF) && !load<u32>(CPU, OFF_STEPPING);
}

export function bulkMove(source: u32, bytes: u32, addressSize: u32, most: u32): u32 {
  if (!possible()) return 0;
  const count = masked(gpr(RCX), addressSize);
  const rsi = masked(gpr(RSI), addressSize);
  const rdi = masked(gpr(RDI), addressSize);
  const from = runAt(<i32>source, rsi, addressSize, false);
  const readable = runLength;
  const to = runAt(ES, rdi, addressSize, true);
  const room = smaller(readable, runLength) / bytes;
  const elements = <u32>smaller(smaller(count, room), most);
  if (elements < 2) return 0;
  const hostFrom = bulkReadAddress(from);
  const hostTo = bulkWriteAddress(to);
  if (hostFrom == 0 || hostTo == 0) return 0;
  const length = elements * bytes;
  const distance = hostTo - hostFrom;
  if (distance < length && distance != 0) {
    // The destination runs after the source: what was moved is moved again, element by element.
    if (distance < bytes) return 0;
    for (let at: u32 = 0; at < length; at += bytes) {
      const target = <usize>(hostTo + at);
      const origin = <usize>(hostFrom + at);
      if (bytes == 1) store<u8>(target, load<u8>(origin));
      else if (bytes == 2) store<u16>(target, load<u16>(origin));
      else if (bytes == 4) store<u32>(target, load<u32>(origin));
      else store<u64>(target, load<u64>(origin));
    }
  } else memory.copy(<usize>hostTo, <usize>hostFrom, <usize>length);
  const size = <i32>addressSize;
  setGprSized(RSI, rsi + length, size);
  setGprSized(RDI, rdi + length, size);
  setGprSized(RCX, count - elements, size);
  return elements;
}

export function bulkStore(_segment: u32, bytes: u32, addressSize: u32, most: u32): u32 {
  if (!possible()) return 0;
  const count = masked(gpr(RCX), addressSize);
  const rdi = masked(gpr(RDI), addressSize);
  const to = runAt(ES, rdi, addressSize, true);
  const elements = <u32>smaller(smaller(count, runLength / bytes), most);
  if (elements < 2) return 0;
  const host = bulkWriteAddress(to);
  if (host == 0) return 0;
  const value = gpr(RAX);
  const length = elements * bytes;
  const end = <usize>(host + length);
  if (bytes == 1) memory.fill(<usize>host, <u8>value, <usize>length);
  else if (value == 0) memory.fill(<usize>host, 0, <usize>length);
  else if (bytes == 2) {
    for (let at = <usize>host; at < end; at += 2) store<u16>(at, <u16>value);
  } else if (bytes == 4) {
    for (let at = <usize>host; at < end; at += 4) store<u32>(at, <u32>value);
  } else {
    for (let at = <usize>host; at < end; at += 8) store<u64>(at, value);
  }
  const size = <i32>addressSize;
  setGprSized(RDI, rdi + length, size);
  setGprSized(RCX, count - elements, size);
  return elements;
}
