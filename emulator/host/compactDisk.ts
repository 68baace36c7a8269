/** Makes images smaller on the host: what is zero or no longer used takes no room afterwards. */
import { randomUUID } from 'node:crypto';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import { UserError } from '../../shared/services/errors.ts';
import type { Watch } from '../../shared/vm/diskTool.ts';
import { BlockError } from '../backends/block.ts';
import type { BlockImage } from '../block/blockImage.ts';
import { isZero } from '../block/bufferList.ts';
import { copyImage } from '../block/copyImage.ts';
import { createImage } from '../block/createImage.ts';
import type { ImageStore } from '../block/imageFile.ts';
import { openImage } from '../block/openImage.ts';

const chunk = 1 << 20;
const granule = 65_536;

/** `image` is open for writing, and so locked; a QCOW2 file is replaced by a new one under its name. */
export async function compactImage(
  store: ImageStore,
  image: BlockImage,
  watch: Watch = {},
): Promise<void> {
  const info = await image.info();
  if (image.format === 'raw') return punchZeroes(image, watch);
  const refuse = (what: string): UserError =>
    new UserError({
      code: 'unsupported',
      message: `The disk image ${info.path} cannot be compacted: ${what}.`,
      hint: 'Convert it to another image, which takes no more room than it needs.',
    });
  if (image.format !== 'qcow2') throw refuse(`images of the format ${image.format} are not`);
  // They would stay behind.
  if (info.snapshots.length > 0) throw refuse('it has internal snapshots');
  const { path, size } = info;
  const fresh = `${path}.compact-${randomUUID()}`;
  try {
    const { backing } = image;
    const below = backing && (await backing.info());
    await createImage(store, {
      ...{ path: fresh, format: 'qcow2', size, blockSize: info.clusterSize },
      backing: below && { path: below.path, format: below.format },
      qcow2: {
        clusterSize: info.clusterSize,
        version: info.variant === 'version 2' ? 2 : 3,
        lazyRefcounts: info.details['lazyRefcounts'] === true,
        extendedL2: info.details['extendedL2'] === true,
        compression: info.details['compression'] === 'zstd' ? 'zstd' : 'zlib',
      },
    });
    const target = await openImage(store, {
      ...{ path: fresh, format: 'qcow2', readOnly: false, allowed: 'anywhere' },
    });
    try {
      const standsAlone = backing === undefined;
      await copyImage({
        ...{ source: image, target, ownOnly: !standsAlone, targetIsZero: standsAlone },
        signal: watch.signal,
        progress: (done, total) => watch.progress?.(done, total),
      });
    } finally {
      await target.close();
    }
    await chmod(fresh, (await stat(path)).mode);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

async function punchZeroes(image: BlockImage, { signal, progress }: Watch): Promise<void> {
  const data = new Uint8Array(chunk);
  for (let offset = 0; offset < image.size;) {
    if (signal?.aborted) throw new BlockError('cancelled', 'The work was cancelled.');
    const extent = await image.extent(offset, image.size - offset);
    const length = extent.kind === 'zero' ? extent.length : Math.min(chunk, extent.length);
    if (extent.kind === 'data') {
      await image.read(offset, [data.subarray(0, length)]);
      for (let at = 0; at < length; at += granule) {
        const part = data.subarray(at, Math.min(length, at + granule));
        if (isZero(part)) await image.discard(offset + at, part.length);
      }
    }
    offset += length;
    progress?.(offset, image.size);
  }
  await image.flush();
}
