/** One region as a wasm function: (entry, base, retired) -> regionExit. */
import type { Semantics, Val } from '../isa/dsl.ts';
import { OFF_CPL, OFF_FAULT } from '../cpu/layout.ts';
import { controlOps, type Ending } from './controlOps.ts';
import { operandOf } from './effects.ts';
import { hasFrames } from './framePointer.ts';
import { FunctionBuilder, type BranchHint } from './functionBuilder.ts';
import { flagFormsAtStart, flagsDeadAfter } from './flagFlow.ts';
import { sameForm, type FlagForm } from './flagForms.ts';
import { GuestFlags } from './guestFlags.ts';
import type { GuestInstruction, RegionSource } from './guestCode.ts';
import { GuestState, noRegisters, nothingLoaded } from './guestState.ts';
import { IndirectJumps } from './indirectJumps.ts';
import { integerOps } from './integerOps.ts';
import { keptLoops, loopPages, type KeptLoop } from './loopPages.ts';
import { operandOps } from './operandOps.ts';
import { PageCache } from './pageCache.ts';
import { checkTranslation, pushMustLeave } from './regionChecks.ts';
import {
  RegionFrame,
  parameterBase,
  parameterCount,
  parameterEntry,
  regionExit,
  type CoreFunctions,
} from './regionFrame.ts';
import { openRegion, type RegionExits } from './regionLinks.ts';
import { SseMode } from './sseMode.ts';
import { sseOps } from './sseOps.ts';
import { Structure } from './structure.ts';
import { vectorOps } from './vectorOps.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';
import { WasmWriter } from './wasmWriter.ts';

export interface EmittedRegion {
  readonly code: Uint8Array;
  readonly locals: readonly (readonly [number, ValueType])[];
  readonly hints: readonly BranchHint[];
  /** Blocks by entry number. */
  readonly entries: readonly number[];
}

export interface EmitterHost {
  /** Wasm address of the vCPU's state block. */
  readonly cpu: number;
  /** Index of an imported function of the core. */
  readonly core: CoreFunctions;
  /** Index of the type (i32) -> i32 of the interpreter's handlers. */
  readonly handlerType: number;
  /** A copy of a record, behind which its handler comes back. */
  copyOfRecord(record: number, handler: number): number;
  readonly exits: RegionExits;
  /** This region's number. */
  readonly region: number;
  /** Wasm address of the byte that says whether this region is still good. */
  readonly alive: number;
}

export const emitRegion = (source: RegionSource, host: EmitterHost): EmittedRegion =>
  new RegionEmitter(source, host).emit();

class RegionEmitter {
  readonly #source: RegionSource;
  readonly #host: EmitterHost;
  readonly #b = new FunctionBuilder(parameterCount);
  readonly #state: GuestState;
  readonly #flags: GuestFlags;
  readonly #frame: RegionFrame;
  readonly #sseMode: SseMode;
  readonly #structure: Structure;
  readonly #semantics: Semantics;
  readonly #startInstruction: () => void;
  /** What the flag locals hold at the start of each block. */
  readonly #forms: FlagForm[];
  /** The small loop that each block is in. */
  readonly #kept: readonly (KeptLoop | undefined)[];
  /** Pages that a loop keeps, by header. */
  readonly #pages = new Map<number, PageCache[]>();
  readonly #jumps: IndirectJumps;
  #ending: Ending | undefined;

  constructor(source: RegionSource, host: EmitterHost) {
    this.#source = source;
    this.#host = host;
    const b = this.#b;
    this.#state = new GuestState(b, host.cpu, source.is64);
    const form = b.permanent(ValueType.i32);
    this.#flags = new GuestFlags(
      b,
      this.#state,
      form,
      host.cpu,
      host.core,
      host.exits.storeDynamic,
    );
    this.#frame = new RegionFrame(
      b,
      this.#state,
      this.#flags,
      host.cpu,
      host.core,
      source.is64,
      hasFrames(source.blocks),
      host.exits,
    );
    this.#sseMode = new SseMode(this.#frame);
    this.#jumps = new IndirectJumps(this.#frame, source, (from, to, offset, isChecked) =>
      this.#transfer(from, to, offset, 0, isChecked),
    );
    const graph = this.#jumps.graph();
    // Slots lead to entries only, which loops that keep something have at their start.
    const successors = graph.successors.slice(0, source.blocks.length);
    this.#structure = new Structure(graph, {
      open: (kind) => b.code.bytes([kind === 'loop' ? Op.loop : Op.block, blockVoid]),
      close: () => b.op(Op.end),
      branch: (depth) => {
        b.op(Op.br);
        b.code.u32(depth);
      },
      dispatch: (depths) => {
        b.getLocal(parameterEntry);
        b.op(Op.brTable);
        b.code.u32(depths.length - 1);
        for (const depth of depths) b.code.u32(depth);
      },
      setDispatch: (entry) => {
        b.i32(entry);
        b.setLocal(parameterEntry);
      },
      preheader: (header) => this.#preheader(header),
      node: (node) => (node < source.blocks.length ? this.#block(node) : this.#jumps.slot(node)),
    });
    this.#frame.depth = () => this.#structure.depth;
    this.#frame.enter = () => this.#structure.enter();
    this.#frame.leave = () => this.#structure.leave();
    const isBackEdge = this.#structure.isBackEdge.bind(this.#structure);
    const { entries } = this.#structure;
    this.#kept = keptLoops(source, successors, entries, isBackEdge);
    this.#forms = flagFormsAtStart(source, entries, (block) => this.#kept[block] !== undefined);
    for (const { header, members } of loopPages(source, successors, isBackEdge)) {
      if (this.#kept[header]?.header !== header) continue;
      const page = new PageCache(b, host.cpu, 'loop');
      this.#pages.set(header, [...(this.#pages.get(header) ?? []), page]);
      for (const instruction of members) this.#frame.loopPages.set(instruction, page);
    }

    const { startInstruction, ...operands } = operandOps(this.#frame);
    this.#startInstruction = startInstruction;
    const frame = this.#frame;
    this.#semantics = {
      get size() {
        return frame.place.instruction.variant.size;
      },
      get addressSize() {
        return frame.place.instruction.variant.addressSize || 64;
      },
      get repeat() {
        return frame.place.instruction.variant.repeat;
      },
      get where() {
        return frame.place.instruction.variant.instruction.name;
      },
      ...integerOps(b, (name) => b.call(host.core(name))),
      ...operands,
      ...controlOps(
        this.#frame,
        (ending) => {
          this.#ending = ending;
        },
        (body) => {
          startInstruction();
          body();
          startInstruction();
        },
        this.#sseMode,
        sseOps(this.#frame, this.#sseMode),
      ),
      ...vectorOps(b),
    };
  }

  emit(): EmittedRegion {
    const b = this.#b;
    const f = this.#frame;
    this.#structure.emit();
    b.op(Op.unreachable);
    b.op(Op.end);
    const body = b.code.toUint8Array();
    const inBody = b.hints.length;

    b.code.reset();
    openRegion(f, this.#host.region);
    const atEntries = this.#structure.entries.map((entry) => this.#forms[entry]);
    this.#settleAt(atEntries.map((form) => form === 'words'));
    if (atEntries.includes('dynamic')) this.#flags.noteStored();
    if (!this.#source.is64) {
      b.getLocal(parameterBase);
      b.op(Op.i32WrapI64);
      b.setLocal(f.base);
    }
    const prologue = b.code.length;
    const code = new WasmWriter(prologue + body.length);
    code.bytes(b.code.view());
    code.bytes(body);
    const moved = b.hints.slice(0, inBody).map(({ at, likely }) => ({ at: at + prologue, likely }));
    return {
      code: code.toUint8Array(),
      locals: b.locals,
      hints: [...b.hints.slice(inBody), ...moved],
      entries: this.#structure.entries,
    };
  }

  /** Computes the flag words if the region is entered where somebody reads them. */
  #settleAt(wanted: readonly boolean[]): void {
    const b = this.#b;
    if (!wanted.includes(true)) return;
    // Entries behind the mask's bits are rare: they always do.
    let mask = 0n;
    wanted.slice(0, 64).forEach((isWanted, entry) => (mask |= BigInt(isWanted) << BigInt(entry)));
    b.i64(BigInt.asIntN(64, mask));
    b.getLocal(parameterEntry);
    b.op(Op.i64ExtendI32U);
    b.integer('shrU', 64);
    b.i64(1);
    b.integer('and', 64);
    b.op(Op.i32WrapI64);
    if (wanted.length > 64) {
      b.getLocal(parameterEntry);
      b.i32(64);
      b.integer('geU', 32);
      b.integer('or', 32);
    }
    b.op(Op.if);
    b.op(blockVoid);
    this.#flags.settle();
    this.#state.loadFlags();
    b.op(Op.end);
  }

  // -- blocks -----------------------------------------------------------------------------------

  #block(number: number): void {
    const block = this.#source.blocks[number]!;
    const { arms } = this.#state;
    this.#state.arms = 0;
    this.#flags.form = this.#forms[number]!;
    const loop = this.#kept[number];
    const isMerge = this.#structure.isMerge(number) || this.#structure.isLoopHeader(number);
    this.#state.dirty = loop?.dirty ?? noRegisters;
    if (isMerge) this.#state.loaded = loop?.loaded ?? nothingLoaded;
    this.#ending = undefined;
    this.#sseMode.startBlock();
    if (block.second !== 0) {
      const room = 0x1000 - (block.host & 0xfff);
      checkTranslation(this.#frame, block.offset + room, block.second, block.offset);
    }
    for (const [i, instruction] of block.instructions.entries()) {
      this.#frame.place = {
        instruction,
        blockOffset: block.offset,
        flagsDead: flagsDeadAfter(block, i),
      };
      this.#startInstruction();
      this.#frame.groups.startInstruction(block.instructions, i, block.offset);
      if (instruction.effects.interpreted) {
        this.#b.call(this.#host.core('interpretInstead'));
        this.#frame.exitFault();
        this.#state.arms = arms;
        return;
      }
      if (instruction.effects.byHandler) this.#byHandler(instruction);
      else {
        this.#inline(instruction);
        this.#frame.groups.endInstruction();
      }
      if (this.#ending === undefined) this.#b.releaseTemporaries();
    }
    this.#end(number);
    this.#state.arms = arms;
    this.#b.releaseTemporaries();
  }

  /** Loads what a small loop keeps. */
  #preheader(header: number): void {
    const loop = this.#kept[header];
    if (this.#structure.isMerge(header)) this.#state.loaded = nothingLoaded;
    if (loop) this.#state.load(loop.loaded);
    for (const page of this.#pages.get(header) ?? []) page.load();
  }

  #inline(instruction: GuestInstruction): void {
    const { variant } = instruction;
    variant.instruction.semantics(
      this.#semantics,
      ...variant.form.operands.map((operand) => operandOf(operand, variant)),
    );
    if (instruction.effects.helperStores && !instruction.effects.endsBlock) {
      const f = this.#frame;
      this.#b.i32(0);
      this.#b.memory(Op.i32Load8U, this.#host.alive);
      this.#b.op(Op.i32Eqz);
      f.if(false);
      f.exitTo(f.nextOffset, instruction.count);
      f.endIf();
    }
  }

  /** Calls the interpreter's handler for the record. */
  #byHandler(instruction: GuestInstruction): void {
    const b = this.#b;
    const f = this.#frame;
    let level: Val | undefined;
    if (instruction.effects.leaves) {
      b.i32(0);
      b.memory(Op.i32Load, this.#host.cpu + OFF_CPL);
      level = b.take(32);
    }
    this.#flags.store();
    this.#state.store();
    this.#state.dirty = noRegisters;
    this.#state.loaded = nothingLoaded;
    f.storeRip(f.place.blockOffset);
    b.i32(this.#host.copyOfRecord(instruction.record, instruction.handler));
    b.i32(instruction.handler);
    b.op(Op.callIndirect);
    b.code.u32(this.#host.handlerType);
    b.code.u32(0);
    if (level) {
      b.op(Op.drop);
      this.#handlerFaulted(instruction);
      this.#ending = { kind: 'far', level };
      return;
    }
    if (instruction.effects.endsBlock) {
      b.op(Op.drop);
      this.#handlerFaulted(instruction);
      this.#ending = { kind: 'system' };
    } else {
      f.if(false);
      this.#handlerLeft(instruction);
      f.endIf();
    }
    this.#state.loadFlags();
    this.#flags.form = 'words';
  }

  /** The handler stored RIP, or noted a fault. */
  #handlerLeft(instruction: GuestInstruction): void {
    this.#handlerFaulted(instruction);
    this.#frame.exitStored(instruction.count);
  }

  #handlerFaulted(instruction: GuestInstruction): void {
    const b = this.#b;
    const f = this.#frame;
    b.i32(0);
    b.memory(Op.i32Load, this.#host.cpu + OFF_FAULT);
    f.if(false);
    f.storeRip(f.currentOffset);
    f.exitStored(instruction.count - 1, regionExit.fault);
    f.endIf();
  }

  // -- ends of blocks ---------------------------------------------------------------------------

  #end(number: number): void {
    const f = this.#frame;
    const b = this.#b;
    const source = this.#source;
    const last = source.blocks[number]!.instructions.at(-1)!;
    const ending = this.#ending ?? { kind: 'next' as const };
    const nextOffset = f.nextOffset;
    const takenOffset = source.blocks[number]!.offset + Number(BigInt.asIntN(32, last.immediate));
    switch (ending.kind) {
      case 'next':
        this.#transfer(number, source.next[number], nextOffset, last.count);
        return;
      case 'jump':
        this.#transfer(number, source.taken[number], takenOffset, last.count);
        return;
      case 'system':
        f.retire(last.count);
        if (source.next[number] === undefined) {
          f.exitTo(nextOffset, 0, regionExit.leave);
          return;
        }
        this.#checkSystem(number, nextOffset);
        this.#transfer(number, source.next[number], nextOffset, 0);
        return;
      case 'far':
        f.retire(last.count);
        this.#jumps.endFar(number, ending.level, this.#host.alive);
        return;
      case 'branch':
        f.retire(last.count);
        b.pushCond(ending.condition);
        f.if();
        this.#transfer(number, source.taken[number], takenOffset, 0);
        f.endIf();
        this.#transfer(number, source.next[number], nextOffset, 0);
        return;
      case 'indirect': {
        f.retire(last.count);
        if (source.is64) b.push64(ending.target);
        else b.push32(ending.target);
        b.setLocal(f.exitRip);
        this.#jumps.end(number, this.#structure);
      }
    }
  }

  /** Goes to a block of the region, or leaves to `offset`. What is known at the point of emission stays as it was, for other ways. */
  #transfer(
    from: number,
    to: number | undefined,
    offset: number,
    count: number,
    isChecked = false,
  ): void {
    const f = this.#frame;
    if (to === undefined) {
      f.exitTo(offset, count);
      return;
    }
    f.retire(count);
    if (this.#structure.isBackEdge(from, to)) {
      f.pushSliceOver();
      f.if(false);
      f.exitTo(offset, 0);
      f.endIf();
    }
    if (!isChecked) this.#checkPage(from, to, offset);
    const wanted = this.#forms[to]!;
    const { form } = this.#flags;
    if (wanted === 'dynamic') this.#flags.makeDynamic();
    else if (wanted === 'stored') this.#flags.storeForm();
    else if (!sameForm(this.#flags.form, wanted)) this.#flags.materialize();
    const { dirty, loaded } = this.#state;
    const loop = this.#kept[to];
    if (loop && loop === this.#kept[from] && !this.#structure.isDispatched(from, to)) {
      this.#state.store(loop.dirty);
      this.#state.load(loop.loaded);
    } else this.#state.store();
    // It may emit the block here.
    this.#structure.go(from, to);
    this.#state.dirty = dirty;
    this.#state.loaded = loaded;
    this.#flags.form = form;
  }

  /** Leaves to the next instruction if the region may not go on behind one that changes what it relies on. */
  #checkSystem(number: number, offset: number): void {
    const f = this.#frame;
    const { alive } = this.#host;
    this.#state.forgetCached();
    pushMustLeave(f, alive);
    f.if(false);
    f.exitTo(offset, 0, regionExit.leave);
    f.endIf();
    checkTranslation(this.#frame, offset, this.#source.blocks[this.#source.next[number]!]!.host);
  }

  /** Going to another page: its translation must still be the one the region was made for. */
  #checkPage(from: number, to: number, offset: number): void {
    const { blocks } = this.#source;
    const [a, c] = [blocks[from], blocks[to]!];
    // A slot has no page.
    if (a && a.host >> 12 === c.host >> 12 && a.offset - c.offset === a.host - c.host) return;
    checkTranslation(this.#frame, offset, c.host);
  }
}
