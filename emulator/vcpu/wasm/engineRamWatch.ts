import { ramPageSize, type LastWrites, type RamWatch } from '../../bus/ramWatch.ts';
import type { GuestMemory } from './guestMemory.ts';
import type { WasmCpu } from './wasmCpu.ts';

/** Chips write here without telling: shadow RAM and what lies around it. */
const lowMemory = 2 ** 20;

/**
 * Notes of writes to RAM by the way that video memory has: a page's first write finds no entry in the write TLB,
 * passes through the core's slow path and is noted there.
 */
export class EngineRamWatch implements RamWatch {
  readonly #guest: GuestMemory;
  readonly #cpu: WasmCpu;
  readonly #start: number;
  readonly #notes: Uint8Array;
  readonly #view: DataView;
  /** 1: written since start(). */
  readonly #ever: Uint8Array;

  /** `start`: where RAM of `size` bytes begins in the memory. */
  constructor(guest: GuestMemory, cpu: WasmCpu, start: number, size: number) {
    this.#guest = guest;
    this.#cpu = cpu;
    this.#start = start;
    const { offset, written } = guest.all;
    const first = written + (start - offset) / ramPageSize;
    this.#notes = new Uint8Array(guest.memory.buffer, first, size / ramPageSize);
    this.#view = new DataView(guest.memory.buffer, first, size / ramPageSize);
    this.#ever = new Uint8Array(size / ramPageSize);
  }

  start(): void {
    this.#notes.fill(0);
    this.#ever.fill(0);
    this.#cpu.noteWrites(this.#guest.all);
  }

  take(): Uint32Array {
    const notes = this.#notes;
    const pages: number[] = [];
    const collect = (from: number, to: number): void => {
      for (let page = from; page < to; page++) {
        if (notes[page] === 0) continue;
        pages.push(page);
        this.#ever[page] = 1;
        notes[page] = 0;
      }
    };
    // Eight at a time: most are 0.
    const whole = notes.length & ~7;
    for (let page = 0; page < whole; page += 8) {
      if (this.#view.getUint32(page) !== 0 || this.#view.getUint32(page + 4) !== 0)
        collect(page, page + 8);
    }
    collect(whole, notes.length);
    this.#cpu.watchVideo();
    return Uint32Array.from(pages);
  }

  takeLast(): LastWrites {
    const { shared, wideTables } = this.#cpu.ownWrites();
    this.#notes.fill(1, 0, lowMemory / ramPageSize);
    for (const address of shared) {
      const page = this.#pageOf(Math.floor(address / ramPageSize));
      if (page !== undefined) this.#notes.fill(1, page, page + 2);
    }
    return {
      pages: this.take(),
      wideTables,
      wasWritten: (frame) => this.#ever[this.#pageOf(frame) ?? Infinity] === 1,
    };
  }

  /** Number of a page in RAM by its guest physical number; undefined for what is not RAM. */
  #pageOf(frame: number): number | undefined {
    const address = frame * ramPageSize;
    for (const { start, size, offset } of this.#guest.slots) {
      if (address < start || address >= start + size) continue;
      const page = (offset + address - start - this.#start) / ramPageSize;
      return page < this.#notes.length ? page : undefined;
    }
    return undefined;
  }

  stop(): void {
    this.#cpu.noteWrites(this.#guest.video);
  }
}
