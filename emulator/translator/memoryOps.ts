/** Guest memory inside a region: the soft TLB's probe inline (cpu/memory.ts has the same), the rest in the core. */
import type { Val, Width } from '../isa/dsl.ts';
import { OFF_TLB_READ, OFF_TLB_WRITE } from '../cpu/layout.ts';
import type { GroupedAccess } from './accessGroups.ts';
import { typeOf, type WasmVal } from './functionBuilder.ts';
import { guarded } from './guardedPath.ts';
import { cachedStack } from './guestState.ts';
import type { PageCache } from './pageCache.ts';
import type { RegionFrame } from './regionFrame.ts';
import { Op, SimdOp, ValueType } from './wasmOpcodes.ts';

const loadOpcode = { 8: Op.i32Load8U, 16: Op.i32Load16U, 32: Op.i32Load, 64: Op.i64Load } as const;
const storeOpcode = {
  8: Op.i32Store8,
  16: Op.i32Store16,
  32: Op.i32Store,
  64: Op.i64Store,
} as const;

/** What is accessed. */
export interface MemoryTarget {
  readonly bytes: number;
  /** Where the page may be known. */
  readonly cache: PageCache | undefined;
  readonly grouped: GroupedAccess | undefined;
  /** Emits the linear address. */
  address(): Val;
}

/** `host`: local with the wasm address that the bytes are `offset` behind, 0 if the slow path has to write too. */
export interface PreparedWrite {
  readonly value: WasmVal;
  readonly host: number;
  readonly offset: number;
  readonly linear: number;
}

/**
 * Whether the core notes the access's page as the stack's if it is another. A group that lies in two pages would have it change
 * at every access: only the first one of a block does.
 */
const notesStack = ({ cache, grouped }: MemoryTarget): boolean =>
  cache?.kind === 'stack' && (grouped === undefined || grouped.isFirst);

/** An access for which the core would not note another page of the stack. */
const withoutStack = (target: MemoryTarget): MemoryTarget =>
  target.cache?.kind === 'stack' && !target.grouped ? { ...target, cache: undefined } : target;

export class MemoryOps {
  readonly #f: RegionFrame;

  constructor(frame: RegionFrame) {
    this.#f = frame;
  }

  /**
   * Pushes whether the page of `linear` (a local of the mode's width) is in the table; leaves in the returned local what
   * #pushHost needs.
   */
  #probe(table: number, linear: number, bytes: number): number {
    const { b, cpu, is64, state } = this.#f;
    const entry = b.temporary(is64 ? ValueType.i32 : ValueType.i64);
    b.getLocal(linear);
    if (is64) b.op(Op.i32WrapI64);
    b.i32(8);
    b.integer('shrU', 32);
    b.i32(0xfff0);
    b.integer('and', 32);
    if (is64) {
      b.teeLocal(entry);
      b.memory(Op.i64Load, cpu + table);
    } else {
      // Distance and 32-bit tag in one.
      b.memory(Op.i64Load, cpu + table + 8);
      b.teeLocal(entry);
      b.i64(32);
      b.integer('shrU', 64);
      b.op(Op.i32WrapI64);
    }
    b.getLocal(linear);
    if (bytes > 1) {
      if (is64) b.i64(bytes - 1);
      else b.i32(bytes - 1);
      b.integer('add', state.width);
    }
    if (is64) b.i64(-4096);
    else b.i32(-4096);
    b.integer('and', state.width);
    b.getLocal(this.#f.context);
    b.integer('or', state.width);
    b.integer('eq', state.width);
    return entry;
  }

  /** Pushes the wasm address behind a probed entry. */
  #pushHost(table: number, linear: number, entry: number): void {
    const { b, cpu, is64 } = this.#f;
    b.getLocal(linear);
    if (is64) b.op(Op.i32WrapI64);
    b.getLocal(entry);
    if (is64) b.memory(Op.i32Load, cpu + table + 8);
    else b.op(Op.i32WrapI64);
    b.integer('add', 32);
  }

  /** Pushes the address for a function of the core. */
  #push64(linear: number): void {
    const { b, is64 } = this.#f;
    b.getLocal(linear);
    if (!is64) b.op(Op.i64ExtendI32U);
  }

  /** The address in a local of the mode's width. */
  #linearLocal(linear: Val): number {
    const { b, state } = this.#f;
    const { local, constant, width } = linear as WasmVal;
    if (constant === undefined && width === state.width) return local;
    if (state.width === 64) b.push64(linear);
    else b.push32(linear);
    const copy = b.temporary(typeOf(state.width));
    b.setLocal(copy);
    return copy;
  }

  /** Opens an `if` on the access being inside the cached page; leaves its distance from that in the returned local. */
  #ifInPage(cache: PageCache, linear: number, bytes: number): number {
    const { b } = this.#f;
    const distance = b.temporary(ValueType.i64);
    this.#push64(linear);
    b.getLocal(cache.page);
    b.integer('sub', 64);
    b.teeLocal(distance);
    b.i64(4096 - bytes);
    b.integer('leU', 64);
    this.#f.if(true);
    return distance;
  }
  #pushInPage(cache: PageCache, distance: number): void {
    const { b } = this.#f;
    b.getLocal(cache.host);
    b.getLocal(distance);
    b.op(Op.i32WrapI64);
    b.integer('add', 32);
  }

  /** Opens an `if` on all of the group of its first access being in one page, and keeps where it is. */
  #ifGroupFound({ group, offset }: GroupedAccess, address: number, cache?: PageCache): void {
    const f = this.#f;
    const { b, state } = f;
    const first = b.temporary(typeOf(state.width));
    b.getLocal(address);
    if (offset !== 0) {
      if (f.is64) b.i64(-offset);
      else b.i32(-offset);
      b.integer('add', state.width);
    }
    b.setLocal(first);
    const bytes = group.high - group.low;
    if (cache?.kind === 'stack') this.#pushInPage(cache, this.#ifInPage(cache, first, bytes));
    else {
      const table = group.isWritable ? OFF_TLB_WRITE : OFF_TLB_READ;
      const entry = this.#probe(table, first, bytes);
      f.if(true);
      this.#pushHost(table, first, entry);
    }
    b.setLocal(group.host);
  }

  #locateInGroup(
    grouped: GroupedAccess,
    { address, cache }: MemoryTarget,
    fast: (offset: number) => void,
    slow: (linear: number) => void,
  ): void {
    const f = this.#f;
    const { b } = f;
    const { host } = grouped.group;
    if (grouped.isFirst) {
      const linear = this.#linearLocal(address());
      this.#ifGroupFound(grouped, linear, cache);
      b.getLocal(host);
      fast(grouped.offset);
      f.else();
      slow(linear);
      b.i32(0);
      b.setLocal(host);
    } else {
      b.getLocal(host);
      f.if(true);
      b.getLocal(host);
      fast(grouped.offset);
      f.else();
      slow(this.#linearLocal(address()));
    }
    f.endIf();
  }

  /**
   * `fast` finds a wasm address on the stack, and is told how far behind it the bytes are; `slow` does it all in the
   * core, given a local with the linear address.
   */
  #locate(
    table: number,
    target: MemoryTarget,
    fast: (offset: number) => void,
    slow: (linear: number) => void,
  ): void {
    const f = this.#f;
    const { b, state } = f;
    const { bytes, grouped, cache } = target;
    if (notesStack(target)) state.needCached(cachedStack);
    if (grouped) {
      this.#locateInGroup(grouped, target, fast, slow);
      return;
    }
    const linear = this.#linearLocal(target.address());
    if (cache?.kind === 'stack') {
      this.#pushInPage(cache, this.#ifInPage(cache, linear, bytes));
      fast(0);
      f.else();
      slow(linear);
      f.endIf();
      return;
    }
    if (cache === undefined) {
      const entry = this.#probe(table, linear, bytes);
      f.if(true);
      this.#pushHost(table, linear, entry);
      fast(0);
      f.else();
      slow(linear);
      f.endIf();
      return;
    }
    const host = b.temporary(ValueType.i32);
    guarded(
      f,
      (slowIf) => {
        const distance = this.#ifInPage(cache, linear, bytes);
        this.#pushInPage(cache, distance);
        b.setLocal(host);
        f.else();
        const entry = this.#probe(table, linear, bytes);
        b.op(Op.i32Eqz);
        slowIf();
        this.#pushHost(table, linear, entry);
        b.teeLocal(host);
        b.i32(-4096);
        b.integer('and', 32);
        b.setLocal(cache.host);
        this.#push64(linear);
        b.i64(-4096);
        b.integer('and', 64);
        b.setLocal(cache.page);
        f.endIf();
        b.getLocal(host);
        fast(0);
      },
      () => slow(linear),
    );
  }

  #slowWrite(linear: number, value: Val, name = 'writeFromRegion'): void {
    const { b } = this.#f;
    this.#push64(linear);
    b.push64(value);
    b.i32(value.width / 8);
    b.call(this.#f.core(name));
    if (name === 'writeStack') this.#f.stack.load();
    this.#f.checkFault();
  }

  read(target: MemoryTarget, width: Width): WasmVal {
    const { b, stack } = this.#f;
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    this.#locate(
      OFF_TLB_READ,
      target,
      (offset) => {
        b.memory(loadOpcode[width], offset);
        b.setLocal(result);
      },
      (linear) => {
        const name = notesStack(target) ? 'readStack' : 'readFromRegion';
        this.#push64(linear);
        b.i32(width / 8);
        b.call(this.#f.core(name));
        if (width !== 64) b.op(Op.i32WrapI64);
        b.setLocal(result);
        if (name === 'readStack') stack.load();
        this.#f.checkFault();
      },
    );
    return { kind: 'val', width, local: result, constant: undefined };
  }

  /** Reads for a later write, which needs no probe of its own. */
  readForWrite(target: MemoryTarget, width: Width): PreparedWrite {
    const { b } = this.#f;
    const host = target.grouped?.group.host ?? b.temporary(ValueType.i32);
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    let address = -1;
    this.#locate(
      OFF_TLB_WRITE,
      withoutStack(target),
      (offset) => {
        if (!target.grouped) b.teeLocal(host);
        b.memory(loadOpcode[width], offset);
        b.setLocal(result);
      },
      (linear) => {
        address = linear;
        b.i32(0);
        b.setLocal(host);
        this.#push64(linear);
        b.i32(width / 8);
        b.call(this.#f.core('readForWriteFromRegion'));
        if (width !== 64) b.op(Op.i32WrapI64);
        b.setLocal(result);
        this.#f.checkFault();
      },
    );
    const value: WasmVal = { kind: 'val', width, local: result, constant: undefined };
    return { value, host, offset: target.grouped?.offset ?? 0, linear: address };
  }

  /** The write that readForWrite prepared. */
  writePrepared({ host, offset, linear }: PreparedWrite, value: Val): void {
    const { b } = this.#f;
    b.getLocal(host);
    this.#f.if(true);
    b.getLocal(host);
    b.push(value);
    b.memory(storeOpcode[value.width], offset);
    this.#f.else();
    this.#slowWrite(linear, value);
    this.#f.endIf();
  }

  write(target: MemoryTarget, value: Val): void {
    const { b } = this.#f;
    this.#locate(
      OFF_TLB_WRITE,
      target,
      (offset) => {
        b.push(value);
        b.memory(storeOpcode[value.width], offset);
      },
      (linear) => {
        this.#slowWrite(linear, value, notesStack(target) ? 'writeStack' : 'writeFromRegion');
      },
    );
  }

  /** Leaves the 128 bits in the returned local. */
  readVector(target: MemoryTarget): number {
    const { b } = this.#f;
    const result = b.temporary(ValueType.v128);
    this.#locate(
      OFF_TLB_READ,
      withoutStack(target),
      (offset) => {
        b.simdMemory(SimdOp.load, offset);
        b.setLocal(result);
      },
      (linear) => {
        this.#push64(linear);
        b.call(this.#f.core('readV128FromRegion'));
        b.setLocal(result);
        this.#f.checkFault();
      },
    );
    return result;
  }

  writeVector(target: MemoryTarget, value: number): void {
    const { b } = this.#f;
    this.#locate(
      OFF_TLB_WRITE,
      withoutStack(target),
      (offset) => {
        b.getLocal(value);
        b.simdMemory(SimdOp.store, offset);
      },
      (linear) => {
        this.#push64(linear);
        b.getLocal(value);
        b.call(this.#f.core('writeV128FromRegion'));
        this.#f.checkFault();
      },
    );
  }

  /** Raises what a write would raise. */
  checkWrite(linear: Val, bytes: number): void {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    this.#push64(address);
    b.i32(bytes);
    b.call(this.#f.core('probeWrite'));
    this.#f.checkFault();
  }
}
