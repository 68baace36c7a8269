/** The structure that a caller of the PXE API passes. Ports and addresses are in network order, all else is little-endian. */
import { linear } from '../callFrame.ts';
import type { PhysicalMemory } from '../physicalMemory.ts';

/** PXE 2.1 appendix A, the codes that are given here. */
export const pxeStatus = {
  success: 0x00,
  failure: 0x01,
  unsupported: 0x03,
  outOfResources: 0x05,
  arpTimeout: 0x11,
  udpClosed: 0x18,
  udpOpen: 0x19,
  tftpClosed: 0x1a,
  tftpReadTimeout: 0x35,
  tftpNotFound: 0x3b,
  undiInvalidState: 0x6a,
  undiTransmitError: 0x6b,
} as const;

export class Parameters {
  readonly #memory: PhysicalMemory;
  readonly #at: number;

  constructor(memory: PhysicalMemory, segment: number, offset: number) {
    this.#memory = memory;
    this.#at = linear(segment, offset);
  }

  get8(offset: number): number {
    return this.#memory.read8(this.#at + offset);
  }
  set8(offset: number, value: number): void {
    this.#memory.write8(this.#at + offset, value);
  }
  get16(offset: number): number {
    return this.#memory.read16(this.#at + offset);
  }
  set16(offset: number, value: number): void {
    this.#memory.write16(this.#at + offset, value);
  }
  get32(offset: number): number {
    return this.#memory.read32(this.#at + offset);
  }
  set32(offset: number, value: number): void {
    this.#memory.write32(this.#at + offset, value);
  }
  port(offset: number): number {
    return this.get8(offset) * 256 + this.get8(offset + 1);
  }
  setPort(offset: number, value: number): void {
    this.set8(offset, value >>> 8);
    this.set8(offset + 1, value & 0xff);
  }
  bytes(offset: number, length: number): Uint8Array {
    return this.#memory.read(this.#at + offset, length);
  }
  setBytes(offset: number, bytes: Uint8Array): void {
    this.#memory.write(this.#at + offset, bytes);
  }
  /** Linear address of the far pointer at `offset`. */
  pointer(offset: number): number {
    return linear(this.get16(offset + 2), this.get16(offset));
  }
  setPointer(offset: number, segment: number, to: number): void {
    this.set16(offset, to);
    this.set16(offset + 2, segment);
  }
  /** A zero-ended text. */
  text(offset: number, longest: number): string {
    const bytes = this.bytes(offset, longest);
    const end = bytes.indexOf(0);
    return new TextDecoder('latin1').decode(end < 0 ? bytes : bytes.subarray(0, end));
  }
}
