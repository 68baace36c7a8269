/** The BIOS data area at 0040:0000 (IBM PC/AT Technical Reference; Ralf Brown's memory list): offsets. */
import type { PhysicalMemory } from './physicalMemory.ts';

export const biosDataStart = 0x400;
/** The extended BIOS data area: the last KiB below video memory. */
export const extendedDataSegment = 0x9fc0;
export const extendedDataStart = extendedDataSegment * 16;

export const bda = {
  comPorts: 0x00,
  lptPorts: 0x08,
  extendedSegment: 0x0e,
  equipment: 0x10,
  memoryKiB: 0x13,
  keyFlags: 0x17,
  keyFlags2: 0x18,
  altKeypad: 0x19,
  keyHead: 0x1a,
  keyTail: 0x1c,
  keyBuffer: 0x1e,
  floppyDone: 0x3e,
  motorTimeout: 0x40,
  floppyStatus: 0x41,
  videoMode: 0x49,
  columns: 0x4a,
  pageSize: 0x4c,
  pageStart: 0x4e,
  cursors: 0x50,
  cursorShape: 0x60,
  page: 0x62,
  crtcPort: 0x63,
  modeControl: 0x65,
  cgaPalette: 0x66,
  ticks: 0x6c,
  midnight: 0x70,
  breakFlag: 0x71,
  resetFlag: 0x72,
  diskStatus: 0x74,
  diskCount: 0x75,
  comTimeouts: 0x7c,
  keyBufferStart: 0x80,
  keyBufferEnd: 0x82,
  lastRow: 0x84,
  characterHeight: 0x85,
  videoControl: 0x87,
  videoSwitches: 0x88,
  videoFlags: 0x89,
  displayCombination: 0x8a,
  keyMode: 0x96,
  keyLeds: 0x97,
  waitFlagAddress: 0x98,
  waitCount: 0x9c,
  waitActive: 0xa0,
  videoSave: 0xa8,
} as const;

/** Reads and writes fields by their offset in the area. */
export class BiosData {
  readonly #memory: PhysicalMemory;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  get8(offset: number): number {
    return this.#memory.read8(biosDataStart + offset);
  }
  set8(offset: number, value: number): void {
    this.#memory.write8(biosDataStart + offset, value);
  }
  get16(offset: number): number {
    return this.#memory.read16(biosDataStart + offset);
  }
  set16(offset: number, value: number): void {
    this.#memory.write16(biosDataStart + offset, value);
  }
  get32(offset: number): number {
    return this.#memory.read32(biosDataStart + offset);
  }
  set32(offset: number, value: number): void {
    this.#memory.write32(biosDataStart + offset, value);
  }
}
