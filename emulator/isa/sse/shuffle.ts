/** Shuffles, inserts, extracts, masks and lane extensions (SDM 2B PSHUFD … PMOVZX). */
import { inst } from '../dsl.ts';
import type { Op, Semantics, Shape, V128, Val, Width } from '../dsl.ts';
import { form, op } from '../forms.ts';
import {
  Ed,
  Ey,
  Gd,
  Ib,
  Mb,
  Md,
  Mw,
  Nq,
  Pq,
  Qq,
  r,
  Rd,
  rw,
  Ux,
  Vx,
  w,
  Wd,
  Wq,
  Ww,
  Wx,
} from '../operands.ts';
import type { OperandSpec } from '../operands.ts';
import {
  beginMmx,
  beginSse,
  bytesConst,
  enterMmx,
  halfOf,
  vectorOf,
  zeroVector,
} from './helpers.ts';

// -- shuffles by immediate -------------------------------------------------------------------------
for (const [name, encoding, helper] of [
  ['PSHUFD', op(0x0f, 0x70).p66(), 'shuffleDoublewords'],
  ['PSHUFLW', op(0x0f, 0x70).f2(), 'shuffleLowWords'],
  ['PSHUFHW', op(0x0f, 0x70).f3(), 'shuffleHighWords'],
] as const) {
  inst(name, {
    forms: [form([w(Vx), r(Wx), r(Ib)], encoding)],
    semantics(s, destination, source, control) {
      beginSse(s);
      s.writeVector(destination, s.callVector(helper, s.readAligned(source), s.read(control)));
    },
  });
}

inst('PSHUFW', {
  forms: [form([w(Pq), r(Qq), r(Ib)], op(0x0f, 0x70).np())],
  semantics(s, destination, source, control) {
    beginMmx(s);
    const v = vectorOf(s, s.read(source));
    enterMmx(s);
    s.write(destination, halfOf(s, s.callVector('shuffleLowWords', v, s.read(control))));
  },
});

inst('SHUFPS', {
  forms: [form([rw(Vx), r(Wx), r(Ib)], op(0x0f, 0xc6).np())],
  semantics(s, destination, source, control) {
    beginSse(s);
    const b = s.readAligned(source);
    s.writeVector(
      destination,
      s.callVector('shufPs', s.readVector(destination), b, s.read(control)),
    );
  },
});

inst('SHUFPD', {
  forms: [form([rw(Vx), r(Wx), r(Ib)], op(0x0f, 0xc6).p66())],
  semantics(s, destination, source, control) {
    beginSse(s);
    const b = s.readAligned(source);
    const a = s.readVector(destination);
    const n = s.read(control);
    const pick = (v: V128, bit: number): Val =>
      s.select(s.bit(n, bit), s.lane('i64x2', v, 1), s.lane('i64x2', v, 0));
    const low = s.splat('i64x2', pick(a, 0));
    s.writeVector(destination, s.withLane('i64x2', low, 1, pick(b, 1)));
  },
});

for (const [name, opcode, high] of [
  ['UNPCKLPS', 0x14, 0],
  ['UNPCKHPS', 0x15, 8],
] as const) {
  inst(name, {
    forms: [form([rw(Vx), r(Wx)], op(0x0f, opcode).np())],
    semantics(s, destination, source) {
      beginSse(s);
      const b = s.readAligned(source);
      const indices = [0, 16, 4, 20].flatMap((from) => [0, 1, 2, 3].map((k) => from + high + k));
      s.writeVector(destination, s.shuffle(s.readVector(destination), b, indices));
    },
  });
  inst(name.replace('PS', 'PD'), {
    forms: [form([rw(Vx), r(Wx)], op(0x0f, opcode).p66())],
    semantics(s, destination, source) {
      beginSse(s);
      const b = s.readAligned(source);
      const indices = [0, 16].flatMap((from) =>
        [0, 1, 2, 3, 4, 5, 6, 7].map((k) => from + high + k),
      );
      s.writeVector(destination, s.shuffle(s.readVector(destination), b, indices));
    },
  });
}

// -- inserts and extracts --------------------------------------------------------------------------
const laneBytes: Partial<Record<Shape, number>> = { i8x16: 1, i16x8: 2, i32x4: 4, i64x2: 8 };

/** Lane `index` (run time, below the lane count) of v. */
function laneAt(s: Semantics, shape: Shape, v: V128, index: Val): Val {
  const bytes = laneBytes[shape] ?? 1;
  const offset = s.mul(index, bytes);
  const pattern = bytesConst(
    s,
    Array.from({ length: 16 }, (_, i) => i % bytes),
  );
  const indices = s.simd('i8x16.add', pattern, s.splat('i8x16', offset));
  return s.lane(shape, s.simd('i8x16.swizzle', v, indices), 0);
}

/** v with lane `index` (run time) replaced. */
function withLaneAt(s: Semantics, shape: Shape, v: V128, index: Val, value: Val): V128 {
  const bytes = laneBytes[shape] ?? 1;
  const numbers = bytesConst(
    s,
    Array.from({ length: 16 }, (_, i) => Math.floor(i / bytes)),
  );
  const mask = s.simd('i8x16.eq', numbers, s.splat('i8x16', index));
  return s.simd('v128.bitselect', s.splat(shape, value), v, mask);
}

/** XMM inserts: name, opcode bytes, source operands, shape, mask of the index. */
const inserts: readonly (readonly [
  string,
  readonly number[],
  readonly OperandSpec[],
  Shape,
  number,
])[] = [
  ['PINSRB', [0x0f, 0x3a, 0x20], [Rd, Mb], 'i8x16', 15],
  ['PINSRW', [0x0f, 0xc4], [Rd, Mw], 'i16x8', 7],
];
for (const [name, bytes, sources, shape, mask] of inserts) {
  inst(name, {
    forms: sources.map((source) => form([rw(Vx), r(source), r(Ib)], op(...bytes).p66())),
    semantics(s, destination, source, control) {
      beginSse(s);
      const value = s.truncate(s.read(source), shape === 'i8x16' ? 8 : 16);
      const index = s.and(s.read(control), mask);
      s.writeVector(destination, withLaneAt(s, shape, s.readVector(destination), index, value));
    },
  });
}

inst('PINSRD', {
  forms: [form([rw(Vx), r(Ey), r(Ib)], op(0x0f, 0x3a, 0x22).p66())],
  semantics(s, destination, source, control) {
    beginSse(s);
    const value = s.read(source);
    const shape = source.width === 64 ? 'i64x2' : 'i32x4';
    const index = s.and(s.read(control), source.width === 64 ? 1 : 3);
    s.writeVector(destination, withLaneAt(s, shape, s.readVector(destination), index, value));
  },
});

inst('PINSRW', {
  forms: [Rd, Mw].map((source) => form([rw(Pq), r(source), r(Ib)], op(0x0f, 0xc4).np())),
  semantics(s, destination, source, control) {
    beginMmx(s);
    const value = s.truncate(s.read(source), 16);
    const v = vectorOf(s, s.read(destination));
    const index = s.and(s.read(control), 3);
    enterMmx(s);
    s.write(destination, halfOf(s, withLaneAt(s, 'i16x8', v, index, value)));
  },
});

for (const [name, bytes, target, memory, shape, mask] of [
  ['PEXTRB', [0x0f, 0x3a, 0x14], Rd, Mb, 'i8x16', 15],
  ['PEXTRW', [0x0f, 0x3a, 0x15], Rd, Mw, 'i16x8', 7],
] as const) {
  const semantics = (s: Semantics, destination: Op, source: Op, control: Op): void => {
    beginSse(s);
    const index = s.and(s.read(control), mask);
    const value = laneAt(s, shape, s.readVector(source), index);
    s.write(destination, destination.isMemory ? value : s.zeroExtend(value, 32));
  };
  inst(name, {
    forms: [
      form([w(target), r(Vx), r(Ib)], op(...bytes).p66()),
      form([w(memory), r(Vx), r(Ib)], op(...bytes).p66()),
    ],
    semantics,
  });
}

for (const [name, bytes] of [
  ['PEXTRD', [0x0f, 0x3a, 0x16]],
  ['EXTRACTPS', [0x0f, 0x3a, 0x17]],
] as const) {
  // EXTRACTPS with REX.W zero-extends its 32 bits into a 64-bit register; memory is 32 bits.
  const forms =
    name === 'PEXTRD'
      ? [form([w(Ey), r(Vx), r(Ib)], op(...bytes).p66())]
      : [form([w(Ed), r(Vx), r(Ib)], op(...bytes).p66())];
  inst(name, {
    forms,
    semantics(s, destination, source, control) {
      beginSse(s);
      const wide = destination.width === 64;
      const index = s.and(s.read(control), wide ? 1 : 3);
      s.write(destination, laneAt(s, wide ? 'i64x2' : 'i32x4', s.readVector(source), index));
    },
  });
}

inst('PEXTRW', {
  forms: [form([w(Gd), r(Ux), r(Ib)], op(0x0f, 0xc5).p66())],
  semantics(s, destination, source, control) {
    beginSse(s);
    const index = s.and(s.read(control), 7);
    s.write(destination, s.zeroExtend(laneAt(s, 'i16x8', s.readVector(source), index), 32));
  },
});

inst('PEXTRW', {
  forms: [form([w(Gd), r(Nq), r(Ib)], op(0x0f, 0xc5).np())],
  semantics(s, destination, source, control) {
    beginMmx(s);
    const index = s.and(s.read(control), 3);
    const value = s.zeroExtend(laneAt(s, 'i16x8', vectorOf(s, s.read(source)), index), 32);
    enterMmx(s);
    s.write(destination, value);
  },
});

inst('INSERTPS', {
  forms: [Ux, Md].map((source) => form([rw(Vx), r(source), r(Ib)], op(0x0f, 0x3a, 0x21).p66())),
  semantics(s, destination, source, control) {
    beginSse(s);
    const n = s.read(control);
    const value = source.isMemory
      ? s.read(source)
      : laneAt(s, 'i32x4', s.readVector(source), s.and(s.shrU(n, 6), 3));
    const index = s.and(s.shrU(n, 4), 3);
    const inserted = withLaneAt(s, 'i32x4', s.readVector(destination), index, value);
    const bits = bytesConst(s, [1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0]);
    const cleared = s.simd('i32x4.eq', s.simd('v128.and', s.splat('i8x16', n), bits), bits);
    s.writeVector(destination, s.simd('v128.andnot', inserted, cleared));
  },
});

// -- masks -----------------------------------------------------------------------------------------
for (const [name, encoding, shape] of [
  ['MOVMSKPS', op(0x0f, 0x50).np(), 'i32x4'],
  ['MOVMSKPD', op(0x0f, 0x50).p66(), 'i64x2'],
  ['PMOVMSKB', op(0x0f, 0xd7).p66(), 'i8x16'],
] as const) {
  inst(name, {
    forms: [form([w(Gd), r(Ux)], encoding)],
    semantics(s, destination, source) {
      beginSse(s);
      s.write(destination, s.bitmask(shape, s.readVector(source)));
    },
  });
}

inst('PMOVMSKB', {
  forms: [form([w(Gd), r(Nq)], op(0x0f, 0xd7).np())],
  semantics(s, destination, source) {
    beginMmx(s);
    const mask = s.and(s.bitmask('i8x16', vectorOf(s, s.read(source))), 0xff);
    enterMmx(s);
    s.write(destination, mask);
  },
});

// -- extensions: opcode, memory operand, steps of doubling -------------------------------------------
const widen: Record<string, readonly [Shape, Shape]> = {
  BW: ['i16x8', 'i8x16'],
  WD: ['i32x4', 'i16x8'],
  DQ: ['i64x2', 'i32x4'],
};
for (const [suffix, offset, source, steps] of [
  ['BW', 0, Wq, ['BW']],
  ['BD', 1, Wd, ['BW', 'WD']],
  ['BQ', 2, Ww, ['BW', 'WD', 'DQ']],
  ['WD', 3, Wq, ['WD']],
  ['WQ', 4, Wd, ['WD', 'DQ']],
  ['DQ', 5, Wq, ['DQ']],
] as const) {
  for (const [kind, base, sign] of [
    ['PMOVSX', 0x20, 's'],
    ['PMOVZX', 0x30, 'u'],
  ] as const) {
    inst(kind + suffix, {
      forms: [form([w(Vx), r(source)], op(0x0f, 0x38, base + offset).p66())],
      semantics(s, destination, from) {
        beginSse(s);
        const value = s.zeroExtend(s.read(from), 64 as Width);
        let v: V128 = s.withLane('i64x2', zeroVector(s), 0, value);
        for (const step of steps) {
          const [to, of] = widen[step] ?? ['i16x8', 'i8x16'];
          v = s.simd(`${to}.extend_low_${of}_${sign}`, v);
        }
        s.writeVector(destination, v);
      },
    });
  }
}
