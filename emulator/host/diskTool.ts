/** Disk images without a machine: what `guesthouse disk` and the media manager do. */
import { rm } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type {
  DiskInfo,
  DiskLayout,
  DiskSource,
  DiskToolModule,
  NewDisk,
  Watch,
} from '../../shared/vm/diskTool.ts';
import type { BlockImage } from '../block/blockImage.ts';
import type { ImageFile } from '../block/imageFile.ts';
import { compressionOf } from '../block/detectFormat.ts';
import { copyImage } from '../block/copyImage.ts';
import { createImage, type NewImage } from '../block/createImage.ts';
import { isNbdAddress } from '../../shared/vm/nbdAddress.ts';
import { hostStore } from '../block/file/hostStore.ts';
import { openImage } from '../block/openImage.ts';
import { rebaseImage } from '../block/rebaseImage.ts';
import { setQcow2Backing } from '../block/qcow2/qcow2Rebase.ts';
import { writeStreamOptimized } from '../block/vmdk/streamOptimized.ts';
import { asUserError } from './machineErrors.ts';

const store = hostStore('"guesthouse disk"');
const lookingStore = hostStore(undefined, { unlocked: true });
const fillingStore = hostStore('"guesthouse disk"', { filling: true });
const unflushedStore = hostStore('"guesthouse disk"', { unflushed: true });

interface OpenHow {
  readonly readOnly: boolean;
  readonly toRepair?: boolean;
  readonly alone?: boolean;
  readonly merging?: boolean;
}

function open({ path, format, allowedFolders, snapshot }: DiskSource, how: OpenHow) {
  return openImage(store, { path, format, snapshot, allowed: allowedFolders, ...how });
}

/** Runs `work` on an open image and closes it; all failures are for people. */
async function withImage<T>(
  source: DiskSource,
  how: OpenHow,
  work: (image: BlockImage) => Promise<T>,
): Promise<T> {
  try {
    const image = await open(source, how);
    let result: T;
    try {
      result = await work(image);
    } catch (error) {
      await image.close().catch(() => undefined);
      throw error;
    }
    await image.close();
    return result;
  } catch (error) {
    throw asUserError(error);
  }
}

const layoutOf = (layout: DiskLayout): Pick<NewImage, 'fixed' | 'blockSize' | 'qcow2'> => ({
  fixed: layout.fixed,
  blockSize: layout.clusterSize,
  qcow2: {
    clusterSize: layout.clusterSize,
    version: layout.qcow2Version,
    lazyRefcounts: layout.lazyRefcounts,
    extendedL2: layout.subclusters,
    compression: layout.compression,
  },
});

export const createDisk: DiskToolModule['createDisk'] = async (disk) => {
  const { path, format, backing } = disk;
  try {
    let { size } = disk;
    let backingFormat = backing?.format === 'auto' ? undefined : backing?.format;
    if (backing?.format === 'auto') await refuseCompressed(backing.path);
    if (backing !== undefined && (size === undefined || backingFormat === undefined)) {
      const image = await open(backing, { readOnly: true });
      size ??= image.size;
      backingFormat = image.format;
      await image.close();
    }
    if (size === undefined)
      throw new UserError({ code: 'no-size', message: 'A new disk needs a size.' });
    await createImage(store, {
      ...{ path, format, size: Math.ceil(size / 512) * 512, ...layoutOf(disk) },
      backing: backing && backingFormat && { path: backing.path, format: backingFormat },
    });
  } catch (error) {
    throw asUserError(error);
  }
};

/** Images name the format of what they build on, which says nothing of that. Rejects with UserError. */
async function refuseCompressed(path: string): Promise<void> {
  try {
    const file = await lookingStore.open(path, true);
    try {
      const start = new Uint8Array(8);
      await file.read(0, [start]);
      const compression = compressionOf(start);
      if (compression === undefined) return;
      throw new UserError({
        code: 'unsupported',
        message: `The disk image ${path} is compressed (${compression}), so no other one can build on it.`,
        hint: 'Convert it first: guesthouse disk convert -O qcow2.',
      });
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asUserError(error);
  }
}

export const diskInfo: DiskToolModule['diskInfo'] = (source) =>
  withImage(source, { readOnly: true }, async (top) => {
    const chain: DiskInfo[] = [];
    for (let image: BlockImage | undefined = top; image !== undefined; image = image.backing)
      chain.push(await image.info());
    return chain;
  });

export const checkDisk: DiskToolModule['checkDisk'] = (source, { repair }) =>
  withImage(source, { readOnly: !repair, toRepair: repair }, (image) => image.check({ repair }));

export const convertDisk: DiskToolModule['convertDisk'] = (source, target, watch) =>
  withImage(source, { readOnly: true }, async (image) => {
    if (target.compressed === true) return writeCompressed(image, target, watch);
    if (isNbdAddress(target.path)) return fillExport(image, target, watch);
    await createDisk({ ...target, size: target.size ?? image.size });
    try {
      const { path, format, unflushed } = target;
      const into = unflushed ? unflushedStore : fillingStore;
      const copy = await openImage(into, { path, format, readOnly: false });
      try {
        await copyImage({
          ...{ source: image, target: copy, targetIsZero: true },
          signal: watch?.signal,
          progress: (done, total) => watch?.progress?.(done, total),
        });
      } finally {
        await copy.close();
      }
    } catch (error) {
      await removeNew(target);
      throw error;
    }
  });

/** An export is there already, and what is on it goes: that is what its address was given for. */
async function fillExport(source: BlockImage, target: NewDisk, watch?: Watch): Promise<void> {
  const { path, format } = target;
  if (format !== 'raw')
    throw new UserError({
      code: 'unsupported',
      message: `An NBD export such as ${path} is filled byte by byte, not with a ${format} image.`,
      hint: 'Say -O raw; the server keeps it in the format that it was started with.',
    });
  const copy = await openImage(store, { path, format, readOnly: false });
  try {
    if (copy.size < source.size)
      throw new UserError({
        code: 'too-small',
        message: `The NBD export ${path} has ${copy.size} bytes, too few for a disk of ${source.size} bytes.`,
        hint: 'Start its server with a larger image.',
      });
    await copyImage({
      ...{ source, target: copy, signal: watch?.signal },
      progress: (done, total) => watch?.progress?.(done, total),
    });
  } finally {
    await copy.close();
  }
}

function writeCompressed(source: BlockImage, target: NewDisk, watch?: Watch): Promise<void> {
  const { path, format } = target;
  const hooks = {
    signal: watch?.signal,
    progress: (done: number, total: number) => watch?.progress?.(done, total),
  };
  if (format === 'vmdk')
    return writeNew(path, (file) =>
      writeStreamOptimized({
        ...{ source, file, name: basename(path), codecs: store.codecs },
        random: (bytes) => store.random(bytes),
        ...hooks,
      }),
    );
  if (format !== 'qcow2')
    throw new UserError({
      code: 'unsupported',
      message: `An image of the format ${format} cannot be written compressed.`,
      hint: 'Write qcow2, or vmdk (stream-optimized).',
    });
  if (target.fixed || target.subclusters || target.qcow2Version === 2)
    throw new UserError({
      code: 'unsupported',
      message: 'A compressed QCOW2 image has version 3, no subclusters and no fixed size.',
      hint: 'Leave these options out, or write it uncompressed.',
    });
  const { clusterSize, compression } = target;
  return writeNew(path, async (file) => {
    const { writeCompressedQcow2 } = await import('../block/qcow2/compressedQcow2.ts');
    await writeCompressedQcow2({
      ...{ source, file, codecs: store.codecs, clusterSize, compression },
      ...hooks,
    });
  });
}

/** Fills a new file, which goes again if that fails. */
async function writeNew(path: string, fill: (file: ImageFile) => Promise<void>): Promise<void> {
  const file = await store.create(path);
  try {
    await fill(file);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Removes an image that this call has made, with all its files. */
async function removeNew({ path, format, fixed }: NewDisk): Promise<void> {
  await rm(path, { force: true });
  // A flat VMDK is two files (createVmdk).
  if (format === 'vmdk' && fixed)
    await rm(`${path.replace(/\.vmdk$/i, '')}-flat.vmdk`, { force: true });
}

export const resizeDisk: DiskToolModule['resizeDisk'] = (source, size, options) =>
  withImage(source, { readOnly: false }, async (image) => {
    if (size < image.size && !options.shrink)
      throw new UserError({
        code: 'would-shrink',
        message: `The disk ${source.path} has ${image.size} bytes, so ${size} bytes would cut off its end.`,
        hint: 'Make its file systems smaller first, then say --shrink.',
      });
    if (options.dryRun) return;
    await image.resize(size, options.watch);
    await image.flush();
  });

export const mergeDisk: DiskToolModule['mergeDisk'] = async (source, watch) => {
  const chain = await diskInfo(source);
  const base = chain[1];
  if (base === undefined)
    throw new UserError({
      code: 'no-backing',
      message: `The disk image ${source.path} does not build on another one.`,
    });
  const { path, format } = base;
  const { allowedFolders } = source;
  await withImage(source, { readOnly: true, alone: true }, (top) =>
    withImage(
      { path, format, allowedFolders },
      { readOnly: false, merging: true },
      async (target) => {
        if (target.size < top.size) await target.resize(top.size);
        await copyImage({
          ...{ source: top, target, ownOnly: true },
          signal: watch?.signal,
          progress: (done, total) => watch?.progress?.(done, total),
        });
      },
    ),
  );
  return { into: path };
};

export const compactDisk: DiskToolModule['compactDisk'] = (source, watch) =>
  withImage(source, { readOnly: false }, async (image) => {
    const { compactImage } = await import('./compactDisk.ts');
    return compactImage(store, image, watch);
  });

export const diskLayer: DiskToolModule['diskLayer'] = async (path) => {
  try {
    const choice = { path, format: 'auto', readOnly: true, alone: true } as const;
    const image = await openImage(lookingStore, choice);
    try {
      const { format, size, backing } = await image.info();
      if (backing === undefined) return { format, size };
      return {
        format,
        size,
        backing: store.resolve(path, backing.name.replace(/^file:(?:\/\/)?/, '')),
      };
    } finally {
      await image.close();
    }
  } catch (error) {
    throw asUserError(error);
  }
};

export const rebaseDisk: DiskToolModule['rebaseDisk'] = async (source, backing, options = {}) => {
  const { path } = source;
  const { sameContent = false, signal, progress } = options;
  if (backing?.format === 'auto') await refuseCompressed(backing.path);
  const below = backing && {
    path: resolve(backing.path),
    format: (await diskInfo(backing))[0]?.format,
  };
  if (!sameContent)
    await withImage(source, { readOnly: false }, async (image) => {
      const other = backing && (await open(backing, { readOnly: true }));
      try {
        await rebaseImage({ image, backing: other, signal, progress });
      } finally {
        await other?.close();
      }
    });
  try {
    const file = await store.open(path, false);
    try {
      const { format } = below ?? {};
      const named = below && format && { name: store.relative(path, below.path), format };
      await setQcow2Backing(file, named);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asUserError(error);
  }
};
