/** New VHDX images ([MS-VHDX] 2.2 to 2.6): dynamic, fixed and differencing. */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';
import {
  guid,
  guidBytes,
  guidDashed,
  headerOffsets,
  headerSize,
  KiB,
  MiB,
  seal,
} from './vhdxHeader.ts';
import { state } from './vhdxMap.ts';
import { regionTableSize } from './vhdxTables.ts';

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
