import type { IoRegion, Width } from './types.ts';

/** A range on a bus; `remove` takes it off again (idempotent). */
export interface Mapping {
  remove(): void;
}

interface PortMapping {
  readonly first: number;
  readonly end: number;
  readonly region: IoRegion;
}

/**
 * The 64 Ki I/O ports. Where ranges overlap the one mapped first answers, as positive decoding
 * of the fixed ISA devices comes before a misplaced BAR. Ports of nobody read as ones.
 */
export class PortBus {
  readonly #owners = new Array<PortMapping | undefined>(0x10000).fill(undefined);
  readonly #mappings: PortMapping[] = [];

  map(first: number, length: number, region: IoRegion): Mapping {
    const mapping: PortMapping = { first, end: Math.min(first + length, 0x10000), region };
    this.#mappings.push(mapping);
    for (let port = first; port < mapping.end; port++) this.#owners[port] ??= mapping;
    return { remove: () => this.#remove(mapping) };
  }

  #remove(mapping: PortMapping): void {
    const index = this.#mappings.indexOf(mapping);
    if (index < 0) return;
    this.#mappings.splice(index, 1);
    for (let port = mapping.first; port < mapping.end; port++) {
      if (this.#owners[port] !== mapping) continue;
      this.#owners[port] = this.#mappings.find((m) => port >= m.first && port < m.end);
    }
  }

  read(port: number, width: Width): number {
    const owner = this.#owners[port & 0xffff];
    if (owner === undefined) {
      if (width === 1) return 0xff;
    } else if ((port & 0xffff) + width <= owner.end) {
      return owner.region.read((port & 0xffff) - owner.first, width);
    }
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.read(port + i, 1);
    return value;
  }

  write(port: number, width: Width, value: number): void {
    const owner = this.#owners[port & 0xffff];
    if (owner === undefined) {
      if (width === 1) return;
    } else if ((port & 0xffff) + width <= owner.end) {
      owner.region.write((port & 0xffff) - owner.first, width, value);
      return;
    }
    for (let i = 0; i < width; i++) this.write(port + i, 1, (value >>> (8 * i)) & 0xff);
  }
}

/** Registers of an 8-bit chip: wider accesses reach it a byte at a time, low address first. */
export interface ByteRegisters {
  read(offset: number): number;
  write(offset: number, value: number): void;
}

export function byteRegion(registers: ByteRegisters): IoRegion {
  return {
    read(offset, width) {
      let value = 0;
      for (let i = 0; i < width; i++) {
        value += (registers.read(offset + i) & 0xff) * 2 ** (8 * i);
      }
      return value;
    },
    write(offset, width, value) {
      for (let i = 0; i < width; i++) registers.write(offset + i, (value >>> (8 * i)) & 0xff);
    },
  };
}
