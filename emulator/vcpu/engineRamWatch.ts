import { ramPageSize, type RamWatch } from '../bus/ramWatch.ts';
import type { EngineCpu } from './engineMemory.ts';
import type { GuestMemory } from './guestMemory.ts';

/** Chips write here without telling: shadow RAM and what lies around it. */
const lowMemory = 2 ** 20;

/**
 * Notes of writes to RAM by the way that video memory has. In the wasm core a page's first write finds no entry in the write TLB,
 * passes through the core's slow path and is noted there; KVM has a log.
 */
export class EngineRamWatch implements RamWatch {
  readonly #guest: GuestMemory;
  readonly #cpu: () => EngineCpu;
  readonly #notes: Uint8Array;
  readonly #view: DataView;

  /** `start`: where RAM of `size` bytes begins in the memory. */
  constructor(guest: GuestMemory, cpu: () => EngineCpu, start: number, size: number) {
    this.#guest = guest;
    this.#cpu = cpu;
    const { offset, written } = guest.all;
    const first = written + (start - offset) / ramPageSize;
    this.#notes = new Uint8Array(guest.memory.buffer, first, size / ramPageSize);
    this.#view = new DataView(guest.memory.buffer, first, size / ramPageSize);
  }

  start(): void {
    this.#cpu().gatherWrites();
    this.#notes.fill(0);
    this.#cpu().noteWrites(this.#guest.all);
  }

  take(): Uint32Array {
    this.#cpu().gatherWrites();
    const notes = this.#notes;
    const pages: number[] = [];
    const collect = (from: number, to: number): void => {
      for (let page = from; page < to; page++) {
        if (notes[page] === 0) continue;
        pages.push(page);
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
    this.#cpu().watchWrites();
    return Uint32Array.from(pages);
  }

  takeLast(): Uint32Array {
    this.#notes.fill(1, 0, lowMemory / ramPageSize);
    return this.take();
  }

  stop(): void {
    this.#cpu().noteWrites(this.#guest.video);
  }
}
