/** Helpers of SSE (isa/sse/helpers.ts) that regions have inline, with the core's for what is out of the ordinary. */
import type { V128, Val } from '../isa/dsl.ts';
import { FloatConvert } from './floatConvert.ts';
import { FloatPacked } from './floatPacked.ts';
import { FloatScalar } from './floatScalar.ts';
import type { WasmV128, WasmVal } from './functionBuilder.ts';
import { guarded } from './guardedPath.ts';
import type { RegionFrame } from './regionFrame.ts';
import type { SseMode } from './sseMode.ts';
import { SimdOp, ValueType } from './wasmOpcodes.ts';
import { x87Inline } from './x87Ops.ts';

type Inline<Result> = (name: string, args: readonly (Val | V128)[]) => Result | undefined;

/** Emits a helper inline, or returns undefined. */
export interface InlineHelpers {
  readonly value: Inline<WasmVal>;
  readonly vector: Inline<WasmV128>;
  /** True if it was. */
  readonly nothing: (name: string, args: readonly (Val | V128)[]) => boolean;
}

/** Bytes `4i…4i+3` of a shuffle. */
const doubleword = (i: number): number[] => [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3];
const word = (i: number): number[] => [2 * i, 2 * i + 1];
const fields = (immediate: number): [number, number, number, number] => [
  immediate & 3,
  (immediate >> 2) & 3,
  (immediate >> 4) & 3,
  (immediate >> 6) & 3,
];
const bytes = (from: number): number[] => Array.from({ length: 8 }, (_, i) => from + i);

/** Indices of the shuffles that an immediate describes (SDM 2B PSHUFD…, SHUFPS); from 16 on they are the second operand's. */
const shuffles: Readonly<Record<string, (immediate: number) => number[]>> = {
  shuffleDoublewords: (n) => fields(n).flatMap(doubleword),
  shuffleLowWords: (n) => [...fields(n).flatMap(word), ...bytes(8)],
  shuffleHighWords: (n) => [...bytes(0), ...fields(n).flatMap((i) => word(i + 4))],
  shufPs(n) {
    const [i0, i1, i2, i3] = fields(n);
    return [i0, i1, i2 + 4, i3 + 4].flatMap(doubleword);
  },
};

export function sseOps(f: RegionFrame, mode: SseMode): InlineHelpers {
  const { b } = f;
  const scalar = new FloatScalar(f, mode);
  const packed = new FloatPacked(f, mode);
  const convert = new FloatConvert(f, mode, scalar);
  const constantOf = (arg: Val | V128): number | undefined => {
    const { constant } = arg as WasmVal;
    return constant === undefined ? undefined : Number(constant);
  };

  /** COMISx: ZF PF CF in their RFLAGS positions. */
  const comparison = (name: string, args: readonly Val[]): WasmVal => {
    const x = scalar.operand(args[0]!);
    const y = scalar.operand(args[1]!);
    const result = b.temporary(ValueType.i32);
    guarded(
      f,
      (slowIf) => {
        scalar.ordinary(x, slowIf);
        scalar.ordinary(y, slowIf);
        b.getLocal(x.float);
        b.getLocal(y.float);
        b.float('lt', x.width);
        b.getLocal(x.float);
        b.getLocal(y.float);
        b.float('eq', x.width);
        b.i32(6);
        b.integer('shl', 32);
        b.integer('or', 32);
        b.setLocal(result);
      },
      () => {
        for (const arg of [x.bits, y.bits, args[2]!]) b.push(arg);
        b.call(f.core(name));
        b.setLocal(result);
        f.checkFault();
        mode.reload();
      },
    );
    return { kind: 'val', width: 32, local: result, constant: undefined };
  };

  const value: Inline<WasmVal> = (name, args) => {
    const [, stem, suffix] = /^(.*)(S[sd])$/.exec(name) ?? [];
    const [x, y] = args as readonly Val[];
    if (suffix !== undefined && x !== undefined) {
      switch (stem) {
        case 'add':
        case 'sub':
          return scalar.sum(name, stem, x, y!);
        case 'mul':
          return scalar.product(name, x, y!);
        case 'div':
          return scalar.quotient(name, x, y!);
        case 'sqrt':
          return scalar.root(name, x);
        case 'min':
          return scalar.extreme(name, 'lt', x, y!);
        case 'max':
          return scalar.extreme(name, 'gt', x, y!);
        case 'comi':
          return comparison(name, args as readonly Val[]);
      }
    }
    if (x === undefined) return undefined;
    const [, target] = /^cvtSi2S([sd])(?:32|64)$/.exec(name) ?? [];
    if (target !== undefined) return convert.fromInteger(name, x, target === 's' ? 32 : 64);
    const [, bits] = /^cvttS[sd]2Si(32|64)$/.exec(name) ?? [];
    if (bits !== undefined) return convert.truncated(name, x, bits === '32' ? 32 : 64);
    if (name === 'cvtSs2Sd') return convert.widened(name, x);
    if (name === 'cvtSd2Ss') return convert.narrowed(name, x);
    return undefined;
  };

  const vector: Inline<WasmV128> = (name, args) => {
    const [x, y] = args as readonly V128[];
    if (x === undefined) return undefined;
    const indices = shuffles[name];
    if (indices !== undefined) {
      const immediate = constantOf(args.at(-1)!);
      if (immediate === undefined) return undefined;
      const second = args.length === 3 ? y! : x;
      b.pushVector(x);
      b.pushVector(second);
      b.simd(SimdOp.shuffle);
      b.code.bytes(indices(immediate));
      return b.takeVector();
    }
    switch (name) {
      case 'cvtDq2Ps':
        return convert.packed(name, 'f32x4.convert_i32x4_s', x);
      case 'cvttPs2Dq':
        return convert.packed(name, 'i32x4.trunc_sat_f32x4_s', x, 'f32x4');
      case 'cvttPd2Dq':
        return convert.packed(name, 'i32x4.trunc_sat_f64x2_s_zero', x, 'f64x2');
    }
    const [, stem, letter] = /^(.*)P([sd])$/.exec(name) ?? [];
    const width = letter === 's' ? 32 : 64;
    switch (stem) {
      case 'add':
      case 'sub':
        return packed.sum(name, stem, width, x, y!);
      case 'mul':
      case 'div':
        return packed.scaled(name, stem, width, x, y!);
      case 'sqrt':
        return packed.root(name, width, x);
      case 'min':
      case 'max':
        return packed.extreme(name, `p${stem}`, width, x, y!);
      case 'cmp': {
        const predicate = constantOf(args[2]!);
        return predicate === undefined
          ? undefined
          : packed.compare(name, width, x, y!, predicate & 7);
      }
    }
    return undefined;
  };

  return {
    value,
    vector,
    nothing(name, args) {
      if (name !== 'sseCheck') return x87Inline(f, name, args);
      mode.check();
      return true;
    },
  };
}
