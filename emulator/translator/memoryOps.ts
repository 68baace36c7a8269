/** Guest memory inside a region: the soft TLB's probe inline (cpu/memory.ts has the same), the rest in the core. */
import type { Val, Width } from '../isa/dsl.ts';
import { OFF_TLB_READ, OFF_TLB_WRITE } from '../cpu/layout.ts';
import type { WasmVal } from './functionBuilder.ts';
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

  /** Pushes whether the page of `linear` (an i64 local) is in the table; leaves the entry's offset in `entry`. */
  #probe(table: number, linear: number, entry: number, bytes: number): void {
    const { b, cpu, context } = this.#f;
    b.getLocal(linear);
    b.op(Op.i32WrapI64);
    b.i32(8);
    b.integer('shrU', 32);
    b.i32(0xfff0);
    b.integer('and', 32);
    b.teeLocal(entry);
    b.memory(Op.i64Load, cpu + table);
    b.getLocal(linear);
    if (bytes > 1) {
      b.i64(bytes - 1);
      b.integer('add', 64);
    }
    b.i64(-4096);
    b.integer('and', 64);
    b.getLocal(context);
    b.integer('or', 64);
    b.integer('eq', 64);
  }

  /** Pushes the wasm address behind a probed entry. */
  #pushHost(table: number, linear: number, entry: number): void {
    const { b, cpu } = this.#f;
    b.getLocal(linear);
    b.op(Op.i32WrapI64);
    b.getLocal(entry);
    b.memory(Op.i32Load, cpu + table + 8);
    b.integer('add', 32);
  }

  #linearLocal(linear: Val): number {
    const { b } = this.#f;
    const { local, constant } = linear as WasmVal;
    if (constant === undefined) return local;
    b.push(linear);
    const copy = b.temporary(ValueType.i64);
    b.setLocal(copy);
    return copy;
  }

  read(linear: Val, width: Width): WasmVal {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const entry = b.temporary(ValueType.i32);
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    this.#probe(OFF_TLB_READ, address, entry, width / 8);
    this.#f.if();
    this.#pushHost(OFF_TLB_READ, address, entry);
    b.memory(loadOpcode[width], 0);
    b.setLocal(result);
    this.#f.else();
    b.getLocal(address);
    b.i32(width / 8);
    b.call(this.#f.core('readSlow'));
    if (width !== 64) b.op(Op.i32WrapI64);
    b.setLocal(result);
    this.#f.checkFault();
    this.#f.endIf();
    return { kind: 'val', width, local: result, constant: undefined };
  }

  /**
   * Reads for a later write. `host` keeps the wasm address (0: the slow path has to write too), so that the write needs no
   * probe of its own.
   */
  readForWrite(linear: Val, width: Width): { value: WasmVal; host: number; linear: number } {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const entry = b.temporary(ValueType.i32);
    const host = b.temporary(ValueType.i32);
    const result = b.temporary(width === 64 ? ValueType.i64 : ValueType.i32);
    this.#probe(OFF_TLB_WRITE, address, entry, width / 8);
    this.#f.if();
    this.#pushHost(OFF_TLB_WRITE, address, entry);
    b.teeLocal(host);
    b.memory(loadOpcode[width], 0);
    b.setLocal(result);
    this.#f.else();
    b.i32(0);
    b.setLocal(host);
    b.getLocal(address);
    b.i32(width / 8);
    b.call(this.#f.core('readForWriteFromRegion'));
    if (width !== 64) b.op(Op.i32WrapI64);
    b.setLocal(result);
    this.#f.checkFault();
    this.#f.endIf();
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
    this.#f.if();
    b.getLocal(host);
    b.push(value);
    b.memory(storeOpcode[value.width], 0);
    this.#f.else();
    this.#slowWrite(linear, value);
    this.#f.endIf();
  }

  #slowWrite(linear: number, value: Val): void {
    const { b } = this.#f;
    b.getLocal(linear);
    b.push64(value);
    b.i32(value.width / 8);
    b.call(this.#f.core('writeFromRegion'));
    this.#f.checkFault();
  }

  write(linear: Val, value: Val): void {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const entry = b.temporary(ValueType.i32);
    this.#probe(OFF_TLB_WRITE, address, entry, value.width / 8);
    this.#f.if();
    this.#pushHost(OFF_TLB_WRITE, address, entry);
    b.push(value);
    b.memory(storeOpcode[value.width], 0);
    this.#f.else();
    this.#slowWrite(address, value);
    this.#f.endIf();
  }

  /** Leaves the 128 bits in the returned local. */
  readVector(linear: Val): number {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const entry = b.temporary(ValueType.i32);
    const result = b.temporary(ValueType.v128);
    this.#probe(OFF_TLB_READ, address, entry, 16);
    this.#f.if();
    this.#pushHost(OFF_TLB_READ, address, entry);
    b.simdMemory(SimdOp.load, 0);
    b.setLocal(result);
    this.#f.else();
    b.getLocal(address);
    b.call(this.#f.core('readV128Slow'));
    b.setLocal(result);
    this.#f.checkFault();
    this.#f.endIf();
    return result;
  }

  writeVector(linear: Val, value: number): void {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    const entry = b.temporary(ValueType.i32);
    this.#probe(OFF_TLB_WRITE, address, entry, 16);
    this.#f.if();
    this.#pushHost(OFF_TLB_WRITE, address, entry);
    b.getLocal(value);
    b.simdMemory(SimdOp.store, 0);
    this.#f.else();
    b.getLocal(address);
    b.getLocal(value);
    b.call(this.#f.core('writeV128FromRegion'));
    this.#f.checkFault();
    this.#f.endIf();
  }

  /** Raises what a write would raise. */
  checkWrite(linear: Val, bytes: number): void {
    const { b } = this.#f;
    const address = this.#linearLocal(linear);
    b.getLocal(address);
    b.i32(bytes);
    b.call(this.#f.core('probeWrite'));
    this.#f.checkFault();
  }
}
