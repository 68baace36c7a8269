import type { DmaMemory, GuestPhysical } from '../bus/types.ts';
import type { MemorySlot } from './memorySlots.ts';
import type { GuestMemory } from './guestMemory.ts';

/** Offsets can have more than 32 bits. */
const pageOf = (offset: number): number => Math.floor(offset / 4096);

type CodeChanged = (address: number, length: number) => void;

/**
 * DMA over the slots of a shared memory. A write into a page that holds decoded code tells the CPUs. ROM
 * takes no writes; `load` is for whoever fills it.
 */
export class GuestRam implements DmaMemory {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #codePages: Uint8Array;
  readonly #slots: readonly MemorySlot[];
  readonly #codeChanged: CodeChanged;
  readonly #noted: GuestMemory['all'];

  constructor({ memory, slots, codeMap, all }: GuestMemory, codeChanged: CodeChanged) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#codePages = new Uint8Array(memory.buffer, codeMap, 0x100000);
    this.#slots = slots;
    this.#noted = all;
    this.#codeChanged = codeChanged;
  }

  inRam(address: GuestPhysical, length: number): boolean {
    let at: number = address;
    const end = address + length;
    while (at < end) {
      const slot = this.#slotAt(at);
      if (slot === undefined || slot.readOnly) return false;
      at = slot.start + slot.size;
    }
    return this.#slotAt(address)?.readOnly === false;
  }

  readU8(address: GuestPhysical): number {
    const offset = this.#locate(address, 1);
    return offset < 0 ? 0xff : this.#view.getUint8(offset);
  }

  readU16(address: GuestPhysical): number {
    const offset = this.#locate(address, 2);
    if (offset >= 0) return this.#view.getUint16(offset, true);
    return this.#gather(address, 2).getUint16(0, true);
  }

  readU32(address: GuestPhysical): number {
    const offset = this.#locate(address, 4);
    if (offset >= 0) return this.#view.getUint32(offset, true);
    return this.#gather(address, 4).getUint32(0, true);
  }

  readU64(address: GuestPhysical): bigint {
    const offset = this.#locate(address, 8);
    if (offset >= 0) return this.#view.getBigUint64(offset, true);
    return this.#gather(address, 8).getBigUint64(0, true);
  }

  writeU8(address: GuestPhysical, value: number): void {
    const offset = this.#locateForWrite(address, 1);
    if (offset < 0) return;
    this.#view.setUint8(offset, value);
    this.#notify(address, offset, 1);
  }

  writeU16(address: GuestPhysical, value: number): void {
    const offset = this.#locateForWrite(address, 2);
    if (offset >= 0) {
      this.#view.setUint16(offset, value, true);
      this.#notify(address, offset, 2);
    } else {
      this.write(address, Uint8Array.of(value & 0xff, (value >>> 8) & 0xff));
    }
  }

  writeU32(address: GuestPhysical, value: number): void {
    const offset = this.#locateForWrite(address, 4);
    if (offset >= 0) {
      this.#view.setUint32(offset, value, true);
      this.#notify(address, offset, 4);
    } else {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value, true);
      this.write(address, bytes);
    }
  }

  writeU64(address: GuestPhysical, value: bigint): void {
    const offset = this.#locateForWrite(address, 8);
    if (offset >= 0) {
      this.#view.setBigUint64(offset, value, true);
      this.#notify(address, offset, 8);
    } else {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, value, true);
      this.write(address, bytes);
    }
  }

  read(address: GuestPhysical, target: Uint8Array): void {
    for (let done = 0; done < target.length;) {
      const { offset, length } = this.#run(address + done, target.length - done);
      if (offset < 0) target.fill(0xff, done, done + length);
      else target.set(this.#bytes.subarray(offset, offset + length), done);
      done += length;
    }
  }

  write(address: GuestPhysical, source: Uint8Array): void {
    this.#copyIn(address, source, false);
  }

  views(address: GuestPhysical, length: number): Uint8Array[] {
    const list: Uint8Array[] = [];
    for (let done = 0; done < length;) {
      const run = this.#run(address + done, length - done);
      if (run.offset < 0 || run.readOnly)
        throw new RangeError(`0x${address.toString(16)} is no RAM`);
      list.push(this.#bytes.subarray(run.offset, run.offset + run.length));
      done += run.length;
    }
    return list;
  }

  wrote(address: GuestPhysical, length: number): void {
    for (let done = 0; done < length;) {
      const run = this.#run(address + done, length - done);
      if (run.offset >= 0) this.#notify(address + done, run.offset, run.length);
      done += run.length;
    }
  }

  /** Like write, into ROM too. */
  load(address: GuestPhysical, source: Uint8Array): void {
    this.#copyIn(address, source, true);
  }

  #copyIn(address: number, source: Uint8Array, intoRom: boolean): void {
    for (let done = 0; done < source.length;) {
      const { offset, length, readOnly } = this.#run(address + done, source.length - done);
      if (offset >= 0 && (intoRom || !readOnly)) {
        this.#bytes.set(
          length === source.length ? source : source.subarray(done, done + length),
          offset,
        );
        this.#notify(address + done, offset, length);
      }
      done += length;
    }
  }

  #slotAt(address: number): MemorySlot | undefined {
    for (const slot of this.#slots) {
      if (address >= slot.start && address < slot.start + slot.size) return slot;
    }
    return undefined;
  }

  /** Offset in the memory of bytes that lie in one slot, or -1. */
  #locate(address: number, length: number): number {
    const slot = this.#slotAt(address);
    if (slot === undefined || address + length > slot.start + slot.size) return -1;
    return slot.offset + (address - slot.start);
  }

  #locateForWrite(address: number, length: number): number {
    const slot = this.#slotAt(address);
    if (slot === undefined || slot.readOnly || address + length > slot.start + slot.size) return -1;
    return slot.offset + (address - slot.start);
  }

  /** The longest run from `address` that is in one slot, or in none (offset -1). */
  #run(address: number, length: number): { offset: number; length: number; readOnly: boolean } {
    const slot = this.#slotAt(address);
    if (slot !== undefined) {
      return {
        offset: slot.offset + (address - slot.start),
        length: Math.min(length, slot.start + slot.size - address),
        readOnly: slot.readOnly,
      };
    }
    let end = address + length;
    for (const { start } of this.#slots) if (start > address && start < end) end = start;
    return { offset: -1, length: end - address, readOnly: true };
  }

  #gather(address: GuestPhysical, length: number): DataView {
    const bytes = new Uint8Array(length);
    this.read(address, bytes);
    return new DataView(bytes.buffer);
  }

  #notify(address: number, offset: number, length: number): void {
    const { offset: start, written } = this.#noted;
    const noted = written + pageOf(offset - start);
    const lastNoted = written + pageOf(offset - start + length - 1);
    for (let note = noted; note <= lastNoted; note++) this.#bytes[note] = 1;
    // No core decodes code in a memory that has more pages than the map.
    const last = Math.min(pageOf(offset + length - 1), this.#codePages.length - 1);
    for (let page = pageOf(offset); page <= last; page++) {
      if (this.#codePages[page] !== 0) {
        this.#codeChanged(address, length);
        return;
      }
    }
  }
}
