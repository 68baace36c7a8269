/** Guest memory inside a region: the soft TLB's probe inline (cpu/memory.ts has the same), the rest in the core. */
import type { Val, Width } from '../isa/dsl.ts';
import { OFF_TLB_READ, OFF_TLB_WRITE } from '../cpu/layout.ts';
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

  #readStack(address: number, width: Width): WasmVal {
    const { b, stack, state } = this.#f;
    state.needCached(cachedStack);
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    const distance = this.#ifInPage(stack, address, width / 8);
    this.#pushInPage(stack, distance);
    b.memory(loadOpcode[width], 0);
    b.setLocal(result);
    this.#f.else();
    this.#push64(address);
    b.i32(width / 8);
    b.call(this.#f.core('readStack'));
    if (width !== 64) b.op(Op.i32WrapI64);
    b.setLocal(result);
    stack.load();
    this.#f.checkFault();
    this.#f.endIf();
    return { kind: 'val', width, local: result, constant: undefined };
  }

  #writeStack(address: number, value: Val): void {
    const { b, stack, state } = this.#f;
    state.needCached(cachedStack);
    const distance = this.#ifInPage(stack, address, value.width / 8);
    this.#pushInPage(stack, distance);
    b.push(value);
    b.memory(storeOpcode[value.width], 0);
    this.#f.else();
    this.#push64(address);
    b.push64(value);
    b.i32(value.width / 8);
    b.call(this.#f.core('writeStack'));
    stack.load();
    this.#f.checkFault();
    this.#f.endIf();
  }

  /** `fast` finds the wasm address on the stack; `slow` does it all in the core. */
  #locate(
    table: number,
    address: number,
    bytes: number,
    cache: PageCache | undefined,
    fast: () => void,
    slow: () => void,
  ): void {
    const f = this.#f;
    const { b } = f;
    if (cache?.kind !== 'loop') {
      const entry = this.#probe(table, address, bytes);
      f.if(true);
      this.#pushHost(table, address, entry);
      fast();
      f.else();
      slow();
      f.endIf();
      return;
    }
    const host = b.temporary(ValueType.i32);
    guarded(
      f,
      (slowIf) => {
        const distance = this.#ifInPage(cache, address, bytes);
        this.#pushInPage(cache, distance);
        b.setLocal(host);
        f.else();
        const entry = this.#probe(table, address, bytes);
        b.op(Op.i32Eqz);
        slowIf();
        this.#pushHost(table, address, entry);
        b.teeLocal(host);
        b.i32(-4096);
        b.integer('and', 32);
        b.setLocal(cache.host);
        this.#push64(address);
        b.i64(-4096);
        b.integer('and', 64);
        b.setLocal(cache.page);
        f.endIf();
        b.getLocal(host);
        fast();
      },
      slow,
    );
  }

  /** `cache`: where the page may be known. */
  read(linear: Val, width: Width, cache?: PageCache): WasmVal {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    if (cache?.kind === 'stack') return this.#readStack(address, width);
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    this.#locate(
      OFF_TLB_READ,
      address,
      width / 8,
      cache,
      () => {
        b.memory(loadOpcode[width], 0);
        b.setLocal(result);
      },
      () => {
        this.#push64(address);
        b.i32(width / 8);
        b.call(this.#f.core('readSlow'));
        if (width !== 64) b.op(Op.i32WrapI64);
        b.setLocal(result);
        this.#f.checkFault();
      },
    );
    return { kind: 'val', width, local: result, constant: undefined };
  }

  /**
   * Reads for a later write. `host` keeps the wasm address (0: the slow path has to write too), so that the write needs no
   * probe of its own.
   */
  readForWrite(
    linear: Val,
    width: Width,
    cache?: PageCache,
  ): { value: WasmVal; host: number; linear: number } {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const host = b.temporary(ValueType.i32);
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    this.#locate(
      OFF_TLB_WRITE,
      address,
      width / 8,
      cache,
      () => {
        b.teeLocal(host);
        b.memory(loadOpcode[width], 0);
        b.setLocal(result);
      },
      () => {
        b.i32(0);
        b.setLocal(host);
        this.#push64(address);
        b.i32(width / 8);
        b.call(this.#f.core('readForWriteFromRegion'));
        if (width !== 64) b.op(Op.i32WrapI64);
        b.setLocal(result);
        this.#f.checkFault();
      },
    );
    return {
      value: { kind: 'val', width, local: result, constant: undefined },
      host,
      linear: address,
    };
  }

  /** The write that readForWrite prepared. */
  writePrepared(host: number, linear: number, value: Val): void {
    const { b } = this.#f;
    b.getLocal(host);
    this.#f.if(true);
    b.getLocal(host);
    b.push(value);
    b.memory(storeOpcode[value.width], 0);
    this.#f.else();
    this.#slowWrite(linear, value);
    this.#f.endIf();
  }

  #slowWrite(linear: number, value: Val): void {
    const { b } = this.#f;
    this.#push64(linear);
    b.push64(value);
    b.i32(value.width / 8);
    b.call(this.#f.core('writeFromRegion'));
    this.#f.checkFault();
  }

  write(linear: Val, value: Val, cache?: PageCache): void {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    if (cache?.kind === 'stack') {
      this.#writeStack(address, value);
      return;
    }
    this.#locate(
      OFF_TLB_WRITE,
      address,
      value.width / 8,
      cache,
      () => {
        b.push(value);
        b.memory(storeOpcode[value.width], 0);
      },
      () => this.#slowWrite(address, value),
    );
  }

  /** Leaves the 128 bits in the returned local. */
  readVector(linear: Val, cache?: PageCache): number {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const result = b.temporary(ValueType.v128);
    this.#locate(
      OFF_TLB_READ,
      address,
      16,
      cache,
      () => {
        b.simdMemory(SimdOp.load, 0);
        b.setLocal(result);
      },
      () => {
        this.#push64(address);
        b.call(this.#f.core('readV128Slow'));
        b.setLocal(result);
        this.#f.checkFault();
      },
    );
    return result;
  }

  writeVector(linear: Val, value: number, cache?: PageCache): void {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    this.#locate(
      OFF_TLB_WRITE,
      address,
      16,
      cache,
      () => {
        b.getLocal(value);
        b.simdMemory(SimdOp.store, 0);
      },
      () => {
        this.#push64(address);
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
