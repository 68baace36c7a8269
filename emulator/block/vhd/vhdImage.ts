/**
 * VHD images ("Virtual Hard Disk Image Format Specification" 1.0): fixed, dynamic, differencing.
 * Dynamic images keep a copy of the footer at their start, which is what counts after a crash: the
 * footer at the end moves with every new block.
 */
import { BlockError } from '../../backends/block.ts';
import { ABSENT, AppendingMap, Bits, type TakenChanges } from '../appendingMap.ts';
import type { BlockImage, ImageCheck, ImageInfo } from '../blockImage.ts';
import { CheckReport } from '../checkReport.ts';
import { FlatMap } from '../flatMap.ts';
import type { ImageFile } from '../imageFile.ts';
import { MappedImage } from '../mappedImage.ts';
import { Mutex } from '../rangeLock.ts';
import {
  dynamicHeaderSize,
  footerSize,
  newDynamicHeader,
  newFooter,
  readDynamicHeader,
  readFooter,
  seal,
  setSize,
  type VhdDynamicHeader,
  type VhdFooter,
} from './vhdHeaders.ts';

const UNUSED = 0xffff_ffff;

class VhdMap extends AppendingMap {
  readonly unitSize: number;
  readonly knowsZero = false;
  readonly #footer: VhdFooter;
  #header: VhdDynamicHeader;
  /** Sectors of the blocks' bitmaps, or UNUSED. */
  #table: Uint32Array;
  readonly #bitmapBytes: number;
  readonly #dirty = new Set<number>();
  /** Bitmaps of differencing images; undefined: all sectors are there. */
  readonly #bitmaps = new Map<number, Bits | undefined>();
  readonly #completed = new Set<number>();
  /** Where the footer stands. */
  #footerAt: number;
  readonly #tail = new Mutex();

  private constructor(
    file: ImageFile,
    footer: VhdFooter,
    header: VhdDynamicHeader,
    table: Uint32Array,
    end: number,
    footerAt: number,
  ) {
    const { blockSize } = header;
    const bitmapBytes = bitmapSize(blockSize);
    const hasBacking = footer.variant === 'differencing';
    super({ file, size: footer.size, blockSize, stride: bitmapBytes + blockSize, end, hasBacking });
    // What a dynamic image's bitmap leaves out is zero in the block, too.
    this.unitSize = hasBacking ? 512 : blockSize;
    this.#footer = footer;
    this.#header = header;
    this.#table = table;
    this.#bitmapBytes = bitmapBytes;
    this.#footerAt = footerAt;
  }

  static async open(file: ImageFile, footer: VhdFooter): Promise<VhdMap> {
    const header = await readDynamicHeader(file, footer);
    const bytes = new Uint8Array(header.entries * 4);
    await file.read(header.tableOffset, [bytes]);
    const view = new DataView(bytes.buffer);
    const table = new Uint32Array(header.entries);
    const stride = bitmapSize(header.blockSize) + header.blockSize;
    let end = Math.ceil(
      Math.max(header.tableOffset + bytes.length, footer.headerOffset + dynamicHeaderSize) / 512,
    );
    for (let i = 0; i < table.length; i++) {
      const sector = view.getUint32(i * 4);
      table[i] = sector;
      if (sector !== UNUSED && sector * 512 < file.size) end = Math.max(end, sector + stride / 512);
    }
    // Parent locators and other programs' data lie anywhere; blocks go behind all of it.
    const last = new Uint8Array(8);
    await file.read(Math.max(0, file.size - footerSize), [last]);
    const footed = new TextDecoder('latin1').decode(last) === 'conectix';
    const fileEnd = Math.ceil((footed ? file.size - footerSize : file.size) / 512) * 512;
    const from = Math.max(end * 512, fileEnd);
    return new VhdMap(file, footer, header, table, from, footed ? file.size - footerSize : -1);
  }

  #damaged(what: string): BlockError {
    return new BlockError('corrupt', `The VHD image ${this.file.path} is damaged: ${what}.`);
  }

  protected entry(block: number): number {
    const sector = this.#table[block] ?? UNUSED;
    if (sector === UNUSED) return ABSENT;
    const at = sector * 512 + this.#bitmapBytes;
    if (at >= this.end || sector === 0) throw this.#damaged(`block ${block} lies outside the file`);
    return at;
  }

  protected setEntry(block: number, at: number): void {
    const sector = at === ABSENT ? UNUSED : (at - this.#bitmapBytes) / 512;
    if (at !== ABSENT && sector >= UNUSED)
      throw new BlockError('no-space', 'A VHD image cannot be larger than 2 TiB.');
    this.#table[block] = sector;
    this.#bitmaps.set(block, undefined);
    this.#dirty.add(block);
  }

  override async place(block: number): ReturnType<AppendingMap['place']> {
    const size = this.file.size;
    const place = await super.place(block);
    if (!place.fresh) return place;
    // `end` and the free places are those of whole blocks; data stands behind the bitmap, which
    // covers the footer that may have been there.
    const at = place.at + this.#bitmapBytes;
    return { ...place, at, zeroed: at >= size };
  }

  override abandon(block: number, place: Awaited<ReturnType<AppendingMap['place']>>): void {
    super.abandon(block, { ...place, at: place.at - this.#bitmapBytes });
  }

  protected override prepare(at: number): Promise<void> {
    // A footer that is just being written there must not come later.
    return this.#tail.run(() =>
      this.file.write(at, [new Uint8Array(this.#bitmapBytes).fill(0xff)]),
    );
  }

  protected override bitmap(block: number): Bits | undefined | Promise<Bits | undefined> {
    if (!this.hasBacking) return undefined;
    if (this.#bitmaps.has(block)) return this.#bitmaps.get(block);
    return this.#loadBitmap(block);
  }

  async #loadBitmap(block: number): Promise<Bits | undefined> {
    const bytes = new Uint8Array(this.#bitmapBytes);
    await this.file.read(this.entry(block) - this.#bitmapBytes, [bytes]);
    if (this.#bitmaps.has(block)) return this.#bitmaps.get(block);
    const bits = new Bits(bytes);
    const known = bits.full(this.clusterSize / 512) ? undefined : bits;
    this.#bitmaps.set(block, known);
    return known;
  }

  protected override complete(block: number): void {
    this.#bitmaps.set(block, undefined);
    this.#completed.add(block);
  }

  protected takeChanges(): TakenChanges {
    const dirty = [...this.#dirty].map((block) => [block, this.#table[block] as number] as const);
    const completed = [...this.#completed];
    this.#dirty.clear();
    this.#completed.clear();
    return {
      writeBitmaps: async () => {
        for (const block of completed) await this.prepare(this.entry(block) - this.#bitmapBytes);
        return completed.length > 0;
      },
      writeEntries: async () => {
        if (dirty.length === 0 && this.#footerAt === this.end) return;
        for (const [block, sector] of dirty) {
          const bytes = new Uint8Array(4);
          new DataView(bytes.buffer).setUint32(0, sector);
          await this.file.write(this.#header.tableOffset + block * 4, [bytes]);
        }
        await this.#writeFooter();
      },
      putBack: () => {
        for (const [block] of dirty) this.#dirty.add(block);
        for (const block of completed) this.#completed.add(block);
      },
    };
  }

  async #writeFooter(): Promise<void> {
    await this.#tail.run(async () => {
      const at = this.end;
      await this.file.write(at, [this.#footer.bytes]);
      this.#footerAt = at;
    });
    await this.file.flush();
  }

  async resize(size: number, hide: () => Promise<void>): Promise<void> {
    const longer = size > this.size;
    const blocks = Math.ceil(size / this.clusterSize);
    const before = Math.ceil(this.size / this.clusterSize);
    if (size > 2040 * 2 ** 30)
      throw new BlockError('unsupported', 'A VHD image cannot have a disk above 2040 GiB.');
    for (let block = blocks; block < before; block++) {
      const at = this.entry(block);
      if (at === ABSENT) continue;
      this.setEntry(block, ABSENT);
      this.releasing.push(at - this.#bitmapBytes);
    }
    await this.flush();
    if (blocks > this.#table.length) await this.#moveTable(blocks);
    this.size = size;
    if (longer) await hide();
    setSize(this.#footer.bytes, size);
    await this.file.write(0, [this.#footer.bytes]);
    await this.file.flush();
    await this.#writeFooter();
  }

  /** A longer table at the end of the file; one sector of the header makes it count. */
  async #moveTable(entries: number): Promise<void> {
    const table = new Uint32Array(entries).fill(UNUSED);
    table.set(this.#table);
    const bytes = new Uint8Array(Math.ceil((entries * 4) / 512) * 512).fill(0xff);
    const view = new DataView(bytes.buffer);
    table.forEach((sector, i) => view.setUint32(i * 4, sector));
    const tableOffset = this.end;
    await this.file.write(tableOffset, [bytes]);
    this.end += bytes.length;
    await this.#writeFooter();
    const header = this.#header.bytes;
    new DataView(header.buffer).setBigUint64(16, BigInt(tableOffset));
    new DataView(header.buffer).setUint32(28, entries);
    seal(header, 36);
    await this.file.write(this.#footer.headerOffset, [header.subarray(0, 512)]);
    await this.file.flush();
    this.#header = { ...this.#header, tableOffset, entries };
    this.#table = table;
  }

  async info(): Promise<ImageInfo> {
    const { variant, uuid } = this.#footer;
    const [name] = this.#header.parentNames;
    return {
      ...{ format: 'vhd', variant, path: this.file.path, size: this.size, snapshots: [] },
      allocated: await this.file.allocated(),
      clusterSize: this.clusterSize,
      ...(name === undefined ? {} : { backing: { name } }),
      details: { uuid },
    };
  }

  async check(): Promise<ImageCheck> {
    const report = new CheckReport();
    const starts: number[] = [];
    for (let block = 0; block < Math.ceil(this.size / this.clusterSize); block++) {
      const sector = this.#table[block] as number;
      if (sector === UNUSED) continue;
      if (sector * 512 >= this.end || sector * 512 < footerSize + dynamicHeaderSize)
        report.error(`block ${block} lies outside the file`);
      else starts.push(sector * 512);
    }
    starts.sort((a, b) => a - b);
    for (const [i, start] of starts.entries())
      if (i > 0 && start < (starts[i - 1] as number) + this.stride)
        report.error(`two blocks overlap at offset ${start}`);
    return report.result();
  }

  override close(): Promise<void> {
    return this.flush();
  }
}

/** A bit for each sector, in whole sectors. */
const bitmapSize = (blockSize: number): number => Math.ceil(blockSize / 512 / 8 / 512) * 512;

export interface OpenVhd {
  readonly file: ImageFile;
  readonly readOnly: boolean;
  openParent(names: readonly string[]): Promise<BlockImage | undefined>;
}

export async function openVhd({ file, readOnly, openParent }: OpenVhd): Promise<BlockImage> {
  const footer = await readFooter(file);
  if (footer.variant === 'fixed') {
    if (footer.size + 511 > file.size)
      throw new BlockError('corrupt', `The VHD image ${file.path} is damaged: it is cut off.`);
    return new MappedImage({ format: 'vhd', map: fixedMap(file, footer), file, readOnly });
  }
  const map = await VhdMap.open(file, footer);
  const { parentNames } = await readDynamicHeader(file, footer);
  const backing = footer.variant === 'differencing' ? await openParent(parentNames) : undefined;
  return new MappedImage({ format: 'vhd', map, file, readOnly, backing });
}

function fixedMap(file: ImageFile, footer: VhdFooter): FlatMap {
  return new FlatMap({
    ...{ file, start: 0, size: footer.size },
    info: async (size) => ({
      ...{ format: 'vhd', variant: 'fixed', path: file.path, size, snapshots: [] },
      allocated: await file.allocated(),
      details: { uuid: footer.uuid },
    }),
    resize: async (size) => {
      const before = file.size - footerSize;
      setSize(footer.bytes, size);
      await file.write(size, [footer.bytes]);
      await file.flush();
      if (size < before) await file.resize(size + footerSize);
      // Where the footer was is disk now.
      else if (size > before)
        await file.write(before, [new Uint8Array(Math.min(512, size - before))]);
      await file.flush();
    },
  });
}

export interface NewVhd {
  readonly size: number;
  readonly fixed?: boolean | undefined;
  readonly blockSize?: number | undefined;
  readonly parent?: { readonly name: string; readonly uuid: Uint8Array } | undefined;
  readonly now: number;
  random(bytes: number): Uint8Array;
}

export async function createVhd(file: ImageFile, options: NewVhd): Promise<void> {
  const { size, fixed = false, blockSize = 2 << 20, parent, now } = options;
  if (size > 2040 * 2 ** 30)
    throw new BlockError('unsupported', 'A VHD image cannot have a disk above 2040 GiB.');
  const variant = fixed ? 'fixed' : parent === undefined ? 'dynamic' : 'differencing';
  const footer = newFooter({ variant, size, now, uuid: options.random(16) });
  if (fixed) {
    await file.resize(size);
    await file.write(size, [footer]);
    await file.flush();
    return;
  }
  const entries = Math.ceil(size / blockSize);
  const tableOffset = footerSize + dynamicHeaderSize;
  const table = new Uint8Array(Math.ceil((entries * 4) / 512) * 512).fill(0xff);
  const pathOffset = tableOffset + table.length;
  const absolute = parent?.name.startsWith('/') ?? false;
  const path = utf16(
    parent === undefined ? '' : absolute ? parent.name : `.\\${parent.name.replaceAll('/', '\\')}`,
  );
  const pathSpace = new Uint8Array(Math.ceil(path.length / 512) * 512);
  pathSpace.set(path);
  const header = newDynamicHeader({
    ...{ tableOffset, entries, blockSize },
    parent: parent && {
      ...{ uuid: parent.uuid, name: parent.name, absolute },
      ...{ pathOffset, pathLength: path.length },
    },
  });
  await file.write(footerSize, [header, table, pathSpace, footer]);
  await file.flush();
  await file.write(0, [footer]);
  await file.flush();
}

function utf16(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < value.length; i++) view.setUint16(i * 2, value.charCodeAt(i), true);
  return bytes;
}

/** The identity of a VHD that a differencing image names. */
export async function vhdUuid(file: ImageFile): Promise<Uint8Array> {
  const { uuid } = await readFooter(file);
  return Uint8Array.from(uuid.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}
