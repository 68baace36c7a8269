/** What every image refuses before it does anything. */
import { BlockError } from '../backends/block.ts';

interface Checked {
  /** Of the image's file, for the message. */
  readonly path: string;
  /** Of the disk, in bytes. */
  readonly size: number;
}

/** Throws BlockError 'io' for an access outside the disk. */
export function checkRange({ path, size }: Checked, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new BlockError(
      'io',
      `Access at ${offset}+${length} lies outside the disk ${path} of ${size} bytes.`,
    );
}

/** Throws BlockError 'read-only'. */
export function checkWritable(path: string, readOnly: boolean): void {
  if (readOnly) throw new BlockError('read-only', `The disk image ${path} is attached read-only.`);
}
