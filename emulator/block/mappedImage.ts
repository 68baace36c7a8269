/** Images whose disk is scattered over their file: the part that all such formats share. */
import { BlockError } from '../backends/block.ts';
import type { BlockImage, ImageCheck, ImageExtent, ImageInfo, OwnExtent } from './blockImage.ts';
import type { ImageFormat, ResizeWatch } from './blockImage.ts';
import type { BlockMap, MapExtent, Place } from './blockMap.ts';
import { allEnded, copyInto, fillZero, slice, totalLength, zeroes } from './bufferList.ts';
import { checkRange, checkWritable } from './checkAccess.ts';
import type { ImageFile } from './imageFile.ts';
import { RangeLock } from './rangeLock.ts';

const sectorSize = 512;
/** Clusters that were decompressed last. */
const packedKept = 8;
/** What a longer disk hides of the image below between two looks at whether it is cancelled. Bytes. */
const zeroedAtOnce = 64 << 20;
const longestTurnMs = 20;

export interface MappedImageParts {
  readonly format: ImageFormat;
  readonly map: BlockMap;
  /** Holds the data; the map's own, or others beside it. */
  readonly file: ImageFile;
  readonly readOnly: boolean;
  readonly backing?: BlockImage | undefined;
}

export class MappedImage implements BlockImage {
  readonly format: ImageFormat;
  readonly readOnly: boolean;
  readonly backing: BlockImage | undefined;
  readonly #map: BlockMap;
  readonly #file: ImageFile;
  readonly #lock = new RangeLock();
  readonly #unpacked = new Map<number, Promise<Uint8Array>>();
  #lastFlush: Promise<void> = Promise.resolve();
  #nextFlush: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor({ format, map, file, readOnly, backing }: MappedImageParts) {
    this.format = format;
    this.#map = map;
    this.#file = file;
    this.readOnly = readOnly;
    this.backing = backing;
  }

  get size(): number {
    return this.#map.size;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const length = totalLength(buffers);
    this.#check(offset, length);
    if (length === 0) return;
    const release = await this.#lock.take(offset, offset + length, false);
    try {
      await this.#read(offset, buffers, length);
    } finally {
      release();
    }
  }

  async #read(offset: number, buffers: readonly Uint8Array[], length: number): Promise<void> {
    const work: Promise<unknown>[] = [];
    try {
      for (let done = 0; done < length;) {
        const extent = await this.#extentAt(offset + done, length - done);
        const part = slice(buffers, done, extent.length);
        if (extent.kind === 'data') work.push(this.#file.read(extent.at, part));
        else if (extent.kind === 'absent') work.push(this.#readBacking(offset + done, part));
        else if (extent.kind === 'packed') work.push(this.#readPacked(offset + done, part));
        else fillZero(part);
        done += extent.length;
      }
    } catch (error) {
      // What has begun ends first, and its failures are this one's.
      await Promise.allSettled(work);
      throw error;
    }
    if (work.length > 0) await allEnded(work);
  }

  readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    const pieces = this.#piecesNow(offset, buffers, isData);
    return pieces?.every((piece) => this.#file.readNow?.(piece.at, piece.buffers)) ?? false;
  }

  writeNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    if (this.readOnly) return false;
    const pieces = this.#piecesNow(offset, buffers, isOwn);
    return pieces?.every((piece) => this.#file.writeNow?.(piece.at, piece.buffers)) ?? false;
  }

  /**
   * Where the data lies if all of it lies in the file, the tables that say so are at hand and nobody changes them. What is done
   * with it before anything else can run needs no turn.
   */
  #piecesNow(
    offset: number,
    buffers: readonly Uint8Array[],
    fits: (extent: MapExtent) => extent is DataExtent,
  ): Piece[] | undefined {
    const length = totalLength(buffers);
    const end = offset + length;
    if (offset < 0 || end > this.size || !this.#lock.isShareable(offset, end)) return undefined;
    const pieces: Piece[] = [];
    try {
      for (let done = 0; done < length;) {
        const extent = this.#extentAt(offset + done, length - done);
        if (extent instanceof Promise) {
          // The request itself will wait for the table, and hear of failures.
          extent.catch(() => undefined);
          return undefined;
        }
        if (!fits(extent)) return undefined;
        const { at, length: size } = extent;
        pieces.push({ at, buffers: [...slice(buffers, done, size)], length: size });
        done += extent.length;
      }
    } catch {
      return undefined;
    }
    return pieces;
  }

  #extentAt(offset: number, limit: number): MapExtent | Promise<MapExtent> {
    return this.#map.extent(offset, limit);
  }

  async #readBacking(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const length = totalLength(buffers);
    const there = Math.max(0, Math.min(length, (this.backing?.size ?? 0) - offset));
    fillZero(slice(buffers, there, length - there));
    if (there > 0) await this.backing?.read(offset, slice(buffers, 0, there));
  }

  async #readPacked(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const { clusterSize } = this.#map;
    const cluster = Math.floor(offset / clusterSize);
    let content = this.#unpacked.get(cluster);
    if (content === undefined) {
      content = (this.#map.unpack as NonNullable<BlockMap['unpack']>)(cluster);
      this.#unpacked.set(cluster, content);
      content.catch(() => this.#unpacked.delete(cluster));
      const [oldest] = this.#unpacked.keys();
      if (this.#unpacked.size > packedKept && oldest !== undefined) this.#unpacked.delete(oldest);
    }
    const start = offset - cluster * clusterSize;
    copyInto(buffers, (await content).subarray(start, start + totalLength(buffers)));
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    this.#checkWritable();
    const length = totalLength(buffers);
    this.#check(offset, length);
    if (length === 0) return;
    const shared = await this.#lock.take(offset, offset + length, false);
    let pieces: readonly Piece[] | undefined;
    try {
      pieces = await this.#piecesInPlace(offset, buffers, length);
      if (pieces !== undefined) await this.#writePieces(pieces);
    } finally {
      shared();
    }
    if (pieces !== undefined) return;
    const { clusterSize } = this.#map;
    const first = Math.floor(offset / clusterSize);
    const end = Math.ceil((offset + length) / clusterSize);
    const alone = await this.#lock.take(first * clusterSize, end * clusterSize, true);
    try {
      await this.#writeAlone(offset, buffers, length);
    } finally {
      alone();
    }
  }

  /** Where the data goes if all of it overwrites what is there. */
  async #piecesInPlace(
    offset: number,
    buffers: readonly Uint8Array[],
    length: number,
  ): Promise<Piece[] | undefined> {
    const pieces: Piece[] = [];
    for (let done = 0; done < length;) {
      const extent = await this.#extentAt(offset + done, length - done);
      if (!isOwn(extent)) return undefined;
      const { at, length: size } = extent;
      pieces.push({ at, buffers: [...slice(buffers, done, size)], length: size });
      done += extent.length;
    }
    return pieces;
  }

  async #writeAlone(offset: number, buffers: readonly Uint8Array[], length: number): Promise<void> {
    const { clusterSize } = this.#map;
    const end = offset + length;
    const placed: Placed[] = [];
    const pieces: Piece[] = [];
    try {
      for (let at = offset; at < end;) {
        const cluster = Math.floor(at / clusterSize);
        const next = Math.min(end, (cluster + 1) * clusterSize);
        const part = slice(buffers, at - offset, next - at);
        this.#unpacked.delete(cluster);
        const placing = this.#map.place(cluster);
        const place = placing instanceof Promise ? await placing : placing;
        const written = { cluster, place, offset: at, length: next - at };
        placed.push(written);
        // Whole clusters have nothing around them.
        if (next - at === clusterSize) put(pieces, place.at, part, clusterSize);
        else await this.#fillUp(written, part, pieces);
        at = next;
      }
      await this.#writePieces(pieces);
    } catch (error) {
      for (const { cluster, place } of placed) this.#map.abandon(cluster, place);
      throw error;
    }
    for (const { cluster, place, offset: at, length: size } of placed) {
      const committing = this.#map.commit(cluster, place, at, size);
      if (committing !== undefined) await committing;
    }
  }

  /** Adds what must be written around the data so that whole units are there. */
  async #fillUp(written: Placed, data: readonly Uint8Array[], pieces: Piece[]): Promise<void> {
    const { clusterSize, unitSize } = this.#map;
    const { cluster, place, offset, length } = written;
    const start = cluster * clusterSize;
    const add = (from: number, list: readonly Uint8Array[]): void =>
      put(pieces, place.at + (from - start), list, totalLength(list));
    const unit = place.whole ? clusterSize : unitSize;
    const from = Math.floor(offset / unit) * unit;
    const to = Math.ceil((offset + length) / unit) * unit;
    const before = await this.#around(from, offset, place);
    if (before !== undefined) add(from, before);
    add(offset, data);
    const after = await this.#around(offset + length, to, place);
    if (after !== undefined) add(offset + length, after);
    else if (place.toEnd && offset + length < to) add(to - sectorSize, zeroes(sectorSize));
    written.offset = from;
    written.length = to - from;
  }

  /** What the disk has between two offsets of a unit that is about to be written; undefined if it lies there. */
  async #around(from: number, to: number, place: Place): Promise<Uint8Array[] | undefined> {
    if (from === to) return undefined;
    const there = Math.max(from, Math.min(to, this.size));
    if (!place.fresh && !place.whole) {
      const extent = from < there ? await this.#extentAt(from, there - from) : undefined;
      // Present already: units are present as a whole.
      if (extent === undefined || extent.kind === 'data') return undefined;
    }
    if (await this.#isZero(from, there)) return place.zeroed ? undefined : zeroes(to - from);
    const content = new Uint8Array(to - from);
    await this.#read(from, [content.subarray(0, there - from)], there - from);
    return [content];
  }

  async #isZero(from: number, to: number): Promise<boolean> {
    for (let at = from; at < to;) {
      const extent = await this.extent(at, to - at);
      if (extent.kind !== 'zero') return false;
      at += extent.length;
    }
    return true;
  }

  async #writePieces(pieces: readonly Piece[]): Promise<void> {
    await allEnded(pieces.map(({ at, buffers }) => this.#file.write(at, buffers)));
  }

  async extent(offset: number, limit: number): Promise<ImageExtent> {
    const own = await this.ownExtent(offset, limit);
    if (own.kind !== 'absent') return { kind: own.kind, length: own.length };
    const { backing } = this;
    if (backing === undefined || offset >= backing.size)
      return { kind: 'zero', length: own.length };
    return backing.extent(offset, Math.min(own.length, backing.size - offset));
  }

  async ownExtent(offset: number, limit: number): Promise<OwnExtent> {
    const length = Math.min(limit, this.size - offset);
    const extent = await this.#extentAt(offset, length);
    return { kind: extent.kind === 'packed' ? 'data' : extent.kind, length: extent.length };
  }

  /** Parts of clusters are left as they are: what a discarded range holds is undefined. */
  async discard(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#check(offset, length);
    const { clusterSize } = this.#map;
    const from = Math.ceil(offset / clusterSize) * clusterSize;
    const end = offset + length;
    const to = end === this.size ? end : Math.floor(end / clusterSize) * clusterSize;
    if (from < to) await this.#zeroAlone(from, to, 'discard');
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#check(offset, length);
    if (length > 0) await this.#zeroAlone(offset, offset + length, 'zero');
  }

  async #zeroAlone(from: number, to: number, how: 'discard' | 'zero'): Promise<void> {
    const { clusterSize } = this.#map;
    const alone = await this.#lock.take(
      Math.floor(from / clusterSize) * clusterSize,
      Math.ceil(to / clusterSize) * clusterSize,
      true,
    );
    try {
      for (let at = from; at < to;) at += await this.#zeroSome(at, to, how);
    } finally {
      alone();
    }
  }

  /** Returns the bytes that are done. */
  async #zeroSome(at: number, to: number, how: 'discard' | 'zero'): Promise<number> {
    const map = this.#map;
    const { clusterSize, unitSize } = map;
    const extent = await this.#extentAt(at, to - at);
    if (extent.kind === 'zero') return extent.length;
    if (extent.kind === 'absent') {
      const { kind, length } = await this.extent(at, extent.length);
      if (kind === 'zero') return length;
    }
    const clusterEnd = at - (at % clusterSize) + clusterSize;
    // The disk's end need not be a unit's.
    const end = to === this.size ? Math.ceil(to / unitSize) * unitSize : to - (to % unitSize);
    const units = Math.min(clusterEnd, end) - at;
    if (at % unitSize === 0 && units > 0) {
      this.#unpacked.delete(Math.floor(at / clusterSize));
      if (await map.zero?.(at, units)) return Math.min(units, to - at);
    }
    const unitEnd = at % unitSize === 0 ? clusterEnd : at - (at % unitSize) + unitSize;
    const some = Math.min(extent.length, unitEnd - at);
    if (extent.kind === 'data' && !extent.shared) {
      if (await this.#file.punchHole(extent.at, some)) return some;
      if (how === 'zero') await this.#file.write(extent.at, zeroes(some));
    } else if (how === 'zero') await this.#writeAlone(at, zeroes(some), some);
    return some;
  }

  async flush(): Promise<void> {
    if (this.readOnly) return;
    // One that waits for its turn covers all that call meanwhile.
    this.#nextFlush ??= this.#lastFlush
      .catch(() => undefined)
      .then(() => {
        this.#nextFlush = undefined;
        return this.#map.flush();
      });
    this.#lastFlush = this.#nextFlush;
    await this.#nextFlush;
  }

  async resize(size: number, watch?: ResizeWatch): Promise<void> {
    this.#checkWritable();
    if (size % sectorSize !== 0 || size < sectorSize)
      throw new BlockError('unsupported', `A disk cannot have ${size} bytes.`);
    const alone = await this.#lock.take(0, Infinity, true);
    try {
      this.#unpacked.clear();
      const before = this.size;
      try {
        await this.#map.resize(size, () => this.#hideAdded(before, watch));
      } catch (error) {
        // What the file says has not changed yet.
        if (this.size > before) await this.#map.resize(before, async () => {});
        throw error;
      }
    } finally {
      alone();
    }
  }

  /** Neither the rest of the last cluster nor a longer backing image may show, after no power cut either. */
  async #hideAdded(before: number, watch?: ResizeWatch): Promise<void> {
    const { clusterSize } = this.#map;
    const edge = Math.ceil(before / clusterSize) * clusterSize;
    const end = Math.min(this.size, Math.max(edge, this.backing?.size ?? 0));
    let turn = performance.now();
    for (let at = before; at < end;) {
      if (watch?.signal?.aborted)
        throw new BlockError('cancelled', 'The disk has its old size again.');
      const next = Math.min(end, at + zeroedAtOnce);
      while (at < next) at += await this.#zeroSome(at, next, 'zero');
      watch?.progress?.(at - before, end - before);
      // Tables in memory make it go on from promise to promise, and whoever wants to cancel would never be heard.
      if (performance.now() - turn > longestTurnMs) {
        await new Promise((resolve) => setTimeout(resolve));
        turn = performance.now();
      }
    }
    await this.#map.flush();
  }

  info(): Promise<ImageInfo> {
    return this.#map.info();
  }

  async check({ repair = false } = {}): Promise<ImageCheck> {
    if (repair) this.#checkWritable();
    const alone = await this.#lock.take(0, Infinity, true);
    try {
      if (!this.readOnly) await this.#map.flush();
      return await this.#map.check({ repair });
    } finally {
      alone();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const alone = await this.#lock.take(0, Infinity, true);
    try {
      if (!this.readOnly) {
        await this.flush();
        await this.#map.close();
      }
    } finally {
      alone();
      try {
        await this.#file.close();
      } finally {
        await this.backing?.close();
      }
    }
  }

  #checkWritable(): void {
    checkWritable(this.#file.path, this.readOnly);
  }

  #check(offset: number, length: number): void {
    checkRange({ path: this.#file.path, size: this.size }, offset, length);
  }
}

type DataExtent = Extract<MapExtent, { kind: 'data' }>;

const isData = (extent: MapExtent): extent is DataExtent => extent.kind === 'data';

/** Data that may be overwritten where it lies. */
const isOwn = (extent: MapExtent): extent is DataExtent => isData(extent) && !extent.shared;

interface Piece {
  /** Offset in the file. */
  readonly at: number;
  readonly buffers: Uint8Array[];
  length: number;
}

interface Placed {
  readonly cluster: number;
  readonly place: Place;
  offset: number;
  length: number;
}

/** Adds to the list what is to be written at an offset of the file; what follows the last piece becomes one with it. */
function put(pieces: Piece[], at: number, list: readonly Uint8Array[], length: number): void {
  const last = pieces.at(-1);
  if (last !== undefined && last.at + last.length === at) {
    last.buffers.push(...list);
    last.length += length;
  } else pieces.push({ at, buffers: [...list], length });
}
