/** Region table and metadata of VHDX images ([MS-VHDX] 2.2.3 and 2.6), and how changes of them look in pages of the log. */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';
import { guid, guidText, isSealed, KiB, MiB, seal, signature, vhdxDamaged } from './vhdxHeader.ts';
import { logPage, type LoggedPage } from './vhdxLogWriter.ts';

const regionOffsets = [192 * KiB, 256 * KiB] as const;
export const regionTableSize = 64 * KiB;
const knownItems: readonly string[] = Object.values(guid);
const mostMetadata = 2048;
export const largestDisk = 64 * 2 ** 40;
/** The block table that a damaged image can make us read. */
export const mostBatBytes = 128 << 20;

export interface VhdxRegions {
  readonly bat: { readonly offset: number; readonly length: number };
  readonly metadata: { readonly offset: number; readonly length: number };
}

export async function readRegions(file: ImageFile): Promise<VhdxRegions> {
  for (const bytes of await regionTables(file)) {
    if (!isRegionTable(bytes)) continue;
    const view = new DataView(bytes.buffer);
    const count = view.getUint32(8, true);
    if (count > 2047) throw vhdxDamaged(file, `${count} regions`);
    const found = new Map<string, { offset: number; length: number }>();
    for (let i = 0; i < count; i++) {
      const entry = 16 + i * 32;
      const id = guidText(bytes.subarray(entry, entry + 16));
      const offset = Number(view.getBigUint64(entry + 16, true));
      const length = view.getUint32(entry + 24, true);
      if (id !== guid.bat && id !== guid.metadata) {
        if (view.getUint32(entry + 28, true) & 1)
          throw new BlockError(
            'unsupported',
            `The VHDX image ${file.path} needs an unknown region.`,
          );
        continue;
      }
      if (offset < MiB || offset % MiB !== 0 || offset + length > Math.ceil(file.size / MiB) * MiB)
        throw vhdxDamaged(file, 'a region lies outside the file');
      found.set(id, { offset, length });
    }
    const [bat, metadata] = [found.get(guid.bat), found.get(guid.metadata)];
    if (bat === undefined || metadata === undefined)
      throw vhdxDamaged(file, 'it has no block table or no metadata');
    if (bat.length > mostBatBytes) throw vhdxDamaged(file, 'its block table is too long');
    return { bat, metadata };
  }
  throw vhdxDamaged(file, 'neither of its region tables is whole');
}

/** What changes in the two region tables when the block table gets another place, and both are alike. */
export async function pagesOfMovedBat(
  file: ImageFile,
  bat: VhdxRegions['bat'],
): Promise<LoggedPage[]> {
  const tables = await regionTables(file);
  const bytes = tables.find(isRegionTable)?.slice();
  if (bytes === undefined) throw vhdxDamaged(file, 'neither of its region tables is whole');
  const view = new DataView(bytes.buffer);
  for (let entry = 16; entry < 16 + view.getUint32(8, true) * 32; entry += 32) {
    if (guidText(bytes.subarray(entry, entry + 16)) !== guid.bat) continue;
    view.setBigUint64(entry + 16, BigInt(bat.offset), true);
    view.setUint32(entry + 24, bat.length, true);
  }
  seal(bytes);
  return tables.flatMap((table, i) => changedPages(table, bytes, regionOffsets[i] as number));
}

/** What changes in the metadata when the disk gets another size in bytes. */
export async function pagesOfNewSize(
  file: ImageFile,
  { sizeOffset }: VhdxMetadata,
  size: number,
): Promise<LoggedPage[]> {
  const start = sizeOffset - (sizeOffset % logPage);
  const before = new Uint8Array(2 * logPage);
  await file.read(start, [before]);
  const bytes = before.slice();
  new DataView(bytes.buffer).setBigUint64(sizeOffset - start, BigInt(size), true);
  return changedPages(before, bytes, start);
}

function changedPages(before: Uint8Array, after: Uint8Array, offset: number): LoggedPage[] {
  const pages: LoggedPage[] = [];
  for (let at = 0; at < after.length; at += logPage) {
    const content = after.subarray(at, at + logPage);
    if (content.some((byte, i) => byte !== before[at + i]))
      pages.push({ offset: offset + at, content });
  }
  return pages;
}

async function regionTables(file: ImageFile): Promise<Uint8Array<ArrayBuffer>[]> {
  const tables = regionOffsets.map(() => new Uint8Array(regionTableSize));
  for (const [i, at] of regionOffsets.entries()) await file.read(at, [tables[i] as Uint8Array]);
  return tables;
}

const isRegionTable = (bytes: Uint8Array): boolean => signature(bytes, 'regi') && isSealed(bytes);

export interface VhdxMetadata {
  readonly blockSize: number;
  readonly fixed: boolean;
  readonly size: number;
  /** Where the disk's size stands in the file. */
  readonly sizeOffset: number;
  readonly logicalSector: number;
  readonly diskId: string;
  /** Keys and values of the parent locator. */
  readonly parent: ReadonlyMap<string, string> | undefined;
}

export async function readMetadata(
  file: ImageFile,
  { offset, length }: VhdxRegions['metadata'],
): Promise<VhdxMetadata> {
  const wrong = (what: string): BlockError => vhdxDamaged(file, what);
  const table = new Uint8Array(64 * KiB);
  await file.read(offset, [table]);
  const view = new DataView(table.buffer);
  if (!signature(table, 'metadata')) throw wrong('it has no metadata');
  const count = view.getUint16(10, true);
  if (count > mostMetadata - 1) throw wrong(`${count} metadata items`);
  const items = new Map<string, { at: number; bytes: Uint8Array }>();
  for (let i = 0; i < count; i++) {
    const entry = 32 + i * 32;
    const id = guidText(table.subarray(entry, entry + 16));
    const at = view.getUint32(entry + 16, true);
    const size = view.getUint32(entry + 20, true);
    if (!knownItems.includes(id)) {
      if (view.getUint32(entry + 24, true) & 4)
        throw new BlockError('unsupported', `The VHDX image ${file.path} needs unknown metadata.`);
      continue;
    }
    if (size > MiB || at + size > length || (size > 0 && at < 64 * KiB))
      throw wrong('metadata lies outside its region');
    const bytes = new Uint8Array(size);
    await file.read(offset + at, [bytes]);
    items.set(id, { at: offset + at, bytes });
  }
  const item = (id: string, size: number): { at: number; view: DataView } => {
    const found = items.get(id);
    if (found === undefined || found.bytes.length < size) throw wrong('metadata is missing');
    return { at: found.at, view: new DataView(found.bytes.buffer) };
  };
  const parameters = item(guid.fileParameters, 8).view;
  const blockSize = parameters.getUint32(0, true);
  const flags = parameters.getUint32(4, true);
  if (blockSize < MiB || blockSize > 256 * MiB || (blockSize & (blockSize - 1)) !== 0)
    throw wrong(`blocks of ${blockSize} bytes`);
  const diskSize = item(guid.diskSize, 8);
  const size = Number(diskSize.view.getBigUint64(0, true));
  const logicalSector = item(guid.logicalSector, 4).view.getUint32(0, true);
  if (logicalSector !== 512 && logicalSector !== 4096)
    throw wrong(`sectors of ${logicalSector} bytes`);
  if (size === 0 || size > largestDisk || size % logicalSector !== 0)
    throw wrong(`a disk of ${size} bytes`);
  const locator = items.get(guid.parentLocator);
  if ((flags & 2) !== 0 && locator === undefined) throw wrong('it does not say on what it builds');
  return {
    ...{ blockSize, size, logicalSector, sizeOffset: diskSize.at },
    fixed: (flags & 1) !== 0,
    diskId: guidText(new Uint8Array(item(guid.diskId, 16).view.buffer)),
    parent:
      (flags & 2) !== 0 && locator !== undefined ? parseLocator(locator.bytes, wrong) : undefined,
  };
}

/** [MS-VHDX] 2.6.2.6 */
function parseLocator(
  bytes: Uint8Array,
  wrong: (what: string) => BlockError,
): ReadonlyMap<string, string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 20 || guidText(bytes.subarray(0, 16)) !== guid.vhdxParent)
    throw wrong('the name of its parent');
  const count = view.getUint16(18, true);
  if (20 + count * 12 > bytes.length) throw wrong('the name of its parent');
  const text = (at: number, length: number): string => {
    if (at + length > bytes.length) throw wrong('the name of its parent');
    return new TextDecoder('utf-16le').decode(bytes.subarray(at, at + length));
  };
  const found = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const entry = 20 + i * 12;
    const key = text(view.getUint32(entry, true), view.getUint16(entry + 8, true));
    found.set(key, text(view.getUint32(entry + 4, true), view.getUint16(entry + 10, true)));
  }
  return found;
}

/** Where its parent may lie, the best name first. */
export const parentPaths = ({ parent }: VhdxMetadata): string[] =>
  ['relative_path', 'volume_path', 'absolute_win32_path']
    .map((key) => parent?.get(key))
    .filter((path) => path !== undefined)
    .map((path) => path.replaceAll('\\', '/'));
