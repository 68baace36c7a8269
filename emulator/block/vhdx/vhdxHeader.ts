/**
 * Headers, region table and metadata of VHDX images ([MS-VHDX] 2.2 to 2.6). All numbers are
 * little-endian.
 */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';
import { crc32c } from './crc32c.ts';

export const KiB = 1024;
export const MiB = 1 << 20;
export const headerOffsets = [64 * KiB, 128 * KiB] as const;
const regionOffsets = [192 * KiB, 256 * KiB] as const;
export const headerSize = 4096;
export const regionTableSize = 64 * KiB;
/** As they stand in files: the first three fields little-endian. */
export const guid = {
  bat: '2dc27766f62342009d64115e9bfd4a08',
  metadata: '8b7ca20647904b9ab8fe575f050f886e',
  fileParameters: 'caa16737fa364d43b3b633f0aa44e76b',
  diskSize: '2fa54224cd1b4876b2115dbed83bf4b8',
  logicalSector: '8141bf1da96f4709ba47f233a8faab5f',
  physicalSector: 'cda348c7445d44719cc9e9885251c556',
  diskId: 'beca12abb2e6452393efc309e000c746',
  parentLocator: 'a8d35f2db30b454dabf7d3d84834ab0c',
  vhdxParent: 'b04aefb7d19e4a81b78925b8e9445913',
} as const;
const knownItems: readonly string[] = Object.values(guid);
const mostMetadata = 2048;
export const largestDisk = 64 * 2 ** 40;
/** The block table that a damaged image can make us read. */
export const mostBatBytes = 128 << 20;

export function guidText(bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  return [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((i) => digits[i]).join('');
}

export function guidBytes(text: string): Uint8Array {
  const bytes = Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  return Uint8Array.from(
    [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15],
    (i) => bytes[i] as number,
  );
}

/** {XXXXXXXX-XXXX-…}, as parent locators write them. */
export const guidDashed = (text: string): string =>
  `{${text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}}`;

export interface VhdxHeader {
  readonly bytes: Uint8Array;
  /** Which of the two places it stands in. */
  readonly place: 0 | 1;
  readonly sequence: bigint;
  readonly dataWriteGuid: string;
  /** undefined: the log is empty. */
  readonly logGuid: string | undefined;
  readonly logOffset: number;
  readonly logLength: number;
}

export const vhdxDamaged = (file: ImageFile, what: string): BlockError =>
  new BlockError('corrupt', `The VHDX image ${file.path} is damaged: ${what}.`);

/** Checksum of a structure whose own field, at 4, counts as zero. */
export function seal(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(4, 0, true);
  view.setUint32(4, crc32c(bytes), true);
}

export function isSealed(bytes: Uint8Array): boolean {
  const copy = bytes.slice();
  const found = new DataView(copy.buffer).getUint32(4, true);
  copy.fill(0, 4, 8);
  return crc32c(copy) === found;
}

const signature = (bytes: Uint8Array, text: string): boolean =>
  [...text].every((c, i) => bytes[i] === c.charCodeAt(0));

/** The newer of the two headers that are whole. */
export async function readVhdxHeader(file: ImageFile): Promise<VhdxHeader> {
  let current: VhdxHeader | undefined;
  for (const [place, offset] of headerOffsets.entries()) {
    const bytes = new Uint8Array(headerSize);
    await file.read(offset, [bytes]);
    if (!signature(bytes, 'head') || !isSealed(bytes)) continue;
    const view = new DataView(bytes.buffer);
    const sequence = view.getBigUint64(8, true);
    if (current !== undefined && current.sequence >= sequence) continue;
    if (view.getUint16(66, true) !== 1)
      throw new BlockError('unsupported', `The VHDX image ${file.path} has an unknown version.`);
    const logGuid = guidText(bytes.subarray(48, 64));
    current = {
      ...{ bytes, sequence, place: place === 0 ? 0 : 1 },
      dataWriteGuid: guidText(bytes.subarray(32, 48)),
      logGuid: /^0+$/.test(logGuid) ? undefined : logGuid,
      logLength: view.getUint32(68, true),
      logOffset: Number(view.getBigUint64(72, true)),
    };
  }
  if (current === undefined) throw vhdxDamaged(file, 'neither of its headers is whole');
  const { logOffset, logLength, logGuid } = current;
  if (logGuid !== undefined) {
    if (logOffset % MiB !== 0 || logLength % MiB !== 0 || logLength === 0 || logLength > 64 * MiB)
      throw vhdxDamaged(file, 'its log has an impossible place or size');
    if (logOffset < MiB || logOffset + logLength > file.size)
      throw vhdxDamaged(file, 'its log lies outside the file');
  }
  return current;
}

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

/**
 * Lets both region tables name another place of the block table. The first that is whole counts, and what changes lies in one
 * sector of it, so it is the old or the new one at any time; a cut may leave the second behind (`restoreRegionCopy`).
 */
export async function moveBatRegion(file: ImageFile, bat: VhdxRegions['bat']): Promise<void> {
  const bytes = (await regionTables(file)).find(isRegionTable);
  if (bytes === undefined) throw vhdxDamaged(file, 'neither of its region tables is whole');
  const view = new DataView(bytes.buffer);
  for (let entry = 16; entry < 16 + view.getUint32(8, true) * 32; entry += 32) {
    if (guidText(bytes.subarray(entry, entry + 16)) !== guid.bat) continue;
    view.setBigUint64(entry + 16, BigInt(bat.offset), true);
    view.setUint32(entry + 24, bat.length, true);
  }
  seal(bytes);
  await writeRegionTables(file, bytes);
}

/** Makes the second region table, or the first, like the one that counts. */
export async function restoreRegionCopy(file: ImageFile): Promise<void> {
  const tables = await regionTables(file);
  const counts = tables.find(isRegionTable);
  if (counts === undefined || tables.every((table) => sameBytes(table, counts))) return;
  await writeRegionTables(file, counts);
}

async function regionTables(file: ImageFile): Promise<Uint8Array<ArrayBuffer>[]> {
  const tables = regionOffsets.map(() => new Uint8Array(regionTableSize));
  for (const [i, at] of regionOffsets.entries()) await file.read(at, [tables[i] as Uint8Array]);
  return tables;
}

async function writeRegionTables(file: ImageFile, bytes: Uint8Array): Promise<void> {
  for (const at of regionOffsets) {
    await file.write(at, [bytes]);
    await file.flush();
  }
}

const isRegionTable = (bytes: Uint8Array): boolean => signature(bytes, 'regi') && isSealed(bytes);

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);

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
