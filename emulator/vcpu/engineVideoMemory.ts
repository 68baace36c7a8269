import type { Mapping } from '../bus/portBus.ts';
import { videoPageSize, type VideoMemory } from '../bus/videoMemory.ts';
import type { EngineCpu } from './engineMemory.ts';
import type { GuestMemory } from './guestMemory.ts';

/** Video memory in the machine's shared memory: mapped as slots, writes noted by the engine. */
export class EngineVideoMemory implements VideoMemory {
  readonly bytes: Uint8Array;
  readonly #guest: GuestMemory;
  readonly #written: Uint8Array;
  readonly #cpu: () => EngineCpu;

  constructor(guest: GuestMemory, cpu: () => EngineCpu) {
    const { offset, size, written } = guest.video;
    this.bytes = new Uint8Array(guest.memory.buffer, offset, size);
    this.#written = new Uint8Array(guest.memory.buffer, written, size / videoPageSize);
    this.#guest = guest;
    this.#cpu = cpu;
  }

  map(start: number, size: number, offset: number): Mapping {
    const at = this.#guest.video.offset + offset;
    return this.#guest.mapSlot({ start, size, offset: at, readOnly: false });
  }

  markWritten(offset: number, length: number): void {
    if (length <= 0) return;
    this.#written.fill(1, offset >>> 12, ((offset + length - 1) >>> 12) + 1);
  }

  takeWritten(pages: Uint8Array): boolean {
    this.#cpu().gatherWrites();
    if (!this.#written.includes(1)) return false;
    for (let page = 0; page < this.#written.length; page++) {
      if (this.#written[page] !== 0) pages[page] = 1;
    }
    this.#written.fill(0);
    this.#cpu().watchWrites();
    return true;
  }
}
