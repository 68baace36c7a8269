import type { Mapping } from './portBus.ts';

/**
 * Memory that the CPU reaches without asking the memory bus, for chips that decide where it appears. Starts, sizes
 * and offsets are in bytes and multiples of 4096.
 */
export interface DirectMemory {
  /** The machine's RAM and the contents of its ROM chips, live. */
  readonly ram: Uint8Array;
  readonly rom: Uint8Array;
  /** Lets RAM from `offset` on appear at guest physical `start`; writes to `readOnly` RAM go to the bus. */
  mapRam(start: number, size: number, offset: number, readOnly: boolean): Mapping;
  /** The same for ROM: the CPU's writes go to the bus. */
  mapRom(start: number, size: number, offset: number): Mapping;
  /** A chip has changed bytes that are mapped at `start`. */
  codeChanged(start: number, length: number): void;
}
