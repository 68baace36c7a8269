/** Gives an image what it will no longer find in its backing image, before that becomes another one. */
import { BlockError } from '../backends/block.ts';
import type { BlockImage } from './blockImage.ts';

const chunkSize = 1 << 20;

export interface RebaseOptions {
  readonly image: BlockImage;
  /** The image that it will build on. */
  readonly backing: BlockImage | undefined;
  readonly signal?: AbortSignal | undefined;
  progress?: ((done: number, total: number) => void) | undefined;
}

/** The disk reads as before with either backing image afterwards. Rejects with BlockError; 'cancelled' by the signal. */
export async function rebaseImage({
  image,
  backing,
  signal,
  progress,
}: RebaseOptions): Promise<void> {
  const total = image.size;
  for (let offset = 0; offset < total;) {
    if (signal?.aborted) throw new BlockError('cancelled', 'The work was cancelled.');
    const { kind, length } = await image.ownExtent(offset, total - offset);
    const end = offset + length;
    if (kind === 'absent')
      for (let at = offset; at < end; at += chunkSize) {
        const size = Math.min(chunkSize, end - at);
        const [before, after] = [new Uint8Array(size), new Uint8Array(size)];
        await image.read(at, [before]);
        const there = Math.max(0, Math.min(size, (backing?.size ?? 0) - at));
        if (there > 0) await backing?.read(at, [after.subarray(0, there)]);
        await writeDifferences(image, at, before, after);
      }
    offset = end;
    progress?.(offset, total);
  }
  await image.flush();
}

const granule = 65_536;

async function writeDifferences(
  image: BlockImage,
  at: number,
  before: Uint8Array,
  after: Uint8Array,
): Promise<void> {
  for (let from = 0; from < before.length; from += granule) {
    const part = before.subarray(from, from + granule);
    const other = after.subarray(from, from + granule);
    if (part.some((byte, i) => byte !== other[i])) await image.write(at + from, [part]);
  }
}
