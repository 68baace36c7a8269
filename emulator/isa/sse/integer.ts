/** Packed integer arithmetic, comparison, logic and shifts of MMX and SSE2 to SSE4.2 (SDM 2B P…). */
import { inst } from '../dsl.ts';
import type { Semantics, Shape, SimdOp, V128, Val } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { Ib, Nq, Pq, Qd, Qq, r, rw, Ux, Vx, Wx, XMM0 } from '../operands.ts';
import {
  beginMmx,
  beginSse,
  bytesConst,
  enterMmx,
  halfOf,
  mmxAndSse,
  sseBinary,
  vectorOf,
  zeroVector,
} from './helpers.ts';
import type { VectorOperation } from './helpers.ts';

const simd =
  (operator: SimdOp): VectorOperation =>
  (s, a, b) =>
    s.simd(operator, a, b);
const constant32 = (s: Semantics, n: number): Val => s.const(n, 32);

// -- lane by lane, in MMX and XMM, opcode 0F xx ----------------------------------------------------
const plain: readonly (readonly [string, number, SimdOp])[] = [
  ['PADDB', 0xfc, 'i8x16.add'],
  ['PADDW', 0xfd, 'i16x8.add'],
  ['PADDD', 0xfe, 'i32x4.add'],
  ['PADDQ', 0xd4, 'i64x2.add'],
  ['PADDSB', 0xec, 'i8x16.add_sat_s'],
  ['PADDSW', 0xed, 'i16x8.add_sat_s'],
  ['PADDUSB', 0xdc, 'i8x16.add_sat_u'],
  ['PADDUSW', 0xdd, 'i16x8.add_sat_u'],
  ['PSUBB', 0xf8, 'i8x16.sub'],
  ['PSUBW', 0xf9, 'i16x8.sub'],
  ['PSUBD', 0xfa, 'i32x4.sub'],
  ['PSUBQ', 0xfb, 'i64x2.sub'],
  ['PSUBSB', 0xe8, 'i8x16.sub_sat_s'],
  ['PSUBSW', 0xe9, 'i16x8.sub_sat_s'],
  ['PSUBUSB', 0xd8, 'i8x16.sub_sat_u'],
  ['PSUBUSW', 0xd9, 'i16x8.sub_sat_u'],
  ['PMULLW', 0xd5, 'i16x8.mul'],
  ['PMADDWD', 0xf5, 'i32x4.dot_i16x8_s'],
  ['PAND', 0xdb, 'v128.and'],
  ['POR', 0xeb, 'v128.or'],
  ['PXOR', 0xef, 'v128.xor'],
  ['PCMPEQB', 0x74, 'i8x16.eq'],
  ['PCMPEQW', 0x75, 'i16x8.eq'],
  ['PCMPEQD', 0x76, 'i32x4.eq'],
  ['PCMPGTB', 0x64, 'i8x16.gt_s'],
  ['PCMPGTW', 0x65, 'i16x8.gt_s'],
  ['PCMPGTD', 0x66, 'i32x4.gt_s'],
  ['PAVGB', 0xe0, 'i8x16.avgr_u'],
  ['PAVGW', 0xe3, 'i16x8.avgr_u'],
  ['PMINUB', 0xda, 'i8x16.min_u'],
  ['PMAXUB', 0xde, 'i8x16.max_u'],
  ['PMINSW', 0xea, 'i16x8.min_s'],
  ['PMAXSW', 0xee, 'i16x8.max_s'],
];
for (const [name, opcode, operator] of plain) mmxAndSse(name, [0x0f, opcode], simd(operator));

mmxAndSse('PANDN', [0x0f, 0xdf], (s, a, b) => s.simd('v128.andnot', b, a));

/** High words of eight 32-bit products. */
const highWords = [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31];
const mulHigh =
  (sign: 's' | 'u'): VectorOperation =>
  (s, a, b) =>
    s.shuffle(
      s.simd(`i32x4.extmul_low_i16x8_${sign}`, a, b),
      s.simd(`i32x4.extmul_high_i16x8_${sign}`, a, b),
      highWords,
    );
mmxAndSse('PMULHUW', [0x0f, 0xe4], mulHigh('u'));
mmxAndSse('PMULHW', [0x0f, 0xe5], mulHigh('s'));

mmxAndSse('PMULUDQ', [0x0f, 0xf4], (s, a, b) => {
  const mask = s.vectorConst(0xffffffffn, 0xffffffffn);
  return s.simd('i64x2.mul', s.simd('v128.and', a, mask), s.simd('v128.and', b, mask));
});
mmxAndSse('PSADBW', [0x0f, 0xf6], (s, a, b) => s.callVector('psadbw', a, b));

// -- packs and unpacks ---------------------------------------------------------------------------
for (const [name, opcode, operator] of [
  ['PACKSSWB', 0x63, 'i8x16.narrow_i16x8_s'],
  ['PACKUSWB', 0x67, 'i8x16.narrow_i16x8_u'],
  ['PACKSSDW', 0x6b, 'i16x8.narrow_i32x4_s'],
] as const) {
  mmxAndSse(name, [0x0f, opcode], simd(operator), { pairs: true });
}

/** Indices that interleave elements of `bytes` bytes from the low or high half. */
function interleave(bytes: number, high: boolean): number[] {
  const indices: number[] = [];
  for (let i = high ? 8 : 0; indices.length < 16; i += bytes) {
    for (const from of [0, 16]) for (let k = 0; k < bytes; k++) indices.push(from + i + k);
  }
  return indices;
}

for (const [suffix, bytes, low, high] of [
  ['BW', 1, 0x60, 0x68],
  ['WD', 2, 0x61, 0x69],
  ['DQ', 4, 0x62, 0x6a],
] as const) {
  const unpackLow: VectorOperation = (s, a, b) => s.shuffle(a, b, interleave(bytes, false));
  mmxAndSse(`PUNPCKL${suffix}`, [0x0f, low], unpackLow, { mmxSource: Qd });
  mmxAndSse(
    `PUNPCKH${suffix}`,
    [0x0f, high],
    (s, a, b) => s.shuffle(a, b, interleave(bytes, true)),
    {
      // The high half of a 64-bit register lies in the upper half of what the low XMM form interleaves.
      mmx: (s, a, b) => s.splat('i64x2', s.lane('i64x2', unpackLow(s, a, b), 1)),
    },
  );
}
sseBinary('PUNPCKLQDQ', op(0x0f, 0x6c).p66(), (s, a, b) => s.shuffle(a, b, interleave(8, false)));
sseBinary('PUNPCKHQDQ', op(0x0f, 0x6d).p66(), (s, a, b) => s.shuffle(a, b, interleave(8, true)));

// -- SSSE3 (0F 38 xx, MMX and XMM) ---------------------------------------------------------------
const evenWords = [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29];
const oddWords = evenWords.map((i) => i + 2);
const evenDoublewords = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const oddDoublewords = evenDoublewords.map((i) => i + 4);
const horizontal =
  (operator: SimdOp, even: readonly number[], odd: readonly number[]): VectorOperation =>
  (s, a, b) =>
    s.simd(operator, s.shuffle(a, b, even), s.shuffle(a, b, odd));

for (const [name, opcode, f] of [
  ['PHADDW', 0x01, horizontal('i16x8.add', evenWords, oddWords)],
  ['PHADDD', 0x02, horizontal('i32x4.add', evenDoublewords, oddDoublewords)],
  ['PHADDSW', 0x03, horizontal('i16x8.add_sat_s', evenWords, oddWords)],
  ['PHSUBW', 0x05, horizontal('i16x8.sub', evenWords, oddWords)],
  ['PHSUBD', 0x06, horizontal('i32x4.sub', evenDoublewords, oddDoublewords)],
  ['PHSUBSW', 0x07, horizontal('i16x8.sub_sat_s', evenWords, oddWords)],
] as const) {
  mmxAndSse(name, [0x0f, 0x38, opcode], f, { pairs: true });
}

const shuffleBytes =
  (mask: bigint): VectorOperation =>
  (s, a, b) =>
    s.simd('i8x16.swizzle', a, s.simd('v128.and', b, s.vectorConst(mask, mask)));
mmxAndSse('PSHUFB', [0x0f, 0x38, 0x00], shuffleBytes(0x8f8f8f8f8f8f8f8fn), {
  mmx: shuffleBytes(0x8787878787878787n),
});

mmxAndSse('PMADDUBSW', [0x0f, 0x38, 0x04], (s, a, b) => {
  const eight = constant32(s, 8);
  const low = s.vectorConst(0x00ff00ff00ff00ffn, 0x00ff00ff00ff00ffn);
  const signedLow = s.simdShift('i16x8.shr_s', s.simdShift('i16x8.shl', b, eight), eight);
  const even = s.simd('i16x8.mul', s.simd('v128.and', a, low), signedLow);
  const odd = s.simd(
    'i16x8.mul',
    s.simdShift('i16x8.shr_u', a, eight),
    s.simdShift('i16x8.shr_s', b, eight),
  );
  return s.simd('i16x8.add_sat_s', even, odd);
});

mmxAndSse('PMULHRSW', [0x0f, 0x38, 0x0b], (s, a, b) => {
  // wasm saturates −1 × −1 to 7FFF, x86 wraps to 8000.
  const least = s.vectorConst(0x8000800080008000n, 0x8000800080008000n);
  const both = s.simd('v128.and', s.simd('i16x8.eq', a, least), s.simd('i16x8.eq', b, least));
  return s.simd('v128.xor', s.simd('i16x8.q15mulr_sat_s', a, b), both);
});

for (const [letter, sign, absolute, shape, bits] of [
  ['B', 0x08, 0x1c, 'i8x16', 8],
  ['W', 0x09, 0x1d, 'i16x8', 16],
  ['D', 0x0a, 0x1e, 'i32x4', 32],
] as const) {
  mmxAndSse(`PSIGN${letter}`, [0x0f, 0x38, sign], (s, a, b) => {
    const negative = s.simdShift(`${shape}.shr_s`, b, constant32(s, bits - 1));
    const signed = s.simd(`${shape}.sub`, s.simd('v128.xor', a, negative), negative);
    return s.simd('v128.and', signed, s.simd(`${shape}.ne`, b, zeroVector(s)));
  });
  mmxAndSse(`PABS${letter}`, [0x0f, 0x38, absolute], (s, _, b) => s.simd(`${shape}.abs`, b));
}

// -- SSE4.1 and SSE4.2, XMM only -----------------------------------------------------------------
for (const [name, opcode, f] of [
  ['PCMPEQQ', 0x29, simd('i64x2.eq')],
  ['PCMPGTQ', 0x37, simd('i64x2.gt_s')],
  ['PACKUSDW', 0x2b, simd('i16x8.narrow_i32x4_u')],
  ['PMINSB', 0x38, simd('i8x16.min_s')],
  ['PMINSD', 0x39, simd('i32x4.min_s')],
  ['PMINUW', 0x3a, simd('i16x8.min_u')],
  ['PMINUD', 0x3b, simd('i32x4.min_u')],
  ['PMAXSB', 0x3c, simd('i8x16.max_s')],
  ['PMAXSD', 0x3d, simd('i32x4.max_s')],
  ['PMAXUW', 0x3e, simd('i16x8.max_u')],
  ['PMAXUD', 0x3f, simd('i32x4.max_u')],
  ['PMULLD', 0x40, simd('i32x4.mul')],
] as const) {
  sseBinary(name, op(0x0f, 0x38, opcode).p66(), f);
}

sseBinary('PMULDQ', op(0x0f, 0x38, 0x28).p66(), (s, a, b) => {
  const low = (v: V128): V128 =>
    s.simdShift('i64x2.shr_s', s.simdShift('i64x2.shl', v, constant32(s, 32)), constant32(s, 32));
  return s.simd('i64x2.mul', low(a), low(b));
});
sseBinary('PHMINPOSUW', op(0x0f, 0x38, 0x41).p66(), (s, _, b) => s.callVector('phminposuw', b));

inst('MPSADBW', {
  forms: [form([rw(Vx), r(Wx), r(Ib)], op(0x0f, 0x3a, 0x42).p66())],
  semantics(s, destination, source, control) {
    beginSse(s);
    const b = s.readAligned(source);
    s.writeVector(
      destination,
      s.callVector('mpsadbw', s.readVector(destination), b, s.read(control)),
    );
  },
});

inst('PTEST', {
  forms: [form([r(Vx), r(Wx)], op(0x0f, 0x38, 0x17).p66())],
  semantics(s, first, second) {
    beginSse(s);
    const b = s.readAligned(second);
    const x = s.readVector(first);
    const common = s.anyTrue(s.simd('v128.and', b, x));
    const rest = s.anyTrue(s.simd('v128.andnot', b, x));
    s.flagsCompared(s.negate(common), false, s.negate(rest));
  },
});

/** Lane masks from the bits of an immediate. */
function maskOfImmediate(s: Semantics, immediate: Val, shape: 'i16x8' | 'i32x4' | 'i64x2'): V128 {
  const lanes = { i16x8: 8, i32x4: 4, i64x2: 2 }[shape];
  const bytes = Array.from({ length: 16 }, (_, i) =>
    i % (16 / lanes) === 0 ? 1 << (i / (16 / lanes)) : 0,
  );
  const bits = bytesConst(s, bytes);
  const wanted = s.simd('v128.and', s.splat('i8x16', immediate), bits);
  return s.simd(`${shape}.eq`, wanted, bits);
}

for (const [name, opcode, shape] of [
  ['PBLENDW', 0x0e, 'i16x8'],
  ['BLENDPS', 0x0c, 'i32x4'],
  ['BLENDPD', 0x0d, 'i64x2'],
] as const) {
  inst(name, {
    forms: [form([rw(Vx), r(Wx), r(Ib)], op(0x0f, 0x3a, opcode).p66())],
    semantics(s, destination, source, control) {
      beginSse(s);
      const b = s.readAligned(source);
      const mask = maskOfImmediate(s, s.read(control), shape);
      s.writeVector(destination, s.simd('v128.bitselect', b, s.readVector(destination), mask));
    },
  });
}

for (const [name, opcode, shape, bits] of [
  ['PBLENDVB', 0x10, 'i8x16', 8],
  ['BLENDVPS', 0x14, 'i32x4', 32],
  ['BLENDVPD', 0x15, 'i64x2', 64],
] as const) {
  inst(name, {
    forms: [form([rw(Vx), r(Wx), r(XMM0)], op(0x0f, 0x38, opcode).p66())],
    semantics(s, destination, source, selector) {
      beginSse(s);
      const b = s.readAligned(source);
      const mask = s.simdShift(`${shape}.shr_s`, s.readVector(selector), constant32(s, bits - 1));
      s.writeVector(destination, s.simd('v128.bitselect', b, s.readVector(destination), mask));
    },
  });
}

// -- shifts ----------------------------------------------------------------------------------------
type ShiftKind = 'shl' | 'shr_u' | 'shr_s';

/** A shift by a 64-bit count: counts beyond the lane give 0, or the sign. */
function shift(
  s: Semantics,
  shape: Shape,
  bits: number,
  kind: ShiftKind,
  v: V128,
  count: Val,
): V128 {
  const inRange = s.ltU(count, bits);
  const low = s.truncate(count, 32);
  if (kind === 'shr_s') {
    return s.simdShift(`${shape}.shr_s`, v, s.select(inRange, low, bits - 1));
  }
  return s.selectVector(inRange, s.simdShift(`${shape}.${kind}`, v, low), zeroVector(s));
}

for (const [name, shape, bits, kind, opcode, immediateOpcode, digit] of [
  ['PSRLW', 'i16x8', 16, 'shr_u', 0xd1, 0x71, 2],
  ['PSRLD', 'i32x4', 32, 'shr_u', 0xd2, 0x72, 2],
  ['PSRLQ', 'i64x2', 64, 'shr_u', 0xd3, 0x73, 2],
  ['PSRAW', 'i16x8', 16, 'shr_s', 0xe1, 0x71, 4],
  ['PSRAD', 'i32x4', 32, 'shr_s', 0xe2, 0x72, 4],
  ['PSLLW', 'i16x8', 16, 'shl', 0xf1, 0x71, 6],
  ['PSLLD', 'i32x4', 32, 'shl', 0xf2, 0x72, 6],
  ['PSLLQ', 'i64x2', 64, 'shl', 0xf3, 0x73, 6],
] as const) {
  mmxAndSse(name, [0x0f, opcode], (s, a, b) =>
    shift(s, shape, bits, kind, a, s.lane('i64x2', b, 0)),
  );
  inst(name, {
    forms: [form([rw(Ux), r(Ib)], op(0x0f, immediateOpcode).digit(digit).p66())],
    semantics(s, destination, count) {
      beginSse(s);
      const n = s.zeroExtend(s.read(count), 64);
      s.writeVector(destination, shift(s, shape, bits, kind, s.readVector(destination), n));
    },
  });
  inst(name, {
    forms: [form([rw(Nq), r(Ib)], op(0x0f, immediateOpcode).digit(digit).np())],
    semantics(s, destination, count) {
      beginMmx(s);
      const n = s.zeroExtend(s.read(count), 64);
      const v = vectorOf(s, s.read(destination));
      enterMmx(s);
      s.write(destination, halfOf(s, shift(s, shape, bits, kind, v, n)));
    },
  });
}

const identity = Array.from({ length: 16 }, (_, i) => i);

/** Bytes index + offset of v; those outside 0..15 are 0. */
function bytesAt(s: Semantics, v: V128, offset: Val): V128 {
  const indices = s.simd('i8x16.add', bytesConst(s, identity), s.splat('i8x16', offset));
  return s.simd('i8x16.swizzle', v, indices);
}

for (const [name, digit] of [
  ['PSRLDQ', 3],
  ['PSLLDQ', 7],
] as const) {
  inst(name, {
    forms: [form([rw(Ux), r(Ib)], op(0x0f, 0x73).digit(digit).p66())],
    semantics(s, destination, count) {
      beginSse(s);
      const n = s.read(count);
      const limited = s.select(s.ltU(n, 16), n, 16);
      const offset = name === 'PSRLDQ' ? limited : s.neg(limited);
      s.writeVector(destination, bytesAt(s, s.readVector(destination), offset));
    },
  });
}

inst('PALIGNR', {
  forms: [form([rw(Vx), r(Wx), r(Ib)], op(0x0f, 0x3a, 0x0f).p66())],
  semantics(s, destination, source, count) {
    beginSse(s);
    const b = s.readAligned(source);
    const n = s.read(count);
    const limited = s.select(s.ltU(n, 32), n, 32);
    const high = bytesAt(s, s.readVector(destination), s.sub(limited, 16));
    s.writeVector(destination, s.simd('v128.or', bytesAt(s, b, limited), high));
  },
});
inst('PALIGNR', {
  forms: [form([rw(Pq), r(Qq), r(Ib)], op(0x0f, 0x3a, 0x0f).np())],
  semantics(s, destination, source, count) {
    beginMmx(s);
    const b = s.read(source);
    const a = s.read(destination);
    const n = s.read(count);
    enterMmx(s);
    const both = s.withLane('i64x2', s.splat('i64x2', b), 1, a);
    s.write(destination, halfOf(s, bytesAt(s, both, s.select(s.ltU(n, 16), n, 16))));
  },
});
