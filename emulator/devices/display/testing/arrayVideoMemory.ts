import type { Mapping } from '../../../bus/portBus.ts';
import { videoPageSize, type VideoMemory } from '../../../bus/videoMemory.ts';

/** Video memory of a test, without a CPU: mappings are only noted. */
export class ArrayVideoMemory implements VideoMemory {
  readonly bytes: Uint8Array;
  readonly mappings = new Set<{
    readonly start: number;
    readonly size: number;
    readonly offset: number;
  }>();
  readonly #written: Uint8Array;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#written = new Uint8Array(size / videoPageSize);
  }

  map(start: number, size: number, offset: number): Mapping {
    const mapping = { start, size, offset };
    this.mappings.add(mapping);
    return { remove: () => void this.mappings.delete(mapping) };
  }

  markWritten(offset: number, length: number): void {
    this.#written.fill(1, offset >>> 12, ((offset + length - 1) >>> 12) + 1);
  }

  takeWritten(pages: Uint8Array): boolean {
    let any = false;
    this.#written.forEach((written, page) => {
      if (written === 0) return;
      pages[page] = 1;
      any = true;
    });
    this.#written.fill(0);
    return any;
  }
}
