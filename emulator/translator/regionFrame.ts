/** What the parts of a region's emitter share: the builder, guest state, and the ways out. */
import { OFF_FAULT, OFF_REGION_FROM, OFF_RIP } from '../cpu/layout.ts';
import { typeOf, type FunctionBuilder } from './functionBuilder.ts';
import { flagFormCode } from './flagForms.ts';
import type { GuestFlags } from './guestFlags.ts';
import type { GuestInstruction } from './guestCode.ts';
import type { GuestState } from './guestState.ts';
import { PageCache } from './pageCache.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';

/** Parameters of a region's function: entry number, RIP of the region's first block, instructions that regions before it retired. */
export const parameterEntry = 0;
export const parameterBase = 1;
export const parameterRetired = 2;
export const parameterCount = 3;

/** What a region returns to the core's loop. `leave`: what it relied on may have changed, so no other region follows at once. */
export const regionExit = { normal: 0, fault: 1, leave: 2 } as const;

/** exitInfo: flag form in the low bits, then what is returned, then instructions retired since `retired` was counted. */
export const exitFormMask = 0x7f;
export const exitCodeShift = 7;
export const exitCodeMask = 3;
export const exitCountShift = 9;

/**
 * Labels of the exits, inside out: RIP is base + exitOffset; it is in exitRip; all is stored but the region may go on in
 * another; it returns to the core.
 */
export const exitLabel = { offset: 0, located: 1, linked: 2, stored: 3 } as const;

/** Indices of imported functions of the core, by name. */
export type CoreFunctions = (name: string) => number;

export interface Place {
  readonly instruction: GuestInstruction;
  /** Block's offset from the region's base. */
  readonly blockOffset: number;
  /** Its flags are overwritten before anything can see them. */
  readonly flagsDead: boolean;
}

export class RegionFrame {
  readonly b: FunctionBuilder;
  readonly state: GuestState;
  readonly flags: GuestFlags;
  readonly cpu: number;
  readonly core: CoreFunctions;
  readonly is64: boolean;
  /** Where RIP will be, as offset from the base; flag form, fault and instructions retired (exitInfo below); what is returned. */
  readonly exitOffset: number;
  readonly exitInfo: number;
  readonly exitCode: number;
  /** RIP after an exit by an indirect jump: absolute, of the mode's width. */
  readonly exitRip: number;
  /** RIP of the region's first block, of the mode's width. */
  readonly base: number;
  /** Instructions retired so far. */
  readonly retired = parameterRetired;
  /** TLB context for tags, of the mode's width. */
  readonly context: number;
  /** RBP is a frame pointer. */
  readonly hasFrames: boolean;
  /** The page of the stack. */
  readonly stack: PageCache;
  /** Pages of other memory operands. */
  readonly loopPages = new Map<GuestInstruction, PageCache>();
  /** Frames opened inside the innermost of the exit blocks. */
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
    hasFrames: boolean,
  ) {
    this.b = b;
    this.state = state;
    this.flags = flags;
    this.cpu = cpu;
    this.core = core;
    this.is64 = is64;
    this.hasFrames = hasFrames;
    this.exitOffset = b.permanent(ValueType.i32);
    this.exitInfo = b.permanent(ValueType.i32);
    this.exitCode = b.permanent(ValueType.i32);
    this.exitRip = b.permanent(typeOf(state.width));
    this.context = b.permanent(typeOf(state.width));
    this.stack = new PageCache(b, cpu, 'stack');
    this.base = is64 ? parameterBase : b.permanent(ValueType.i32);
  }

  // -- frames -----------------------------------------------------------------------------------

  /** Opens an `if` on the i32 on the stack. */
  if(likely?: boolean): void {
    if (likely === undefined) this.b.op(Op.if);
    else this.b.hinted(Op.if, likely);
    this.b.op(blockVoid);
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

  /** Pushes the instruction pointer at `offset` from the region's base, in the mode's width. */
  pushRip(offset: number): void {
    const { b } = this;
    b.getLocal(this.base);
    if (offset === 0) return;
    if (this.is64) b.i64(offset);
    else b.i32(offset);
    b.integer('add', this.state.width);
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
    b.i32(offset);
    b.setLocal(this.exitOffset);
    this.#exit(count, code, exitLabel.offset);
  }

  /** Leaves with RIP in exitRip already, by the indirect jump of a block. */
  exitIndirect(block: number): void {
    const { b } = this;
    b.i32(0);
    b.i32(block);
    b.memory(Op.i32Store, this.cpu + OFF_REGION_FROM);
    this.#exit(0, regionExit.normal, exitLabel.located);
  }

  #exit(count: number, code: number, label: number): void {
    const { b } = this;
    const { form } = this.flags;
    const rest = (count << exitCountShift) | (code << exitCodeShift);
    if (form === 'dynamic') {
      b.getLocal(this.flags.formLocal);
      if (rest !== 0) {
        b.i32(rest);
        b.integer('or', 32);
      }
    } else b.i32(rest | flagFormCode(form));
    b.setLocal(this.exitInfo);
    this.#leave(label);
  }

  /** The state in memory is complete, RIP included: leaves without storing registers. */
  exitStored(count: number): void {
    this.retire(count);
    this.#leave(exitLabel.stored);
  }

  /** The same, with RIP in exitRip too and the context loaded: goes on in the region that is there. */
  exitLinked(): void {
    this.#leave(exitLabel.linked);
  }

  #leave(label: number): void {
    this.b.op(Op.br);
    this.b.code.u32(this.depth() + label);
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
    this.if(false);
    this.exitFault();
    this.endIf();
  }

  /** Stores RIP at an offset into the state block. */
  storeRip(offset: number): void {
    this.b.i32(this.cpu);
    this.pushRip(offset);
    if (!this.is64) this.b.op(Op.i64ExtendI32U);
    this.b.memory(Op.i64Store, OFF_RIP);
  }
}
