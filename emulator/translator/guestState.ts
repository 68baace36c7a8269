/**
 * Guest registers of a region in wasm locals, loaded at its start. The state block has them too but for those that are
 * *dirty*: written since they were last stored. Which these are is known at translation time at every point.
 */
import { OFF_FLAG_CARRY, OFF_FLAG_RESULT, OFF_GPR, OFF_XMM } from '../cpu/layout.ts';
import { typeOf, type FunctionBuilder } from './functionBuilder.ts';
import { Op, SimdOp, ValueType } from './wasmOpcodes.ts';

/** Locals. */
export interface FlagOperands {
  readonly a: number;
  readonly b: number;
  readonly result: number;
}

/** Registers as bits. */
export interface RegisterSet {
  readonly gpr: number;
  readonly xmm: number;
}
export const nothingDirty: RegisterSet = { gpr: 0, xmm: 0 };

export class GuestState {
  readonly #b: FunctionBuilder;
  readonly #cpu: number;
  readonly #gpr: (number | undefined)[] = new Array<undefined>(16).fill(undefined);
  readonly #xmm: (number | undefined)[] = new Array<undefined>(16).fill(undefined);
  #dirty = nothingDirty;
  /** Bits of the locals of general registers: those of the code's mode. */
  readonly width: 32 | 64;
  /** The two flag words of cpu/flags.ts: carry and result. */
  readonly carryWord: number;
  readonly resultWord: number;
  /** Operands that flags will be computed from: for widths up to 32 and for 64. */
  readonly narrow: FlagOperands;
  readonly wide: FlagOperands;

  /** `cpu`: wasm address of the state block. */
  constructor(b: FunctionBuilder, cpu: number, is64: boolean) {
    this.#b = b;
    this.#cpu = cpu;
    this.width = is64 ? 64 : 32;
    this.carryWord = b.permanent(ValueType.i64);
    this.resultWord = b.permanent(ValueType.i64);
    const operands = (type: ValueType): FlagOperands => ({
      a: b.permanent(type),
      b: b.permanent(type),
      result: b.permanent(type),
    });
    this.narrow = operands(ValueType.i32);
    this.wide = is64 ? operands(ValueType.i64) : this.narrow;
  }

  /** Locals of all flags: operands (result, a, b of the narrow ones, and in 64-bit code of the wide), carry and result words. */
  get flagLocals(): readonly number[] {
    const { narrow, wide } = this;
    return [
      ...[narrow.result, narrow.a, narrow.b],
      ...(this.width === 64 ? [wide.result, wide.a, wide.b] : []),
      ...[this.carryWord, this.resultWord],
    ];
  }

  gpr(number: number): number {
    return (this.#gpr[number] ??= this.#b.permanent(typeOf(this.width)));
  }
  /** The local, for writing. */
  dirtyGpr(number: number): number {
    this.#dirty = { ...this.#dirty, gpr: this.#dirty.gpr | (1 << number) };
    return this.gpr(number);
  }
  xmm(number: number): number {
    return (this.#xmm[number] ??= this.#b.permanent(ValueType.v128));
  }
  dirtyXmm(number: number): number {
    this.#dirty = { ...this.#dirty, xmm: this.#dirty.xmm | (1 << number) };
    return this.xmm(number);
  }

  /** Emits loads of all registers in use. */
  load(): void {
    const b = this.#b;
    this.#gpr.forEach((local, i) => {
      if (local === undefined) return;
      b.i32(0);
      b.memory(this.width === 64 ? Op.i64Load : Op.i32Load, this.#cpu + OFF_GPR + 8 * i);
      b.setLocal(local);
    });
    this.#xmm.forEach((local, i) => {
      if (local === undefined) return;
      b.i32(0);
      b.simdMemory(SimdOp.load, this.#cpu + OFF_XMM + 16 * i);
      b.setLocal(local);
    });
  }

  loadFlags(): void {
    const b = this.#b;
    b.i32(this.#cpu);
    b.memory(Op.i64Load, OFF_FLAG_CARRY);
    b.setLocal(this.carryWord);
    b.i32(this.#cpu);
    b.memory(Op.i64Load, OFF_FLAG_RESULT);
    b.setLocal(this.resultWord);
  }

  /** What is dirty at the point of emission. Where ways meet they must agree, or have more of it. */
  get dirty(): RegisterSet {
    return this.#dirty;
  }
  set dirty(set: RegisterSet) {
    this.#dirty = set;
    // They have locals, even if what writes them is not emitted yet.
    for (let i = 0; i < 16; i++) {
      if (set.gpr & (1 << i)) this.gpr(i);
      if (set.xmm & (1 << i)) this.xmm(i);
    }
  }

  /** Emits stores of dirty registers, but for those that may stay so. */
  store(except: RegisterSet = nothingDirty): void {
    const b = this.#b;
    const gpr = this.#dirty.gpr & ~except.gpr;
    const xmm = this.#dirty.xmm & ~except.xmm;
    this.#gpr.forEach((local, i) => {
      if (local === undefined || !(gpr & (1 << i))) return;
      b.i32(0);
      b.getLocal(local);
      if (this.width === 32) b.op(Op.i64ExtendI32U);
      b.memory(Op.i64Store, this.#cpu + OFF_GPR + 8 * i);
    });
    this.#xmm.forEach((local, i) => {
      if (local === undefined || !(xmm & (1 << i))) return;
      b.i32(0);
      b.getLocal(local);
      b.simdMemory(SimdOp.store, this.#cpu + OFF_XMM + 16 * i);
    });
  }

  storeFlagWords(): void {
    const b = this.#b;
    b.i32(this.#cpu);
    b.getLocal(this.carryWord);
    b.memory(Op.i64Store, OFF_FLAG_CARRY);
    b.i32(this.#cpu);
    b.getLocal(this.resultWord);
    b.memory(Op.i64Store, OFF_FLAG_RESULT);
  }
}
