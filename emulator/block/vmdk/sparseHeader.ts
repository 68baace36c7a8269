/** Headers of hosted sparse extents of VMDKs ("Virtual Disk Format 5.0", "Hosted Sparse Extents"), and new extents. */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';

const magic = 0x564d444b;
export const flag = {
  redundantTables: 2,
  zeroGrains: 4,
  compressed: 0x1_0000,
  markers: 0x2_0000,
} as const;
const GD_AT_END = 0xffff_ffff_ffff_ffffn;
export const mostDirectoryBytes = 64 << 20;

export interface SparseHeader {
  readonly flags: number;
  readonly size: number;
  readonly grainSize: number;
  readonly descriptorOffset: number;
  readonly descriptorSize: number;
  readonly entriesPerTable: number;
  readonly directoryOffset: number;
  readonly redundantOffset: number;
  readonly overhead: number;
}

export async function readSparseHeader(file: ImageFile): Promise<SparseHeader> {
  const wrong = (what: string): BlockError =>
    new BlockError('corrupt', `The VMDK image ${file.path} is damaged: ${what}.`);
  const read = async (at: number): Promise<DataView> => {
    const bytes = new Uint8Array(512);
    await file.read(at, [bytes]);
    return new DataView(bytes.buffer);
  };
  let view = await read(0);
  if (view.getUint32(0, true) !== magic) throw wrong('it does not begin as one');
  // Stream-optimized images are written in one go, with the header that counts at the end.
  if (view.getBigUint64(56, true) === GD_AT_END) {
    view = await read(Math.max(0, file.size - 1024));
    if (view.getUint32(0, true) !== magic) throw wrong('it is cut off (it has no footer)');
  }
  const version = view.getUint32(4, true);
  if (version < 1 || version > 3)
    throw new BlockError('unsupported', `The VMDK image ${file.path} has the version ${version}.`);
  const flags = view.getUint32(8, true);
  const bytesAt = (at: number): number => Number(view.getBigUint64(at, true)) * 512;
  const header = {
    flags,
    size: bytesAt(12),
    grainSize: bytesAt(20),
    descriptorOffset: bytesAt(28),
    descriptorSize: bytesAt(36),
    entriesPerTable: view.getUint32(44, true),
    redundantOffset: flags & flag.redundantTables ? bytesAt(48) : 0,
    directoryOffset: bytesAt(56),
    overhead: bytesAt(64),
  };
  const { size, grainSize, entriesPerTable, directoryOffset } = header;
  if (flags & flag.compressed && view.getUint16(77, true) !== 1)
    throw wrong('its grains are compressed in an unknown way');
  if (grainSize < 4096 || grainSize > 64 << 20 || (grainSize & (grainSize - 1)) !== 0)
    throw wrong(`grains of ${grainSize} bytes`);
  if (entriesPerTable < 1 || entriesPerTable > 65_536 || entriesPerTable % 128 !== 0)
    throw wrong(`grain tables of ${entriesPerTable} entries`);
  if (!Number.isSafeInteger(size) || size === 0) throw wrong('a disk of impossible size');
  const directoryBytes = Math.ceil(size / (grainSize * entriesPerTable)) * 4;
  if (directoryBytes > mostDirectoryBytes) throw wrong('its grain directory is too large');
  if (!(directoryOffset > 0 && directoryOffset + directoryBytes <= file.size))
    throw wrong('its grain directory lies outside the file');
  if (
    header.descriptorSize > 1 << 20 ||
    header.descriptorOffset + header.descriptorSize > file.size
  )
    throw wrong('its descriptor lies outside the file');
  return header;
}

export const sectors = (bytes: number): number => Math.ceil(bytes / 512);

/** Writes an empty sparse extent with room for all its grain tables. */
export async function createSparseExtent(
  file: ImageFile,
  size: number,
  descriptor: string,
  grainSize = 65_536,
): Promise<void> {
  const entriesPerTable = 512;
  const tables = Math.ceil(size / (grainSize * entriesPerTable));
  const directorySectors = sectors(tables * 4);
  const descriptorSectors = 20;
  const redundantAt = 1 + descriptorSectors;
  const directoryAt = redundantAt + directorySectors + tables * 4;
  const end = directoryAt + directorySectors + tables * 4;
  const overhead = Math.ceil((end * 512) / grainSize) * (grainSize / 512);
  const header = new Uint8Array(512);
  const view = new DataView(header.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, 1, true);
  view.setUint32(8, 1 | flag.redundantTables, true);
  view.setBigUint64(12, BigInt(size / 512), true);
  view.setBigUint64(20, BigInt(grainSize / 512), true);
  view.setBigUint64(28, 1n, true);
  view.setBigUint64(36, BigInt(descriptorSectors), true);
  view.setUint32(44, entriesPerTable, true);
  view.setBigUint64(48, BigInt(redundantAt), true);
  view.setBigUint64(56, BigInt(directoryAt), true);
  view.setBigUint64(64, BigInt(overhead), true);
  // What a transfer as text would change.
  header.set([0x0a, 0x20, 0x0d, 0x0a], 73);
  const directory = (at: number): Uint8Array => {
    const bytes = new Uint8Array(directorySectors * 512);
    for (let i = 0; i < tables; i++)
      new DataView(bytes.buffer).setUint32(i * 4, at + directorySectors + i * 4, true);
    return bytes;
  };
  const text = new Uint8Array(descriptorSectors * 512);
  const encoded = new TextEncoder().encode(descriptor);
  if (encoded.length > text.length)
    throw new BlockError('unsupported', 'The path of the parent is too long for VMDK.');
  text.set(encoded);
  await file.resize(overhead * 512);
  await file.write(redundantAt * 512, [directory(redundantAt)]);
  await file.write(directoryAt * 512, [directory(directoryAt)]);
  await file.write(512, [text]);
  await file.flush();
  await file.write(0, [header]);
  await file.flush();
}
