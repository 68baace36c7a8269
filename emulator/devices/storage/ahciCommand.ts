/** What lies in guest memory for an AHCI command (AHCI 1.3.1 §4.2): header, command FIS, regions. */
import { guestPhysical, type DmaMemory } from '../../bus/types.ts';
import type { TaskFile } from './ata.ts';

const HEADER_SIZE = 32;
const HEADER_ATAPI = 0x20;
const FIS_HOST_TO_DEVICE = 0x27;
const FIS_IS_COMMAND = 0x80;
/** Offsets in the command table. */
const PACKET = 0x40;
const REGIONS = 0x80;
const REGION_SIZE = 16;

export class AhciCommand {
  readonly #memory: DmaMemory;
  readonly #header: number;
  readonly #table: number;
  readonly #flags: number;
  /** Regions walked, and the place in the current one. */
  #region = 0;
  #offset = 0;
  #moved = 0;

  /** `list` is the command list's address. */
  constructor(memory: DmaMemory, list: number, slot: number) {
    this.#memory = memory;
    this.#header = list + slot * HEADER_SIZE;
    this.#flags = memory.readU32(guestPhysical(this.#header));
    const low = memory.readU32(guestPhysical(this.#header + 8));
    const high = memory.readU32(guestPhysical(this.#header + 12));
    this.#table = wide(low & ~0x7f, high);
  }

  get atapi(): boolean {
    return (this.#flags & HEADER_ATAPI) !== 0;
  }

  /** The registers of a command; 'reset' and 'endReset' for the control register's SRST. */
  task(): TaskFile | 'reset' | 'endReset' | undefined {
    const fis = new Uint8Array(20);
    this.#memory.read(guestPhysical(this.#table), fis);
    const byte = (at: number): number => fis[at] ?? 0;
    if (byte(0) !== FIS_HOST_TO_DEVICE) return undefined;
    if ((byte(1) & FIS_IS_COMMAND) === 0) return (byte(15) & 4) !== 0 ? 'reset' : 'endReset';
    return {
      command: byte(2),
      features: byte(3),
      lba: byte(4) | (byte(5) << 8) | (byte(6) << 16),
      device: byte(7),
      lbaHigh: byte(8) | (byte(9) << 8) | (byte(10) << 16),
      featuresHigh: byte(11),
      count: byte(12),
      countHigh: byte(13),
    };
  }

  packet(): Uint8Array {
    const bytes = new Uint8Array(12);
    this.#memory.read(guestPhysical(this.#table + PACKET), bytes);
    return bytes;
  }

  /** Writes to the guest's regions; returns how many bytes there was room for. */
  toMemory(bytes: Uint8Array): number {
    return this.#walk(bytes.length, (address, at, length) =>
      this.#memory.write(guestPhysical(address), bytes.subarray(at, at + length)),
    );
  }

  fromMemory(bytes: Uint8Array): number {
    return this.#walk(bytes.length, (address, at, length) =>
      this.#memory.read(guestPhysical(address), bytes.subarray(at, at + length)),
    );
  }

  #walk(length: number, move: (address: number, at: number, length: number) => void): number {
    const regions = this.#flags >>> 16;
    let at = 0;
    while (at < length && this.#region < regions) {
      const entry = this.#table + REGIONS + this.#region * REGION_SIZE;
      const low = this.#memory.readU32(guestPhysical(entry));
      const address = wide(low & ~1, this.#memory.readU32(guestPhysical(entry + 4)));
      const size = (this.#memory.readU32(guestPhysical(entry + 12)) & 0x3f_ffff) + 1;
      const part = Math.min(size - this.#offset, length - at);
      move(address + this.#offset, at, part);
      at += part;
      this.#offset += part;
      if (this.#offset === size) {
        this.#region++;
        this.#offset = 0;
      }
    }
    this.#moved += at;
    return at;
  }

  /** PRDBC: what was moved. */
  writeCount(): void {
    this.#memory.writeU32(guestPhysical(this.#header + 4), this.#moved);
  }
}

/** A 64-bit address; beyond what a double holds exactly nothing is there anyway. */
export const wide = (low: number, high: number): number =>
  (high & 0xf_ffff) * 0x1_0000_0000 + (low >>> 0);
