import type { Mapping } from './portBus.ts';

/** Memory of a graphics card, with a note of what was written. Offsets and sizes are in bytes. */
export interface VideoMemory {
  readonly bytes: Uint8Array;
  /**
   * Lets the CPU reach bytes [offset, offset + size) at guest physical `start` as it reaches RAM. All
   * three are multiples of 4096. RAM that lies there already wins.
   */
  map(start: number, size: number, offset: number): Mapping;
  /** Notes a write that the card itself has done. */
  markWritten(offset: number, length: number): void;
  /**
   * Sets `pages[n]` for each 4 KiB page n that was written since the last call, and returns whether
   * there is one. Not while the CPU runs.
   */
  takeWritten(pages: Uint8Array): boolean;
}

export const videoPageSize = 4096;
