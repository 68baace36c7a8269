/**
 * SSE integer instructions that wasm has no operator for: PCMPxSTRx (SDM 2B §4.1),
 * PHMINPOSUW, MPSADBW, PSADBW, CRC32.
 */
import {
  segmentLinear,
} from './addressing';
import { setArithmeticFlags } from './flags';
import {
  FLAG_CF,
  FLAG_OF,
  FLAG_SF,
  FLAG_ZF,
  OFF_FPU_MORE,
} from './layout';
import {
  probeWrite,
  writeU8,
} from './memory';
import {
  CPU,
  faulted,
} from './state';

/** Room for two vectors whose lanes are taken by computed index; per vCPU. */
@inline
function scratchArea(): usize {
  return CPU + OFF_FPU_MORE;
}

/** PSADBW. */
export function psadbw(a: v128, b: v128): v128 {
  const d = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
  const s = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(d));
  const low = u64(i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1));
  const high = u64(i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3));
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

export function mpsadbw(a: v128, b: v128, control: u32): v128 {
  const scratch = scratchArea();
  v128.store(scratch, a);
  v128.store(scratch, b, 16);
  const from = scratch + ((control & 4) as usize);
  const block = scratch + 16 + (((control & 3) << 2) as usize);
  const b0 = i32(load<u8>(block));
  const b1 = i32(load<u8>(block, 1));
  const b2 = i32(load<u8>(block, 2));
  const b3 = i32(load<u8>(block, 3));
  let low: u64 = 0;
  let high: u64 = 0;
  for (let i: usize = 0; i < 8; i++) {
    const p = from + i;
    const s =
      abs(i32(load<u8>(p)) - b0) +
      abs(i32(load<u8>(p, 1)) - b1) +
      abs(i32(load<u8>(p, 2)) - b2) +
      abs(i32(load<u8>(p, 3)) - b3);
    if (i < 4) low |= u64(s) << (i << 4);
    else high |= u64(s) << ((i - 4) << 4);
  }
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

export function phminposuw(a: v128): v128 {
  const scratch = scratchArea();
  v128.store(scratch, a);
  let best = u32(load<u16>(scratch));
  let index: u32 = 0;
  for (let i: u32 = 1; i < 8; i++) {
    const x = u32(load<u16>(scratch + (i << 1)));
    if (x < best) {
      best = x;
      index = i;
    }
  }
  return i32x4.replace_lane(i32x4.splat(0), 0, best | (index << 16));
}

/** Remainders of the sixteen nibbles by the polynomial 11EDC6F41, reflected. */
const crcTable = memory.data<u32>([
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
]);

/** CRC32 of `bytes` bytes. */
export function crc32(crc: u32, value: u64, bytes: u32): u32 {
  for (let i: u32 = 0; i < bytes; i++) {
    crc ^= u32(value >> (i << 3)) & 0xff;
    crc = load<u32>(crcTable + ((crc & 15) << 2)) ^ (crc >> 4);
    crc = load<u32>(crcTable + ((crc & 15) << 2)) ^ (crc >> 4);
  }
  return crc;
}

/** Characters before the first that is 0. */
@inline
function implicitLength(x: v128, control: u32): i32 {
  const zero = i64x2.splat(0);
  return control & 1
    ? ctz(i16x8.bitmask(i16x8.eq(x, zero)) | 0x100)
    : ctz(i8x16.bitmask(i8x16.eq(x, zero)) | 0x10000);
}

function explicitLength(n: i64, control: u32): i32 {
  const max: i64 = control & 1 ? 8 : 16;
  // The most negative number has no magnitude that fits: it saturates too.
  if (n < 0) n = n == i64.MIN_VALUE ? max : -n;
  return i32(min(n, max));
}

/** Character `i` of the vector at `at`, in all lanes. */
@inline
function splatOf(at: usize, i: i32, isWords: bool): v128 {
  return isWords ? v128.load16_splat(at + (i << 1)) : v128.load8_splat(at + i);
}
@inline
function equalMask(x: v128, y: v128, isWords: bool): u32 {
  return isWords ? i16x8.bitmask(i16x8.eq(x, y)) : i8x16.bitmask(i8x16.eq(x, y));
}

/** A bit for each lane of x that is at least y. */
function atLeastMask(x: v128, y: v128, control: u32): u32 {
  switch (control & 3) {
    case 0: return i8x16.bitmask(i8x16.ge_u(x, y));
    case 1: return i16x8.bitmask(i16x8.ge_u(x, y));
    case 2: return i8x16.bitmask(i8x16.ge_s(x, y));
    default: return i16x8.bitmask(i16x8.ge_s(x, y));
  }
}

/** IntRes2 (SDM 2 §4.1.3-4.1.6); sets the flags. */
function aggregate(a: v128, b: v128, lengthA: i32, lengthB: i32, control: u32): u32 {
  const isWords = (control & 1) != 0;
  const count = isWords ? 8 : 16;
  const all: u32 = (1 << count) - 1;
  const validB: u32 = (1 << lengthB) - 1;
  const at = scratchArea();
  v128.store(at, a);
  let result: u32 = 0;
  switch ((control >> 2) & 3) {
    case 0: // equal any: b's character is one of a's
      for (let i = 0; i < lengthA; i++) result |= equalMask(splatOf(at, i, isWords), b, isWords);
      result &= validB;
      break;
    case 1: // ranges: pairs of a
      for (let i = 0; i + 1 < lengthA; i += 2) {
        const low = atLeastMask(b, splatOf(at, i, isWords), control);
        result |= low & atLeastMask(splatOf(at, i + 1, isWords), b, control);
      }
      result &= validB;
      break;
    case 2: {
      // equal each: both past the end count as equal
      const validA: u32 = (1 << lengthA) - 1;
      result = (equalMask(a, b, isWords) & validA & validB) | (all & ~(validA | validB));
      break;
    }
    default: // equal ordered: a starts at b's character; past the end of a matches, past b's does not
      result = all;
      for (let i = 0; i < lengthA; i++) {
        result &= ((equalMask(splatOf(at, i, isWords), b, isWords) & validB) >> i) | ~(all >> i);
      }
  }
  switch ((control >> 4) & 3) {
    case 1:
      result ^= all;
      break;
    case 3:
      result ^= validB;
      break;
  }
  setArithmeticFlags(
    (result != 0 ? FLAG_CF : 0) |
      (lengthB < count ? FLAG_ZF : 0) |
      (lengthA < count ? FLAG_SF : 0) |
      (result & 1 ? FLAG_OF : 0),
  );
  return result;
}

function indexOf(result: u32, control: u32): u32 {
  if (result == 0) return control & 1 ? 8 : 16;
  return control & 0x40 ? 31 - clz(result) : ctz(result);
}

function maskOf(result: u32, control: u32): v128 {
  if (!(control & 0x40)) return i32x4.replace_lane(i32x4.splat(0), 0, result);
  if (control & 1) {
    const bits = i16x8(1, 2, 4, 8, 16, 32, 64, 128);
    return i16x8.eq(v128.and(i16x8.splat(i16(result)), bits), bits);
  }
  const bits = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  const bytes = i64x2.replace_lane(
    i64x2.splat(0x0101010101010101 * u64(result & 0xff)),
    1,
    0x0101010101010101 * u64(result >> 8),
  );
  return i8x16.eq(v128.and(bytes, bits), bits);
}

export function pcmpistri(a: v128, b: v128, control: u32): u32 {
  const la = implicitLength(a, control);
  const lb = implicitLength(b, control);
  return indexOf(aggregate(a, b, la, lb, control), control);
}

export function pcmpistrm(a: v128, b: v128, control: u32): v128 {
  const la = implicitLength(a, control);
  const lb = implicitLength(b, control);
  return maskOf(aggregate(a, b, la, lb, control), control);
}

/** Lengths sign-extended to 64 bits from EAX/EDX or RAX/RDX. */
export function pcmpestri(a: v128, b: v128, lengthA: u64, lengthB: u64, control: u32): u32 {
  const la = explicitLength(i64(lengthA), control);
  const lb = explicitLength(i64(lengthB), control);
  return indexOf(aggregate(a, b, la, lb, control), control);
}

export function pcmpestrm(a: v128, b: v128, lengthA: u64, lengthB: u64, control: u32): v128 {
  const la = explicitLength(i64(lengthA), control);
  const lb = explicitLength(i64(lengthB), control);
  return maskOf(aggregate(a, b, la, lb, control), control);
}

/** MASKMOVQ, MASKMOVDQU: stores the bytes whose mask has its top bit, to segment:rDI. */
export function maskedStore(
  segment: u32,
  rdi: u64,
  addressSize: u32,
  bytes: u32,
  data: v128,
  mask: v128,
): void {
  const scratch = scratchArea();
  v128.store(scratch, data);
  const wanted = i8x16.bitmask(mask);
  const addressMask: u64 = addressSize == 64 ? ~(<u64>0) : ((<u64>1) << addressSize) - 1;
  const start = segmentLinear(segment, rdi & addressMask, 1, true);
  if (faulted()) return;
  // All bytes are probed before the first is written; a page fault names the operand's first byte in the page.
  for (let pass = 0; pass < 2; pass++) {
    for (let i: u32 = 0; i < bytes; i++) {
      if (!((wanted >> i) & 1)) continue;
      const linear = segmentLinear(segment, (rdi + i) & addressMask, 1, true);
      if (pass == 0) {
        if (faulted()) return;
        const pageStart = linear & ~(<u64>0xfff);
        probeWrite((start ^ linear) >> 12 == 0 ? start : pageStart, 1);
        if (faulted()) return;
      } else writeU8(linear, u64(load<u8>(scratch + i)));
    }
  }
}
