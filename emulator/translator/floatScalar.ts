/**
 * Scalar SSE arithmetic by the host's, where that gives the guest's result and the same MXCSR: the core's helper does the
 * rest (cpu/sseArithmetic.ts, which argues with the same words).
 *
 * With PE set, a finite operation on numbers that are no denormals leaves no trace but its result, unless the result may be
 * tiny. With PE clear the result also has to be exact: for sums the rounding error is computed (Knuth's two-sum, TAOCP 2
 * §4.2.2), factors must have few enough bits.
 */
import type { Val } from '../isa/dsl.ts';
import type { WasmVal } from './functionBuilder.ts';
import { guarded } from './guardedPath.ts';
import type { RegionFrame } from './regionFrame.ts';
import { mxcsrKind, type SseMode } from './sseMode.ts';
import { Op, type FloatOp } from './wasmOpcodes.ts';

type FloatWidth = 32 | 64;
type FloatVal = WasmVal & { readonly float: number };
type SlowIf = () => void;

/** An operand as float local and as integer. */
export interface FloatOperand {
  readonly width: FloatWidth;
  readonly float: number;
  readonly bits: Val;
}

/** Constants of a format. */
export const floatFormat = {
  32: {
    fractionBits: 23,
    exponentMask: 0xff,
    smallestNormal: 2 ** -126,
    /** An exact sum at least as large has no denormal operand, whose last bit is below the smallest normal's leading one. */
    largeSum: 2 ** -100,
    largeExponent: 127 - 100,
    /** Two factors without these bits have a product without rounding. */
    lowHalf: 0xfffn,
  },
  64: {
    fractionBits: 52,
    exponentMask: 0x7ff,
    smallestNormal: 2 ** -1022,
    largeSum: 2 ** -960,
    largeExponent: 1023 - 960,
    lowHalf: 0x7ffffffn,
  },
} as const;

export class FloatScalar {
  readonly #f: RegionFrame;
  readonly #mode: SseMode;

  constructor(frame: RegionFrame, mode: SseMode) {
    this.#f = frame;
    this.#mode = mode;
  }

  // -- pieces -----------------------------------------------------------------------------------

  operand(value: Val): FloatOperand {
    const width = value.width as FloatWidth;
    const { float } = value as WasmVal;
    if (float !== undefined) return { width, float, bits: value };
    this.#f.b.pushFloat(value);
    return { width, float: this.#f.b.takeFloat(width).float, bits: value };
  }
  /** Applies an operator to two operands. */
  #result(op: FloatOp, x: FloatOperand, y: FloatOperand): FloatVal & FloatOperand {
    const { b } = this.#f;
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.float(op, x.width);
    return this.#take(x.width);
  }
  #take(width: FloatWidth): FloatVal & FloatOperand {
    const value = this.#f.b.takeFloat(width);
    return { ...value, width, bits: value };
  }
  #isNotZero(x: FloatOperand): void {
    const { b } = this.#f;
    b.getLocal(x.float);
    b.floatConstant(0, x.width);
    b.float('ne', x.width);
  }
  /** Pushes the biased exponent, with the sign above it. */
  #pushExponent(x: FloatOperand): void {
    const { b } = this.#f;
    b.push(x.bits);
    if (x.width === 64) b.i64(floatFormat[64].fractionBits);
    else b.i32(floatFormat[32].fractionBits);
    b.integer('shrU', x.width);
    if (x.width === 64) b.op(Op.i32WrapI64);
  }
  /** Pushes whether the exponent is below `least` or that of infinities and NaNs. */
  #isOutside(x: FloatOperand, least: number): void {
    const { b } = this.#f;
    const { exponentMask } = floatFormat[x.width];
    this.#pushExponent(x);
    b.i32(exponentMask);
    b.integer('and', 32);
    b.i32(least);
    b.integer('sub', 32);
    b.i32(exponentMask - least);
    b.integer('geU', 32);
  }
  /** Slow for denormals, infinities and NaNs. */
  ordinary(x: FloatOperand, slowIf: SlowIf): void {
    const f = this.#f;
    const { b } = f;
    this.#pushExponent(x);
    b.i32(1);
    b.integer('add', 32);
    b.i32(floatFormat[x.width].exponentMask - 1);
    b.integer('and', 32);
    b.op(Op.i32Eqz);
    f.if(false);
    this.#isNotZero(x);
    slowIf();
    f.endIf();
  }
  /** Pushes whether MXCSR is of the kind. */
  isKind(kind: keyof typeof mxcsrKind): void {
    const { b } = this.#f;
    this.#mode.pushKind();
    b.i32(mxcsrKind[kind]);
    b.integer('eq', 32);
  }
  /** Calls the helper itself. */
  slow(name: string, args: readonly Val[], result: FloatVal): () => void {
    return () => {
      const f = this.#f;
      for (const arg of args) f.b.push(arg);
      f.b.call(f.core(name));
      f.b.float('fromBits', result.width);
      f.b.setLocal(result.float);
      f.checkFault();
      this.#mode.reload();
    };
  }

  // -- operations -------------------------------------------------------------------------------

  /** a + b or a − b. */
  sum(name: string, op: 'add' | 'sub', first: Val, second: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.operand(first);
    const y = this.operand(second);
    const { width } = x;
    const { exponentMask, largeExponent } = floatFormat[width];
    const get = (v: FloatOperand): void => b.getLocal(v.float);
    const r = this.#result(op, x, y);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        f.if();
        {
          this.isKind('other');
          slowIf();
          // (x − (r − t)) ± (y ∓ t) with t = r − x; not a number if r is not finite.
          const t = this.#result('sub', r, x);
          get(x);
          get(r);
          get(t);
          b.float('sub', width);
          b.float('sub', width);
          get(y);
          get(t);
          b.float(op === 'add' ? 'sub' : 'add', width);
          b.float(op, width);
          b.floatConstant(0, width);
          b.float('ne', width);
          slowIf();
          this.#isOutside(r, largeExponent);
          f.if(false);
          this.#isNotZero(x);
          this.#isNotZero(y);
          b.integer('or', 32);
          slowIf();
          f.endIf();
        }
        f.else();
        this.ordinary(x, slowIf);
        this.ordinary(y, slowIf);
        this.#pushExponent(r);
        b.i32(exponentMask);
        b.integer('and', 32);
        b.i32(exponentMask);
        b.integer('eq', 32);
        slowIf();
        f.endIf();
      },
      this.slow(name, [x.bits, y.bits], r),
    );
    return r;
  }

  product(name: string, first: Val, second: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.operand(first);
    const y = this.operand(second);
    const { width } = x;
    const r = this.#result('mul', x, y);
    guarded(
      f,
      (slowIf) => {
        this.ordinary(x, slowIf);
        this.ordinary(y, slowIf);
        this.#isOutside(r, 2);
        f.if(false);
        this.#isNotZero(x);
        this.#isNotZero(y);
        b.integer('and', 32);
        slowIf();
        f.endIf();
        this.#mode.pushKind();
        f.if();
        this.isKind('other');
        slowIf();
        b.push(x.bits);
        b.push(y.bits);
        b.integer('or', width);
        if (width === 64) b.op(Op.i32WrapI64);
        b.i32(Number(floatFormat[width].lowHalf));
        b.integer('and', 32);
        slowIf();
        f.endIf();
      },
      this.slow(name, [x.bits, y.bits], r),
    );
    return r;
  }

  /** Quotients are seldom exact: the helper finds out. */
  quotient(name: string, first: Val, second: Val): FloatVal {
    const f = this.#f;
    const x = this.operand(first);
    const y = this.operand(second);
    const r = this.#result('div', x, y);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        this.ordinary(x, slowIf);
        this.#isOutside(y, 1);
        slowIf();
        this.#isOutside(r, 2);
        f.if(false);
        this.#isNotZero(x);
        slowIf();
        f.endIf();
      },
      this.slow(name, [x.bits, y.bits], r),
    );
    return r;
  }

  root(name: string, operand: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.operand(operand);
    const { width } = x;
    b.getLocal(x.float);
    b.float('sqrt', width);
    const r = this.#take(width);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        b.getLocal(x.float);
        b.floatConstant(0, width);
        b.float('lt', width);
        slowIf();
        this.#isOutside(x, 1);
        slowIf();
      },
      this.slow(name, [x.bits], r),
    );
    return r;
  }

  /** MINSx, MAXSx: the second operand unless the first compares so. */
  extreme(name: string, op: 'lt' | 'gt', first: Val, second: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.operand(first);
    const y = this.operand(second);
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.float(op, x.width);
    b.op(Op.select);
    const r = this.#take(x.width);
    guarded(
      f,
      (slowIf) => {
        this.ordinary(x, slowIf);
        this.ordinary(y, slowIf);
      },
      this.slow(name, [x.bits, y.bits], r),
    );
    return r;
  }
}
