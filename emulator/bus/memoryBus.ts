import type { Mapping } from './portBus.ts';
import type { IoRegion, Width } from './types.ts';

interface MemoryMapping {
  readonly start: number;
  readonly end: number;
  readonly region: IoRegion;
}

/**
 * Memory-mapped registers. RAM is not here: the vCPU reaches it by its slots and asks this bus
 * for the rest. The range mapped first wins an overlap; addresses of nobody read as ones.
 */
export class MemoryBus {
  readonly #mappings: MemoryMapping[] = [];
  #last: MemoryMapping | undefined;

  map(start: number, size: number, region: IoRegion): Mapping {
    const mapping: MemoryMapping = { start, end: start + size, region };
    this.#mappings.push(mapping);
    return {
      remove: () => {
        const index = this.#mappings.indexOf(mapping);
        if (index >= 0) this.#mappings.splice(index, 1);
        this.#last = undefined;
      },
    };
  }

  #find(address: number): MemoryMapping | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.end) return last;
    const found = this.#mappings.find((m) => address >= m.start && address < m.end);
    // Only an unambiguous hit may be remembered: an earlier mapping wins where two overlap.
    if (found !== undefined && found === this.#mappings[0]) this.#last = found;
    else if (found !== undefined && !this.#overlaps(found)) this.#last = found;
    return found;
  }

  #overlaps(mapping: MemoryMapping): boolean {
    return this.#mappings.some(
      (m) => m !== mapping && m.start < mapping.end && mapping.start < m.end,
    );
  }

  read(address: number, width: Width): number {
    const mapping = this.#find(address);
    if (mapping !== undefined && address + width <= mapping.end) {
      return mapping.region.read(address - mapping.start, width);
    }
    if (width === 1) return 0xff;
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.read(address + i, 1);
    return value;
  }

  write(address: number, width: Width, value: number): void {
    const mapping = this.#find(address);
    if (mapping !== undefined && address + width <= mapping.end) {
      mapping.region.write(address - mapping.start, width, value);
      return;
    }
    if (width === 1) return;
    for (let i = 0; i < width; i++) this.write(address + i, 1, (value >>> (8 * i)) & 0xff);
  }

  /** What a program does that stores `bytes` from `address` on, dword by dword where it can. */
  writeBytes(address: number, bytes: Uint8Array): void {
    const mapping = this.#find(address);
    if (mapping?.region.writeBytes !== undefined && address + bytes.length <= mapping.end) {
      mapping.region.writeBytes(address - mapping.start, bytes);
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let i = 0;
    if ((address & 3) === 0)
      for (; i + 4 <= bytes.length; i += 4) this.write(address + i, 4, view.getUint32(i, true));
    for (; i < bytes.length; i++) this.write(address + i, 1, view.getUint8(i));
  }
}
