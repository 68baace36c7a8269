/** Opens a disk of a VM: the one place that knows which formats there are. */
import type { BlockBackend } from '../backends/block.ts';
import { openImageFile } from './fileImage.ts';
import { RawDisk } from './rawDisk.ts';

export interface DiskChoice {
  /** Absolute host path. */
  readonly path: string;
  readonly format: 'raw';
  readonly readOnly: boolean;
  /** Who uses it, for the message that others get while it is locked: 'the VM "web"'. */
  readonly owner?: string | undefined;
}

/** Rejects with BlockError, whose message names the file. Closing the disk releases its lock. */
export async function openDisk(choice: DiskChoice): Promise<BlockBackend> {
  const file = await openImageFile(choice);
  try {
    return await RawDisk.open(file, choice.readOnly);
  } catch (error) {
    await file.close();
    throw error;
  }
}
