/** What stands in the blocks of an ext4 file system: superblock, inodes, folders, journal. Little-endian but for the journal. */
import type { FileNode } from './fileTree.ts';

export const blockSize = 4096;
export const blocksPerGroup = 8 * blockSize;
export const inodesPerGroup = 8192;
export const inodeSize = 256;
export const inodeTableBlocks = (inodesPerGroup * inodeSize) / blockSize;
export const journalBlocks = 4096;
export const inode = { root: 2, journal: 8, first: 11 } as const;

const feature = {
  // has_journal, ext_attr
  compatible: 0x4 | 0x8,
  // filetype, extents
  incompatible: 0x2 | 0x40,
  // sparse_super, large_file, dir_nlink, extra_isize
  readOnlyCompatible: 0x1 | 0x2 | 0x20 | 0x40,
};
const extentsFlag = 0x80000;
export const typeBits = {
  folder: 0x4000,
  file: 0x8000,
  link: 0xa000,
  character: 0x2000,
  block: 0x6000,
};
const entryType = { file: 1, folder: 2, character: 3, block: 4, link: 7 };

export interface Extent {
  readonly start: number;
  readonly length: number;
}
export interface Inode {
  readonly number: number;
  readonly node: FileNode;
  links: number;
  /** Of a folder, in order of their names. */
  readonly entries: { readonly name: Uint8Array; readonly inode: Inode }[];
  parent: Inode | undefined;
}

export interface FileSystemName {
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly label: string;
  /** Seconds since 1970. */
  readonly now: number;
}

/** Entries never cross a block; the last one of a block reaches to its end. */
export function encodeFolder(folder: Inode): Uint8Array {
  const names = [
    { name: Uint8Array.of(0x2e), inode: folder },
    { name: Uint8Array.of(0x2e, 0x2e), inode: folder.parent! },
    ...folder.entries,
  ];
  const blocks: Uint8Array[] = [];
  let view: DataView | undefined;
  let at = blockSize;
  let last = 0;
  const close = (): void => view?.setUint16(last + 4, blockSize - last, true);
  for (const { name, inode: target } of names) {
    const length = (8 + name.length + 3) & ~3;
    if (at + length > blockSize) {
      close();
      const block = new Uint8Array(blockSize);
      blocks.push(block);
      view = new DataView(block.buffer);
      at = 0;
    }
    const block = blocks.at(-1)!;
    view!.setUint32(at, target.number, true);
    view!.setUint16(at + 4, length, true);
    block[at + 6] = name.length;
    block[at + 7] = entryType[target.node.kind];
    block.set(name, at + 8);
    last = at;
    at += length;
  }
  close();
  return Buffer.concat(blocks);
}

export function encodeInode(about: {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly links: number;
  readonly size: number;
  readonly extents?: readonly Extent[] | undefined;
  /** In the place of extents. */
  readonly inline?: Uint8Array | undefined;
}): Uint8Array {
  const bytes = new Uint8Array(inodeSize);
  const view = new DataView(bytes.buffer);
  const { extents = [], inline } = about;
  const blocks = extents.reduce((sum, { length }) => sum + length, 0);
  view.setUint16(0x00, about.mode, true);
  view.setUint16(0x02, about.uid & 0xffff, true);
  view.setUint32(0x04, about.size >>> 0, true);
  for (const time of [0x08, 0x0c, 0x10, 0x90]) view.setUint32(time, about.mtime, true);
  view.setUint16(0x18, about.gid & 0xffff, true);
  view.setUint16(0x1a, about.links, true);
  view.setUint32(0x1c, blocks * (blockSize / 512), true);
  view.setUint32(0x6c, Math.floor(about.size / 2 ** 32), true);
  view.setUint16(0x78, about.uid >>> 16, true);
  view.setUint16(0x7a, about.gid >>> 16, true);
  view.setUint16(0x80, 32, true);
  if (inline) {
    bytes.set(inline, 0x28);
    return bytes;
  }
  if (extents.length > 4) throw new Error('A file is too large.');
  view.setUint32(0x20, extentsFlag, true);
  view.setUint16(0x28, 0xf30a, true);
  view.setUint16(0x2a, extents.length, true);
  view.setUint16(0x2c, 4, true);
  let logical = 0;
  for (const [index, { start, length }] of extents.entries()) {
    const at = 0x34 + index * 12;
    view.setUint32(at, logical, true);
    view.setUint16(at + 4, length, true);
    view.setUint32(at + 8, start, true);
    logical += length;
  }
  return bytes;
}

/** jbd2's superblock, version 2, of an empty journal; big-endian. */
export function journalSuperblock(uuid: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(blockSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x00, 0xc03b3998);
  view.setUint32(0x04, 4);
  view.setUint32(0x0c, blockSize);
  view.setUint32(0x10, journalBlocks);
  view.setUint32(0x14, 1);
  view.setUint32(0x18, 1);
  bytes.set(uuid, 0x30);
  view.setUint32(0x40, 1);
  return bytes;
}

export function encodeSuperblock(
  { uuid, label, now }: FileSystemName,
  counts: { groups: number; freeBlocks: number; freeInodes: number; group: number },
  journal: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  const blocks = counts.groups * blocksPerGroup;
  const words: readonly (readonly [number, number])[] = [
    [0x00, counts.groups * inodesPerGroup],
    [0x04, blocks],
    // Two in a hundred for root.
    [0x08, Math.floor(blocks / 50)],
    [0x0c, counts.freeBlocks],
    [0x10, counts.freeInodes],
    [0x18, 2],
    [0x1c, 2],
    [0x20, blocksPerGroup],
    [0x24, blocksPerGroup],
    [0x28, inodesPerGroup],
    [0x30, now],
    [0x40, now],
    [0x4c, 1],
    [0x54, inode.first],
    [0x5c, feature.compatible],
    [0x60, feature.incompatible],
    [0x64, feature.readOnlyCompatible],
    [0xe0, inode.journal],
    // Mount options by default: extended attributes and ACLs.
    [0x100, 0x0c],
    [0x108, now],
  ];
  for (const [at, value] of words) view.setUint32(at, value, true);
  view.setUint16(0x36, 0xffff, true);
  view.setUint16(0x38, 0xef53, true);
  view.setUint16(0x3a, 1, true);
  view.setUint16(0x3c, 1, true);
  view.setUint16(0x58, inodeSize, true);
  view.setUint16(0x5a, counts.group, true);
  bytes.set(uuid, 0x68);
  bytes.set(new TextEncoder().encode(label).subarray(0, 16), 0x78);
  bytes.set(uuid, 0xec);
  // The copy of the journal's place: its block map and size.
  bytes[0xfd] = 1;
  bytes.set(journal.subarray(0x28, 0x28 + 60), 0x10c);
  bytes.set(journal.subarray(0x6c, 0x70), 0x10c + 60);
  bytes.set(journal.subarray(0x04, 0x08), 0x10c + 64);
  view.setUint16(0x15c, 32, true);
  view.setUint16(0x15e, 32, true);
  return bytes;
}
