/**
 * Writes an ext4 file system in one pass (kernel.org, "ext4 Data Structures and Algorithms"): blocks of 4 KiB, extents in
 * the inode, a journal, sparse superblocks. Left out: checksums, flexible groups, 64-bit block numbers, hashed folders,
 * room for descriptors of later groups. What is not written reads as zeros.
 */
import type { FileNode, FileTree } from './fileTree.ts';

const blockSize = 4096;
const blocksPerGroup = 8 * blockSize;
const inodesPerGroup = 8192;
const inodeSize = 256;
const inodeTableBlocks = (inodesPerGroup * inodeSize) / blockSize;
const journalBlocks = 4096;
const inode = { root: 2, journal: 8, first: 11 } as const;

/** Disks come in whole block groups. */
export const ext4Granularity = blocksPerGroup * blockSize;

const feature = {
  // has_journal, ext_attr
  compatible: 0x4 | 0x8,
  // filetype, extents
  incompatible: 0x2 | 0x40,
  // sparse_super, large_file, dir_nlink, extra_isize
  readOnlyCompatible: 0x1 | 0x2 | 0x20 | 0x40,
};
const extentsFlag = 0x80000;
const typeBits = { folder: 0x4000, file: 0x8000, link: 0xa000, character: 0x2000, block: 0x6000 };
const entryType = { file: 1, folder: 2, character: 3, block: 4, link: 7 };

export interface Ext4Options {
  /** Bytes; a multiple of `ext4Granularity`. */
  readonly size: number;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly label: string;
  /** Seconds since 1970. */
  readonly now: number;
  /** Called in rising order of nothing in particular: bytes go where they are told to. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  progress?(written: number): void;
}

interface Extent {
  readonly start: number;
  readonly length: number;
}
interface Inode {
  readonly number: number;
  readonly node: FileNode;
  links: number;
  /** Of a folder, in order of their names. */
  readonly entries: { readonly name: Uint8Array; readonly inode: Inode }[];
  parent: Inode | undefined;
}

/** Rejects if the tree does not fit, or with what `write` rejects with. */
export async function writeExt4(tree: FileTree, options: Ext4Options): Promise<void> {
  const groups = options.size / ext4Granularity;
  if (!Number.isInteger(groups) || groups < 1)
    throw new Error(`A size of ${options.size} bytes is not a multiple of ${ext4Granularity}.`);
  const layout = new Layout(groups);
  const inodes = numberInodes(tree, options.now);
  // The root is one of those before the first.
  const inodeCount = inode.first - 2 + inodes.length;
  if (inodeCount > groups * inodesPerGroup)
    throw new Error('There are too many files for the disk.');

  const tables = new Map<number, Uint8Array>();
  const putInode = (number: number, bytes: Uint8Array): void => {
    const group = Math.floor((number - 1) / inodesPerGroup);
    let table = tables.get(group);
    if (!table) tables.set(group, (table = new Uint8Array(inodeTableBlocks * blockSize)));
    table.set(bytes, ((number - 1) % inodesPerGroup) * inodeSize);
  };
  const folders = new Uint32Array(groups);
  let written = 0;
  const writeData = async (content: Uint8Array): Promise<Extent[]> => {
    const extents = layout.allocate(Math.ceil(content.length / blockSize));
    let at = 0;
    for (const { start, length } of extents) {
      const part = content.subarray(at, at + length * blockSize);
      await options.write(start * blockSize, part);
      at += part.length;
    }
    options.progress?.((written += content.length));
    return extents;
  };

  const journal = layout.allocate(journalBlocks);
  const journalInode = encodeInode({
    ...{ mode: 0o100600, uid: 0, gid: 0, mtime: options.now, links: 1 },
    ...{ size: journalBlocks * blockSize, extents: journal },
  });
  putInode(inode.journal, journalInode);
  await options.write(journal[0]!.start * blockSize, journalSuperblock(options.uuid));

  for (const each of inodes) {
    const { node, number } = each;
    const mode = typeBits[node.kind] | node.mode;
    const common = { ...node, mode, links: each.links };
    if (node.kind === 'folder') {
      folders[Math.floor((number - 1) / inodesPerGroup)]!++;
      const content = encodeFolder(each);
      const extents = await writeData(content);
      putInode(number, encodeInode({ ...common, size: content.length, extents }));
    } else if (node.kind === 'file') {
      const extents = await writeData(node.content);
      putInode(number, encodeInode({ ...common, size: node.content.length, extents }));
    } else if (node.kind === 'link') {
      const target = new TextEncoder().encode(node.target);
      const short = target.length < 60;
      const extents = short ? undefined : await writeData(target);
      putInode(
        number,
        encodeInode({
          ...common,
          size: target.length,
          ...(short ? { inline: target } : { extents }),
        }),
      );
    } else {
      const inline = new Uint8Array(4);
      new DataView(inline.buffer).setUint32(0, (node.major << 8) | node.minor, true);
      putInode(number, encodeInode({ ...common, size: 0, inline }));
    }
  }

  const descriptors = new DataView(new ArrayBuffer(layout.descriptorBlocks * blockSize));
  let freeBlocks = 0;
  for (let group = 0; group < groups; group++) {
    const { bitmapAt } = layout.group(group);
    const used = Math.min(inodesPerGroup, Math.max(0, inodeCount - group * inodesPerGroup));
    const blocks = layout.bitmap(group);
    await options.write(bitmapAt * blockSize, blocks.bits);
    await options.write((bitmapAt + 1) * blockSize, filledBits(used, inodesPerGroup));
    const table = tables.get(group);
    if (table) await options.write((bitmapAt + 2) * blockSize, table);
    freeBlocks += blocks.free;
    const at = group * 32;
    descriptors.setUint32(at, bitmapAt, true);
    descriptors.setUint32(at + 4, bitmapAt + 1, true);
    descriptors.setUint32(at + 8, bitmapAt + 2, true);
    descriptors.setUint16(at + 12, blocks.free, true);
    descriptors.setUint16(at + 14, inodesPerGroup - used, true);
    descriptors.setUint16(at + 16, folders[group]!, true);
  }
  const counts = { groups, freeBlocks, freeInodes: groups * inodesPerGroup - inodeCount };
  for (let group = 0; group < groups; group++) {
    if (!hasSuperblock(group)) continue;
    const base = group * blocksPerGroup * blockSize;
    const superblock = encodeSuperblock(options, { ...counts, group }, journalInode);
    await options.write(base + (group === 0 ? 1024 : 0), superblock);
    await options.write(base + blockSize, new Uint8Array(descriptors.buffer));
  }
}

/** sparse_super: groups 0 and 1 and the powers of 3, 5 and 7. */
function hasSuperblock(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

/** Which blocks are whose. Data is given out from the front on. */
class Layout {
  readonly descriptorBlocks: number;
  private readonly groups: number;
  /** The next free block. */
  private next = 0;

  constructor(groups: number) {
    this.groups = groups;
    this.descriptorBlocks = Math.ceil((groups * 32) / blockSize);
    this.next = this.group(0).dataAt;
  }

  /** Block bitmap, inode bitmap and inode table stand in a row. */
  group(group: number): { bitmapAt: number; dataAt: number; end: number } {
    const start = group * blocksPerGroup;
    const bitmapAt = start + (hasSuperblock(group) ? 1 + this.descriptorBlocks : 0);
    return { bitmapAt, dataAt: bitmapAt + 2 + inodeTableBlocks, end: start + blocksPerGroup };
  }

  allocate(count: number): Extent[] {
    const extents: Extent[] = [];
    while (count > 0) {
      const group = Math.floor(this.next / blocksPerGroup);
      if (group >= this.groups) throw new Error('The files do not fit on the disk.');
      const { dataAt, end } = this.group(group);
      const start = Math.max(this.next, dataAt);
      // An extent has at most 32768 blocks: no more than a group.
      const length = Math.min(count, end - start);
      if (length > 0) extents.push({ start, length });
      this.next = start + length;
      count -= length;
    }
    return extents;
  }

  bitmap(group: number): { bits: Uint8Array; free: number } {
    const { dataAt, end } = this.group(group);
    const start = group * blocksPerGroup;
    const used = Math.min(Math.max(this.next, dataAt), end) - start;
    return { bits: filledBits(used, blocksPerGroup), free: blocksPerGroup - used };
  }
}

/** A bitmap with its first bits set, and those past its end. */
function filledBits(used: number, count: number): Uint8Array {
  const bits = new Uint8Array(blockSize);
  bits.fill(0xff, 0, used >> 3);
  if (used & 7) bits[used >> 3] = (1 << (used & 7)) - 1;
  bits.fill(0xff, count >> 3);
  return bits;
}

/** Inodes by number from `inode.first` on; the root, which has a number of its own, comes first. */
function numberInodes(tree: FileTree, now: number): Inode[] {
  if (!tree.nodes.has('lost+found'))
    tree.nodes.set('lost+found', { kind: 'folder', mode: 0o700, uid: 0, gid: 0, mtime: now });
  const byNode = new Map<FileNode, Inode>();
  const byPath = new Map<string, Inode>();
  const all: Inode[] = [];
  let next: number = inode.first;
  for (const path of ['', 'lost+found', ...tree.nodes.keys()]) {
    if (byPath.has(path)) continue;
    const node = tree.nodes.get(path)!;
    let made = byNode.get(node);
    if (!made) {
      const number = path === '' ? inode.root : next++;
      made = { number, node, links: 0, entries: [], parent: undefined };
      byNode.set(node, made);
      all.push(made);
    }
    byPath.set(path, made);
  }
  for (const [path, each] of byPath) {
    if (each.node.kind === 'folder') each.links++;
    if (path === '') {
      each.links++;
      each.parent = each;
      continue;
    }
    const slash = path.lastIndexOf('/');
    const folder = byPath.get(slash < 0 ? '' : path.slice(0, slash));
    if (folder?.node.kind !== 'folder') throw new Error(`${path} lies in no folder.`);
    folder.entries.push({ name: new TextEncoder().encode(path.slice(slash + 1)), inode: each });
    each.links++;
    if (each.node.kind === 'folder') {
      each.parent = folder;
      folder.links++;
    }
  }
  return all;
}

/** Entries never cross a block; the last one of a block reaches to its end. */
function encodeFolder(folder: Inode): Uint8Array {
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

function encodeInode(about: {
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
function journalSuperblock(uuid: Uint8Array): Uint8Array {
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

function encodeSuperblock(
  { uuid, label, now }: Ext4Options,
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
