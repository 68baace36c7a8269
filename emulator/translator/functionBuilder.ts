/** Code and locals of one wasm function, and the values that live in its locals. */
import type { Cond, In, V128, Val, Var, Width } from '../isa/dsl.ts';
import { FloatOp, IntegerOp, Op, SimdOp, ValueType } from './wasmOpcodes.ts';
import { WasmWriter } from './wasmWriter.ts';

/** A value in a local, or a constant. Narrow values are i32, zero-extended. */
export interface WasmVal extends Val {
  readonly local: number;
  readonly constant: bigint | undefined;
  /** The bits are those of a float local of the same width; `local` is -1. */
  readonly float?: number;
}
export interface WasmCond extends Cond {
  readonly local: number;
  readonly constant: boolean | undefined;
}
export interface WasmV128 extends V128 {
  readonly local: number;
}
export interface WasmVar extends Var {
  readonly local: number;
}

/** Position of a branch in a function's code, and where it goes (WebAssembly branch hinting proposal). */
export interface BranchHint {
  readonly at: number;
  readonly likely: boolean;
}

const maskOf = (width: number): bigint => (1n << BigInt(width)) - 1n;
export const typeOf = (width: number): ValueType => (width === 64 ? ValueType.i64 : ValueType.i32);

export class FunctionBuilder {
  readonly code = new WasmWriter(32 * 1024);
  readonly #parameters: number;
  readonly #types: ValueType[] = [];
  readonly #free = new Map<ValueType, number[]>();
  /** Temporaries of the instruction under way. */
  readonly #temporary: number[] = [];
  /** Branches that are known to go one way nearly always. */
  readonly #hints: BranchHint[] = [];

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** Hints so far, with positions in `code`. */
  get hints(): readonly BranchHint[] {
    return this.#hints;
  }

  /** Runs of locals for the function's body. */
  get locals(): (readonly [number, ValueType])[] {
    return this.#types.map((type) => [1, type] as const);
  }

  /** A local that keeps its meaning through the function. */
  permanent(type: ValueType): number {
    return this.#parameters + this.#types.push(type) - 1;
  }

  /** A local until `releaseTemporaries`. */
  temporary(type: ValueType): number {
    const local = this.#free.get(type)?.pop() ?? this.permanent(type);
    this.#temporary.push(local);
    return local;
  }

  releaseTemporaries(): void {
    for (const local of this.#temporary) {
      const type = this.#types[local - this.#parameters]!;
      const list = this.#free.get(type);
      if (list) list.push(local);
      else this.#free.set(type, [local]);
    }
    this.#temporary.length = 0;
  }

  // -- instructions -----------------------------------------------------------------------------

  op(opcode: number): void {
    this.code.byte(opcode);
  }
  /** An `if` or `br_if` that is nearly always, or nearly never, taken. */
  hinted(opcode: number, likely: boolean): void {
    this.#hints.push({ at: this.code.length, likely });
    this.code.byte(opcode);
  }
  getLocal(local: number): void {
    this.code.byte(Op.localGet);
    this.code.u32(local);
  }
  setLocal(local: number): void {
    this.code.byte(Op.localSet);
    this.code.u32(local);
  }
  teeLocal(local: number): void {
    this.code.byte(Op.localTee);
    this.code.u32(local);
  }
  i32(value: number): void {
    this.code.byte(Op.i32Const);
    this.code.s32(value);
  }
  i64(value: bigint | number): void {
    this.code.byte(Op.i64Const);
    this.code.s64(value);
  }
  call(index: number): void {
    this.code.byte(Op.call);
    this.code.u32(index);
  }
  returnCall(index: number): void {
    this.code.byte(Op.returnCall);
    this.code.u32(index);
  }
  /** A load or store with its static offset; no alignment is promised. */
  memory(opcode: number, offset: number): void {
    this.code.byte(opcode);
    this.code.byte(0);
    this.code.u32(offset);
  }
  simd(opcode: number): void {
    this.code.byte(Op.simdPrefix);
    this.code.u32(opcode);
  }
  simdMemory(opcode: number, offset: number): void {
    this.simd(opcode);
    this.code.byte(0);
    this.code.u32(offset);
  }
  integer(op: IntegerOp, width: number): void {
    this.code.byte(IntegerOp[op][width === 64 ? 1 : 0]);
  }
  float(op: FloatOp, width: number): void {
    this.code.byte(FloatOp[op][width === 64 ? 1 : 0]);
  }
  floatConstant(value: number, width: number): void {
    const bytes = new DataView(new ArrayBuffer(8));
    if (width === 64) bytes.setFloat64(0, value, true);
    else bytes.setFloat32(0, value, true);
    this.op(width === 64 ? Op.f64Const : Op.f32Const);
    this.code.bytes(new Uint8Array(bytes.buffer, 0, width / 8));
  }

  // -- values -----------------------------------------------------------------------------------

  constant(value: number | bigint, width: Width): WasmVal {
    return { kind: 'val', width, local: -1, constant: BigInt(value) & maskOf(width) };
  }
  boolean(value: boolean): WasmCond {
    return { kind: 'cond', local: -1, constant: value };
  }
  /** Takes the value on the stack. */
  take(width: Width): WasmVal {
    const local = this.temporary(typeOf(width));
    this.setLocal(local);
    return { kind: 'val', width, local, constant: undefined };
  }
  /** Takes the float on the stack, as the integer of its bits. */
  takeFloat(width: 32 | 64): WasmVal & { readonly float: number } {
    const float = this.temporary(width === 64 ? ValueType.f64 : ValueType.f32);
    this.setLocal(float);
    return { kind: 'val', width, local: -1, constant: undefined, float };
  }
  /** Pushes the float whose bits the value is. */
  pushFloat(value: Val): void {
    const { float, width } = value as WasmVal;
    if (float !== undefined) this.getLocal(float);
    else {
      this.push(value);
      this.float('fromBits', width);
    }
  }
  takeCond(): WasmCond {
    const local = this.temporary(ValueType.i32);
    this.setLocal(local);
    return { kind: 'cond', local, constant: undefined };
  }
  takeVector(): WasmV128 {
    const local = this.temporary(ValueType.v128);
    this.setLocal(local);
    return { kind: 'v128', local };
  }

  push(value: Val): void {
    const { local, constant, width, float } = value as WasmVal;
    if (float !== undefined) {
      this.getLocal(float);
      this.float('toBits', width);
    } else if (constant === undefined) this.getLocal(local);
    else if (width === 64) this.i64(constant);
    else this.i32(Number(BigInt.asIntN(32, constant)));
  }
  /** Pushes with a number taking `width`. */
  pushIn(value: In, width: Width): void {
    this.push(this.in(value, width));
  }
  in(value: In, width: Width): WasmVal {
    if (typeof value === 'object') return value as WasmVal;
    return this.constant(value, width);
  }
  pushCond(cond: Cond): void {
    const { local, constant } = cond as WasmCond;
    if (constant === undefined) this.getLocal(local);
    else this.i32(constant ? 1 : 0);
  }
  pushVector(value: V128): void {
    this.getLocal((value as WasmV128).local);
  }
  /** Pushes zero-extended to i64. */
  push64(value: Val): void {
    const { constant, width } = value as WasmVal;
    if (constant !== undefined) this.i64(constant);
    else {
      this.push(value);
      if (width !== 64) this.op(Op.i64ExtendI32U);
    }
  }
  /** Pushes the low bits as i32, whatever the width. */
  push32(value: Val): void {
    const { constant, width } = value as WasmVal;
    if (constant !== undefined) this.i32(Number(BigInt.asIntN(32, constant)));
    else {
      this.push(value);
      if (width === 64) this.op(Op.i32WrapI64);
    }
  }
  /** Pushes sign-extended to the value's wasm type. */
  pushSigned(value: Val): void {
    const { constant, width } = value as WasmVal;
    if (constant !== undefined) {
      const signed = BigInt.asIntN(width, constant);
      if (width === 64) this.i64(signed);
      else this.i32(Number(signed));
      return;
    }
    this.push(value);
    if (width === 8) this.op(Op.i32Extend8S);
    else if (width === 16) this.op(Op.i32Extend16S);
  }
  /** Pushes sign-extended to i64. */
  pushSigned64(value: Val): void {
    const { constant, width } = value as WasmVal;
    if (constant !== undefined) this.i64(BigInt.asIntN(width, constant));
    else {
      this.pushSigned(value);
      if (width !== 64) this.op(Op.i64ExtendI32S);
    }
  }
  /** Masks the i32 on the stack to a narrow width. */
  wrap(width: number): void {
    if (width >= 32) return;
    this.i32(width === 8 ? 0xff : 0xffff);
    this.integer('and', 32);
  }
  vectorConstant(low: bigint, high: bigint): void {
    this.simd(SimdOp.const);
    this.code.fixed64(BigInt.asUintN(64, low));
    this.code.fixed64(BigInt.asUintN(64, high));
  }
}
