/**
 * The device's side of a split virtqueue (virtio 1.2 §2.7), with indirect descriptors (§2.7.5.3) and
 * event index (§2.7.7.2, §2.7.8). Packed queues (§2.8) are left out. The rings are the guest's and are not
 * trusted: what breaks a rule breaks the queue, once, and `onBroken` is told why.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { guestPhysical, StateError, type DmaMemory, type VersionedState } from '../../bus/types.ts';

/** §2.7.5 */
const DESC_NEXT = 1;
const DESC_WRITE = 2;
const DESC_INDIRECT = 4;
const descriptorSize = 16;
/** §2.7.6, §2.7.8: flags of the two rings. */
const AVAIL_NO_INTERRUPT = 1;
/** Longest indirect table that is taken; drivers stay below the queue size. */
const longestTable = 1024;

/** A piece of guest RAM, checked to be RAM. */
export interface GuestBuffer {
  readonly address: number;
  readonly length: number;
}

/** What a driver has made available: buffers to read, then buffers to write (§2.7.4.2). */
export interface DescriptorChain {
  /** Names the chain in the used ring. */
  readonly head: number;
  readonly readable: readonly GuestBuffer[];
  readonly writable: readonly GuestBuffer[];
  readonly readableLength: number;
  readonly writableLength: number;
}

export interface VirtqueueHooks {
  /** The driver wants to know of used buffers. */
  interrupt(): void;
  onBroken(reason: string): void;
}

interface QueueState {
  size: number;
  enabled: boolean;
  broken: boolean;
  descriptors: number;
  available: number;
  used: number;
  nextAvailable: number;
  nextUsed: number;
  signalledUsed: number;
}

export class Virtqueue {
  readonly maxSize: number;
  /** Set by the transport when features are negotiated. */
  eventIndex = false;
  indirect = false;
  /** The device will look by itself: the driver is not asked to notify it when the queue is found empty. */
  looking = false;
  readonly #memory: DmaMemory;
  readonly #hooks: VirtqueueHooks;
  #state: QueueState;

  /** `maxSize` is a power of two up to 32768. */
  constructor(memory: DmaMemory, maxSize: number, hooks: VirtqueueHooks) {
    this.#memory = memory;
    this.maxSize = maxSize;
    this.#hooks = hooks;
    this.#state = this.#initial();
  }

  #initial(): QueueState {
    return {
      size: this.maxSize,
      enabled: false,
      broken: false,
      descriptors: 0,
      available: 0,
      used: 0,
      nextAvailable: 0,
      nextUsed: 0,
      signalledUsed: 0,
    };
  }

  get size(): number {
    return this.#state.size;
  }
  get enabled(): boolean {
    return this.#state.enabled;
  }
  get descriptors(): number {
    return this.#state.descriptors;
  }
  get available(): number {
    return this.#state.available;
  }
  get used(): number {
    return this.#state.used;
  }

  /** Only a power of two up to the maximum is taken (§2.7), and only before enabling. */
  setSize(size: number): void {
    const valid = size > 0 && size <= this.maxSize && (size & (size - 1)) === 0;
    if (valid && !this.#state.enabled) this.#state.size = size;
  }

  setArea(area: 'descriptors' | 'available' | 'used', address: number): void {
    if (!this.#state.enabled) this.#state[area] = address;
  }

  enable(): void {
    const { size, descriptors, available, used } = this.#state;
    if (this.#state.enabled) return;
    this.#state.enabled = true;
    // §2.7: alignment and size of the three areas.
    const areas: readonly (readonly [number, number, number])[] = [
      [descriptors, descriptorSize * size, 16],
      [available, 6 + 2 * size, 2],
      [used, 6 + 8 * size, 4],
    ];
    for (const [address, length, alignment] of areas)
      if (address % alignment !== 0 || !this.#memory.inRam(guestPhysical(address), length))
        return this.#break('a ring lies outside of RAM or is misaligned');
  }

  reset(): void {
    this.#state = this.#initial();
    this.eventIndex = false;
    this.indirect = false;
    this.looking = false;
  }

  get #running(): boolean {
    return this.#state.enabled && !this.#state.broken;
  }

  /** Chains that wait to be popped. */
  get waiting(): number {
    if (!this.#running) return 0;
    return (this.#u16(this.#state.available + 2) - this.#state.nextAvailable) & 0xffff;
  }

  /** The next available chain, or undefined if there is none or the queue is broken. */
  pop(): DescriptorChain | undefined {
    const { waiting } = this;
    if (waiting === 0) {
      if (!this.#running || !this.eventIndex || this.looking) return undefined;
      // Ask for the next notification, then look again: the driver may have added one meanwhile.
      this.#askForNotification();
      if (this.waiting === 0) return undefined;
      return this.pop();
    }
    const state = this.#state;
    if (waiting > state.size) {
      this.#break(`the driver claims ${waiting} chains in a ring of ${state.size}`);
      return undefined;
    }
    const head = this.#u16(state.available + 4 + 2 * (state.nextAvailable & (state.size - 1)));
    const chain = this.chainAt(head);
    if (chain !== undefined) state.nextAvailable = (state.nextAvailable + 1) & 0xffff;
    return chain;
  }

  #askForNotification(): void {
    const { used, size, nextAvailable } = this.#state;
    this.#memory.writeU16(guestPhysical(used + 4 + 8 * size), nextAvailable);
  }

  /** The chain that starts at a descriptor: of pop, and again after a snapshot for one not yet used. */
  chainAt(head: number): DescriptorChain | undefined {
    const { size, descriptors } = this.#state;
    if (!this.#running) return undefined;
    const readable: GuestBuffer[] = [];
    const writable: GuestBuffer[] = [];
    let readableLength = 0;
    let writableLength = 0;
    let table = descriptors;
    let tableSize = size;
    let inTable = false;
    let index = head;
    for (let steps = 0; ; steps++) {
      if (steps >= tableSize) return this.#break('a descriptor chain is a loop');
      if (index >= tableSize)
        return this.#break(`descriptor ${index} of ${tableSize} does not exist`);
      const at = table + index * descriptorSize;
      const address = this.#u32(at) + this.#u32(at + 4) * 0x1_0000_0000;
      const length = this.#u32(at + 8);
      const flags = this.#u16(at + 12);
      if (length === 0) return this.#break('a descriptor has length 0');
      if (!this.#memory.inRam(guestPhysical(address), length))
        return this.#break(`a buffer at 0x${address.toString(16)}+${length} is not in RAM`);
      if ((flags & DESC_INDIRECT) !== 0) {
        if (!this.indirect) return this.#break('an indirect descriptor was not negotiated');
        if (inTable || (flags & DESC_NEXT) !== 0)
          return this.#break('an indirect descriptor is nested or chained');
        if (length % descriptorSize !== 0 || length > longestTable * descriptorSize)
          return this.#break(`an indirect table has ${length} bytes`);
        table = address;
        tableSize = length / descriptorSize;
        inTable = true;
        index = 0;
        steps = -1;
        continue;
      }
      if ((flags & DESC_WRITE) !== 0) {
        writable.push({ address, length });
        writableLength += length;
      } else {
        if (writable.length > 0) return this.#break('a readable descriptor follows a writable one');
        readable.push({ address, length });
        readableLength += length;
      }
      if ((flags & DESC_NEXT) === 0)
        return { head, readable, writable, readableLength, writableLength };
      index = this.#u16(at + 14);
    }
  }

  /** Hands a chain back with the count of bytes written to it (§2.7.8). `signal` tells the driver. */
  push(head: number, written: number): void {
    if (!this.#running) return;
    const state = this.#state;
    const at = state.used + 4 + 8 * (state.nextUsed & (state.size - 1));
    this.#memory.writeU32(guestPhysical(at), head);
    this.#memory.writeU32(guestPhysical(at + 4), written);
    state.nextUsed = (state.nextUsed + 1) & 0xffff;
    this.#memory.writeU16(guestPhysical(state.used + 2), state.nextUsed);
  }

  /** Interrupts the driver if it wants to know of what was pushed since the last call (§2.7.7). */
  signal(): void {
    const state = this.#state;
    if (!this.#running || state.signalledUsed === state.nextUsed) return;
    const old = state.signalledUsed;
    state.signalledUsed = state.nextUsed;
    let wanted: boolean;
    if (this.eventIndex) {
      const event = this.#u16(state.available + 4 + 2 * state.size);
      // vring_need_event of §2.7.10.1
      wanted = ((state.nextUsed - event - 1) & 0xffff) < ((state.nextUsed - old) & 0xffff);
    } else {
      wanted = (this.#u16(state.available) & AVAIL_NO_INTERRUPT) === 0;
    }
    if (wanted) this.#hooks.interrupt();
  }

  /** Puts the last `count` popped chains back, which were not pushed; they are popped again. */
  unpop(count: number): void {
    this.#state.nextAvailable = (this.#state.nextAvailable - count) & 0xffff;
  }

  /** Copies a chain's readable bytes from `skip` on to the start of `target`, which has room for them. */
  readChainInto(chain: DescriptorChain, target: Uint8Array, skip = 0): void {
    let done = 0;
    for (const { address, length } of slice(chain.readable, skip, target.length)) {
      this.#memory.read(guestPhysical(address), part(target, done, length));
      done += length;
    }
  }

  /** Copies up to `limit` readable bytes of a chain out of the guest, from `skip` on. */
  readChain(chain: DescriptorChain, skip = 0, limit = Infinity): Uint8Array {
    const length = Math.max(0, Math.min(limit, chain.readableLength - skip));
    const bytes = new Uint8Array(length);
    this.readChainInto(chain, bytes, skip);
    return bytes;
  }

  /** Copies bytes into a chain's writable buffers from `skip` on; what does not fit is dropped. */
  writeChain(chain: DescriptorChain, bytes: Uint8Array, skip = 0): number {
    let done = 0;
    for (const piece of slice(chain.writable, skip, bytes.length)) {
      this.#memory.write(guestPhysical(piece.address), part(bytes, done, piece.length));
      done += piece.length;
    }
    return done;
  }

  /** A chain's readable bytes from `skip` on, where they lie. */
  readableViews(chain: DescriptorChain, skip: number): Uint8Array[] {
    return this.#views(slice(chain.readable, skip, chain.readableLength - skip));
  }

  /** The first `length` writable bytes of a chain, where they lie; wroteViews() tells that they were written. */
  writableViews(chain: DescriptorChain, length: number): Uint8Array[] {
    return this.#views(slice(chain.writable, 0, length));
  }

  wroteViews(chain: DescriptorChain, length: number): void {
    for (const piece of slice(chain.writable, 0, length))
      this.#memory.wrote(guestPhysical(piece.address), piece.length);
  }

  #views(pieces: readonly GuestBuffer[]): Uint8Array[] {
    const views: Uint8Array[] = [];
    for (const { address, length } of pieces)
      views.push(...this.#memory.views(guestPhysical(address), length));
    return views;
  }

  save(): { readonly version: number; readonly data: QueueState } {
    return { version: 1, data: { ...this.#state } };
  }

  load(saved: VersionedState): void {
    const state = checkedState('virtqueue', saved, this.save());
    if (state.size > this.maxSize)
      throw new StateError(`virtqueue: saved state has size ${state.size} of ${this.maxSize}`);
    this.#state = { ...state };
  }

  #break(reason: string): undefined {
    if (!this.#state.broken) {
      this.#state.broken = true;
      this.#hooks.onBroken(reason);
    }
    return undefined;
  }

  #u16(address: number): number {
    return this.#memory.readU16(guestPhysical(address));
  }

  #u32(address: number): number {
    return this.#memory.readU32(guestPhysical(address));
  }
}

/** The parts of buffers that hold bytes `skip` .. `skip + length` of their concatenation. */
function slice(buffers: readonly GuestBuffer[], skip: number, length: number): GuestBuffer[] {
  const pieces: GuestBuffer[] = [];
  let left = length;
  for (const buffer of buffers) {
    if (left <= 0) break;
    if (skip >= buffer.length) {
      skip -= buffer.length;
      continue;
    }
    const take = Math.min(buffer.length - skip, left);
    pieces.push({ address: buffer.address + skip, length: take });
    skip = 0;
    left -= take;
  }
  return pieces;
}

/** `length` bytes from `start` on. All of them as they are: a view of a small array makes V8 move its bytes out of the heap. */
function part(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return start === 0 && length === bytes.length ? bytes : bytes.subarray(start, start + length);
}
