/** Makes new, empty disk images of any format. */
import { BlockError } from '../backends/block.ts';
import type { ImageFormat } from './blockImage.ts';
import type { ImageFile, ImageStore } from './imageFile.ts';
import { createQcow2, type NewQcow2 } from './qcow2/qcow2Image.ts';
import { createVdi } from './vdi/createVdi.ts';
import { readVdiHeader } from './vdi/vdiHeader.ts';
import { createVhd, vhdUuid } from './vhd/vhdImage.ts';
import { readVhdxHeader } from './vhdx/vhdxHeader.ts';
import { createVhdx } from './vhdx/createVhdx.ts';
import { createVmdk, readVmdkDescriptor } from './vmdk/vmdkImage.ts';

export interface NewImage {
  /** Absolute path. */
  readonly path: string;
  readonly format: ImageFormat;
  /** Of the disk; bytes, a multiple of 512. */
  readonly size: number;
  /** The image that it builds on. */
  readonly backing?: { readonly path: string; readonly format: ImageFormat } | undefined;
  /** All room is set aside now, where the format knows such a kind. */
  readonly fixed?: boolean | undefined;
  /** Bytes of the blocks of VDI, VHD, VHDX and the grains of VMDK; a power of two. */
  readonly blockSize?: number | undefined;
  readonly qcow2?: Omit<NewQcow2, 'size' | 'backing'> | undefined;
}

export const largestDisk = 2 ** 43; // 8 TiB

/** Rejects with BlockError; a file that is there already is never touched. */
export async function createImage(store: ImageStore, image: NewImage): Promise<void> {
  const { path, size } = image;
  if (!(size >= 512 && size <= largestDisk && size % 512 === 0))
    throw new BlockError('unsupported', `A disk of ${size} bytes cannot be made.`);
  const file = await store.create(path);
  try {
    await fill(store, file, image);
  } finally {
    await file.close();
  }
}

async function fill(store: ImageStore, file: ImageFile, image: NewImage): Promise<void> {
  const { format, size, path, fixed, blockSize } = image;
  const backing = image.backing && {
    name: store.relative(path, image.backing.path),
    format: image.backing.format,
  };
  if (backing !== undefined && format !== 'qcow2' && format !== backing.format)
    throw new BlockError(
      'unsupported',
      `An image of the format ${format} can only build on one of its own format, not ${backing.format}.`,
    );
  const from = image.backing?.path ?? '';
  const random = (bytes: number): Uint8Array => store.random(bytes);
  switch (format) {
    case 'raw':
      if (backing !== undefined)
        throw new BlockError('unsupported', 'A raw image cannot build on another image.');
      await file.resize(size);
      await file.flush();
      return;
    case 'qcow2':
      return createQcow2(file, { ...image.qcow2, size, backing });
    case 'vdi': {
      const parentUuid =
        image.backing &&
        (await inFile(store, image.backing.path, async (f) => (await readVdiHeader(f)).uuid));
      return createVdi(file, { size, fixed, blockSize, parentUuid, random });
    }
    case 'vhd': {
      const parent = image.backing &&
        backing && { name: backing.name, uuid: await inFile(store, image.backing.path, vhdUuid) };
      return createVhd(file, { size, fixed, blockSize, parent, random, now: store.now() });
    }
    case 'vhdx': {
      const parent = backing && {
        name: backing.name,
        linkage: await inFile(store, from, async (f) => (await readVhdxHeader(f)).dataWriteGuid),
      };
      return createVhdx(file, { size, fixed, blockSize, parent, random });
    }
    case 'vmdk': {
      const parent = backing && {
        name: backing.name,
        cid: await inFile(store, from, async (f) => (await readVmdkDescriptor(f)).cid),
      };
      const name = path.split(/[\\/]/).at(-1) as string;
      return createVmdk(file, {
        ...{ size, fixed, parent, name, random, grainSize: blockSize },
        createExtent: (extent) => store.create(store.resolve(path, extent)),
      });
    }
  }
}

async function inFile<T>(
  store: ImageStore,
  path: string,
  work: (file: ImageFile) => Promise<T>,
): Promise<T> {
  const file = await store.open(path, true);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
