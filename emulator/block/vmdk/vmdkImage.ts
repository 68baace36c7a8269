/**
 * VMDK images ("Virtual Disk Format 5.0"): one sparse file, a flat file with its descriptor, extents of
 * two gigabytes, stream-optimized ones for reading, and delta links to a parent. Left out: ESX's own
 * sparse extents (vmfsSparse, seSparse).
 */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage, ImageInfo } from '../blockImage.ts';
import { markedFirst } from '../firstWrite.ts';
import { FlatMap } from '../flatMap.ts';
import type { Codecs, ImageFile } from '../imageFile.ts';
import { MappedImage } from '../mappedImage.ts';
import { PartImage, SpanImage, ZeroImage } from '../spanImage.ts';
import { SparseMap, type SparseParts } from './sparseExtent.ts';
import { createSparseExtent, readSparseHeader } from './sparseHeader.ts';
import {
  newDescriptor,
  noParent,
  parseDescriptor,
  type VmdkDescriptor,
  type VmdkExtent,
} from './vmdkDescriptor.ts';

const mostDescriptorBytes = 1 << 20;

export interface OpenVmdk {
  readonly file: ImageFile;
  readonly readOnly: boolean;
  readonly codecs: Codecs;
  openParent(name: string): Promise<BlockImage | undefined>;
  /** Another file of the image. */
  openExtent(name: string): Promise<ImageFile>;
  random(bytes: number): Uint8Array;
  /** Images that are linked to this one stay so: what is written is what they have already. */
  readonly keepsCid?: boolean | undefined;
}

export async function readVmdkDescriptor(file: ImageFile): Promise<VmdkDescriptor> {
  const { text } = await readDescriptorText(file);
  return parseDescriptor(text, file.path);
}

/** With its offset in the file. */
async function readDescriptorText(
  file: ImageFile,
): Promise<{ readonly text: string; readonly offset: number }> {
  const start = new Uint8Array(4);
  await file.read(0, [start]);
  let [offset, length] = [0, file.size];
  if (new TextDecoder().decode(start) === 'KDMV') {
    const header = await readSparseHeader(file);
    [offset, length] = [header.descriptorOffset, header.descriptorSize];
  }
  if (length === 0 || length > mostDescriptorBytes)
    throw new BlockError('corrupt', `The VMDK image ${file.path} is damaged: its descriptor.`);
  const bytes = new Uint8Array(length);
  await file.read(offset, [bytes]);
  return { text: new TextDecoder('latin1').decode(bytes), offset };
}

const newCid = (random: OpenVmdk['random']): string =>
  [...random(4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The content ID changes with the first write, so that images that are linked to this one notice. */
function cidChanged({ file, random, keepsCid }: OpenVmdk): () => Promise<void> {
  let done: Promise<void> | undefined;
  const change = async (): Promise<void> => {
    const { text, offset } = await readDescriptorText(file);
    // QEMU writes no leading zeroes.
    const line = /^[ \t]*CID[ \t]*=[ \t]*([0-9a-f]{1,8})/im.exec(text);
    if (line === null) return;
    const { length } = line[1]!;
    const at = offset + line.index + line[0].length - length;
    await file.write(at, [new TextEncoder().encode(newCid(random).slice(-length))]);
    await file.flush();
  };
  return () =>
    (done ??= (keepsCid ? Promise.resolve() : change()).catch((error: unknown) => {
      done = undefined;
      throw error;
    }));
}

export async function openVmdk(options: OpenVmdk): Promise<BlockImage> {
  const { file, readOnly } = options;
  const start = new Uint8Array(4);
  await file.read(0, [start]);
  const kind = new TextDecoder('latin1').decode(start);
  if (kind === 'COWD')
    throw new BlockError('unsupported', `The VMDK image ${file.path} is an extent of ESX.`);
  const descriptor = await readVmdkDescriptor(file);
  const { createType, parentCid, parentName, extents } = descriptor;
  if (createType === 'streamOptimized' && !readOnly)
    throw new BlockError(
      'unsupported',
      `The VMDK image ${file.path} is stream-optimized, which can only be read; convert it to write to it.`,
    );
  let parent: BlockImage | undefined;
  if (parentCid !== noParent) {
    if (parentName === undefined)
      throw new BlockError(
        'corrupt',
        `The VMDK image ${file.path} does not say on what it builds.`,
      );
    parent = await options.openParent(parentName);
  }
  try {
    await checkParent(parent, parentCid, file);
    const info = infoOf(file, descriptor);
    const changed = cidChanged(options);
    if (kind === 'KDMV')
      return await openSparse({
        ...{ options, info, backing: parent, file: markedFirst(file, changed) },
        resized: (size) => describeSize(file, size),
      });
    const { openExtent } = options;
    const marked = async (name: string): Promise<ImageFile> =>
      markedFirst(await openExtent(name), changed);
    const size = extents.reduce((sum, extent) => sum + extent.size, 0);
    return await openExtents({ ...options, openExtent: marked }, extents, parent, () => info(size));
  } catch (error) {
    await parent?.close();
    throw error;
  }
}

/** A parent that was written to since gives a disk that never was. */
async function checkParent(
  parent: BlockImage | undefined,
  cid: string,
  file: ImageFile,
): Promise<void> {
  const found = (await parent?.info())?.details.cid;
  if (parent === undefined || found === undefined || found === cid) return;
  throw new BlockError(
    'corrupt',
    `The VMDK image ${file.path} builds on another one that was changed since (CID ${found}, not ${cid}).`,
  );
}

const infoOf =
  (file: ImageFile, descriptor: VmdkDescriptor) =>
  async (size: number): Promise<ImageInfo> => {
    const { createType, parentName, extents } = descriptor;
    const { cid } = await readVmdkDescriptor(file);
    return {
      ...{ format: 'vmdk', variant: createType, path: file.path, size, snapshots: [] },
      allocated: await file.allocated(),
      ...(parentName === undefined ? {} : { backing: { name: parentName, format: 'vmdk' } }),
      extents: extents.map(({ name }) => name).filter((name) => name !== ''),
      details: { cid },
    };
  };

/**
 * The size in the descriptor of a sparse image. Programs that read the header, which has been changed before, do without it.
 * What follows it moves, and is written from its end on, sector by sector, so that any cut leaves a text that can be read; it
 * stays as it was where that cannot be: no room is left, or the line lies in two sectors.
 */
async function describeSize(file: ImageFile, size: number): Promise<void> {
  const { text, offset } = await readDescriptorText(file);
  const line = /^([ \t]*RW[ \t]+)(\d+)[ \t]+SPARSE.*$/m.exec(text);
  if (line === null) return;
  const [whole, head = '', before = ''] = line;
  const digits = new TextEncoder().encode(String(size / 512));
  const start = line.index + head.length;
  const longer = digits.length - before.length;
  const sectorOf = (at: number): number => Math.floor(at / 512);
  if (/[^\0]/.test(text.slice(text.length - Math.max(0, longer)))) return;
  if (sectorOf(line.index) !== sectorOf(line.index + whole.length + Math.max(0, longer))) return;
  const old = new Uint8Array(text.length);
  await file.read(offset, [old]);
  const changed = new Uint8Array(text.length);
  changed.set(old.subarray(0, start));
  changed.set(digits, start);
  const rest = old.subarray(start + before.length, old.length - Math.max(0, longer));
  changed.set(rest, start + digits.length);
  for (let at = sectorOf(old.length - 1) * 512; at >= 0; at -= 512) {
    const sector = changed.subarray(at, at + 512);
    if (sector.every((byte, i) => byte === old[at + i])) continue;
    await file.write(offset + at, [sector]);
    await file.flush();
  }
}

interface SparseImageParts extends Pick<SparseParts, 'file' | 'info' | 'resized'> {
  readonly options: Pick<OpenVmdk, 'codecs' | 'readOnly'>;
  readonly backing: BlockImage | undefined;
}

async function openSparse(parts: SparseImageParts): Promise<BlockImage> {
  const { file, backing, info, resized } = parts;
  const { codecs, readOnly } = parts.options;
  const header = await readSparseHeader(file);
  const hasBacking = backing !== undefined;
  const map = await SparseMap.open({ file, header, codecs, hasBacking, info, resized });
  return new MappedImage({ format: 'vmdk', map, file, readOnly, backing });
}

async function openExtents(
  options: OpenVmdk,
  extents: readonly VmdkExtent[],
  parent: BlockImage | undefined,
  info: () => Promise<ImageInfo>,
): Promise<BlockImage> {
  const { file, readOnly } = options;
  const parts: BlockImage[] = [];
  try {
    let start = 0;
    for (const extent of extents) {
      const backing = parent && new PartImage(parent, start, extent.size);
      parts.push(await openExtent(options, extent, backing, info));
      start += extent.size;
    }
  } catch (error) {
    for (const part of parts) await part.close();
    throw error;
  }
  return new SpanImage({ format: 'vmdk', parts, readOnly, backing: parent, info, owner: file });
}

async function openExtent(
  options: OpenVmdk,
  extent: VmdkExtent,
  backing: BlockImage | undefined,
  info: () => Promise<ImageInfo>,
): Promise<BlockImage> {
  const { kind, name, size, offset } = extent;
  if (kind === 'zero') return new ZeroImage(size);
  const file = await options.openExtent(name);
  try {
    if (kind === 'sparse') {
      // The image that it belongs to keeps its size (SpanImage).
      const image = await openSparse({ options, file, backing, info, resized: async () => {} });
      if (image.size >= size) return image;
    } else if (offset + size <= Math.ceil(file.size / 512) * 512) {
      const map = new FlatMap({
        ...{ file, start: offset, size, info },
        resize: () =>
          Promise.reject(
            new BlockError('unsupported', 'The size of flat VMDKs cannot be changed.'),
          ),
      });
      return new MappedImage({ format: 'vmdk', map, file, readOnly: options.readOnly });
    }
    throw new BlockError('corrupt', `The extent ${file.path} is shorter than its VMDK says.`);
  } catch (error) {
    await file.close();
    throw error;
  }
}

export interface NewVmdk {
  readonly size: number;
  readonly fixed?: boolean | undefined;
  readonly grainSize?: number | undefined;
  readonly parent?: { readonly cid: string; readonly name: string } | undefined;
  /** Name of the image's file. */
  readonly name: string;
  random(bytes: number): Uint8Array;
  /** A new file beside the image. */
  createExtent(name: string): Promise<ImageFile>;
}

export async function createVmdk(file: ImageFile, options: NewVmdk): Promise<void> {
  const { size, fixed = false, parent, name } = options;
  const cid = newCid(options.random);
  if (!fixed) {
    const extent = `SPARSE "${name}"`;
    const text = newDescriptor({ createType: 'monolithicSparse', cid, size, extent, parent });
    return createSparseExtent(file, size, text, options.grainSize);
  }
  const flatName = `${name.replace(/\.vmdk$/i, '')}-flat.vmdk`;
  const flat = await options.createExtent(flatName);
  try {
    await flat.resize(size);
    await flat.flush();
  } finally {
    await flat.close();
  }
  const extent = `FLAT "${flatName}" 0`;
  const text = newDescriptor({ createType: 'monolithicFlat', cid, size, extent });
  await file.write(0, [new TextEncoder().encode(text)]);
  await file.flush();
}
