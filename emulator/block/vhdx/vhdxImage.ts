/**
 * VHDX images ([MS-VHDX] 8.0): dynamic, fixed and differencing, with replay of the log. Blocks that
 * are stored in part (differencing images of Hyper-V) are read, and stored whole when written.
 */
import { BlockError } from '../../backends/block.ts';
import { ABSENT, AppendingMap, Bits, runsOf, ZERO, type TakenChanges } from '../appendingMap.ts';
import type { BlockImage, ImageCheck, ImageInfo } from '../blockImage.ts';
import { zeroes } from '../bufferList.ts';
import { CheckReport } from '../checkReport.ts';
import type { ImageFile } from '../imageFile.ts';
import { MappedImage } from '../mappedImage.ts';
import {
  guid,
  guidBytes,
  guidDashed,
  headerOffsets,
  headerSize,
  KiB,
  largestDisk,
  MiB,
  mostBatBytes,
  moveBatRegion,
  readMetadata,
  readRegions,
  readVhdxHeader,
  regionTableSize,
  restoreRegionCopy,
  seal,
  vhdxDamaged,
  type VhdxHeader,
  type VhdxMetadata,
  type VhdxRegions,
} from './vhdxHeader.ts';
import { readLog, ReplayedFile } from './vhdxLog.ts';

/** [MS-VHDX] 2.5.1.1 */
const state = { notPresent: 0, undefined: 1, zero: 2, unmapped: 3, full: 6, partial: 7 } as const;

interface VhdxParts {
  readonly file: ImageFile;
  readonly header: VhdxHeader;
  readonly regions: VhdxRegions;
  readonly metadata: VhdxMetadata;
  random(bytes: number): Uint8Array;
}

class VhdxMap extends AppendingMap {
  readonly unitSize: number;
  readonly knowsZero = true;
  readonly #parts: VhdxParts;
  #bat: DataView;
  #batOffset: number;
  /** Payload blocks between the entries of sector bitmaps. */
  readonly #chunkRatio: number;
  readonly #dirty = new Set<number>();
  readonly #bitmaps = new Map<number, Bits>();
  #announced = false;

  private constructor(parts: VhdxParts, bat: DataView, end: number) {
    const { blockSize, size, parent, logicalSector } = parts.metadata;
    const hasBacking = parent !== undefined;
    super({ file: parts.file, size, blockSize, stride: blockSize, end, hasBacking });
    this.unitSize = hasBacking ? logicalSector : blockSize;
    this.#parts = parts;
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

  override async place(block: number): ReturnType<AppendingMap['place']> {
    await this.#announce();
    return super.place(block);
  }

  override async zero(offset: number, length: number): Promise<boolean> {
    await this.#announce();
    return super.zero(offset, length);
  }

  /** New GUIDs in the header tell others that the disk has changed ([MS-VHDX] 2.2.2). */
  async #announce(): Promise<void> {
    if (this.#announced) return;
    this.#announced = true;
    const { file, header, random } = this.#parts;
    await writeHeader(file, header, { fileWrite: random(16), dataWrite: random(16) });
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

  async resize(size: number): Promise<void> {
    const blocks = Math.ceil(size / this.clusterSize);
    const before = Math.ceil(this.size / this.clusterSize);
    const { metadata } = this.#parts;
    const tableBytes = Math.ceil(((this.#index(blocks - 1) + 1) * 8) / MiB) * MiB;
    if (size % metadata.logicalSector !== 0 || tableBytes > mostBatBytes || size > largestDisk)
      throw new BlockError(
        'unsupported',
        `The VHDX image ${this.file.path} cannot have a disk of ${size} bytes (sectors of ${metadata.logicalSector}, blocks of ${this.clusterSize}); convert it to another image.`,
      );
    await this.#announce();
    for (let block = blocks; block < before; block++) {
      const at = this.entry(block);
      if (at === ABSENT) continue;
      this.setEntry(block, ABSENT);
      if (at > 0) this.releasing.push(at);
    }
    await this.flush();
    if ((this.#index(blocks - 1) + 1) * 8 > this.#bat.byteLength) await this.#moveTable(tableBytes);
    for (let block = before; block < blocks; block++) {
      if (metadata.fixed) {
        this.setEntry(block, this.end);
        this.end += this.stride;
      } else if (this.#entryAt(this.#index(block)).state !== 0) this.setEntry(block, ABSENT);
    }
    if (metadata.fixed && this.file.size < this.end) await this.file.resize(this.end);
    await this.flush();
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(size), true);
    await this.file.write(metadata.sizeOffset, [bytes]);
    await this.file.flush();
    this.size = size;
  }

  /** A longer block table at the end of the file; the old one counts until the region tables name it. */
  async #moveTable(length: number): Promise<void> {
    const table = new Uint8Array(length);
    table.set(new Uint8Array(this.#bat.buffer));
    const offset = this.end;
    this.end += length;
    await this.file.write(offset, [table]);
    await this.file.flush();
    await moveBatRegion(this.file, { offset, length });
    this.#bat = new DataView(table.buffer);
    this.#batOffset = offset;
  }

  async info(): Promise<ImageInfo> {
    const { metadata, header } = this.#parts;
    const name = parentPaths(metadata)[0];
    return {
      format: 'vhdx',
      variant: this.hasBacking ? 'differencing' : metadata.fixed ? 'fixed' : 'dynamic',
      ...{ path: this.file.path, size: this.size, snapshots: [], clusterSize: this.clusterSize },
      allocated: await this.file.allocated(),
      ...(name === undefined ? {} : { backing: { name, format: 'vhdx' } }),
      details: { linkage: header.dataWriteGuid, sectorSize: metadata.logicalSector },
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

/** Writes the other of the two headers, so that one is whole at any time. */
async function writeHeader(
  file: ImageFile,
  header: VhdxHeader,
  change: {
    readonly fileWrite?: Uint8Array;
    readonly dataWrite?: Uint8Array;
    readonly noLog?: boolean;
  },
): Promise<VhdxHeader> {
  const bytes = header.bytes.slice();
  const sequence = header.sequence + 1n;
  new DataView(bytes.buffer).setBigUint64(8, sequence, true);
  if (change.fileWrite !== undefined) bytes.set(change.fileWrite, 16);
  if (change.dataWrite !== undefined) bytes.set(change.dataWrite, 32);
  if (change.noLog) bytes.fill(0, 48, 64);
  seal(bytes);
  const place = header.place === 0 ? 1 : 0;
  await file.write(headerOffsets[place], [bytes]);
  await file.flush();
  return { ...header, bytes, place, sequence, ...(change.noLog && { logGuid: undefined }) };
}

export interface OpenVhdx {
  readonly file: ImageFile;
  readonly readOnly: boolean;
  random(bytes: number): Uint8Array;
  openParent(names: readonly string[]): Promise<BlockImage | undefined>;
}

export async function openVhdx(options: OpenVhdx): Promise<BlockImage> {
  const { readOnly, random, openParent } = options;
  let { file } = options;
  let header = await readVhdxHeader(file);
  const replay = await readLog(file, header);
  // Everything is checked as it will be, before anything is written.
  if (replay !== undefined) file = new ReplayedFile(file, replay);
  const regions = await readRegions(file);
  const metadata = await readMetadata(file, regions.metadata);
  await VhdxMap.open({ file, header, regions, metadata, random });
  if (replay !== undefined && !readOnly) {
    file = options.file;
    for (const { offset, content } of replay.pages)
      await file.write(offset, typeof content === 'number' ? zeroes(content) : [content]);
    await file.flush();
    header = await writeHeader(file, header, { fileWrite: random(16), noLog: true });
  }
  if (!readOnly) await restoreRegionCopy(file);
  const map = await VhdxMap.open({ file, header, regions, metadata, random });
  let backing: BlockImage | undefined;
  if (metadata.parent !== undefined) {
    backing = await openParent(parentPaths(metadata));
    await checkLinkage(backing, metadata, options.file);
  }
  return new MappedImage({ format: 'vhdx', map, file, readOnly, backing });
}

/** A parent that was written to since gives a disk that never was. */
async function checkLinkage(
  parent: BlockImage | undefined,
  metadata: VhdxMetadata,
  file: ImageFile,
): Promise<void> {
  if (parent === undefined) return;
  const plain = (text: string | undefined): string =>
    text?.replace(/[{}-]/g, '').toLowerCase() ?? '';
  const { linkage } = (await parent.info()).details;
  const wanted = [metadata.parent?.get('parent_linkage'), metadata.parent?.get('parent_linkage2')];
  if (linkage === undefined || wanted.some((each) => plain(each) === linkage)) return;
  await parent.close();
  throw new BlockError(
    'corrupt',
    `The VHDX image ${file.path} builds on another one that was changed since.`,
  );
}

const parentPaths = ({ parent }: VhdxMetadata): string[] =>
  ['relative_path', 'volume_path', 'absolute_win32_path']
    .map((key) => parent?.get(key))
    .filter((path) => path !== undefined)
    .map((path) => path.replaceAll('\\', '/'));

export interface NewVhdx {
  readonly size: number;
  readonly fixed?: boolean | undefined;
  readonly blockSize?: number | undefined;
  /** `linkage`: the parent's GUID of its last change. */
  readonly parent?: { readonly name: string; readonly linkage: string } | undefined;
  random(bytes: number): Uint8Array;
}

const GiB = 1 << 30;

export async function createVhdx(file: ImageFile, options: NewVhdx): Promise<void> {
  const { size, fixed = false, parent, random } = options;
  const blockSize =
    options.blockSize ?? (size > 100 * GiB ? 32 * MiB : size > GiB ? 16 * MiB : 8 * MiB);
  if (blockSize < MiB || blockSize > 256 * MiB || (blockSize & (blockSize - 1)) !== 0)
    throw new BlockError('unsupported', 'Blocks of VHDX have 1 to 256 MiB, a power of two.');
  const blocks = Math.ceil(size / blockSize);
  const chunkRatio = (2 ** 23 * 512) / blockSize;
  const entries = blocks + Math.ceil(blocks / chunkRatio);
  const batLength = Math.ceil((entries * 8) / MiB) * MiB;
  const [logOffset, metadataOffset, batOffset] = [MiB, 2 * MiB, 3 * MiB];
  const data = batOffset + batLength;

  const identifier = new Uint8Array(64 * KiB);
  identifier.set(new TextEncoder().encode('vhdxfile'));
  [...'Guesthouse'].forEach((c, i) => (identifier[8 + i * 2] = c.charCodeAt(0)));
  const regions = new Uint8Array(regionTableSize);
  const regionView = new DataView(regions.buffer);
  regions.set(new TextEncoder().encode('regi'));
  regionView.setUint32(8, 2, true);
  for (const [i, [id, offset, length]] of (
    [
      [guid.bat, batOffset, batLength],
      [guid.metadata, metadataOffset, MiB],
    ] as const
  ).entries()) {
    regions.set(guidBytes(id), 16 + i * 32);
    regionView.setBigUint64(32 + i * 32, BigInt(offset), true);
    regionView.setUint32(40 + i * 32, length, true);
    regionView.setUint32(44 + i * 32, 1, true);
  }
  seal(regions);
  const bat = new Uint8Array(batLength);
  if (fixed)
    for (let block = 0; block < blocks; block++) {
      const at = (block + Math.floor(block / chunkRatio)) * 8;
      const view = new DataView(bat.buffer);
      view.setBigUint64(at, BigInt(data + block * blockSize) | BigInt(state.full), true);
    }
  await file.resize(fixed ? data + blocks * blockSize : data);
  await file.write(192 * KiB, [regions, regions]);
  await file.write(metadataOffset, [newMetadata(size, blockSize, fixed, parent, random(16))]);
  await file.write(batOffset, [bat]);
  for (const [i, offset] of headerOffsets.entries()) {
    const header = new Uint8Array(headerSize);
    const view = new DataView(header.buffer);
    header.set(new TextEncoder().encode('head'));
    view.setBigUint64(8, BigInt(i), true);
    header.set(random(16), 16);
    header.set(random(16), 32);
    view.setUint16(66, 1, true);
    view.setUint32(68, MiB, true);
    view.setBigUint64(72, BigInt(logOffset), true);
    seal(header);
    await file.write(offset, [header]);
  }
  await file.flush();
  await file.write(0, [identifier]);
  await file.flush();
}

function newMetadata(
  size: number,
  blockSize: number,
  fixed: boolean,
  parent: NewVhdx['parent'],
  diskId: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(128 * KiB);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('metadata'));
  let [count, at] = [0, 64 * KiB];
  const add = (id: string, flags: number, content: Uint8Array): void => {
    const entry = 32 + count++ * 32;
    bytes.set(guidBytes(id), entry);
    view.setUint32(entry + 16, at, true);
    view.setUint32(entry + 20, content.length, true);
    view.setUint32(entry + 24, flags, true);
    bytes.set(content, at);
    at += Math.ceil(content.length / 16) * 16;
  };
  const numbers = (...list: readonly number[]): Uint8Array =>
    new Uint8Array(Uint32Array.from(list).buffer);
  // Flags: 2 of the disk, 4 required.
  add(guid.fileParameters, 4, numbers(blockSize, (fixed ? 1 : 0) | (parent === undefined ? 0 : 2)));
  add(guid.diskSize, 6, numbers(size % 0x1_0000_0000, Math.floor(size / 0x1_0000_0000)));
  add(guid.diskId, 6, diskId);
  add(guid.logicalSector, 6, numbers(512));
  add(guid.physicalSector, 6, numbers(4096));
  if (parent !== undefined) add(guid.parentLocator, 4, newLocator(parent));
  view.setUint16(10, count, true);
  return bytes;
}

function newLocator({ name, linkage }: NonNullable<NewVhdx['parent']>): Uint8Array {
  const path = name.replaceAll('/', '\\');
  const pairs = [
    ['parent_linkage', guidDashed(linkage)],
    name.startsWith('/') ? ['absolute_win32_path', path] : ['relative_path', `.\\${path}`],
  ] as const;
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  bytes.set(guidBytes(guid.vhdxParent));
  view.setUint16(18, pairs.length, true);
  let at = 20 + pairs.length * 12;
  const put = (text: string): number => {
    if (at + text.length * 2 > bytes.length)
      throw new BlockError('unsupported', `The path ${name} is too long for VHDX.`);
    for (let i = 0; i < text.length; i++) view.setUint16(at + i * 2, text.charCodeAt(i), true);
    at += text.length * 2;
    return text.length * 2;
  };
  for (const [i, [key, value]] of pairs.entries()) {
    const entry = 20 + i * 12;
    view.setUint32(entry, at, true);
    view.setUint16(entry + 8, put(key), true);
    view.setUint32(entry + 4, at, true);
    view.setUint16(entry + 10, put(value), true);
  }
  return bytes.slice(0, at);
}
