/** Opens a disk of a VM from host files. */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage } from '../blockImage.ts';
import { openImage, type OpenChoice } from '../openImage.ts';
import { hostStore } from './hostStore.ts';

export interface DiskChoice extends OpenChoice {
  /** Who uses it, for the message that others get while it is locked: 'the VM "web"'. */
  readonly owner?: string | undefined;
  /** The host is not to keep the images in its cache. */
  readonly uncached?: boolean | undefined;
  /** Others that say so too may write to it at the same time: for raw images, whose readers keep nothing in memory. */
  readonly shared?: boolean | undefined;
}

/** Rejects with BlockError, whose message names the file. Closing the disk releases its locks. */
export async function openDisk(choice: DiskChoice): Promise<BlockImage> {
  const { owner, uncached, shared, path } = choice;
  const image = await openImage(hostStore(owner, { uncached, shared }), choice);
  if (!shared || image.format === 'raw') return image;
  await image.close();
  throw new BlockError(
    'unsupported',
    `The disk image ${path} (${image.format}) cannot be shared: only raw images have no tables that one alone may change.`,
  );
}
