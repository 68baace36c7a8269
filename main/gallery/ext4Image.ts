/**
 * Writes an ext4 file system in one pass (kernel.org, "ext4 Data Structures and Algorithms"): blocks of 4 KiB, extents in
 * the inode, a journal, sparse superblocks. Left out: checksums, flexible groups, 64-bit block numbers, hashed folders,
 * room for descriptors of later groups. What is not written reads as zeros.
 */
import type { FileNode, FileTree } from './fileTree.ts';
import {
  blockSize,
  blocksPerGroup,
  inodesPerGroup,
  inodeSize,
  inodeTableBlocks,
  journalBlocks,
  inode,
  typeBits,
  encodeFolder,
  encodeInode,
  journalSuperblock,
  encodeSuperblock,
  type Extent,
  type Inode,
  type FileSystemName,
} from './ext4Records.ts';

/** Disks come in whole block groups. */
export const ext4Granularity = blocksPerGroup * blockSize;

export interface Ext4Options extends FileSystemName {
  /** Bytes; a multiple of `ext4Granularity`. */
  readonly size: number;
  /** Called in rising order of nothing in particular: bytes go where they are told to. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  progress?(written: number): void;
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
