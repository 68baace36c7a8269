/**
 * The driver's side of a split virtqueue, for tests (virtio 1.2 §2.7, constants from there): lays the
 * rings out in guest memory, adds chains, takes used ones back.
 */
import { guestPhysical } from '../../../bus/types.ts';
import type { ArrayMemory } from './arrayMemory.ts';

export interface Piece {
  readonly address: number;
  readonly length: number;
  readonly write?: boolean;
}

export class QueueDriver {
  readonly memory: ArrayMemory;
  readonly size: number;
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
  #nextAvailable = 0;
  #lastUsed = 0;
  readonly #free: number[];
  readonly #chains = new Map<number, number[]>();

  /** Needs `26 * size + 32` bytes at `base`, which is 16-aligned. */
  constructor(memory: ArrayMemory, base: number, size: number) {
    this.memory = memory;
    this.size = size;
    this.descriptors = base;
    this.available = base + 16 * size;
    this.used = Math.ceil((this.available + 6 + 2 * size) / 4) * 4;
    this.#free = Array.from({ length: size }, (_, i) => i);
  }

  setDescriptor(
    index: number,
    piece: Piece,
    flags: number,
    next: number,
    table = this.descriptors,
  ): void {
    const at = table + 16 * index;
    this.memory.writeU64(guestPhysical(at), BigInt(piece.address));
    this.memory.writeU32(guestPhysical(at + 8), piece.length);
    this.memory.writeU16(guestPhysical(at + 12), flags | (piece.write === true ? 2 : 0));
    this.memory.writeU16(guestPhysical(at + 14), next);
  }

  /** Adds a chain and returns its head. */
  add(pieces: readonly Piece[]): number {
    const indexes = this.#free.splice(0, pieces.length);
    if (indexes.length < pieces.length) throw new Error('the test has used up its descriptors');
    pieces.forEach((piece, i) => {
      const next = indexes[i + 1];
      this.setDescriptor(indexes[i] as number, piece, next === undefined ? 0 : 1, next ?? 0);
    });
    const head = indexes[0] as number;
    this.#chains.set(head, indexes);
    this.makeAvailable(head);
    return head;
  }

  /** The same through an indirect table at `table`. */
  addIndirect(pieces: readonly Piece[], table: number): number {
    const head = this.#free.shift() as number;
    pieces.forEach((piece, i) =>
      this.setDescriptor(i, piece, i + 1 < pieces.length ? 1 : 0, i + 1, table),
    );
    this.setDescriptor(head, { address: table, length: 16 * pieces.length }, 4, 0);
    this.#chains.set(head, [head]);
    this.makeAvailable(head);
    return head;
  }

  makeAvailable(head: number): void {
    const slot = this.available + 4 + 2 * (this.#nextAvailable % this.size);
    this.memory.writeU16(guestPhysical(slot), head);
    this.setAvailableIndex(this.#nextAvailable + 1);
  }

  setAvailableIndex(index: number): void {
    this.#nextAvailable = index & 0xffff;
    this.memory.writeU16(guestPhysical(this.available + 2), this.#nextAvailable);
  }

  /** avail.flags: 1 asks for no interrupts. */
  setFlags(flags: number): void {
    this.memory.writeU16(guestPhysical(this.available), flags);
  }

  /** used_event: interrupt when the used index passes this. */
  setUsedEvent(index: number): void {
    this.memory.writeU16(guestPhysical(this.available + 4 + 2 * this.size), index & 0xffff);
  }

  /** avail_event: the device wants a notification when the index passes this. */
  get availableEvent(): number {
    return this.memory.readU16(guestPhysical(this.used + 4 + 8 * this.size));
  }

  get usedIndex(): number {
    return this.memory.readU16(guestPhysical(this.used + 2));
  }

  /** Used chains since the last call. */
  take(): { readonly head: number; readonly written: number }[] {
    const taken: { head: number; written: number }[] = [];
    while (this.#lastUsed !== this.usedIndex) {
      const slot = this.used + 4 + 8 * (this.#lastUsed % this.size);
      const head = this.memory.readU32(guestPhysical(slot));
      taken.push({ head, written: this.memory.readU32(guestPhysical(slot + 4)) });
      this.#free.push(...(this.#chains.get(head) ?? []));
      this.#chains.delete(head);
      this.#lastUsed = (this.#lastUsed + 1) & 0xffff;
    }
    return taken;
  }
}
