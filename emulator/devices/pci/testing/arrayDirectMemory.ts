import type { DirectMemory } from '../../../bus/directMemory.ts';
import type { Mapping } from '../../../bus/portBus.ts';

interface Part {
  readonly start: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
}

/** Direct memory of a test: what is mapped where, as a CPU would reach it. */
export class ArrayDirectMemory implements DirectMemory {
  readonly ram: Uint8Array;
  readonly rom: Uint8Array;
  readonly parts: Part[] = [];
  readonly changes: [start: number, length: number][] = [];

  constructor(ramSize: number, romSize: number) {
    this.ram = new Uint8Array(ramSize);
    this.rom = new Uint8Array(romSize);
  }

  mapRam(start: number, size: number, offset: number, readOnly: boolean): Mapping {
    return this.#map({ start, size, bytes: this.ram.subarray(offset, offset + size), readOnly });
  }

  mapRom(start: number, size: number, offset: number): Mapping {
    const bytes = this.rom.subarray(offset, offset + size);
    return this.#map({ start, size, bytes, readOnly: true });
  }

  #map(part: Part): Mapping {
    if (part.bytes.length !== part.size || part.start % 4096 !== 0 || part.size % 4096 !== 0)
      throw new RangeError('a mapping reaches out of its memory or is not page-aligned');
    this.parts.push(part);
    return { remove: () => void this.parts.splice(this.parts.indexOf(part), 1) };
  }

  codeChanged(start: number, length: number): void {
    this.changes.push([start, length]);
  }

  /** The mapped part with this address. */
  at(address: number): Part | undefined {
    return this.parts.find(({ start, size }) => address >= start && address < start + size);
  }
}
