/** What the parts of a region's emitter share: the builder, guest state, and the ways out. */
import {
  OFF_FAULT,
  OFF_REGION_LIMIT,
  OFF_REGION_RETIRED,
  OFF_RIP,
  OFF_TLB_CONTEXT,
} from '../cpu/layout.ts';
import { AccessGroups } from './accessGroups.ts';
import { typeOf, type FunctionBuilder } from './functionBuilder.ts';
import type { GuestFlags } from './guestFlags.ts';
import type { GuestInstruction } from './guestCode.ts';
import { cachedContext, cachedStack, type GuestState, type Loaded } from './guestState.ts';
import { PageCache } from './pageCache.ts';
import type { RegionExits } from './regionLinks.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';

/** Parameters of a region's function: entry number, RIP of the region's first block, instructions that regions before it retired. */
export const parameterEntry = 0;
export const parameterBase = 1;
export const parameterRetired = 2;
export const parameterCount = 3;

/** What a region returns to the core's loop. `leave`: what it relied on may have changed, so no other region follows at once. */
export const regionExit = { normal: 0, fault: 1, leave: 2 } as const;

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
  readonly exits: RegionExits;
  /** RIP after an indirect jump: absolute, of the mode's width. */
  readonly exitRip: number;
  /** RIP of the region's first block, of the mode's width. */
  readonly base: number;
  /** Instructions retired so far. */
  readonly retired = parameterRetired;
  readonly #context: number;
  /** RBP is a frame pointer. */
  readonly hasFrames: boolean;
  /** The page of the stack. */
  readonly stack: PageCache;
  readonly groups: AccessGroups;
  /** Pages of other memory operands. */
  readonly loopPages = new Map<GuestInstruction, PageCache>();
  /** Frames that are open. */
  depth: () => number = () => 0;
  enter: () => void = () => undefined;
  leave: () => void = () => undefined;
  place!: Place;
  /** What was loaded before each open `if`. */
  readonly #before: Loaded[] = [];

  constructor(
    b: FunctionBuilder,
    state: GuestState,
    flags: GuestFlags,
    cpu: number,
    core: CoreFunctions,
    is64: boolean,
    hasFrames: boolean,
    exits: RegionExits,
  ) {
    this.b = b;
    this.state = state;
    this.flags = flags;
    this.cpu = cpu;
    this.core = core;
    this.is64 = is64;
    this.hasFrames = hasFrames;
    this.exits = exits;
    this.exitRip = b.permanent(typeOf(state.width));
    this.#context = b.permanent(typeOf(state.width));
    state.addCached(cachedContext, () => {
      b.i32(0);
      b.memory(is64 ? Op.i64Load : Op.i32Load, cpu + OFF_TLB_CONTEXT);
      b.setLocal(this.#context);
    });
    this.stack = new PageCache(b, cpu, 'stack');
    state.addCached(cachedStack, () => this.stack.load());
    this.groups = new AccessGroups(b, state);
    this.base = is64 ? parameterBase : b.permanent(ValueType.i32);
  }

  // -- frames -----------------------------------------------------------------------------------

  /** Opens an `if` on the i32 on the stack. */
  if(likely?: boolean): void {
    if (likely === undefined) this.b.op(Op.if);
    else this.b.hinted(Op.if, likely);
    this.b.op(blockVoid);
    this.enter();
    this.#before.push(this.state.loaded);
    this.state.arms++;
  }
  else(): void {
    this.b.op(Op.else);
    this.state.loaded = this.#before.at(-1)!;
  }
  endIf(): void {
    this.leave();
    this.b.op(Op.end);
    this.state.arms--;
    this.state.loaded = this.#before.pop()!;
  }

  /** TLB context for tags, of the mode's width: a local. */
  get context(): number {
    this.state.needCached(cachedContext);
    return this.#context;
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
    this.state.store();
    this.flags.storeForm();
    this.pushRip(offset);
    if (!this.is64) b.op(Op.i64ExtendI32U);
    b.getLocal(this.retired);
    if (count !== 0) {
      b.i32(count);
      b.integer('add', 32);
    }
    const goesOn = code === regionExit.normal;
    b.i32(goesOn ? 0 : code);
    b.returnCall(goesOn ? this.exits.leaveFunction : this.exits.returnFunction);
  }

  /** Leaves with RIP in exitRip already, by the indirect jump of a block. */
  exitIndirect(block: number): void {
    this.state.store();
    this.flags.storeForm();
    this.exitLinked(() => this.b.i32(block));
  }

  /** The state in memory is complete, RIP is in exitRip: goes on in the region that is there. `pushFrom` pushes the block that led there, or 0. */
  exitLinked(pushFrom: () => void): void {
    const { b } = this;
    b.getLocal(this.exitRip);
    if (!this.is64) b.op(Op.i64ExtendI32U);
    b.getLocal(this.retired);
    pushFrom();
    b.returnCall(this.exits.leaveFunction);
  }

  /** The state in memory is complete, RIP included: returns to the core. */
  exitStored(count: number, code: number = regionExit.normal): void {
    const { b } = this;
    b.i32(0);
    b.getLocal(this.retired);
    if (count !== 0) {
      b.i32(count);
      b.integer('add', 32);
    }
    b.memory(Op.i32Store, this.cpu + OFF_REGION_RETIRED);
    b.i32(code);
    b.op(Op.return);
  }

  retire(count: number): void {
    if (count === 0) return;
    const { b } = this;
    b.getLocal(this.retired);
    b.i32(count);
    b.integer('add', 32);
    b.setLocal(this.retired);
  }

  /** Pushes whether the slice is over; interrupts and requests to stop bring that about (cpu/state.ts, setPending). */
  pushSliceOver(): void {
    const { b } = this;
    b.getLocal(this.retired);
    b.i32(0);
    b.memory(Op.i32Load, this.cpu + OFF_REGION_LIMIT);
    b.integer('geS', 32);
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
