import type { DmaMemory, GuestPhysical } from '../../../bus/types.ts';

/** Guest RAM of a test: `size` bytes at `start`. */
export class ArrayMemory implements DmaMemory {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #start: number;

  constructor(size: number, start = 0) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
    this.#start = start;
  }

  inRam(address: GuestPhysical, length: number): boolean {
    return address >= this.#start && address + length <= this.#start + this.bytes.length;
  }

  #at(address: GuestPhysical, width: number): number | undefined {
    return this.inRam(address, width) ? address - this.#start : undefined;
  }

  readU8(address: GuestPhysical): number {
    const at = this.#at(address, 1);
    return at === undefined ? 0xff : this.#view.getUint8(at);
  }
  readU16(address: GuestPhysical): number {
    const at = this.#at(address, 2);
    return at === undefined ? 0xffff : this.#view.getUint16(at, true);
  }
  readU32(address: GuestPhysical): number {
    const at = this.#at(address, 4);
    return at === undefined ? 0xffffffff : this.#view.getUint32(at, true);
  }
  readU64(address: GuestPhysical): bigint {
    const at = this.#at(address, 8);
    return at === undefined ? 0xffffffffffffffffn : this.#view.getBigUint64(at, true);
  }
  writeU8(address: GuestPhysical, value: number): void {
    const at = this.#at(address, 1);
    if (at !== undefined) this.#view.setUint8(at, value);
  }
  writeU16(address: GuestPhysical, value: number): void {
    const at = this.#at(address, 2);
    if (at !== undefined) this.#view.setUint16(at, value, true);
  }
  writeU32(address: GuestPhysical, value: number): void {
    const at = this.#at(address, 4);
    if (at !== undefined) this.#view.setUint32(at, value, true);
  }
  writeU64(address: GuestPhysical, value: bigint): void {
    const at = this.#at(address, 8);
    if (at !== undefined) this.#view.setBigUint64(at, value, true);
  }
  read(address: GuestPhysical, target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.readU8((address + i) as GuestPhysical);
  }
  write(address: GuestPhysical, source: Uint8Array): void {
    source.forEach((byte, i) => this.writeU8((address + i) as GuestPhysical, byte));
  }
  views(address: GuestPhysical, length: number): Uint8Array[] {
    const at = address - this.#start;
    return [this.bytes.subarray(at, at + length)];
  }
  wrote(): void {}
}
