/**
 * Where a QCOW2 image has its data: L1 and L2 tables. Changes are kept in memory until flush(), which
 * orders them so that the file is consistent after a crash at any point: counts of new clusters and
 * data first, then L2 tables, then the L1 entries of new L2 tables, and the release of what is no
 * longer used last. A crash can leak clusters, nothing else.
 */
import { BlockError } from '../../backends/block.ts';
import type { ImageCheck, ImageInfo } from '../blockImage.ts';
import type { BlockMap, MapExtent, Place } from '../blockMap.ts';
import type { Codecs, ImageFile } from '../imageFile.ts';
import { Mutex } from '../rangeLock.ts';
import { L2Format, type L2Entry } from './l2Entry.ts';
import { incompatible, type Qcow2Header, type Qcow2Snapshot } from './qcow2Header.ts';
import type { Refcounts } from './refcounts.ts';
import { TableCache, type DirtyPart, type Table } from '../tableCache.ts';
import { zstdFrameLength } from '../zstdFrame.ts';

/** Bytes of L2 tables that are kept; covers 256 GiB of a disk with clusters of 64 KiB. */
const l2CacheBytes = 32 << 20;

interface Qcow2Place extends Place {
  readonly allotted: boolean;
}

export interface Qcow2Parts {
  readonly file: ImageFile;
  readonly header: Qcow2Header;
  readonly refcounts: Refcounts;
  readonly codecs: Codecs;
  readonly hasBacking: boolean;
  /** The disk as it was then, for reading. */
  readonly snapshot?: Qcow2Snapshot | undefined;
  checkImage(map: Qcow2Map, repair: boolean): Promise<ImageCheck>;
}

export class Qcow2Map implements BlockMap {
  readonly header: Qcow2Header;
  readonly refcounts: Refcounts;
  readonly l2Format: L2Format;
  readonly l2Tables: TableCache;
  readonly file: ImageFile;
  readonly clusterSize: number;
  readonly unitSize: number;
  /** Offsets of the L2 tables; 0 if there is none. */
  l1: Float64Array;
  /** 1 where the L2 table is referred to from here alone. */
  l1Copied: Uint8Array;
  readonly #parts: Qcow2Parts;
  readonly #l2Span: number;
  readonly #fileEnd: number;
  readonly #dirtyL1 = new Set<number>();
  readonly #tableMutex = new Mutex();
  readonly #flushMutex = new Mutex();
  #size: number;
  #changed = false;

  private constructor(parts: Qcow2Parts, l1: Float64Array, l1Copied: Uint8Array) {
    const { file, header, refcounts, snapshot } = parts;
    this.#parts = parts;
    this.file = file;
    this.header = header;
    this.refcounts = refcounts;
    this.clusterSize = header.clusterSize;
    this.l2Format = new L2Format(header);
    this.unitSize = this.l2Format.subclusterSize;
    this.#l2Span = this.l2Format.perTable * header.clusterSize;
    this.#fileEnd = Math.ceil(file.size / header.clusterSize) * header.clusterSize;
    this.l2Tables = new TableCache(
      file,
      header.clusterSize,
      Math.max(16, l2CacheBytes / header.clusterSize),
    );
    this.l1 = l1;
    this.l1Copied = l1Copied;
    this.#size = snapshot?.size ?? header.size;
  }

  static async open(parts: Qcow2Parts): Promise<Qcow2Map> {
    const { file, header, snapshot } = parts;
    const { l1Offset, l1Size } = snapshot ?? header;
    const { offsets, copied } = await readL1(file, l1Offset, l1Size);
    return new Qcow2Map(parts, offsets, copied);
  }

  get size(): number {
    return this.#size;
  }

  damaged(what: string): BlockError {
    return new BlockError('corrupt', `The QCOW2 image ${this.file.path} is damaged: ${what}.`);
  }

  extent(offset: number, limit: number): MapExtent | Promise<MapExtent> {
    const index = Math.floor(offset / this.#l2Span);
    const at = this.l1[index] as number;
    if (at === 0) {
      let end = index + 1;
      while (end * this.#l2Span < offset + limit && this.l1[end] === 0) end++;
      return { kind: 'absent', length: Math.min(limit, end * this.#l2Span - offset) };
    }
    const table = this.l2Tables.peek(at);
    if (table !== undefined) return this.#extentIn(table, offset, limit);
    return this.#l2Table(at).then((loaded) => this.#extentIn(loaded, offset, limit));
  }

  async #l2Table(at: number): Promise<Table> {
    if (!this.isCluster(at) && this.l2Tables.peek(at) === undefined)
      throw this.damaged(`an L2 table at offset ${at}`);
    return this.l2Tables.get(at);
  }

  /** Whether a cluster can lie there. */
  isCluster(at: number): boolean {
    return at % this.clusterSize === 0 && at < Math.max(this.#fileEnd, this.refcounts.end);
  }

  #extentIn(table: Table, offset: number, limit: number): MapExtent {
    const end = Math.min(offset + limit, (Math.floor(offset / this.#l2Span) + 1) * this.#l2Span);
    const first = this.#unitAt(table, offset);
    let length = this.unitSize - (offset % this.unitSize);
    if (first.kind === 'packed') length = this.clusterSize - (offset % this.clusterSize);
    else
      while (offset + length < end) {
        const next = this.#unitAt(table, offset + length);
        if (next.kind !== first.kind) break;
        if (next.kind === 'data' && first.kind === 'data')
          if (next.at !== first.at + length || next.shared !== first.shared) break;
        length += this.unitSize;
      }
    return { ...first, length: Math.min(length, end - offset) };
  }

  #unitAt(table: Table, offset: number): MapExtent {
    const index = Math.floor(offset / this.clusterSize) % this.l2Format.perTable;
    const entry = this.l2Format.read(table, index);
    if (entry.kind === 'packed') return { kind: 'packed', length: 0 };
    if (entry.zero) return { kind: 'zero', length: 0 };
    if (this.l2Format.extended) {
      const { data, zero } = this.l2Format.bitmaps(table, index);
      const bit = 1 << Math.floor((offset % this.clusterSize) / this.unitSize);
      if (zero & bit) {
        if (data & bit) throw this.damaged('a subcluster that is both data and zero');
        return { kind: 'zero', length: 0 };
      }
      if (!(data & bit)) return { kind: 'absent', length: 0 };
      if (entry.at === 0) throw this.damaged('a subcluster without a cluster');
    } else if (entry.at === 0) return { kind: 'absent', length: 0 };
    if (!this.isCluster(entry.at)) throw this.damaged(`data at offset ${entry.at}`);
    const at = entry.at + (offset % this.clusterSize);
    return { kind: 'data', length: 0, at, shared: !entry.copied };
  }

  async unpack(cluster: number): Promise<Uint8Array> {
    const { table, index } = await this.#entryFor(cluster);
    const entry = this.l2Format.read(table, index);
    const { file } = this;
    if (entry.kind !== 'packed' || entry.at >= file.size)
      throw this.damaged(`compressed data at offset ${entry.at}`);
    const packed = new Uint8Array(Math.min(entry.packedLength, file.size - entry.at));
    await file.read(entry.at, [packed]);
    let content: Uint8Array;
    try {
      const { codecs } = this.#parts;
      content =
        this.header.compression === 'zlib'
          ? await codecs.inflate(packed, this.clusterSize)
          : await codecs.unzstd(packed.subarray(0, zstdFrameLength(packed)), this.clusterSize);
    } catch (cause) {
      const error = this.damaged(`compressed data at offset ${entry.at} cannot be decompressed`);
      error.cause = cause;
      throw error;
    }
    if (content.length !== this.clusterSize)
      throw this.damaged(`compressed data at offset ${entry.at} is no whole cluster`);
    return content;
  }

  async #entryFor(cluster: number): Promise<{ table: Table; index: number }> {
    const { perTable } = this.l2Format;
    const table = await this.#l2Table(this.l1[Math.floor(cluster / perTable)] as number);
    return { table, index: cluster % perTable };
  }

  /** The entry's table, of our own, made if there is none. Change it at once. */
  async #entryToChange(cluster: number): Promise<{ table: Table; index: number }> {
    if (!this.#changed) await this.#beforeFirstChange();
    const { perTable } = this.l2Format;
    const number = Math.floor(cluster / perTable);
    if (this.l1[number] === 0 || this.l1Copied[number] === 0)
      await this.#tableMutex.run(() => this.#makeTable(number));
    return this.#entryFor(cluster);
  }

  async #makeTable(number: number): Promise<void> {
    const before = this.l1[number] as number;
    if (before !== 0 && this.l1Copied[number] === 1) return;
    const old = before === 0 ? undefined : await this.#l2Table(before);
    const { at } = await this.refcounts.allot();
    this.l2Tables.drop(at);
    this.l2Tables.create(at, old?.bytes.slice());
    if (before !== 0) this.refcounts.release(before);
    this.l1[number] = at;
    this.l1Copied[number] = 1;
    this.#dirtyL1.add(number);
  }

  /** Features that we do not keep up must not be believed by others afterwards (autoclear). */
  async #beforeFirstChange(): Promise<void> {
    this.#changed = true;
    if (this.header.hasAutoclear) await this.file.write(88, [new Uint8Array(8)]);
  }

  /** As #entryToChange if the table is at hand. */
  #entryNow(cluster: number): { table: Table; index: number } | undefined {
    const { perTable } = this.l2Format;
    const number = Math.floor(cluster / perTable);
    if (!this.#changed || this.l1Copied[number] === 0) return undefined;
    const table = this.l2Tables.peek(this.l1[number] as number);
    return table && { table, index: cluster % perTable };
  }

  place(cluster: number): Qcow2Place | Promise<Qcow2Place> {
    const entry = this.#cacheIsFull ? undefined : this.#entryNow(cluster);
    return (entry && this.#placeNow(entry)) ?? this.#placeLater(cluster);
  }

  get #cacheIsFull(): boolean {
    return this.l2Tables.dirtyCount > l2CacheBytes / this.clusterSize / 2;
  }

  /** The usual case of new data: nothing was there and the tables are at hand. */
  #placeNow({ table, index }: { table: Table; index: number }): Qcow2Place | undefined {
    const entry = this.l2Format.read(table, index);
    if (entry.kind === 'packed' || entry.at !== 0) return undefined;
    const room = this.refcounts.allotNow();
    return room && { ...room, whole: false, fresh: true, toEnd: false, allotted: true };
  }

  async #placeLater(cluster: number): Promise<Qcow2Place> {
    if (this.#cacheIsFull) await this.flush();
    const { table, index } = await this.#entryToChange(cluster);
    const entry = this.l2Format.read(table, index);
    if (entry.kind === 'normal' && entry.at !== 0 && entry.copied) {
      if (!this.isCluster(entry.at)) throw this.damaged(`data at offset ${entry.at}`);
      const place = { at: entry.at, fresh: entry.zero, zeroed: false, whole: false };
      return { ...place, toEnd: false, allotted: false };
    }
    const whole = entry.kind === 'packed' || entry.at !== 0;
    const { at, zeroed } = await this.refcounts.allot();
    return { at, zeroed, whole, fresh: true, toEnd: false, allotted: true };
  }

  commit(cluster: number, place: Qcow2Place, offset: number, length: number): void | Promise<void> {
    const now = this.#entryNow(cluster);
    if (now !== undefined) return this.#commitTo(now, place, offset, length);
    return this.#entryToChange(cluster).then((entry) =>
      this.#commitTo(entry, place, offset, length),
    );
  }

  #commitTo(
    { table, index }: { table: Table; index: number },
    place: Qcow2Place,
    offset: number,
    length: number,
  ): void {
    const before = this.l2Format.read(table, index);
    if (this.l2Format.extended) {
      const start = (offset % this.clusterSize) / this.unitSize;
      const count = length / this.unitSize;
      const written = count === 32 ? -1 : ((1 << count) - 1) << start;
      const old =
        before.kind === 'packed' ? { data: 0, zero: 0 } : this.l2Format.bitmaps(table, index);
      this.l2Format.setBitmaps(table, index, old.data | written, old.zero & ~written);
    }
    this.l2Format.write(table, index, place.at);
    this.#entryChanged(table, index);
    if (place.allotted) this.#releaseEntry(before);
  }

  #entryChanged(table: Table, index: number): void {
    const { entrySize } = this.l2Format;
    this.l2Tables.changed(table, index * entrySize, (index + 1) * entrySize);
  }

  #releaseEntry(entry: L2Entry): void {
    for (const at of this.l2Format.clusters(entry)) this.refcounts.release(at);
  }

  abandon(_cluster: number, place: Qcow2Place): void {
    if (place.allotted) void this.refcounts.giveBack(place.at).catch(() => undefined);
  }

  async zero(offset: number, length: number): Promise<boolean> {
    const { version } = this.header;
    const { hasBacking } = this.#parts;
    const whole =
      offset % this.clusterSize === 0 &&
      (length === this.clusterSize || offset + length >= this.#size);
    if (version === 2 && hasBacking) return false;
    const cluster = Math.floor(offset / this.clusterSize);
    const { table, index } = await this.#entryToChange(cluster);
    const before = this.l2Format.read(table, index);
    if (this.l2Format.extended && !whole) {
      if (before.kind === 'packed') return false;
      const start = (offset % this.clusterSize) / this.unitSize;
      const bits = ((1 << (length / this.unitSize)) - 1) << start;
      const { data, zero } = this.l2Format.bitmaps(table, index);
      this.l2Format.setBitmaps(table, index, data & ~bits, zero | bits);
      this.#entryChanged(table, index);
      return true;
    }
    if (!whole) return false;
    this.l2Format.write(table, index, 0, version === 3 && !this.l2Format.extended);
    if (this.l2Format.extended) this.l2Format.setBitmaps(table, index, 0, -1);
    this.#entryChanged(table, index);
    this.#releaseEntry(before);
    return true;
  }

  flush(): Promise<void> {
    return this.#flushMutex.run(() => this.#flush());
  }

  async #flush(): Promise<void> {
    const { file, refcounts } = this;
    const l2 = this.l2Tables.takeDirty();
    const l1 = [...this.#dirtyL1].map((number) => [number, this.l1[number] as number] as const);
    this.#dirtyL1.clear();
    const releases = refcounts.takeReleases();
    let written = false;
    try {
      await refcounts.writeOut();
      await file.flush();
      if (l2.length > 0) {
        await this.l2Tables.write(l2);
        await file.flush();
      }
      if (l1.length > 0) {
        await this.#writeL1(l1);
        await file.flush();
      }
      written = true;
    } finally {
      this.#flushed(l2, l1, written);
      if (!written) for (const at of releases) refcounts.release(at);
    }
    await refcounts.applyReleases(releases);
  }

  #flushed(l2: DirtyPart[], l1: (readonly [number, number])[], written: boolean): void {
    this.l2Tables.done(l2, written);
    if (!written) for (const [number] of l1) this.#dirtyL1.add(number);
  }

  async #writeL1(entries: readonly (readonly [number, number])[]): Promise<void> {
    for (const [number, at] of entries) {
      const entry = new Uint8Array(8);
      new DataView(entry.buffer).setBigUint64(0, BigInt(at) | (at === 0 ? 0n : 1n << 63n));
      await this.file.write(this.header.l1Offset + number * 8, [entry]);
    }
  }

  async resize(size: number, hide: () => Promise<void>): Promise<void> {
    const { header, file } = this;
    if (size < this.#size) {
      if (size < header.size && header.snapshots.length > 0)
        throw new BlockError(
          'unsupported',
          `The QCOW2 image ${file.path} has snapshots, so its disk cannot be made smaller.`,
        );
      await this.#forget(size);
    }
    const needed = Math.ceil(size / this.#l2Span);
    if (needed > header.l1Size) await this.#growL1(needed);
    await this.flush();
    this.#size = size;
    if (size > header.size) await hide();
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(size));
    await file.write(24, [bytes]);
    await file.flush();
    header.size = size;
  }

  /** Gives up all clusters behind a new end of the disk. */
  async #forget(size: number): Promise<void> {
    const first = Math.ceil(size / this.clusterSize);
    const end = Math.ceil(this.#size / this.clusterSize);
    const { perTable } = this.l2Format;
    for (let cluster = first; cluster < end; cluster++) {
      if (this.l1[Math.floor(cluster / perTable)] === 0) {
        cluster = (Math.floor(cluster / perTable) + 1) * perTable - 1;
        continue;
      }
      const { table, index } = await this.#entryToChange(cluster);
      const before = this.l2Format.read(table, index);
      this.l2Format.write(table, index, 0);
      if (this.l2Format.extended) this.l2Format.setBitmaps(table, index, 0, 0);
      this.#entryChanged(table, index);
      this.#releaseEntry(before);
    }
  }

  async #growL1(needed: number): Promise<void> {
    const { header, file, clusterSize } = this;
    await this.flush();
    const perCluster = clusterSize / 8;
    const clusters = Math.ceil(needed / perCluster);
    if (clusters * clusterSize > 32 << 20)
      throw new BlockError(
        'unsupported',
        `A QCOW2 image with clusters of ${clusterSize} bytes cannot have a disk of that size.`,
      );
    const count = clusters * perCluster;
    const l1 = new Float64Array(count);
    l1.set(this.l1);
    const copied = new Uint8Array(count);
    copied.set(this.l1Copied);
    const at = await this.refcounts.allotRow(clusters);
    const bytes = new Uint8Array(clusters * clusterSize);
    const view = new DataView(bytes.buffer);
    l1.forEach((offset, i) =>
      view.setBigUint64(i * 8, BigInt(offset) | (copied[i] === 1 ? 1n << 63n : 0n)),
    );
    await file.write(at, [bytes]);
    await this.refcounts.writeOut();
    await file.flush();
    const pointer = new Uint8Array(12);
    new DataView(pointer.buffer).setUint32(0, count);
    new DataView(pointer.buffer).setBigUint64(4, BigInt(at));
    await file.write(36, [pointer]);
    await file.flush();
    for (let done = 0; done < header.l1Size * 8; done += clusterSize)
      this.refcounts.release(header.l1Offset + done);
    header.l1Offset = at;
    header.l1Size = count;
    this.l1 = l1;
    this.l1Copied = copied;
  }

  async info(): Promise<ImageInfo> {
    const { header, file } = this;
    return {
      format: 'qcow2',
      variant: `version ${header.version}`,
      path: file.path,
      size: this.#size,
      allocated: await file.allocated(),
      clusterSize: header.clusterSize,
      ...(header.backing === undefined ? {} : { backing: header.backing }),
      snapshots: header.snapshots.map(({ id, name, size, takenAt, stateSize }) => ({
        ...{ id, name, size, takenAt, stateSize },
      })),
      details: {
        compression: header.compression,
        lazyRefcounts: header.lazyRefcounts,
        extendedL2: header.extendedL2,
        refcountBits: 2 ** header.refcountOrder,
        dirty: (header.incompatible & incompatible.dirty) !== 0,
        corrupt: (header.incompatible & incompatible.corrupt) !== 0,
        bitmaps: header.hasBitmaps,
      },
    };
  }

  check({ repair }: { repair: boolean }): Promise<ImageCheck> {
    return this.#parts.checkImage(this, repair);
  }

  /** Marks an L1 entry for the next flush. */
  l1Changed(number: number): void {
    this.#dirtyL1.add(number);
  }

  async setIncompatible(features: number): Promise<void> {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, features);
    await this.file.write(76, [bytes]);
    await this.file.flush();
    this.header.incompatible = features;
  }

  async close(): Promise<void> {
    // The releases of the flush before.
    await this.flush();
    // Others take a file that ends within a cluster for cut off.
    const { end } = this.refcounts;
    if (this.file.size < end) await this.file.resize(end);
    await this.file.flush();
  }
}

export async function readL1(
  file: ImageFile,
  offset: number,
  count: number,
): Promise<{ offsets: Float64Array; copied: Uint8Array }> {
  const bytes = new Uint8Array(count * 8);
  await file.read(offset, [bytes]);
  const view = new DataView(bytes.buffer);
  const offsets = new Float64Array(count);
  const copied = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const [high, low] = [view.getUint32(i * 8), view.getUint32(i * 8 + 4)];
    offsets[i] = (high & 0x00ff_ffff) * 0x1_0000_0000 + (low - (low & 0x1ff));
    copied[i] = high >>> 31;
  }
  return { offsets, copied };
}
