/**
 * Guest registers of a region in wasm locals. A local is *loaded* where a block first wants its register; blocks that only
 * one way leads to go on with what is loaded, others begin with nothing, so that no local has to be merged where ways meet (small
 * loops keep theirs, keptLoops.ts). The state block has all registers but for those that are *dirty*: written since they were last
 * stored. Both are known at translation time at every point.
 */
import { OFF_FLAG_CARRY, OFF_FLAG_RESULT, OFF_GPR, OFF_XMM } from '../cpu/layout.ts';
import type { AccessGroup } from './accessGroups.ts';
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
export const noRegisters: RegisterSet = { gpr: 0, xmm: 0 };

/** What else is loaded when it is wanted, as bits: TLB context, page of the stack, kind of MXCSR. */
export const cachedContext = 1;
export const cachedStack = 2;
export const cachedMxcsr = 4;

/** Which locals hold what they stand for. */
export interface Loaded extends RegisterSet {
  readonly cached: number;
  readonly groups: readonly AccessGroup[];
}
export const nothingLoaded: Loaded = { gpr: 0, xmm: 0, cached: 0, groups: [] };

export class GuestState {
  readonly #b: FunctionBuilder;
  readonly #cpu: number;
  readonly #gpr: (number | undefined)[] = new Array<undefined>(16).fill(undefined);
  readonly #xmm: (number | undefined)[] = new Array<undefined>(16).fill(undefined);
  /** What is dirty at the point of emission. Where ways meet they must agree, or have more of it. */
  dirty = noRegisters;
  /** What is loaded at the point of emission. */
  loaded = nothingLoaded;
  /** Open conditional parts of an instruction: what they load is not loaded behind them. */
  arms = 0;
  readonly #loaders = new Map<number, () => void>();
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

  #gprLocal(number: number): number {
    return (this.#gpr[number] ??= this.#b.permanent(typeOf(this.width)));
  }
  #xmmLocal(number: number): number {
    return (this.#xmm[number] ??= this.#b.permanent(ValueType.v128));
  }

  /** The local, for reading. */
  gpr(number: number): number {
    this.#loadGpr(number);
    return this.#gprLocal(number);
  }
  /** The local, for writing all of it. */
  dirtyGpr(number: number): number {
    const { gpr } = this.loaded;
    this.#checkArm(gpr & (1 << number));
    this.dirty = { ...this.dirty, gpr: this.dirty.gpr | (1 << number) };
    this.loaded = { ...this.loaded, gpr: gpr | (1 << number) };
    return this.#gprLocal(number);
  }
  xmm(number: number): number {
    this.#loadXmm(number);
    return this.#xmmLocal(number);
  }
  dirtyXmm(number: number): number {
    const { xmm } = this.loaded;
    this.#checkArm(xmm & (1 << number));
    this.dirty = { ...this.dirty, xmm: this.dirty.xmm | (1 << number) };
    this.loaded = { ...this.loaded, xmm: xmm | (1 << number) };
    return this.#xmmLocal(number);
  }

  /** What is written in one arm only must have been loaded before. */
  #checkArm(isLoaded: number): void {
    if (this.arms > 0 && isLoaded === 0)
      throw new Error('a register that was not loaded is written conditionally');
  }

  #loadGpr(number: number): void {
    const { gpr } = this.loaded;
    if (gpr & (1 << number)) return;
    const b = this.#b;
    b.i32(0);
    b.memory(this.width === 64 ? Op.i64Load : Op.i32Load, this.#cpu + OFF_GPR + 8 * number);
    b.setLocal(this.#gprLocal(number));
    this.loaded = { ...this.loaded, gpr: gpr | (1 << number) };
  }
  #loadXmm(number: number): void {
    const { xmm } = this.loaded;
    if (xmm & (1 << number)) return;
    const b = this.#b;
    b.i32(0);
    b.simdMemory(SimdOp.load, this.#cpu + OFF_XMM + 16 * number);
    b.setLocal(this.#xmmLocal(number));
    this.loaded = { ...this.loaded, xmm: xmm | (1 << number) };
  }

  /** `load` emits how the locals of a cached value are set. */
  addCached(bit: number, load: () => void): void {
    this.#loaders.set(bit, load);
  }
  needCached(bit: number): void {
    const { cached } = this.loaded;
    if (cached & bit) return;
    this.#loaders.get(bit)?.();
    this.loaded = { ...this.loaded, cached: cached | bit };
  }
  /** After what may have changed mode or translations. */
  forgetCached(): void {
    this.loaded = { ...this.loaded, cached: 0, groups: [] };
  }

  /** Emits loads of those that are not loaded. */
  load({ gpr, xmm, cached }: Omit<Loaded, 'groups'>): void {
    for (let i = 0; i < 16; i++) {
      if (gpr & (1 << i)) this.#loadGpr(i);
      if (xmm & (1 << i)) this.#loadXmm(i);
    }
    for (const bit of this.#loaders.keys()) if (cached & bit) this.needCached(bit);
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

  /** Emits stores of dirty registers, but for those that may stay so. */
  store(except: RegisterSet = noRegisters): void {
    const b = this.#b;
    const gpr = this.dirty.gpr & ~except.gpr;
    const xmm = this.dirty.xmm & ~except.xmm;
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
