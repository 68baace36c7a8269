/** Opens a disk of a VM from host files. */
import type { BlockImage } from '../blockImage.ts';
import { openImage, type OpenChoice } from '../openImage.ts';
import { hostStore } from './hostStore.ts';

export interface DiskChoice extends OpenChoice {
  /** Who uses it, for the message that others get while it is locked: 'the VM "web"'. */
  readonly owner?: string | undefined;
  /** The host is not to keep the images in its cache. */
  readonly uncached?: boolean | undefined;
}

/** Rejects with BlockError, whose message names the file. Closing the disk releases its locks. */
export function openDisk(choice: DiskChoice): Promise<BlockImage> {
  return openImage(hostStore(choice.owner, { uncached: choice.uncached }), choice);
}
