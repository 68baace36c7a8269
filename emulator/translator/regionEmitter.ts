/** One region as a wasm function: (entry, base) -> regionExit. */
import type { Semantics } from '../isa/dsl.ts';
import {
  OFF_FAULT,
  OFF_PENDING,
  OFF_REGION_LIMIT,
  OFF_REGION_RETIRED,
  OFF_RIP,
  OFF_TLB_CONTEXT,
  OFF_TLB_EXECUTE,
} from '../cpu/layout.ts';
import { controlOps, type Ending } from './controlOps.ts';
import { operandOf } from './effects.ts';
import { FunctionBuilder } from './functionBuilder.ts';
import { GuestFlags, sameForm, type FlagForm } from './guestFlags.ts';
import type { GuestInstruction, RegionSource } from './guestCode.ts';
import { GuestState } from './guestState.ts';
import { integerOps } from './integerOps.ts';
import { operandOps } from './operandOps.ts';
import { RegionFrame, parameterEntry, regionExit, type CoreFunctions } from './regionFrame.ts';
import { SseMode } from './sseMode.ts';
import { sseOps } from './sseOps.ts';
import { Structure } from './structure.ts';
import { vectorOps } from './vectorOps.ts';
import type { ValueType } from './wasmOpcodes.ts';
import { Op, blockVoid } from './wasmOpcodes.ts';
import { WasmWriter } from './wasmWriter.ts';

export interface EmittedRegion {
  readonly code: Uint8Array;
  readonly locals: readonly (readonly [number, ValueType])[];
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
  /** Wasm address of the byte that says whether this region is still good. */
  readonly alive: number;
}

/** Emits the region, again if the first pass found registers that a handler call would have had to spill. */
export function emitRegion(source: RegionSource, host: EmitterHost): EmittedRegion {
  let pass = new RegionEmitter(source, host, undefined);
  let emitted = pass.emit();
  while (pass.calledHandlers && pass.assumed !== pass.found) {
    pass = new RegionEmitter(source, host, pass);
    emitted = pass.emit();
  }
  return emitted;
}

/** More targets of a return than these are found by a table over their offsets, of at most so many bytes. */
const tableFrom = 3;
const tableLimit = 4096;

class RegionEmitter {
  calledHandlers = false;
  /** Registers in locals before and after emission. */
  readonly assumed: string;
  readonly #source: RegionSource;
  readonly #host: EmitterHost;
  readonly #b = new FunctionBuilder(2);
  readonly #state: GuestState;
  readonly #flags: GuestFlags;
  readonly #frame: RegionFrame;
  readonly #sseMode: SseMode;
  readonly #structure: Structure;
  readonly #semantics: Semantics;
  readonly #startInstruction: () => void;
  /** What the flag locals hold at the start of each block. */
  readonly #forms: FlagForm[];
  #ending: Ending | undefined;

  constructor(source: RegionSource, host: EmitterHost, earlier: RegionEmitter | undefined) {
    this.#source = source;
    this.#host = host;
    const b = this.#b;
    this.#state = new GuestState(b, host.cpu);
    if (earlier) this.#state.assume(earlier.#state);
    this.assumed = this.#state.touched;
    this.#flags = new GuestFlags(b, this.#state);
    this.#frame = new RegionFrame(b, this.#state, this.#flags, host.cpu, host.core, source.is64);
    this.#sseMode = new SseMode(
      this.#frame,
      source.blocks.some(({ instructions }) =>
        instructions.some(
          ({ effects }) => !effects.byHandler && effects.helpers.includes('sseCheck'),
        ),
      ),
    );
    this.#structure = new Structure(
      {
        entries: source.entries,
        successors: source.blocks.map((_, i) => [
          ...new Set(
            [source.taken[i], source.next[i], ...source.indirect[i]!].filter(
              (to): to is number => to !== undefined,
            ),
          ),
        ]),
      },
      {
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
        node: (node) => this.#block(node),
      },
    );
    this.#frame.depth = () => this.#structure.depth;
    this.#frame.enter = () => this.#structure.enter();
    this.#frame.leave = () => this.#structure.leave();
    this.#forms = flagFormsAtStart(source, this.#structure.entries);

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

  get found(): string {
    return this.#state.touched;
  }

  emit(): EmittedRegion {
    const b = this.#b;
    const f = this.#frame;
    // block $stored, block $exit: their labels are depth() + 1 and depth().
    b.code.bytes([Op.block, blockVoid, Op.block, blockVoid]);
    this.#structure.emit();
    b.op(Op.unreachable);
    b.op(Op.end);
    this.#epilogue();
    const body = b.code.toUint8Array();

    // The prologue loads what the body turned out to use.
    b.code.reset();
    this.#state.load();
    b.i32(0);
    b.memory(Op.i64Load, this.#host.cpu + OFF_TLB_CONTEXT);
    b.setLocal(f.context);
    this.#sseMode.load();
    const code = new WasmWriter(body.length + 512);
    code.bytes(b.code.view());
    code.bytes(body);
    return {
      code: code.toUint8Array(),
      locals: b.locals,
      entries: this.#structure.entries,
    };
  }

  #epilogue(): void {
    const b = this.#b;
    const f = this.#frame;
    const { cpu } = this.#host;
    this.#state.store();
    b.i32(0);
    b.getLocal(f.exitRip);
    b.memory(Op.i64Store, cpu + OFF_RIP);
    b.getLocal(f.exitForm);
    b.op(Op.if);
    b.op(blockVoid);
    b.getLocal(f.exitForm);
    b.getLocal(this.#state.flagResult);
    b.getLocal(this.#state.flagA);
    b.getLocal(this.#state.flagB);
    b.call(this.#host.core('storeLazyFlags'));
    b.op(Op.else);
    this.#state.storeFlagWords();
    b.op(Op.end);
    b.op(Op.end); // $stored
    b.i32(0);
    b.getLocal(f.retired);
    b.memory(Op.i32Store, cpu + OFF_REGION_RETIRED);
    b.getLocal(f.exitCode);
    b.op(Op.end);
  }

  // -- blocks -----------------------------------------------------------------------------------

  #block(number: number): void {
    const block = this.#source.blocks[number]!;
    this.#flags.form = this.#forms[number]!;
    this.#ending = undefined;
    this.#sseMode.startBlock();
    for (const instruction of block.instructions) {
      this.#frame.place = { instruction, blockOffset: block.offset };
      this.#startInstruction();
      if (instruction.effects.interpreted) {
        this.#b.call(this.#host.core('interpretInstead'));
        this.#frame.exitFault();
        return;
      }
      const left = instruction.effects.byHandler
        ? this.#byHandler(instruction)
        : this.#inline(instruction);
      if (left) {
        this.#b.releaseTemporaries();
        return;
      }
      if (this.#ending === undefined) this.#b.releaseTemporaries();
    }
    this.#end(number);
    this.#b.releaseTemporaries();
  }

  #inline(instruction: GuestInstruction): boolean {
    const { variant } = instruction;
    variant.instruction.semantics(
      this.#semantics,
      ...variant.form.operands.map((operand) => operandOf(operand, variant)),
    );
    if (instruction.effects.helperStores) {
      const f = this.#frame;
      this.#b.i32(0);
      this.#b.memory(Op.i32Load8U, this.#host.alive);
      this.#b.op(Op.i32Eqz);
      f.if();
      f.exitTo(f.nextOffset, instruction.count);
      f.endIf();
    }
    return false;
  }

  /** Calls the interpreter's handler for the record. True if nothing follows. */
  #byHandler(instruction: GuestInstruction): boolean {
    this.calledHandlers = true;
    const b = this.#b;
    const f = this.#frame;
    this.#flags.materialize();
    this.#state.store();
    this.#state.storeFlagWords();
    f.storeRip(f.place.blockOffset);
    b.i32(this.#host.copyOfRecord(instruction.record, instruction.handler));
    b.i32(instruction.handler);
    b.op(Op.callIndirect);
    b.code.u32(this.#host.handlerType);
    b.code.u32(0);
    if (instruction.effects.leaves) {
      b.op(Op.drop);
      this.#handlerLeft(instruction);
      return true;
    }
    f.if();
    this.#handlerLeft(instruction);
    f.endIf();
    this.#state.load();
    this.#sseMode.reload();
    this.#flags.form = 'words';
    return false;
  }

  /** The handler stored RIP, or noted a fault. */
  #handlerLeft(instruction: GuestInstruction): void {
    const b = this.#b;
    const f = this.#frame;
    b.i32(0);
    b.memory(Op.i32Load, this.#host.cpu + OFF_FAULT);
    f.if();
    f.storeRip(f.currentOffset);
    b.i32(regionExit.fault);
    b.setLocal(f.exitCode);
    f.exitStored(instruction.count - 1);
    f.endIf();
    f.exitStored(instruction.count);
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
      case 'branch':
        f.retire(last.count);
        b.pushCond(ending.condition);
        f.if();
        {
          const { form } = this.#flags;
          this.#transfer(number, source.taken[number], takenOffset, 0);
          this.#flags.form = form;
        }
        f.endIf();
        this.#transfer(number, source.next[number], nextOffset, 0);
        return;
      case 'indirect': {
        f.retire(last.count);
        b.push(ending.target);
        b.setLocal(f.exitRip);
        const { form } = this.#flags;
        const targets = source.indirect[number]!;
        if (targets.length > tableFrom) this.#transferByTable(number, targets);
        else
          for (const to of targets) {
            b.getLocal(f.exitRip);
            f.pushRip(source.blocks[to]!.offset);
            b.integer('eq', 64);
            f.if();
            this.#transfer(number, to, source.blocks[to]!.offset, 0);
            this.#flags.form = form;
            f.endIf();
          }
        f.exitIndirect(source.blocks[number]!.address);
      }
    }
  }

  /** Goes to the target whose offset the absolute address in exitRip has; falls through if none has. */
  #transferByTable(from: number, targets: readonly number[]): void {
    const f = this.#frame;
    const b = this.#b;
    const offsets = targets.map((to) => this.#source.blocks[to]!.offset);
    const low = Math.min(...offsets);
    const span = Math.max(...offsets) - low + 1;
    const near = span <= tableLimit ? targets : [];
    const { form } = this.#flags;
    for (let i = 0; i <= near.length; i++) {
      b.code.bytes([Op.block, blockVoid]);
      f.enter();
    }
    if (near.length > 0) {
      b.getLocal(f.exitRip);
      f.pushRip(low);
      b.integer('sub', 64);
      const distance = b.take(64);
      b.push(distance);
      b.i64(span);
      b.integer('geU', 64);
      b.op(Op.brIf);
      b.code.u32(near.length);
      b.push32(distance);
      b.op(Op.brTable);
      const labels = new Array<number>(span).fill(near.length);
      offsets.forEach((offset, i) => (labels[offset - low] = i));
      b.code.u32(span - 1);
      for (const label of labels) b.code.u32(label);
    }
    near.forEach((to) => {
      f.leave();
      b.op(Op.end);
      this.#transfer(from, to, this.#source.blocks[to]!.offset, 0);
      this.#flags.form = form;
    });
    f.leave();
    b.op(Op.end);
  }

  /** Goes to a block of the region, or leaves to `offset`. */
  #transfer(from: number, to: number | undefined, offset: number, count: number): void {
    const f = this.#frame;
    const b = this.#b;
    if (to === undefined) {
      f.exitTo(offset, count);
      return;
    }
    f.retire(count);
    if (this.#structure.isBackEdge(from, to)) {
      // Interrupts, requests to stop, the end of the slice.
      b.i32(0);
      b.memory(Op.i32Load, this.#host.cpu + OFF_PENDING);
      b.getLocal(f.retired);
      b.i32(0);
      b.memory(Op.i32Load, this.#host.cpu + OFF_REGION_LIMIT);
      b.integer('geS', 32);
      b.integer('or', 32);
      f.if();
      f.exitTo(offset, 0);
      f.endIf();
    }
    this.#checkPage(from, to, offset);
    if (!sameForm(this.#flags.form, this.#forms[to]!)) this.#flags.materialize();
    const { form } = this.#flags;
    this.#structure.go(from, to);
    this.#flags.form = form;
  }

  /** Going to another page: its translation must still be the one the region was made for. */
  #checkPage(from: number, to: number, offset: number): void {
    const source = this.#source;
    const [a, c] = [source.blocks[from]!, source.blocks[to]!];
    if (a.host >> 12 === c.host >> 12 && a.offset - c.offset === a.host - c.host) return;
    const f = this.#frame;
    const b = this.#b;
    f.pushRip(offset);
    const rip = b.take(64);
    b.push(rip);
    b.op(Op.i32WrapI64);
    b.i32(8);
    b.integer('shrU', 32);
    b.i32(0xfff0);
    b.integer('and', 32);
    const entry = b.take(32);
    b.push(entry);
    b.memory(Op.i64Load, this.#host.cpu + OFF_TLB_EXECUTE);
    b.push(rip);
    b.i64(-4096);
    b.integer('and', 64);
    b.getLocal(f.context);
    b.integer('or', 64);
    b.integer('ne', 64);
    b.push(entry);
    b.memory(Op.i32Load, this.#host.cpu + OFF_TLB_EXECUTE + 8);
    b.push32(rip);
    b.integer('add', 32);
    b.i32(c.host);
    b.integer('ne', 32);
    b.integer('or', 32);
    f.if();
    f.exitTo(offset, 0);
    f.endIf();
  }
}

/** Flag form at the start of each block: that of all ways into it, if they agree, else words. */
function flagFormsAtStart(source: RegionSource, entries: readonly number[]): FlagForm[] {
  const { blocks } = source;
  const out = blocks.map((block): FlagForm | 'through' => {
    for (let i = block.instructions.length - 1; i >= 0; i--) {
      const { flags, readsFlags } = block.instructions[i]!.effects;
      if (flags === 'none') continue;
      return flags === 'words' ? 'words' : { ...flags, carried: readsFlags };
    }
    return 'through';
  });
  const start: (FlagForm | undefined)[] = blocks.map(() => undefined);
  for (const entry of entries) start[entry] = 'words';
  for (let changed = true; changed;) {
    changed = false;
    blocks.forEach((_, from) => {
      const form = out[from] === 'through' ? start[from] : (out[from] as FlagForm);
      if (form === undefined) return;
      for (const to of [source.taken[from], source.next[from], ...source.indirect[from]!]) {
        if (to === undefined) continue;
        const before = start[to];
        const after = before === undefined ? form : sameForm(before, form) ? before : 'words';
        if (before === undefined || !sameForm(before, after)) {
          start[to] = after;
          changed = true;
        }
      }
    });
  }
  return start.map((form) => form ?? 'words');
}
