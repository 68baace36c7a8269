/** Receive ring of the 82540EM (SDM §3.2): address filters, legacy descriptors, checksum indication. */
import { guestPhysical } from '../../bus/types.ts';
import { cause, receiveControl as control, register as reg } from './e1000Registers.ts';
import type { RingParts } from './e1000Transmit.ts';

const descriptorSize = 16;
/** Status of a descriptor, SDM §3.2.3.1. */
const status = { done: 1, end: 2, ignoreChecksum: 4 } as const;
const shortest = 60;
const longest = 1518;
const crcSize = 4;

export class E1000Receive {
  readonly #parts: RingParts;

  constructor(parts: RingParts) {
    this.#parts = parts;
  }

  #get(offset: number): number {
    return this.#parts.registers[offset >> 2] as number;
  }
  #add(offset: number, n: number): void {
    this.#parts.registers[offset >> 2] = this.#get(offset) + n;
  }

  /** False if the ring has no room; what the filters do not want is taken and dropped. */
  take(frame: Uint8Array): boolean {
    const flags = this.#get(reg.receiveControl);
    if ((flags & control.enable) === 0 || !this.#parts.enabled()) return true;
    if (frame.length < 14 || !this.#wanted(frame, flags)) return true;
    const crc = (flags & control.stripCrc) !== 0 ? 0 : crcSize;
    const length = Math.max(shortest, frame.length) + crc;
    if (length > longest && (flags & control.longPackets) === 0) return true;
    const size = bufferSize(flags);
    const count = this.#get(reg.receiveLength) / descriptorSize;
    if (count === 0) return true;
    const needed = Math.ceil(length / size);
    const head = this.#get(reg.receiveHead);
    const free = (this.#get(reg.receiveTail) - head + count) % count;
    if (needed > count - 1) return true;
    if (free < needed) {
      this.#parts.raise(cause.receiveOverrun);
      return false;
    }
    const bytes = new Uint8Array(length);
    bytes.set(frame);
    this.#store(bytes, head, size, count);
    this.#statistics(frame, length);
    // The driver gets a chance to refill before the ring is empty (RDMTS, SDM §13.4.22).
    const threshold = count >> (((flags >>> 8) & 3) + 1);
    this.#parts.raise(cause.receiveTimer | (free - needed <= threshold ? cause.receiveLow : 0));
    return true;
  }

  #store(bytes: Uint8Array, first: number, size: number, count: number): void {
    const { memory } = this.#parts;
    const base = this.#get(reg.receiveBaseHigh) * 0x1_0000_0000 + this.#get(reg.receiveBaseLow);
    let head = first;
    for (let at = 0; at < bytes.length; at += size) {
      const descriptor = base + (head % count) * descriptorSize;
      const address =
        memory.readU32(guestPhysical(descriptor)) +
        memory.readU32(guestPhysical(descriptor + 4)) * 0x1_0000_0000;
      const part = bytes.subarray(at, at + size);
      if (address !== 0) memory.write(guestPhysical(address), part);
      const end = at + size >= bytes.length ? status.end | status.ignoreChecksum : 0;
      memory.writeU32(guestPhysical(descriptor + 8), part.length);
      memory.writeU32(guestPhysical(descriptor + 12), status.done | end);
      head = head + 1 >= count ? 0 : head + 1;
    }
    this.#parts.registers[reg.receiveHead >> 2] = head;
  }

  /** SDM §3.2.1 */
  #wanted(frame: Uint8Array, flags: number): boolean {
    const first = frame[0] as number;
    if (first === 0xff && frame.subarray(0, 6).every((byte) => byte === 0xff))
      return (flags & control.broadcast) !== 0;
    const multicast = (first & 1) !== 0;
    if ((flags & (multicast ? control.multicastPromiscuous : control.unicastPromiscuous)) !== 0)
      return true;
    if (this.#isOwn(frame)) return true;
    if (!multicast) return false;
    // The multicast table, SDM §13.5.1: 12 bits of the address, of which bits chosen by MO.
    const shift = [4, 3, 2, 0][(flags >>> 12) & 3] as number;
    const hash = (((frame[5] as number) << 8) | (frame[4] as number)) >>> shift;
    const word = this.#get(reg.multicastTable + ((hash >>> 5) & 0x7f) * 4);
    return ((word >>> (hash & 31)) & 1) !== 0;
  }

  #isOwn(frame: Uint8Array): boolean {
    const low = (frame[0]! | (frame[1]! << 8) | (frame[2]! << 16) | (frame[3]! << 24)) >>> 0;
    const high = frame[4]! | (frame[5]! << 8);
    for (let i = 0; i < 16; i++) {
      const upper = this.#get(reg.receiveAddressHigh + 8 * i);
      // Address valid, and compared with the destination.
      if (upper >>> 31 === 1 && (upper & 0xffff) === high)
        if (this.#get(reg.receiveAddressLow + 8 * i) === low) return true;
    }
    return false;
  }

  #statistics(frame: Uint8Array, length: number): void {
    this.#add(reg.goodPacketsReceived, 1);
    this.#add(reg.totalPacketsReceived, 1);
    this.#add(reg.goodOctetsReceived, length);
    this.#add(reg.totalOctetsReceived, length);
    if (frame[0] === 0xff) this.#add(reg.broadcastReceived, 1);
    else if (((frame[0] as number) & 1) !== 0) this.#add(reg.multicastReceived, 1);
  }
}

/** BSIZE and BSEX, SDM §13.4.22. */
function bufferSize(flags: number): number {
  const code = (flags >>> 16) & 3;
  const size = 2048 >> code;
  return (flags & control.sizeExtension) !== 0 && code !== 0 ? size * 16 : size;
}
