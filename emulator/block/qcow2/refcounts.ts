/**
 * Reference counts of QCOW2 clusters ("Host cluster management"), and with them the allotment of
 * clusters. A count that falls may only reach the file after what pointed there has gone from it;
 * callers see to that by `release`, which takes effect in `applyReleases`.
 */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';
import { Mutex } from '../rangeLock.ts';
import type { Qcow2Header } from './qcow2Header.ts';
import { TableCache, type DirtyPart, type Table } from '../tableCache.ts';

const offsetMask = 0x00ff_ffff; // of the upper half: bits 56 to 63 are reserved

export class Refcounts {
  readonly cache: TableCache;
  readonly #file: ImageFile;
  readonly #header: Qcow2Header;
  readonly #clusterSize: number;
  readonly #bits: number;
  readonly #perBlock: number;
  readonly #mutex = new Mutex();
  /** Offsets of the blocks; 0 if there is none. */
  #blocks: Float64Array;
  readonly #dirtyEntries = new Set<number>();
  /** The search for a free cluster begins here. */
  #hint = 1;
  /** Bytes; nothing has ever been stored from there on. */
  #end: number;
  #releases: number[] = [];

  private constructor(file: ImageFile, header: Qcow2Header, blocks: Float64Array) {
    this.#file = file;
    this.#header = header;
    this.#clusterSize = header.clusterSize;
    this.#bits = 2 ** header.refcountOrder;
    this.#perBlock = (header.clusterSize * 8) / this.#bits;
    this.#blocks = blocks;
    this.#end = Math.ceil(file.size / header.clusterSize) * header.clusterSize;
    this.cache = new TableCache(
      file,
      header.clusterSize,
      Math.max(16, (8 << 20) / header.clusterSize),
    );
  }

  static async open(file: ImageFile, header: Qcow2Header): Promise<Refcounts> {
    const bytes = new Uint8Array(header.refcountTableClusters * header.clusterSize);
    await file.read(header.refcountTableOffset, [bytes]);
    const view = new DataView(bytes.buffer);
    const blocks = new Float64Array(bytes.length / 8);
    for (let i = 0; i < blocks.length; i++)
      blocks[i] = (view.getUint32(i * 8) & offsetMask) * 0x1_0000_0000 + view.getUint32(i * 8 + 4);
    return new Refcounts(file, header, blocks);
  }

  /** Offsets of the blocks there are. */
  get blocks(): readonly number[] {
    return [...this.#blocks].filter((at) => at !== 0);
  }

  /** Clusters that the table can count. */
  get reach(): number {
    return this.#blocks.length * this.#perBlock;
  }

  /** Bytes up to which clusters have been in use. */
  get end(): number {
    return this.#end;
  }

  async count(cluster: number): Promise<number> {
    const at = this.#blocks[Math.floor(cluster / this.#perBlock)] ?? 0;
    if (at === 0) return 0;
    return this.#read(await this.#block(at), cluster % this.#perBlock);
  }

  async #block(at: number): Promise<Table> {
    const cached = this.cache.peek(at);
    if (cached !== undefined) return cached;
    if (at % this.#clusterSize !== 0 || at >= this.#end)
      throw new BlockError(
        'corrupt',
        `The QCOW2 image ${this.#file.path} is damaged: reference counts at offset ${at}.`,
      );
    return this.cache.get(at);
  }

  #read({ view, bytes }: Table, index: number): number {
    switch (this.#bits) {
      case 16:
        return view.getUint16(index * 2);
      case 8:
        return view.getUint8(index);
      case 32:
        return view.getUint32(index * 4);
      case 64:
        return Number(view.getBigUint64(index * 8));
      default: {
        const bit = index * this.#bits;
        return ((bytes[bit >> 3] as number) >> (bit & 7)) & (2 ** this.#bits - 1);
      }
    }
  }

  #write(table: Table, index: number, value: number): void {
    const { view, bytes } = table;
    const bit = index * this.#bits;
    switch (this.#bits) {
      case 16:
        view.setUint16(index * 2, value);
        break;
      case 8:
        view.setUint8(index, value);
        break;
      case 32:
        view.setUint32(index * 4, value);
        break;
      case 64:
        view.setBigUint64(index * 8, BigInt(value));
        break;
      default: {
        const mask = (2 ** this.#bits - 1) << (bit & 7);
        bytes[bit >> 3] = ((bytes[bit >> 3] as number) & ~mask) | (value << (bit & 7));
      }
    }
    this.cache.changed(table, bit >> 3, (bit >> 3) + Math.max(1, this.#bits >> 3));
  }

  /** A cluster with count 1. `zeroed`: nothing was ever stored there. */
  allot(): Promise<{ at: number; zeroed: boolean }> {
    return this.#mutex.run(async () => {
      for (let cluster = this.#hint; ;) {
        const table = await this.#blockFor(cluster);
        const end = (Math.floor(cluster / this.#perBlock) + 1) * this.#perBlock;
        while (cluster < end && this.#read(table, cluster % this.#perBlock) !== 0) cluster++;
        if (cluster === end) continue;
        this.#write(table, cluster % this.#perBlock, 1);
        this.#hint = cluster + 1;
        return this.#taken(cluster, 1);
      }
    });
  }

  /** As `allot` if that needs nothing from the file and is nobody else's turn. */
  allotNow(): { at: number; zeroed: boolean } | undefined {
    if (!this.#mutex.idle) return undefined;
    const table = this.cache.peek(this.#blocks[Math.floor(this.#hint / this.#perBlock)] ?? 0);
    if (table === undefined) return undefined;
    const end = (Math.floor(this.#hint / this.#perBlock) + 1) * this.#perBlock;
    for (let cluster = this.#hint; cluster < end; cluster++) {
      if (this.#read(table, cluster % this.#perBlock) !== 0) continue;
      this.#write(table, cluster % this.#perBlock, 1);
      this.#hint = cluster + 1;
      return this.#taken(cluster, 1);
    }
    return undefined;
  }

  /** Clusters in a row at the end of the file, with count 1 each. */
  allotRow(count: number): Promise<number> {
    return this.#mutex.run(async () => {
      for (let start = this.#end / this.#clusterSize; ; start = this.#end / this.#clusterSize) {
        for (let i = 0; i < count; i++) await this.#blockFor(start + i);
        // New blocks lie at the end too.
        if (this.#end / this.#clusterSize > start) continue;
        for (let i = 0; i < count; i++)
          this.#write(await this.#blockFor(start + i), (start + i) % this.#perBlock, 1);
        return this.#taken(start, count).at;
      }
    });
  }

  #taken(cluster: number, count: number): { at: number; zeroed: boolean } {
    const at = cluster * this.#clusterSize;
    const zeroed = at >= this.#end;
    this.#end = Math.max(this.#end, at + count * this.#clusterSize);
    return { at, zeroed };
  }

  /** The block that counts a cluster, made if there is none. */
  async #blockFor(cluster: number): Promise<Table> {
    const number = Math.floor(cluster / this.#perBlock);
    if (number >= this.#blocks.length) await this.#growTable(number);
    const at = this.#blocks[number] as number;
    if (at !== 0) return this.#block(at);
    // Nothing of this stretch is counted, so nothing of it is used: the block counts itself.
    const own = Math.max(cluster, number * this.#perBlock);
    const table = this.cache.create(own * this.#clusterSize);
    this.#write(table, own % this.#perBlock, 1);
    this.#taken(own, 1);
    this.#blocks[number] = table.at;
    this.#dirtyEntries.add(number);
    return table;
  }

  /** A larger table, behind everything the present one can count. */
  async #growTable(needed: number): Promise<void> {
    const before = this.#blocks.length;
    const header = this.#header;
    const entriesPerCluster = this.#clusterSize / 8;
    const start = Math.max(before * this.#perBlock, this.#end / this.#clusterSize);
    let clusters = Math.ceil(Math.max(needed + 2, before * 2) / entriesPerCluster);
    let newBlocks: number;
    // The blocks must count the table and themselves.
    for (;;) {
      const first = Math.floor(start / this.#perBlock);
      const blocksFor = (count: number): number =>
        Math.floor((start + count - 1) / this.#perBlock) - first + 1;
      newBlocks = blocksFor(clusters + 1);
      while (newBlocks < blocksFor(clusters + newBlocks)) newBlocks++;
      if (first + newBlocks <= clusters * entriesPerCluster) break;
      clusters++;
    }
    const blocks = new Float64Array(clusters * entriesPerCluster);
    blocks.set(this.#blocks);
    const firstBlock = Math.floor(start / this.#perBlock);
    const tables: Table[] = [];
    for (let i = 0; i < newBlocks; i++) {
      const table = this.cache.create((start + i) * this.#clusterSize);
      blocks[firstBlock + i] = table.at;
      tables.push(table);
    }
    for (let i = 0; i < newBlocks + clusters; i++) {
      const cluster = start + i;
      const table = tables[Math.floor(cluster / this.#perBlock) - firstBlock] as Table;
      this.#write(table, cluster % this.#perBlock, 1);
    }
    const tableAt = (start + newBlocks) * this.#clusterSize;
    const bytes = new Uint8Array(clusters * this.#clusterSize);
    const view = new DataView(bytes.buffer);
    blocks.forEach((at, i) => view.setBigUint64(i * 8, BigInt(at)));
    await this.#file.write(tableAt, [bytes]);
    // All blocks that the table names are in the file before the header names the table.
    await this.#writeBlocks();
    await this.#file.flush();
    const pointer = new Uint8Array(12);
    new DataView(pointer.buffer).setBigUint64(0, BigInt(tableAt));
    new DataView(pointer.buffer).setUint32(8, clusters);
    await this.#file.write(48, [pointer]);
    await this.#file.flush();
    const old = header.refcountTableOffset;
    for (let i = 0; i < header.refcountTableClusters; i++)
      this.release(old + i * this.#clusterSize);
    header.refcountTableOffset = tableAt;
    header.refcountTableClusters = clusters;
    this.#blocks = blocks;
    this.#dirtyEntries.clear();
    this.#taken(start, newBlocks + clusters);
  }

  /** Gives a reference to the cluster at an offset back, once what is taken away now is durable. */
  release(at: number): void {
    this.#releases.push(at);
  }

  /** A cluster that nothing in the file has ever pointed to. */
  async giveBack(at: number): Promise<void> {
    await this.#mutex.run(() => this.#drop(at));
  }

  takeReleases(): number[] {
    const taken = this.#releases;
    this.#releases = [];
    return taken;
  }

  async applyReleases(offsets: readonly number[]): Promise<void> {
    await this.#mutex.run(async () => {
      for (const at of offsets) await this.#drop(at);
    });
  }

  async #drop(at: number): Promise<void> {
    const cluster = at / this.#clusterSize;
    const block = this.#blocks[Math.floor(cluster / this.#perBlock)] ?? 0;
    if (block === 0) return;
    const table = await this.#block(block);
    const index = cluster % this.#perBlock;
    const count = this.#read(table, index);
    if (count === 0) return;
    this.#write(table, index, count - 1);
    if (count === 1) {
      this.#hint = Math.min(this.#hint, cluster);
      this.cache.drop(at);
    }
  }

  /** For repairs. */
  async set(cluster: number, value: number): Promise<void> {
    await this.#mutex.run(async () => {
      this.#write(await this.#blockFor(cluster), cluster % this.#perBlock, value);
      if (value === 0) this.#hint = Math.min(this.#hint, cluster);
    });
  }

  /** The greatest count that fits. */
  get most(): number {
    return 2 ** Math.min(this.#bits, 53) - 1;
  }

  /** Writes what has changed; the caller flushes the file. */
  async writeOut(): Promise<void> {
    await this.#mutex.run(async () => {
      const entries = [...this.#dirtyEntries];
      await this.#writeBlocks();
      if (entries.length === 0) return;
      // A block must be there before the table names it.
      await this.#file.flush();
      const entry = new Uint8Array(8);
      for (const number of entries) {
        new DataView(entry.buffer).setBigUint64(0, BigInt(this.#blocks[number] as number));
        await this.#file.write(this.#header.refcountTableOffset + number * 8, [entry]);
        this.#dirtyEntries.delete(number);
      }
    });
  }

  async #writeBlocks(): Promise<void> {
    const parts: DirtyPart[] = this.cache.takeDirty();
    let written = false;
    try {
      await this.cache.write(parts);
      written = true;
    } finally {
      this.cache.done(parts, written);
    }
  }
}
