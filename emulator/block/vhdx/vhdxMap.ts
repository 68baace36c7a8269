/** Where the blocks of a VHDX image lie: its block table and sector bitmaps ([MS-VHDX] 2.5). */
import { BlockError } from '../../backends/block.ts';
import { ABSENT, AppendingMap, Bits, runsOf, ZERO, type TakenChanges } from '../appendingMap.ts';
import type { ImageCheck, ImageInfo } from '../blockImage.ts';
import { CheckReport } from '../checkReport.ts';
import type { ImageFile } from '../imageFile.ts';
import { MiB, vhdxDamaged, writeHeader, type VhdxHeader } from './vhdxHeader.ts';
import { writeLogged, type LoggedPage } from './vhdxLogWriter.ts';
import {
  largestDisk,
  mostBatBytes,
  pagesOfMovedBat,
  pagesOfNewSize,
  parentPaths,
  type VhdxMetadata,
  type VhdxRegions,
} from './vhdxTables.ts';

/** [MS-VHDX] 2.5.1.1 */
export const state = {
  notPresent: 0,
  undefined: 1,
  zero: 2,
  unmapped: 3,
  full: 6,
  partial: 7,
} as const;

export interface VhdxParts {
  readonly file: ImageFile;
  readonly header: VhdxHeader;
  readonly regions: VhdxRegions;
  readonly metadata: VhdxMetadata;
  /** What images that build on this one read stays the same: they do not lose it. */
  readonly keepsDataGuid?: boolean | undefined;
  random(bytes: number): Uint8Array;
}

export class VhdxMap extends AppendingMap {
  readonly unitSize: number;
  readonly knowsZero = true;
  readonly #parts: VhdxParts;
  #header: VhdxHeader;
  #bat: DataView;
  #batOffset: number;
  /** Payload blocks between the entries of sector bitmaps. */
  readonly #chunkRatio: number;
  readonly #dirty = new Set<number>();
  readonly #bitmaps = new Map<number, Bits>();
  #announced: Promise<void> | undefined;
  /** A change that goes through the log has failed on the way. */
  #unfinished = false;

  private constructor(parts: VhdxParts, bat: DataView, end: number) {
    const { blockSize, size, parent, logicalSector } = parts.metadata;
    const hasBacking = parent !== undefined;
    super({ file: parts.file, size, blockSize, stride: blockSize, end, hasBacking });
    this.unitSize = hasBacking ? logicalSector : blockSize;
    this.#parts = parts;
    this.#header = parts.header;
    this.#bat = bat;
    this.#batOffset = parts.regions.bat.offset;
    this.#chunkRatio = (2 ** 23 * logicalSector) / blockSize;
  }

  static async open(parts: VhdxParts): Promise<VhdxMap> {
    const { file, regions, metadata, header } = parts;
    const { offset, length } = regions.bat;
    const bytes = new Uint8Array(Math.floor(length / 8) * 8);
    await file.read(offset, [bytes]);
    let end = Math.max(
      Math.ceil(file.size / MiB) * MiB,
      offset + length,
      regions.metadata.offset + regions.metadata.length,
      header.logOffset + header.logLength,
    );
    if (!Number.isSafeInteger(end)) throw vhdxDamaged(file, 'its log has an impossible place');
    end = Math.ceil(end / MiB) * MiB;
    const map = new VhdxMap(parts, new DataView(bytes.buffer), end);
    if (map.#index(Math.ceil(metadata.size / metadata.blockSize) - 1) * 8 >= bytes.length)
      throw vhdxDamaged(file, 'its block table is too short for the disk');
    return map;
  }

  #index(block: number): number {
    return block + Math.floor(block / this.#chunkRatio);
  }

  #entryAt(index: number): { readonly state: number; readonly at: number } {
    if (index * 8 + 8 > this.#bat.byteLength) return { state: 0, at: 0 };
    const low = this.#bat.getUint32(index * 8, true);
    const high = this.#bat.getUint32(index * 8 + 4, true);
    return { state: low & 7, at: low - (low & 0xf_ffff) + high * 0x1_0000_0000 };
  }

  protected entry(block: number): number {
    const entry = this.#entryAt(this.#index(block));
    switch (entry.state) {
      case state.notPresent:
      case state.undefined:
        return ABSENT;
      case state.zero:
      case state.unmapped:
        return ZERO;
      case state.partial:
      case state.full:
        if (entry.at < MiB || entry.at >= this.end)
          throw vhdxDamaged(this.file, `block ${block} lies outside the file`);
        if (entry.state === state.partial && !this.hasBacking)
          throw vhdxDamaged(this.file, `block ${block} is stored in part`);
        return entry.at;
      default:
        throw vhdxDamaged(this.file, `block ${block} has the state ${entry.state}`);
    }
  }

  protected setEntry(block: number, at: number): void {
    const index = this.#index(block);
    const kind = at === ABSENT ? state.notPresent : at === ZERO ? state.zero : state.full;
    const place = Math.max(0, at);
    this.#bat.setUint32(index * 8, (place % 0x1_0000_0000) + kind, true);
    this.#bat.setUint32(index * 8 + 4, Math.floor(place / 0x1_0000_0000), true);
    this.#dirty.add(index);
  }

  override async zero(offset: number, length: number): Promise<boolean> {
    await this.announce();
    return super.zero(offset, length);
  }

  /**
   * New GUIDs in the header tell others that the file and the disk have changed, before they do ([MS-VHDX] 2.2.2). Once; durable
   * when it resolves.
   */
  announce(): Promise<void> {
    this.#announced ??= this.#writeGuids().catch((error: unknown) => {
      this.#announced = undefined;
      throw error;
    });
    return this.#announced;
  }

  async #writeGuids(): Promise<void> {
    const { file, random, keepsDataGuid } = this.#parts;
    const dataWrite = keepsDataGuid ? undefined : random(16);
    this.#header = await writeHeader(file, this.#header, { fileWrite: random(16), dataWrite });
  }

  protected override bitmap(block: number): Bits | undefined | Promise<Bits | undefined> {
    if (!this.hasBacking || this.#entryAt(this.#index(block)).state !== state.partial)
      return undefined;
    return this.#bitmaps.get(block) ?? this.#loadBitmap(block);
  }

  async #loadBitmap(block: number): Promise<Bits> {
    const chunk = Math.floor(block / this.#chunkRatio);
    const entry = this.#entryAt((chunk + 1) * (this.#chunkRatio + 1) - 1);
    if (entry.state !== state.full || entry.at < MiB || entry.at >= this.end)
      throw vhdxDamaged(this.file, `the sector bitmap of block ${block}`);
    const bytes = new Uint8Array(this.clusterSize / this.unitSize / 8);
    await this.file.read(entry.at + (block % this.#chunkRatio) * bytes.length, [bytes]);
    const bits = new Bits(bytes, true);
    this.#bitmaps.set(block, bits);
    return bits;
  }

  protected override complete(block: number): void {
    this.setEntry(block, this.entry(block));
    this.#bitmaps.delete(block);
  }

  protected takeChanges(): TakenChanges {
    const runs = runsOf(this.#dirty).map(({ first, count }) => {
      const bytes = this.#bat.buffer.slice(first * 8, (first + count) * 8) as ArrayBuffer;
      return { first, count, bytes: new Uint8Array(bytes) };
    });
    this.#dirty.clear();
    return {
      writeEntries: async () => {
        if (runs.length === 0) return;
        this.#refuseUnfinished();
        for (const { first, bytes } of runs)
          await this.file.write(this.#batOffset + first * 8, [bytes]);
        await this.file.flush();
      },
      putBack: () => {
        for (const { first, count } of runs)
          for (let i = 0; i < count; i++) this.#dirty.add(first + i);
      },
    };
  }

  async resize(size: number, hide: () => Promise<void>): Promise<void> {
    const longer = size > this.size;
    const blocks = Math.ceil(size / this.clusterSize);
    const before = Math.ceil(this.size / this.clusterSize);
    const { metadata } = this.#parts;
    const tableBytes = Math.ceil(((this.#index(blocks - 1) + 1) * 8) / MiB) * MiB;
    if (size % metadata.logicalSector !== 0 || tableBytes > mostBatBytes || size > largestDisk)
      throw new BlockError(
        'unsupported',
        `The VHDX image ${this.file.path} cannot have a disk of ${size} bytes (sectors of ${metadata.logicalSector}, blocks of ${this.clusterSize}); convert it to another image.`,
      );
    await this.announce();
    await this.releaseFrom(blocks);
    if ((this.#index(blocks - 1) + 1) * 8 > this.#bat.byteLength) await this.#moveTable(tableBytes);
    for (let block = before; block < blocks; block++) {
      if (metadata.fixed) {
        this.setEntry(block, this.end);
        this.end += this.stride;
      } else if (this.#entryAt(this.#index(block)).state !== 0) this.setEntry(block, ABSENT);
    }
    if (metadata.fixed && this.file.size < this.end) await this.file.resize(this.end);
    await this.flush();
    this.size = size;
    if (longer) await hide();
    await this.#logged(await pagesOfNewSize(this.file, metadata, size));
  }

  /** A longer block table at the end of the file; the old one counts until the region tables name it. */
  async #moveTable(length: number): Promise<void> {
    const table = new Uint8Array(length);
    table.set(new Uint8Array(this.#bat.buffer));
    const offset = this.end;
    this.end += length;
    await this.file.write(offset, [table]);
    await this.file.flush();
    await this.#logged(await pagesOfMovedBat(this.file, { offset, length }));
    this.#bat = new DataView(table.buffer);
    this.#batOffset = offset;
  }

  async #logged(pages: readonly LoggedPage[]): Promise<void> {
    this.#refuseUnfinished();
    this.#unfinished = true;
    this.#header = await writeLogged(this.file, this.#header, this.#parts.random, pages);
    this.#unfinished = false;
  }

  /** The log may name another place of the block table than the one that entries would go to. */
  #refuseUnfinished(): void {
    if (this.#unfinished)
      throw new BlockError(
        'io',
        `A change of the tables of the VHDX image ${this.file.path} could not be finished; close the image and open it again.`,
      );
  }

  async info(): Promise<ImageInfo> {
    const { metadata } = this.#parts;
    const name = parentPaths(metadata)[0];
    return {
      format: 'vhdx',
      variant: this.hasBacking ? 'differencing' : metadata.fixed ? 'fixed' : 'dynamic',
      ...{ path: this.file.path, size: this.size, snapshots: [], clusterSize: this.clusterSize },
      allocated: await this.file.allocated(),
      ...(name === undefined ? {} : { backing: { name, format: 'vhdx' } }),
      details: { linkage: this.#header.dataWriteGuid, sectorSize: metadata.logicalSector },
    };
  }

  async check(): Promise<ImageCheck> {
    const report = new CheckReport();
    const starts: number[] = [];
    for (let block = 0; block < Math.ceil(this.size / this.clusterSize); block++) {
      try {
        const at = this.entry(block);
        if (at > 0) starts.push(at);
      } catch (error) {
        if (!(error instanceof BlockError)) throw error;
        report.error(`block ${block} has a wrong entry`);
      }
    }
    starts.sort((a, b) => a - b);
    for (const [i, start] of starts.entries())
      if (i > 0 && start < (starts[i - 1] as number) + this.clusterSize)
        report.error(`two blocks overlap at offset ${start}`);
    return report.result();
  }
}
