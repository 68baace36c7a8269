/**
 * Ends of blocks whose target is known when they run. They stay inside the region where that is one of its blocks. All RETs of a region
 * share their targets, the code behind its calls: if those are many, RETs go through the structure's dispatcher to the bucket of a table.
 */
import type { Val } from '../isa/dsl.ts';
import { OFF_CPL, OFF_REGION_FROM, OFF_RIP } from '../cpu/layout.ts';
import type { RegionSource } from './guestCode.ts';
import { nothingLoaded, noRegisters } from './guestState.ts';
import { offsetTable, pushBucket, type OffsetTable } from './offsetTable.ts';
import { checkTranslation, pushModeDiffers, pushMustLeave } from './regionChecks.ts';
import { parameterEntry, type RegionFrame } from './regionFrame.ts';
import type { FlowGraph, Structure } from './structure.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';

/** More targets than these are found by a table. */
const tableFrom = 3;

/** Emits the way from one node to a block; `isChecked`: the translation of its page was looked at. */
type Transfer = (from: number, to: number, offset: number, isChecked?: boolean) => void;

export class IndirectJumps {
  readonly #frame: RegionFrame;
  readonly #source: RegionSource;
  readonly #transfer: Transfer;
  /** Its buckets are the structure's slots, nodes behind those of the blocks. Without it each RET compares. */
  readonly #returns: OffsetTable | undefined;
  /** Local: the block whose RET goes to a slot. */
  readonly #returning: number;

  constructor(frame: RegionFrame, source: RegionSource, transfer: Transfer) {
    this.#frame = frame;
    this.#source = source;
    this.#transfer = transfer;
    this.#returning = frame.b.permanent(ValueType.i32);
    const { returnsTo } = source;
    if (returnsTo.length > tableFrom) this.#returns = this.#tableOf(returnsTo);
  }

  #tableOf(targets: readonly number[]): OffsetTable {
    return offsetTable(targets.map((to) => this.#source.blocks[to]!.offset));
  }

  #goesToSlot(block: number): boolean {
    const { indirect, returnsTo } = this.#source;
    return this.#returns !== undefined && indirect[block] === returnsTo;
  }

  graph(): FlowGraph {
    const { blocks, taken, next, indirect, returnsTo, entries } = this.#source;
    const buckets = this.#returns?.buckets ?? [];
    const empty = buckets.findIndex(({ length }) => length === 0);
    const ways = blocks.map((_, i) =>
      [taken[i], next[i], ...(this.#goesToSlot(i) ? [] : indirect[i]!)].filter(
        (to) => to !== undefined,
      ),
    );
    return {
      entries,
      successors: [
        ...ways.map((list) => [...new Set(list)]),
        ...buckets.map((bucket) => bucket.map((index) => returnsTo[index]!)),
      ],
      slots: buckets.map(({ length }, i) => blocks.length + (length === 0 ? empty : i)),
      choosing: new Set(blocks.keys().filter((block) => this.#goesToSlot(block))),
    };
  }

  /** Behind an indirect jump: exitRip is set. */
  end(number: number, structure: Structure): void {
    const { indirect, blocks } = this.#source;
    const targets = indirect[number]!;
    if (this.#returns && this.#goesToSlot(number)) {
      this.#goToSlot(number, this.#returns, structure);
      return;
    }
    if (targets.length > tableFrom) this.#goByTable(number, targets);
    else this.#goIfThere(number, targets);
    this.#frame.exitIndirect(blocks[number]!.address);
  }

  /** Goes where exitRip leads; falls through if that is none of the targets. */
  #goIfThere(from: number, targets: readonly number[]): void {
    const f = this.#frame;
    for (const to of targets) {
      const { offset } = this.#source.blocks[to]!;
      this.#pushIsAt(offset);
      f.if();
      this.#transfer(from, to, offset);
      f.endIf();
    }
  }

  #pushIsAt(offset: number): void {
    const f = this.#frame;
    f.b.getLocal(f.exitRip);
    f.pushRip(offset);
    f.b.integer('eq', f.state.width);
  }

  /** As `goIfThere`, for many targets. */
  #goByTable(from: number, targets: readonly number[]): void {
    const f = this.#frame;
    const { b } = f;
    const table = this.#tableOf(targets);
    const used = table.buckets.filter(({ length }) => length > 0);
    // One for each bucket, and what is behind all outermost.
    for (let i = 0; i <= used.length; i++) {
      b.code.bytes([Op.block, blockVoid]);
      f.enter();
    }
    pushBucket(f, table);
    b.op(Op.brTable);
    b.code.u32(table.buckets.length - 1);
    for (const bucket of table.buckets)
      b.code.u32(bucket.length === 0 ? used.length : used.indexOf(bucket));
    used.forEach((bucket, i) => {
      f.leave();
      b.op(Op.end);
      this.#goIfThere(
        from,
        bucket.map((index) => targets[index]!),
      );
      b.op(Op.br);
      b.code.u32(used.length - 1 - i);
    });
    f.leave();
    b.op(Op.end);
  }

  #goToSlot(from: number, table: OffsetTable, structure: Structure): void {
    const f = this.#frame;
    const { b } = f;
    const block = this.#source.blocks[from]!.address;
    f.state.store();
    f.flags.storeForm();
    f.pushSliceOver();
    f.if(false);
    f.exitLinked(() => b.i32(block));
    f.endIf();
    b.i32(block);
    b.setLocal(this.#returning);
    pushBucket(f, table);
    b.i32(structure.entries.length);
    b.integer('add', 32);
    b.setLocal(parameterEntry);
    structure.goToSlot();
  }

  /** The node of a bucket: state and flags are stored. */
  slot(node: number): void {
    const f = this.#frame;
    const { arms } = f.state;
    f.state.arms = 0;
    f.state.dirty = noRegisters;
    f.state.loaded = nothingLoaded;
    f.flags.form = 'stored';
    const { blocks, returnsTo } = this.#source;
    const bucket = this.#returns!.buckets[node - blocks.length]!;
    this.#goIfThere(
      node,
      bucket.map((index) => returnsTo[index]!),
    );
    f.exitLinked(() => f.b.getLocal(this.#returning));
    f.state.arms = arms;
    f.b.releaseTemporaries();
  }

  /**
   * The handler of a far transfer has stored RIP. Goes on at a target inside, if mode, translations and pending events allow. `level`: CPL before.
   * `alive`: EmitterHost's.
   */
  endFar(number: number, level: Val, alive: number): void {
    const f = this.#frame;
    const { b, cpu } = f;
    const { blocks, indirect } = this.#source;
    const targets = indirect[number]!;
    b.i32(0);
    b.memory(Op.i64Load, cpu + OFF_RIP);
    if (!f.is64) b.op(Op.i32WrapI64);
    b.setLocal(f.exitRip);
    if (targets.length > 0) {
      f.state.loadFlags();
      f.flags.form = 'words';
      pushMustLeave(f, alive);
      b.op(Op.i32Eqz);
      f.if();
      for (const to of targets) {
        const { offset, host } = blocks[to]!;
        this.#pushIsAt(offset);
        f.if();
        checkTranslation(f, offset, host);
        this.#transfer(number, to, offset, true);
        f.endIf();
      }
      f.endIf();
    }
    // Code of another privilege has many callers: it does not become part of this region.
    b.i32(blocks[number]!.address);
    b.i32(0);
    b.push(level);
    b.i32(0);
    b.memory(Op.i32Load, cpu + OFF_CPL);
    b.integer('eq', 32);
    b.op(Op.select);
    const cause = b.take(32);
    pushModeDiffers(f);
    f.if();
    b.i32(0);
    b.push(cause);
    b.memory(Op.i32Store, cpu + OFF_REGION_FROM);
    f.exitStored(0);
    f.endIf();
    f.exitLinked(() => b.push(cause));
  }
}
