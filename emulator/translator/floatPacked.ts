/** Packed SSE arithmetic by wasm's, lane for lane under the conditions of floatScalar.ts; else the core's helper. */
import type { V128 } from '../isa/dsl.ts';
import { floatFormat } from './floatScalar.ts';
import type { WasmV128 } from './functionBuilder.ts';
import { guarded } from './guardedPath.ts';
import type { RegionFrame } from './regionFrame.ts';
import { mxcsrKind, type SseMode } from './sseMode.ts';
import { Op, simdOpcodes } from './wasmOpcodes.ts';

type FloatWidth = 32 | 64;
type Push = () => void;

const shapeOf = { 32: 'f32x4', 64: 'f64x2' } as const;

export class FloatPacked {
  readonly #f: RegionFrame;
  readonly #mode: SseMode;

  constructor(frame: RegionFrame, mode: SseMode) {
    this.#f = frame;
    this.#mode = mode;
  }

  // -- pieces: functions that push a vector -----------------------------------------------------

  #get(v: V128): Push {
    return () => this.#f.b.pushVector(v);
  }
  #apply(op: string, ...args: Push[]): Push {
    return () => {
      for (const arg of args) arg();
      this.#f.b.simd(simdOpcodes.get(op)!);
    };
  }
  #constant(value: number, width: FloatWidth): Push {
    const bytes = new DataView(new ArrayBuffer(8));
    if (width === 64) bytes.setFloat64(0, value, true);
    else {
      bytes.setFloat32(0, value, true);
      bytes.setFloat32(4, value, true);
    }
    const half = bytes.getBigUint64(0, true);
    return () => this.#f.b.vectorConstant(half, half);
  }
  #bits(half: bigint): Push {
    return () => this.#f.b.vectorConstant(half, half);
  }
  /** Neither NaN nor denormal, lane by lane. */
  #ordinary(v: V128, width: FloatWidth): Push {
    const shape = shapeOf[width];
    const least = this.#constant(floatFormat[width].smallestNormal, width);
    return this.#apply(
      'v128.or',
      this.#apply(`${shape}.ge`, this.#apply(`${shape}.abs`, this.#get(v)), least),
      this.#apply(`${shape}.eq`, this.#get(v), this.#bits(0n)),
    );
  }
  #finite(v: V128, width: FloatWidth): Push {
    const shape = shapeOf[width];
    return this.#apply(
      `${shape}.lt`,
      this.#apply(`${shape}.abs`, this.#get(v)),
      this.#constant(Infinity, width),
    );
  }
  /** Pushes whether a lane of the mask is not set. */
  #someFalse(mask: Push, width: FloatWidth): void {
    const { b } = this.#f;
    mask();
    b.simd(simdOpcodes.get(width === 64 ? 'i64x2.all_true' : 'i32x4.all_true')!);
    b.op(Op.i32Eqz);
  }
  #isKind(kind: keyof typeof mxcsrKind): void {
    const { b } = this.#f;
    this.#mode.pushKind();
    b.i32(mxcsrKind[kind]);
    b.integer('eq', 32);
  }
  #keep(value: Push): WasmV128 {
    value();
    return this.#f.b.takeVector();
  }
  #slow(name: string, args: readonly (() => void)[], result: WasmV128): () => void {
    return () => {
      const f = this.#f;
      for (const arg of args) arg();
      f.b.call(f.core(name));
      f.b.setLocal(result.local);
      f.checkFault();
      this.#mode.reload();
    };
  }

  // -- operations -------------------------------------------------------------------------------

  sum(name: string, op: 'add' | 'sub', width: FloatWidth, x: V128, y: V128): WasmV128 {
    const f = this.#f;
    const shape = shapeOf[width];
    const r = this.#keep(this.#apply(`${shape}.${op}`, this.#get(x), this.#get(y)));
    const [getX, getY, getR] = [this.#get(x), this.#get(y), this.#get(r)];
    guarded(
      f,
      (slowIf) => {
        this.#mode.pushKind();
        f.if();
        {
          this.#isKind('other');
          slowIf();
          const t = this.#get(this.#keep(this.#apply(`${shape}.sub`, getR, getX)));
          const error = this.#apply(
            `${shape}.${op}`,
            this.#apply(`${shape}.sub`, getX, this.#apply(`${shape}.sub`, getR, t)),
            this.#apply(`${shape}.${op === 'add' ? 'sub' : 'add'}`, getY, t),
          );
          const exact = this.#apply(`${shape}.eq`, error, this.#bits(0n));
          const large = this.#apply(
            `${shape}.ge`,
            this.#apply(`${shape}.abs`, getR),
            this.#constant(floatFormat[width].largeSum, width),
          );
          const zeros = this.#apply(
            `${shape}.eq`,
            this.#apply('v128.or', getX, getY),
            this.#bits(0n),
          );
          this.#someFalse(
            this.#apply('v128.and', exact, this.#apply('v128.or', large, zeros)),
            width,
          );
          slowIf();
        }
        f.else();
        this.#someFalse(
          this.#apply(
            'v128.and',
            this.#apply('v128.and', this.#ordinary(x, width), this.#ordinary(y, width)),
            this.#finite(r, width),
          ),
          width,
        );
        slowIf();
        f.endIf();
      },
      this.#slow(name, [getX, getY], r),
    );
    return r;
  }

  /** Products, and quotients if MXCSR is plain. A zero factor is the helper's. */
  scaled(name: string, op: 'mul' | 'div', width: FloatWidth, x: V128, y: V128): WasmV128 {
    const f = this.#f;
    const { b } = f;
    const shape = shapeOf[width];
    const r = this.#keep(this.#apply(`${shape}.${op}`, this.#get(x), this.#get(y)));
    const abs = (v: V128): Push => this.#apply(`${shape}.abs`, this.#get(v));
    guarded(
      f,
      (slowIf) => {
        if (op === 'div') {
          this.#mode.pushKind();
          slowIf();
        }
        // pmin gives its first operand for a NaN; then the result is one, and not finite.
        const least = this.#apply(
          `${shape}.pmin`,
          this.#apply(`${shape}.pmin`, abs(x), abs(y)),
          abs(r),
        );
        const smallest = this.#constant(floatFormat[width].smallestNormal, width);
        this.#someFalse(
          this.#apply(
            'v128.and',
            this.#apply(`${shape}.gt`, least, smallest),
            this.#finite(r, width),
          ),
          width,
        );
        slowIf();
        if (op === 'div') return;
        this.#mode.pushKind();
        f.if();
        this.#isKind('other');
        slowIf();
        const { lowHalf } = floatFormat[width];
        this.#apply(
          'v128.and',
          this.#apply('v128.or', this.#get(x), this.#get(y)),
          this.#bits(width === 64 ? lowHalf : lowHalf * 0x100000001n),
        )();
        b.simd(simdOpcodes.get('v128.any_true')!);
        slowIf();
        f.endIf();
      },
      this.#slow(name, [this.#get(x), this.#get(y)], r),
    );
    return r;
  }

  root(name: string, width: FloatWidth, x: V128): WasmV128 {
    const shape = shapeOf[width];
    const r = this.#keep(this.#apply(`${shape}.sqrt`, this.#get(x)));
    guarded(
      this.#f,
      (slowIf) => {
        this.#mode.pushKind();
        slowIf();
        const least = this.#constant(floatFormat[width].smallestNormal, width);
        this.#someFalse(
          this.#apply(
            'v128.and',
            this.#apply(`${shape}.ge`, this.#get(x), least),
            this.#finite(x, width),
          ),
          width,
        );
        slowIf();
      },
      this.#slow(name, [this.#get(x)], r),
    );
    return r;
  }

  /** What needs no rounding, of operands that are no NaNs or denormals: minimum, maximum, comparison. */
  exactly(
    name: string,
    width: FloatWidth,
    x: V128,
    y: V128,
    result: Push,
    ...more: Push[]
  ): WasmV128 {
    const r = this.#keep(result);
    guarded(
      this.#f,
      (slowIf) => {
        this.#someFalse(
          this.#apply('v128.and', this.#ordinary(x, width), this.#ordinary(y, width)),
          width,
        );
        slowIf();
      },
      this.#slow(name, [this.#get(x), this.#get(y), ...more], r),
    );
    return r;
  }

  /** MINPx, MAXPx: wasm's pseudo-minimum has its operands the other way round. */
  extreme(name: string, op: 'pmin' | 'pmax', width: FloatWidth, x: V128, y: V128): WasmV128 {
    const result = this.#apply(`${shapeOf[width]}.${op}`, this.#get(y), this.#get(x));
    return this.exactly(name, width, x, y, result);
  }

  /** CMPPS, CMPPD with a predicate of SDM 2A table 3-1. */
  compare(name: string, width: FloatWidth, x: V128, y: V128, predicate: number): WasmV128 {
    const relation = (['eq', 'lt', 'le'] as const)[predicate & 3];
    const holds =
      relation === undefined
        ? this.#bits(0n)
        : this.#apply(`${shapeOf[width]}.${relation}`, this.#get(x), this.#get(y));
    const result = predicate & 4 ? this.#apply('v128.not', holds) : holds;
    return this.exactly(name, width, x, y, result, () => this.#f.b.i32(predicate));
  }
}
