/** SSE conversions by wasm's, where MXCSR cannot tell the difference; else the core's helper (cpu/sseConvert.ts). */
import type { V128, Val } from '../isa/dsl.ts';
import { floatFormat, type FloatScalar } from './floatScalar.ts';
import type { WasmV128, WasmVal } from './functionBuilder.ts';
import { guarded } from './guardedPath.ts';
import type { RegionFrame } from './regionFrame.ts';
import type { SseMode } from './sseMode.ts';
import { Op, ValueType, simdOpcodes } from './wasmOpcodes.ts';

type FloatWidth = 32 | 64;

/** i32.trunc_sat_f32_s and its like, behind the prefix. */
const truncate = { 32: { 32: 0, 64: 4 }, 64: { 32: 2, 64: 6 } } as const;

export class FloatConvert {
  readonly #f: RegionFrame;
  readonly #mode: SseMode;
  readonly #scalar: FloatScalar;

  constructor(frame: RegionFrame, mode: SseMode, scalar: FloatScalar) {
    this.#f = frame;
    this.#mode = mode;
    this.#scalar = scalar;
  }

  /** An integer of 32 or 64 bits to a float. */
  fromInteger(name: string, value: Val, width: FloatWidth): WasmVal {
    const f = this.#f;
    const { b } = f;
    b.push(value);
    b.float(value.width === 64 ? 'convertI64' : 'convertI32', width);
    const r = b.takeFloat(width);
    const bits = width === 64 ? 53 : 24;
    if (value.width <= bits) return r;
    guarded(
      f,
      (slowIf) => {
        // Up to so many bits it is exact.
        this.#mode.pushKind();
        f.if();
        b.pushSigned64(value);
        b.i64(1n << BigInt(bits - 1));
        b.integer('add', 64);
        b.i64(1n << BigInt(bits));
        b.integer('gtU', 64);
        slowIf();
        f.endIf();
      },
      this.#scalar.slow(name, [value], r),
    );
    return r;
  }

  /** A float to an integer of `bits`, truncated. */
  truncated(name: string, value: Val, bits: 32 | 64): WasmVal {
    const f = this.#f;
    const { b } = f;
    const x = this.#scalar.operand(value);
    const { width } = x;
    const result = b.temporary(bits === 64 ? ValueType.i64 : ValueType.i32);
    const limit = 2 ** (bits - 1);
    guarded(
      f,
      (slowIf) => {
        b.getLocal(x.float);
        b.floatConstant(-limit, width);
        b.float('ge', width);
        b.getLocal(x.float);
        b.floatConstant(limit, width);
        b.float('lt', width);
        b.integer('and', 32);
        b.op(Op.i32Eqz);
        slowIf();
        b.getLocal(x.float);
        b.op(Op.miscPrefix);
        b.op(truncate[width][bits]);
        b.setLocal(result);
        this.#mode.pushKind();
        f.if();
        b.getLocal(result);
        b.float(bits === 64 ? 'convertI64' : 'convertI32', width);
        b.getLocal(x.float);
        b.float('ne', width);
        slowIf();
        f.endIf();
      },
      () => {
        b.push(x.bits);
        b.call(f.core(name));
        b.setLocal(result);
        f.checkFault();
        this.#mode.reload();
      },
    );
    return { kind: 'val', width: bits, local: result, constant: undefined };
  }

  /** CVTSS2SD. */
  widened(name: string, value: Val): WasmVal {
    const f = this.#f;
    const { b } = f;
    const x = this.#scalar.operand(value);
    b.getLocal(x.float);
    b.op(Op.f64PromoteF32);
    const r = b.takeFloat(64);
    guarded(f, (slowIf) => this.#scalar.ordinary(x, slowIf), this.#scalar.slow(name, [x.bits], r));
    return r;
  }

  /** CVTSD2SS. */
  narrowed(name: string, value: Val): WasmVal {
    const f = this.#f;
    const { b } = f;
    const x = this.#scalar.operand(value);
    b.getLocal(x.float);
    b.op(Op.f32DemoteF64);
    const r = b.takeFloat(32);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        b.getLocal(r.float);
        b.float('abs', 32);
        b.floatConstant(floatFormat[32].smallestNormal, 32);
        b.float('gt', 32);
        b.getLocal(r.float);
        b.float('abs', 32);
        b.floatConstant(Infinity, 32);
        b.float('lt', 32);
        b.integer('and', 32);
        b.op(Op.i32Eqz);
        slowIf();
      },
      this.#scalar.slow(name, [x.bits], r),
    );
    return r;
  }

  /** A packed conversion that wasm has as `op`, if MXCSR is plain and all lanes of the operand are in range. */
  packed(name: string, op: string, x: V128, range?: 'f32x4' | 'f64x2'): WasmV128 {
    const f = this.#f;
    const { b } = f;
    const result = b.temporary(ValueType.v128);
    const simd = (operator: string): void => b.simd(simdOpcodes.get(operator)!);
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        if (range !== undefined) {
          const halves = (value: number): void => {
            const bytes = new DataView(new ArrayBuffer(8));
            if (range === 'f64x2') bytes.setFloat64(0, value, true);
            else for (const at of [0, 4]) bytes.setFloat32(at, value, true);
            const half = bytes.getBigUint64(0, true);
            b.vectorConstant(half, half);
          };
          b.pushVector(x);
          halves(-(2 ** 31));
          simd(`${range}.ge`);
          b.pushVector(x);
          halves(2 ** 31);
          simd(`${range}.lt`);
          simd('v128.and');
          simd(range === 'f64x2' ? 'i64x2.all_true' : 'i32x4.all_true');
          b.op(Op.i32Eqz);
          slowIf();
        }
        b.pushVector(x);
        simd(op);
        b.setLocal(result);
      },
      () => {
        b.pushVector(x);
        b.call(f.core(name));
        b.setLocal(result);
        f.checkFault();
        this.#mode.reload();
      },
    );
    return { kind: 'v128', local: result };
  }
}
