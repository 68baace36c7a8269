import type { MemoryBus } from '../../bus/memoryBus.ts';
import type { DmaMemory } from '../../bus/types.ts';
import { guestPhysical } from '../../bus/types.ts';

/** Guest physical memory as the CPU sees it: RAM, and the memory bus for the rest. */
export class PhysicalMemory {
  readonly ram: DmaMemory;
  readonly #bus: MemoryBus;

  constructor(ram: DmaMemory, bus: MemoryBus) {
    this.ram = ram;
    this.#bus = bus;
  }

  read8(address: number): number {
    const at = guestPhysical(address);
    return this.ram.inRam(at, 1) ? this.ram.readU8(at) : this.#bus.read(address, 1);
  }
  write8(address: number, value: number): void {
    const at = guestPhysical(address);
    if (this.ram.inRam(at, 1)) this.ram.writeU8(at, value & 0xff);
    else this.#bus.write(address, 1, value & 0xff);
  }
  read16(address: number): number {
    const at = guestPhysical(address);
    return this.ram.inRam(at, 2) ? this.ram.readU16(at) : this.#bus.read(address, 2);
  }
  write16(address: number, value: number): void {
    const at = guestPhysical(address);
    if (this.ram.inRam(at, 2)) this.ram.writeU16(at, value & 0xffff);
    else this.#bus.write(address, 2, value & 0xffff);
  }
  read32(address: number): number {
    return this.read16(address) + this.read16(address + 2) * 0x10000;
  }
  write32(address: number, value: number): void {
    this.write16(address, value & 0xffff);
    this.write16(address + 2, value >>> 16);
  }

  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const at = guestPhysical(address);
    if (this.ram.inRam(at, length)) this.ram.read(at, bytes);
    else for (let i = 0; i < length; i++) bytes[i] = this.read8(address + i);
    return bytes;
  }
  write(address: number, bytes: Uint8Array): void {
    const at = guestPhysical(address);
    if (this.ram.inRam(at, bytes.length)) {
      this.ram.write(at, bytes);
      return;
    }
    const end = guestPhysical(address + bytes.length - 1);
    if (!this.ram.inRam(at, 1) && !this.ram.inRam(end, 1)) this.#bus.writeBytes(address, bytes);
    else bytes.forEach((byte, i) => this.write8(address + i, byte));
  }
}
