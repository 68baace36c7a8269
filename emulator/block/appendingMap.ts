/**
 * What formats have in common that put block after block at the end of their file and name them in
 * one table (VDI, VHD, VHDX, VMDK). Blocks stay where they are; zeroed ranges become holes of the
 * file. Order on disk: data, then bitmaps of blocks that were there, then the table's entries.
 */
import type { ImageCheck, ImageInfo } from './blockImage.ts';
import type { BlockMap, MapExtent, Place } from './blockMap.ts';
import type { ImageFile } from './imageFile.ts';
import { Mutex } from './rangeLock.ts';

/** A block that is not stored here: the backing image counts, or it is all zero. */
export const ABSENT = 0;
/** A block that reads as zeroes whatever the backing image has. */
export const ZERO = -1;

export interface AppendingParts {
  readonly file: ImageFile;
  readonly size: number;
  /** Bytes of a block; a power of two. */
  readonly blockSize: number;
  /** Bytes from one block to the next, its bitmap included. */
  readonly stride: number;
  /** Where the next block may lie. Bytes. */
  readonly end: number;
  readonly hasBacking: boolean;
}

export interface TakenChanges {
  /** Bitmaps that have changed, without flushing. Returns whether there were any. */
  writeBitmaps?(): Promise<boolean>;
  /** The entries; durable when it resolves. */
  writeEntries(): Promise<void>;
  /** They could not be written and have changed still. */
  putBack(): void;
}

export abstract class AppendingMap implements BlockMap {
  readonly clusterSize: number;
  abstract readonly unitSize: number;
  protected readonly file: ImageFile;
  protected readonly hasBacking: boolean;
  protected readonly stride: number;
  protected end: number;
  /** Offsets of blocks that nothing refers to. */
  protected readonly free: number[] = [];
  /** Free once the flush that takes their entries away is through. */
  protected releasing: number[] = [];
  readonly #flushMutex = new Mutex();
  #size: number;

  protected constructor({ file, size, blockSize, stride, end, hasBacking }: AppendingParts) {
    this.file = file;
    this.#size = size;
    this.clusterSize = blockSize;
    this.stride = stride;
    this.end = end;
    this.hasBacking = hasBacking;
  }

  get size(): number {
    return this.#size;
  }

  protected set size(size: number) {
    this.#size = size;
  }

  /** Offset of a block's data in the file, ABSENT or ZERO. Throws BlockError if it cannot be. */
  protected abstract entry(block: number): number | Promise<number>;
  protected abstract setEntry(block: number, at: number): void | Promise<void>;
  /** Whether blocks can be ZERO without being stored. */
  protected abstract readonly knowsZero: boolean;
  /** The sectors of a block that are stored here, one bit each, if not all are. */
  protected bitmap?(block: number): Bits | undefined | Promise<Bits | undefined>;
  /** All sectors of a partly stored block are there now. */
  protected complete?(block: number): void;
  /** Writes what must be there before a new block's entry, such as its bitmap. */
  protected prepare?(at: number): Promise<void>;
  /** What has changed in the table so far; what changes later is for the next flush. */
  protected abstract takeChanges(): TakenChanges;
  abstract resize(size: number, hide: () => Promise<void>): Promise<void>;
  abstract info(): Promise<ImageInfo>;
  abstract check(options: { readonly repair: boolean }): Promise<ImageCheck>;

  extent(offset: number, limit: number): MapExtent | Promise<MapExtent> {
    const block = Math.floor(offset / this.clusterSize);
    const at = this.entry(block);
    if (typeof at !== 'number')
      return at.then((known) => this.#extent(block, known, offset, limit));
    return this.#extent(block, at, offset, limit);
  }

  #extent(
    block: number,
    at: number,
    offset: number,
    limit: number,
  ): MapExtent | Promise<MapExtent> {
    const inBlock = offset % this.clusterSize;
    if (at > 0 && this.unitSize < this.clusterSize) {
      const bits = this.bitmap?.(block);
      if (bits instanceof Promise)
        return bits.then((known) => this.#partial(known, at, inBlock, limit));
      if (bits !== undefined) return this.#partial(bits, at, inBlock, limit);
    }
    let length = this.clusterSize - inBlock;
    // Neighbours of the same kind make one extent.
    for (let next = block + 1; length < limit; next++) {
      const other = this.entry(next);
      // Not at hand: its own request will wait for it, and hear of failures.
      if (typeof other !== 'number') {
        other.catch(() => undefined);
        break;
      }
      const same =
        at > 0
          ? other === at + (next - block) * this.clusterSize && this.unitSize === this.clusterSize
          : other === at;
      if (!same) break;
      length += this.clusterSize;
    }
    length = Math.min(length, limit);
    if (at === ABSENT) return { kind: 'absent', length };
    if (at === ZERO) return { kind: 'zero', length };
    return { kind: 'data', length, at: at + inBlock, shared: false };
  }

  #partial(bits: Bits | undefined, at: number, inBlock: number, limit: number): MapExtent {
    const most = Math.min(limit, this.clusterSize - inBlock);
    if (bits === undefined) return { kind: 'data', length: most, at: at + inBlock, shared: false };
    const unit = Math.floor(inBlock / this.unitSize);
    const present = bits.has(unit);
    let length = this.unitSize - (inBlock % this.unitSize);
    for (let next = unit + 1; length < most && bits.has(next) === present; next++)
      length += this.unitSize;
    length = Math.min(length, most);
    if (!present) return { kind: 'absent', length };
    return { kind: 'data', length, at: at + inBlock, shared: false };
  }

  async place(block: number): Promise<Place> {
    const at = await this.entry(block);
    if (at > 0) {
      const partial = (await this.bitmap?.(block)) !== undefined;
      return { at, fresh: false, zeroed: false, whole: partial, toEnd: false };
    }
    const reused = this.free.pop();
    const place = { at: reused ?? this.end, fresh: true, whole: true, toEnd: true };
    const zeroed = reused === undefined && place.at >= this.file.size;
    if (reused === undefined) this.end += this.stride;
    await this.prepare?.(place.at);
    return { ...place, zeroed };
  }

  async commit(block: number, place: Place): Promise<void> {
    if (place.fresh) await this.setEntry(block, place.at);
    else if (place.whole) this.complete?.(block);
  }

  abandon(_block: number, place: Place): void {
    if (place.fresh) this.free.push(place.at);
  }

  async zero(offset: number, length: number): Promise<boolean> {
    const whole = length === this.clusterSize || offset + length >= this.size;
    const block = Math.floor(offset / this.clusterSize);
    if (!whole || offset % this.clusterSize !== 0 || !this.knowsZero) return false;
    if ((await this.entry(block)) !== ABSENT) return false;
    await this.setEntry(block, ZERO);
    return true;
  }

  /** The disk is about to end before a block: this one and those behind it are free, durably. */
  protected async releaseFrom(first: number): Promise<void> {
    const end = Math.ceil(this.size / this.clusterSize);
    for (let block = first; block < end; block++) {
      const entry = this.entry(block);
      const at = entry instanceof Promise ? await entry : entry;
      if (at === ABSENT) continue;
      const setting = this.setEntry(block, ABSENT);
      if (setting !== undefined) await setting;
      if (at > 0) this.releasing.push(at);
    }
    await this.flush();
  }

  flush(): Promise<void> {
    return this.#flushMutex.run(async () => {
      // Taken before the data is flushed: an entry may not come before the data that it names.
      const changes = this.takeChanges();
      const releasing = this.releasing;
      this.releasing = [];
      try {
        await this.file.flush();
        if (await changes.writeBitmaps?.()) await this.file.flush();
        await changes.writeEntries();
        this.free.push(...releasing);
      } catch (error) {
        changes.putBack();
        this.releasing.push(...releasing);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.flush();
    // Others take a file that ends within a block for cut off.
    if (this.file.size < this.end) await this.file.resize(this.end);
    await this.file.flush();
  }
}

/** A bitmap that begins with the highest bit of each byte, or the lowest. */
export class Bits {
  readonly bytes: Uint8Array;
  readonly #lowFirst: boolean;

  constructor(bytes: Uint8Array, lowFirst = false) {
    this.bytes = bytes;
    this.#lowFirst = lowFirst;
  }

  has(index: number): boolean {
    const shift = this.#lowFirst ? index & 7 : 7 - (index & 7);
    return (((this.bytes[index >> 3] ?? 0) >> shift) & 1) === 1;
  }

  /** The first `count` bits are all set. */
  full(count: number): boolean {
    for (let i = 0; i < count; i++) if (!this.has(i)) return false;
    return true;
  }
}

/** Lists of entries that stand next to each other, from a set of their numbers. */
export function runsOf(
  numbers: Iterable<number>,
): { readonly first: number; readonly count: number }[] {
  const runs: { first: number; count: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === number) last.count++;
    else runs.push({ first: number, count: 1 });
  }
  return runs;
}
