/** The SIMD vocabulary: wasm's own instructions by name. */
import type { Semantics, Shape } from '../isa/dsl.ts';
import type { FunctionBuilder } from './functionBuilder.ts';
import { SimdOp, laneOpcodes, simdOpcodes } from './wasmOpcodes.ts';

export type VectorPart = Pick<
  Semantics,
  | ('simd' | 'simdShift' | 'vectorConst' | 'splat' | 'lane' | 'withLane' | 'shuffle' | 'bitmask')
  | ('anyTrue' | 'allTrue' | 'selectVector')
>;

const laneBits: Record<Shape, 8 | 16 | 32 | 64> = {
  i8x16: 8,
  i16x8: 16,
  i32x4: 32,
  i64x2: 64,
  f32x4: 32,
  f64x2: 64,
};

export function vectorOps(b: FunctionBuilder): VectorPart {
  const named = (op: string): void => {
    const opcode = simdOpcodes.get(op);
    if (opcode === undefined) throw new Error(`no wasm operator ${op}`);
    b.simd(opcode);
  };
  return {
    simd(op, ...args) {
      for (const arg of args) b.pushVector(arg);
      named(op);
      return b.takeVector();
    },
    simdShift(op, a, count) {
      b.pushVector(a);
      b.push32(count);
      named(op);
      return b.takeVector();
    },
    vectorConst(low, high) {
      b.vectorConstant(low, high);
      return b.takeVector();
    },
    splat(shape, value) {
      b.push(value);
      b.simd(laneOpcodes[shape][0]);
      return b.takeVector();
    },
    lane(shape, v, index) {
      b.pushVector(v);
      b.simd(laneOpcodes[shape][1]);
      b.op(index);
      return b.take(laneBits[shape]);
    },
    withLane(shape, v, index, value) {
      b.pushVector(v);
      b.pushIn(value, laneBits[shape]);
      b.simd(laneOpcodes[shape][2]);
      b.op(index);
      return b.takeVector();
    },
    shuffle(x, y, indices) {
      b.pushVector(x);
      b.pushVector(y);
      b.simd(SimdOp.shuffle);
      b.code.bytes(indices);
      return b.takeVector();
    },
    bitmask(shape, v) {
      b.pushVector(v);
      named(`${shape}.bitmask`);
      return b.take(32);
    },
    anyTrue(v) {
      b.pushVector(v);
      named('v128.any_true');
      return b.takeCond();
    },
    allTrue(shape, v) {
      b.pushVector(v);
      named(`${shape}.all_true`);
      return b.takeCond();
    },
    selectVector(c, x, y) {
      b.pushVector(x);
      b.pushVector(y);
      b.pushCond(c);
      // Typed select: v128 is not a number type.
      b.code.bytes([0x1c, 1, 0x7b]);
      return b.takeVector();
    },
  };
}
