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
import { Op } from './wasmOpcodes.ts';

type FloatWidth = 32 | 64;
type FloatVal = WasmVal & { readonly float: number };
type SlowIf = () => void;

/** Constants of a format. */
export const floatFormat = {
  32: {
    smallestNormal: 2 ** -126,
    /** An exact sum at least as large has no denormal operand, whose last bit is below the smallest normal's leading one. */
    largeSum: 2 ** -100,
    /** Two factors without these bits have a product without rounding. */
    lowHalf: 0xfffn,
  },
  64: { smallestNormal: 2 ** -1022, largeSum: 2 ** -960, lowHalf: 0x7ffffffn },
} as const;

export class FloatScalar {
  readonly #f: RegionFrame;
  readonly #mode: SseMode;

  constructor(frame: RegionFrame, mode: SseMode) {
    this.#f = frame;
    this.#mode = mode;
  }

  // -- pieces -----------------------------------------------------------------------------------

  /** The value in a float local. */
  asFloat(value: Val): FloatVal {
    if ((value as WasmVal).float !== undefined) return value as FloatVal;
    this.#f.b.pushFloat(value);
    return this.#f.b.takeFloat(value.width as FloatWidth);
  }
  #pushAbs(x: FloatVal): void {
    const { b } = this.#f;
    b.getLocal(x.float);
    b.float('abs', x.width);
  }
  #isZero(x: FloatVal, op: 'eq' | 'ne' = 'eq'): void {
    const { b } = this.#f;
    b.getLocal(x.float);
    b.floatConstant(0, x.width);
    b.float(op, x.width);
  }
  /** Pushes whether |x| is below `limit`, or x a NaN. */
  #isBelow(x: FloatVal, limit: number, op: 'ge' | 'gt' = 'ge'): void {
    const { b } = this.#f;
    this.#pushAbs(x);
    b.floatConstant(limit, x.width);
    b.float(op, x.width);
    b.op(Op.i32Eqz);
  }
  #infiniteOrNan(x: FloatVal, slowIf: SlowIf): void {
    const { b } = this.#f;
    this.#pushAbs(x);
    b.floatConstant(Infinity, x.width);
    b.float('lt', x.width);
    b.op(Op.i32Eqz);
    slowIf();
  }
  /** Slow for denormals and NaNs. */
  ordinary(x: FloatVal, slowIf: SlowIf): void {
    const f = this.#f;
    this.#isBelow(x, floatFormat[x.width as FloatWidth].smallestNormal);
    f.if();
    this.#isZero(x, 'ne');
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
    const x = this.asFloat(first);
    const y = this.asFloat(second);
    const width = x.width as FloatWidth;
    const get = (v: FloatVal): void => b.getLocal(v.float);
    get(x);
    get(y);
    b.float(op, width);
    const r = b.takeFloat(width);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        f.if();
        {
          this.isKind('other');
          slowIf();
          // (x − (r − t)) ± (y ∓ t) with t = r − x; not a number if r is not finite.
          get(r);
          get(x);
          b.float('sub', width);
          const t = b.takeFloat(width);
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
          this.#isBelow(r, floatFormat[width].largeSum);
          f.if();
          this.#isZero(x, 'ne');
          this.#isZero(y, 'ne');
          b.integer('or', 32);
          slowIf();
          f.endIf();
        }
        f.else();
        this.ordinary(x, slowIf);
        this.ordinary(y, slowIf);
        this.#infiniteOrNan(r, slowIf);
        f.endIf();
      },
      this.slow(name, [x, y], r),
    );
    return r;
  }

  product(name: string, first: Val, second: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.asFloat(first);
    const y = this.asFloat(second);
    const width = x.width as FloatWidth;
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.float('mul', width);
    const r = b.takeFloat(width);
    guarded(
      f,
      (slowIf) => {
        this.ordinary(x, slowIf);
        this.ordinary(y, slowIf);
        this.#infiniteOrNan(r, slowIf);
        this.#isBelow(r, floatFormat[width].smallestNormal, 'gt');
        f.if();
        this.#isZero(x, 'ne');
        this.#isZero(y, 'ne');
        b.integer('and', 32);
        slowIf();
        f.endIf();
        this.#mode.pushKind();
        f.if();
        this.isKind('other');
        slowIf();
        b.push(x);
        b.push(y);
        b.integer('or', width);
        if (width === 64) b.op(Op.i32WrapI64);
        b.i32(Number(floatFormat[width].lowHalf));
        b.integer('and', 32);
        slowIf();
        f.endIf();
      },
      this.slow(name, [x, y], r),
    );
    return r;
  }

  /** Quotients are seldom exact: the helper finds out. */
  quotient(name: string, first: Val, second: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.asFloat(first);
    const y = this.asFloat(second);
    const width = x.width as FloatWidth;
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.float('div', width);
    const r = b.takeFloat(width);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        this.ordinary(x, slowIf);
        this.#isBelow(y, floatFormat[width].smallestNormal);
        slowIf();
        this.#infiniteOrNan(r, slowIf);
        this.#isBelow(r, floatFormat[width].smallestNormal, 'gt');
        f.if();
        this.#isZero(x, 'ne');
        slowIf();
        f.endIf();
      },
      this.slow(name, [x, y], r),
    );
    return r;
  }

  root(name: string, operand: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.asFloat(operand);
    const width = x.width as FloatWidth;
    b.getLocal(x.float);
    b.float('sqrt', width);
    const r = b.takeFloat(width);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        b.getLocal(x.float);
        b.floatConstant(floatFormat[width].smallestNormal, width);
        b.float('ge', width);
        b.op(Op.i32Eqz);
        slowIf();
        this.#infiniteOrNan(x, slowIf);
      },
      this.slow(name, [x], r),
    );
    return r;
  }

  /** MINSx, MAXSx: the second operand unless the first compares so. */
  extreme(name: string, op: 'lt' | 'gt', first: Val, second: Val): FloatVal {
    const f = this.#f;
    const { b } = f;
    const x = this.asFloat(first);
    const y = this.asFloat(second);
    const width = x.width as FloatWidth;
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.getLocal(x.float);
    b.getLocal(y.float);
    b.float(op, width);
    b.op(Op.select);
    const r = b.takeFloat(width);
    guarded(
      f,
      (slowIf) => {
        this.ordinary(x, slowIf);
        this.ordinary(y, slowIf);
      },
      this.slow(name, [x, y], r),
    );
    return r;
  }
}
