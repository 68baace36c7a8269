/**
 * Hosted sparse extents of VMDKs ("Virtual Disk Format 5.0", "Hosted Sparse Extents"), and
 * stream-optimized ones with compressed grains, which can only be read.
 */
import { BlockError } from '../../backends/block.ts';
import { ABSENT, AppendingMap, ZERO, type TakenChanges } from '../appendingMap.ts';
import type { ImageCheck, ImageInfo } from '../blockImage.ts';
import type { MapExtent } from '../blockMap.ts';
import { CheckReport } from '../checkReport.ts';
import type { Codecs, ImageFile } from '../imageFile.ts';
import { TableCache, type Table } from '../tableCache.ts';
import { flag, mostDirectoryBytes, sectors, type SparseHeader } from './sparseHeader.ts';

export interface SparseParts {
  readonly file: ImageFile;
  readonly header: SparseHeader;
  readonly codecs: Codecs;
  readonly hasBacking: boolean;
  info(size: number): Promise<ImageInfo>;
  /** The disk's new size counts; what else names it can be changed now. */
  resized(size: number): Promise<void>;
}

export class SparseMap extends AppendingMap {
  readonly unitSize: number;
  readonly knowsZero: boolean;
  readonly #parts: SparseParts;
  readonly #header: SparseHeader;
  /** Offsets of the grain tables, and of their copies. */
  #directory: Float64Array;
  #redundant: Float64Array | undefined;
  readonly #tables: TableCache;

  private constructor(
    parts: SparseParts,
    directory: Float64Array,
    redundant: Float64Array | undefined,
  ) {
    const { file, header, hasBacking } = parts;
    const { size, grainSize } = header;
    const end = Math.ceil(Math.max(file.size, header.overhead) / grainSize) * grainSize;
    super({ file, size, blockSize: grainSize, stride: grainSize, end, hasBacking });
    this.unitSize = grainSize;
    this.knowsZero = (header.flags & flag.zeroGrains) !== 0;
    this.#parts = parts;
    this.#header = header;
    this.#directory = directory;
    this.#redundant = redundant;
    this.#tables = new TableCache(file, header.entriesPerTable * 4, 4096);
  }

  static async open(parts: SparseParts): Promise<SparseMap> {
    const { header, file } = parts;
    const count = Math.ceil(header.size / (header.grainSize * header.entriesPerTable));
    const read = async (at: number): Promise<Float64Array> => {
      const bytes = new Uint8Array(count * 4);
      await file.read(at, [bytes]);
      const view = new DataView(bytes.buffer);
      return Float64Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true) * 512);
    };
    const directory = await read(header.directoryOffset);
    const { redundantOffset } = header;
    return new SparseMap(
      parts,
      directory,
      redundantOffset === 0 ? undefined : await read(redundantOffset),
    );
  }

  #damaged(what: string): BlockError {
    return new BlockError('corrupt', `The VMDK image ${this.file.path} is damaged: ${what}.`);
  }

  get #compressed(): boolean {
    return (this.#header.flags & flag.compressed) !== 0;
  }

  protected entry(block: number): number | Promise<number> {
    const { entriesPerTable } = this.#header;
    const at = this.#directory[Math.floor(block / entriesPerTable)] ?? 0;
    if (at === 0) return ABSENT;
    const index = block % entriesPerTable;
    const table = this.#tables.peek(at);
    if (table !== undefined) return this.#read(table, index);
    if (at + entriesPerTable * 4 > this.end)
      throw this.#damaged('a grain table lies outside the file');
    return this.#tables.get(at).then((loaded) => this.#read(loaded, index));
  }

  #read({ view }: Table, index: number): number {
    const sector = view.getUint32(index * 4, true);
    if (sector === 0) return ABSENT;
    if (sector === 1 && this.knowsZero) return ZERO;
    if (sector * 512 >= this.end) throw this.#damaged('a grain lies outside the file');
    return sector * 512;
  }

  protected async setEntry(block: number, at: number): Promise<void> {
    const { entriesPerTable } = this.#header;
    const where = this.#directory[Math.floor(block / entriesPerTable)] as number;
    if (where === 0)
      throw new BlockError(
        'unsupported',
        `The VMDK image ${this.file.path} has no grain table there yet; convert it to write to it.`,
      );
    const table = await this.#tables.get(where);
    const index = block % entriesPerTable;
    checkReach(this.file, at);
    table.view.setUint32(index * 4, at === ZERO ? 1 : at / 512, true);
    this.#tables.changed(table, index * 4, index * 4 + 4);
  }

  override extent(offset: number, limit: number): MapExtent | Promise<MapExtent> {
    const extent = super.extent(offset, this.#compressed ? this.#rest(offset, limit) : limit);
    if (!this.#compressed) return extent;
    const packed = (each: MapExtent): MapExtent =>
      each.kind === 'data' ? { kind: 'packed', length: each.length } : each;
    return extent instanceof Promise ? extent.then(packed) : packed(extent);
  }

  #rest(offset: number, limit: number): number {
    return Math.min(limit, this.clusterSize - (offset % this.clusterSize));
  }

  /** A grain marker: its sector, the length of the zlib stream, the stream. */
  async unpack(block: number): Promise<Uint8Array> {
    const at = await this.entry(block);
    const marker = new Uint8Array(12);
    await this.file.read(at, [marker]);
    const length = new DataView(marker.buffer).getUint32(8, true);
    if (length === 0 || length > this.clusterSize * 2 || at + 12 + length > this.file.size)
      throw this.#damaged(`a compressed grain at offset ${at}`);
    const packed = new Uint8Array(length);
    await this.file.read(at + 12, [packed]);
    try {
      const content = await this.#parts.codecs.inflateZlib(packed, this.clusterSize);
      if (content.length === this.clusterSize) return content;
      // The last grain may end with the disk.
      const whole = new Uint8Array(this.clusterSize);
      whole.set(content);
      return whole;
    } catch (cause) {
      const error = this.#damaged(`the grain at offset ${at} cannot be decompressed`);
      error.cause = cause;
      throw error;
    }
  }

  protected takeChanges(): TakenChanges {
    const parts = this.#tables.takeDirty();
    return {
      writeEntries: async () => {
        if (parts.length === 0) return;
        await this.#tables.write(parts);
        for (const { table, from, content } of parts) {
          const copy = this.#redundant?.[this.#directory.indexOf(table.at)] ?? 0;
          if (copy !== 0) await this.file.write(copy + from, [content]);
        }
        await this.file.flush();
        this.#tables.done(parts, true);
      },
      putBack: () => this.#tables.done(parts, false),
    };
  }

  async resize(size: number, hide: () => Promise<void>): Promise<void> {
    const longer = size > this.size;
    const { grainSize, entriesPerTable } = this.#header;
    const grains = Math.ceil(size / grainSize);
    const tables = Math.ceil(grains / entriesPerTable);
    if (tables * 4 > mostDirectoryBytes)
      throw new BlockError(
        'unsupported',
        `The VMDK image ${this.file.path} cannot have a disk of ${size} bytes in grains of ${grainSize}; convert it to another image.`,
      );
    await this.releaseFrom(grains);
    if (tables > this.#directory.length) await this.#extendDirectory(tables);
    this.size = size;
    if (longer) await hide();
    await this.#writeHeader((view) => view.setBigUint64(12, BigInt(size / 512), true));
    await this.#parts.resized(size);
  }

  /** Longer directories at the end of the file, with the tables that are there and new ones; one sector of the header makes them count. */
  async #extendDirectory(tables: number): Promise<void> {
    const { entriesPerTable, grainSize } = this.#header;
    const more = tables - this.#directory.length;
    const directoryBytes = sectors(tables * 4) * 512;
    const tableBytes = entriesPerTable * 4;
    const made: { readonly at: number; readonly tables: Float64Array }[] = [];
    let at = this.end;
    for (const before of [this.#redundant, this.#directory]) {
      if (before === undefined) continue;
      const extended = new Float64Array(tables);
      extended.set(before);
      for (let i = 0; i < more; i++)
        extended[before.length + i] = at + directoryBytes + i * tableBytes;
      made.push({ at, tables: extended });
      at += directoryBytes + more * tableBytes;
    }
    const end = Math.ceil(at / grainSize) * grainSize;
    checkReach(this.file, end);
    this.end = end;
    // The new tables are empty, as the file is there.
    await this.file.resize(end);
    for (const directory of made) {
      const bytes = new Uint8Array(directoryBytes);
      const view = new DataView(bytes.buffer);
      directory.tables.forEach((table, i) => view.setUint32(i * 4, table / 512, true));
      await this.file.write(directory.at, [bytes]);
    }
    await this.file.flush();
    const [own, copy] = [...made].reverse();
    await this.#writeHeader((view) => {
      if (copy !== undefined) view.setBigUint64(48, BigInt(copy.at / 512), true);
      if (own !== undefined) view.setBigUint64(56, BigInt(own.at / 512), true);
    });
    if (own !== undefined) this.#directory = own.tables;
    this.#redundant = copy?.tables;
  }

  /** Changes fields of the header, all at once: it is one sector. */
  async #writeHeader(change: (view: DataView) => void): Promise<void> {
    const bytes = new Uint8Array(512);
    await this.file.read(0, [bytes]);
    change(new DataView(bytes.buffer));
    await this.file.write(0, [bytes]);
    await this.file.flush();
  }

  info(): Promise<ImageInfo> {
    return this.#parts.info(this.size);
  }

  async check(): Promise<ImageCheck> {
    const report = new CheckReport();
    const seen = new Set<number>();
    const { entriesPerTable } = this.#header;
    for (const [number, at] of this.#directory.entries()) {
      if (at === 0) continue;
      if (at + entriesPerTable * 4 > this.end) {
        report.error(`grain table ${number} lies outside the file`);
        continue;
      }
      const { view } = await this.#tables.get(at);
      for (let index = 0; index < entriesPerTable; index++) {
        const sector = view.getUint32(index * 4, true);
        if (sector === 0 || (sector === 1 && this.knowsZero)) continue;
        const grain = number * entriesPerTable + index;
        if (sector * 512 >= this.end) report.error(`grain ${grain} lies outside the file`);
        else if (sector * 512 < this.#header.overhead && !this.#compressed)
          report.error(`grain ${grain} lies among the tables`);
        else if (seen.has(sector)) report.error(`grain ${grain} lies where another one does`);
        seen.add(sector);
      }
    }
    return report.result();
  }
}

/** Tables name sectors in 32 bits. */
function checkReach(file: ImageFile, at: number): void {
  if (at / 512 > 0xffff_ffff)
    throw new BlockError('no-space', `The VMDK image ${file.path} cannot be larger than 2 TiB.`);
}
