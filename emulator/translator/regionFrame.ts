/** What the parts of a region's emitter share: the builder, guest state, and the ways out. */
import { OFF_FAULT, OFF_REGION_FROM, OFF_RIP } from '../cpu/layout.ts';
import type { FunctionBuilder } from './functionBuilder.ts';
import { flagFormCode, type GuestFlags } from './guestFlags.ts';
import type { GuestInstruction } from './guestCode.ts';
import type { GuestState } from './guestState.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';

/** Parameters of a region's function: entry number, and RIP of the region's first block. */
export const parameterEntry = 0;
export const parameterBase = 1;

/** What a region returns to the core's loop. */
export const regionExit = { normal: 0, fault: 1 } as const;

/** Indices of imported functions of the core, by name. */
export type CoreFunctions = (name: string) => number;

export interface Place {
  readonly instruction: GuestInstruction;
  /** Block's offset from the region's base. */
  readonly blockOffset: number;
}

export class RegionFrame {
  readonly b: FunctionBuilder;
  readonly state: GuestState;
  readonly flags: GuestFlags;
  readonly cpu: number;
  readonly core: CoreFunctions;
  readonly is64: boolean;
  /** Where RIP will be, as offset from the base; number of the flag form; what is returned. */
  readonly exitOffset: number;
  readonly exitForm: number;
  readonly exitCode: number;
  /** RIP after an exit by an indirect jump: absolute. */
  readonly exitRip: number;
  /** Instructions retired so far. */
  readonly retired: number;
  /** TLB context for tags, constant while a region runs. */
  readonly context: number;
  /** Frames opened inside the exit block. */
  depth: () => number = () => 0;
  enter: () => void = () => undefined;
  leave: () => void = () => undefined;
  place!: Place;

  constructor(
    b: FunctionBuilder,
    state: GuestState,
    flags: GuestFlags,
    cpu: number,
    core: CoreFunctions,
    is64: boolean,
  ) {
    this.b = b;
    this.state = state;
    this.flags = flags;
    this.cpu = cpu;
    this.core = core;
    this.is64 = is64;
    this.exitOffset = b.permanent(ValueType.i32);
    this.exitForm = b.permanent(ValueType.i32);
    this.exitCode = b.permanent(ValueType.i32);
    this.exitRip = b.permanent(ValueType.i64);
    this.retired = b.permanent(ValueType.i32);
    this.context = b.permanent(ValueType.i64);
  }

  // -- frames -----------------------------------------------------------------------------------

  /** Opens an `if` on the i32 on the stack. */
  if(result: ValueType | typeof blockVoid = blockVoid): void {
    this.b.op(Op.if);
    this.b.op(result);
    this.enter();
  }
  else(): void {
    this.b.op(Op.else);
  }
  endIf(): void {
    this.leave();
    this.b.op(Op.end);
  }

  // -- addresses of code ------------------------------------------------------------------------

  /** Pushes the instruction pointer at `offset` from the region's base, as i64. */
  pushRip(offset: number): void {
    const { b } = this;
    b.getLocal(parameterBase);
    b.i64(offset);
    b.integer('add', 64);
    if (!this.is64) {
      b.i64(0xffffffff);
      b.integer('and', 64);
    }
  }

  get currentOffset(): number {
    return this.place.blockOffset + this.place.instruction.start;
  }
  get nextOffset(): number {
    return this.place.blockOffset + this.place.instruction.next;
  }

  // -- ways out ---------------------------------------------------------------------------------

  /** Leaves with RIP at an offset; `retired` is complete up to there but for `count`. */
  exitTo(offset: number, count: number, code: number = regionExit.normal): void {
    const { b } = this;
    this.pushRip(offset);
    b.setLocal(this.exitRip);
    this.#exit(count, code);
  }

  /** Leaves with RIP in exitRip already, by the indirect jump of a block. */
  exitIndirect(block: number): void {
    const { b } = this;
    b.i32(0);
    b.i32(block);
    b.memory(Op.i32Store, this.cpu + OFF_REGION_FROM);
    this.#exit(0, regionExit.normal);
  }

  #exit(count: number, code: number): void {
    const { b } = this;
    this.retire(count);
    b.i32(flagFormCode(this.flags.form));
    b.setLocal(this.exitForm);
    if (code !== 0) {
      b.i32(code);
      b.setLocal(this.exitCode);
    }
    b.op(Op.br);
    b.code.u32(this.depth());
  }

  /** The state in memory is complete, RIP included: leaves without storing registers. */
  exitStored(count: number): void {
    const { b } = this;
    this.retire(count);
    b.op(Op.br);
    b.code.u32(this.depth() + 1);
  }

  retire(count: number): void {
    if (count === 0) return;
    const { b } = this;
    b.getLocal(this.retired);
    b.i32(count);
    b.integer('add', 32);
    b.setLocal(this.retired);
  }

  /** The core noted a fault of this instruction (or wants it interpreted): leaves in front of it. */
  exitFault(): void {
    this.exitTo(this.currentOffset, this.place.instruction.count - 1, regionExit.fault);
  }

  /** After a call of the core that may have faulted. */
  checkFault(): void {
    const { b } = this;
    b.i32(0);
    b.memory(Op.i32Load, this.cpu + OFF_FAULT);
    this.if();
    this.exitFault();
    this.endIf();
  }

  /** Stores RIP at an offset into the state block. */
  storeRip(offset: number): void {
    this.b.i32(this.cpu);
    this.pushRip(offset);
    this.b.memory(Op.i64Store, OFF_RIP);
  }
}
