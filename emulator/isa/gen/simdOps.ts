/** The SIMD vocabulary: AssemblyScript has the wasm instructions as built-ins of the same names. */
import type { Semantics, Shape } from '../dsl.ts';
import type { Emitter, PrintedCond, PrintedV128, PrintedVal } from './emitter.ts';

type SimdPart = Pick<
  Semantics,
  | 'simd'
  | 'simdShift'
  | 'vectorConst'
  | 'splat'
  | 'lane'
  | 'withLane'
  | 'shuffle'
  | 'bitmask'
  | 'anyTrue'
  | 'allTrue'
  | 'selectVector'
>;

const laneBits: Record<Shape, 8 | 16 | 32 | 64> = {
  i8x16: 8,
  i16x8: 16,
  i32x4: 32,
  i64x2: 64,
  f32x4: 32,
  f64x2: 64,
};
const laneType: Record<Shape, string> = {
  i8x16: 'u8',
  i16x8: 'u16',
  i32x4: 'i32',
  i64x2: 'i64',
  f32x4: 'f32',
  f64x2: 'f64',
};

export function simdOps(e: Emitter): SimdPart {
  const code = (v: unknown): string => (v as PrintedV128).code;
  const integerLanes = (shape: Shape): void => {
    if (shape.startsWith('f')) e.fail(`${shape} lanes: use i32x4 or i64x2`);
  };
  return {
    simd: (op, ...args) => e.v128(`${op}(${args.map(code).join(', ')})`),
    simdShift: (op, a, count) => e.v128(`${op}(${code(a)}, <i32>${(count as PrintedVal).code})`),
    vectorConst: (low, high) =>
      e.v128(
        `i64x2(0x${BigInt.asUintN(64, low).toString(16)}, 0x${BigInt.asUintN(64, high).toString(16)})`,
      ),
    splat(shape, value) {
      integerLanes(shape);
      return e.v128(`${shape}.splat(<${laneType[shape]}>${(value as PrintedVal).code})`);
    },
    lane(shape, v, index) {
      integerLanes(shape);
      const width = laneBits[shape];
      const suffix = width < 32 ? '_u' : '';
      const type = width === 64 ? 'u64' : 'u32';
      return e.val(width, `<${type}>${shape}.extract_lane${suffix}(${code(v)}, ${index})`);
    },
    withLane(shape, v, index, value) {
      integerLanes(shape);
      const lane = `<${laneType[shape]}>${e.in(value, laneBits[shape]).code}`;
      return e.v128(`${shape}.replace_lane(${code(v)}, ${index}, ${lane})`);
    },
    shuffle(a, b, indices) {
      if (indices.length !== 16) e.fail('shuffle needs 16 indices');
      return e.v128(`i8x16.shuffle(${code(a)}, ${code(b)}, ${indices.join(', ')})`);
    },
    bitmask: (shape, v) => e.val(32, `<u32>${shape}.bitmask(${code(v)})`),
    anyTrue: (v): PrintedCond => e.cond(`v128.any_true(${code(v)})`),
    allTrue: (shape, v): PrintedCond => e.cond(`${shape}.all_true(${code(v)})`),
    selectVector: (c, a, b) => e.v128(`select<v128>(${code(a)}, ${code(b)}, ${code(c)})`),
  };
}
