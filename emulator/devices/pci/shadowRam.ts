/**
 * The area of adapter and system ROMs, C0000h to FFFFFh, as the PAM registers of the 82441FX divide it
 * (datasheet 290549-001 §3.2.18): each segment reads from RAM or from what lies behind it, and writes there or
 * to RAM. Behind E0000h to FFFFFh lie the last 128 KiB of the system ROM.
 */
import type { DirectMemory } from '../../bus/directMemory.ts';
import type { MemoryBus } from '../../bus/memoryBus.ts';
import type { Mapping } from '../../bus/portBus.ts';
import type { IoRegion, Width } from '../../bus/types.ts';

export const shadowArea = { start: 0xc0000, size: 0x40000 } as const;
const romAlias = 0x20000;
const READ_RAM = 1;
const WRITE_RAM = 2;
/** Parts that the CPU reaches directly; where there are more, the rest goes over the bus. */
const mostMapped = 8;

/** Start and size of the segments by their place in PAM0 to PAM6: low nibble, high nibble. */
const segments: readonly (readonly [start: number, size: number])[] = [
  [0xf0000, 0x10000],
  ...Array.from({ length: 12 }, (_, i) => [0xc0000 + i * 0x4000, 0x4000] as const),
];

export class ShadowRam {
  readonly #memory: DirectMemory;
  readonly #romSize: number;
  /** READ_RAM and WRITE_RAM of each 16 KiB from C0000h on. */
  readonly #attributes = new Uint8Array(shadowArea.size / 0x4000);
  #mapped: Mapping[] = [];
  /** RAM was written over the bus: code that was decoded from it may be stale. */
  #written = false;

  /** The ROM lies at the start of `memory.rom` and has `romSize` bytes. */
  constructor(parts: { memory: DirectMemory; bus: MemoryBus; romSize: number }) {
    this.#memory = parts.memory;
    this.#romSize = parts.romSize;
    parts.bus.map(shadowArea.start, shadowArea.size, this.#region);
    this.#map();
  }

  /** The values of PAM0 to PAM6. */
  set(pam: readonly number[]): void {
    const before = this.#attributes.slice();
    segments.forEach(([start, size], i) => {
      // PAM0's low nibble is reserved; its high one is the F segment.
      const nibble = i === 0 ? (pam[0] ?? 0) >>> 4 : (pam[(i + 1) >>> 1] ?? 0) >>> (i % 2 ? 0 : 4);
      const first = (start - shadowArea.start) / 0x4000;
      this.#attributes.fill(nibble & 3, first, first + size / 0x4000);
    });
    if (before.some((value, i) => value !== this.#attributes[i])) this.#map();
  }

  #map(): void {
    for (const mapping of this.#mapped.splice(0)) mapping.remove();
    const attributes = this.#attributes;
    for (let first = 0; first < attributes.length && this.#mapped.length < mostMapped;) {
      let end = first + 1;
      const isAlias = (n: number): boolean => n * 0x4000 >= shadowArea.size - romAlias;
      while (
        end < attributes.length &&
        attributes[end] === attributes[first] &&
        isAlias(end) === isAlias(first)
      )
        end++;
      this.#mapPart(first * 0x4000, (end - first) * 0x4000, attributes[first] ?? 0);
      first = end;
    }
    if (!this.#written) return;
    this.#written = false;
    this.#memory.codeChanged(shadowArea.start, shadowArea.size);
  }

  #mapPart(offset: number, size: number, attributes: number): void {
    const start = shadowArea.start + offset;
    if ((attributes & READ_RAM) !== 0) {
      const readOnly = (attributes & WRITE_RAM) === 0;
      this.#mapped.push(this.#memory.mapRam(start, size, start, readOnly));
    } else if (attributes === 0 && this.#romOffset(offset) >= 0) {
      this.#mapped.push(this.#memory.mapRom(start, size, this.#romOffset(offset)));
    }
  }

  /** Place in the ROM of a byte of the area, or negative. */
  #romOffset(offset: number): number {
    const inAlias = offset - (shadowArea.size - romAlias);
    return inAlias < 0 ? -1 : this.#romSize - romAlias + inAlias;
  }

  /** What is not mapped, and writes to ROM and to protected RAM. */
  readonly #region: IoRegion = {
    read: (offset, width) => {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#readByte(offset + i);
      return value;
    },
    write: (offset: number, width: Width, value: number) => {
      for (let i = 0; i < width; i++) this.#writeByte(offset + i, (value >>> (8 * i)) & 0xff);
    },
  };

  #readByte(offset: number): number {
    if (((this.#attributes[offset >>> 14] ?? 0) & READ_RAM) !== 0)
      return this.#memory.ram[shadowArea.start + offset] ?? 0xff;
    return this.#memory.rom[this.#romOffset(offset)] ?? 0xff;
  }

  #writeByte(offset: number, value: number): void {
    if (((this.#attributes[offset >>> 14] ?? 0) & WRITE_RAM) === 0) return;
    this.#memory.ram[shadowArea.start + offset] = value;
    this.#written = true;
  }
}
