/** Copies the content of a disk into another one: many requests in flight, zeroes left out. */
import { BlockError } from '../backends/block.ts';
import type { BlockImage, OwnExtent } from './blockImage.ts';
import { isZero } from './bufferList.ts';

const chunkSize = 2 << 20;
const inFlight = 8;
/** Shorter stretches of zeroes are written with what surrounds them. */
const zeroGranule = 65_536;

export interface CopyOptions {
  readonly source: BlockImage;
  readonly target: BlockImage;
  /** Only what the source itself has, not what its backing image has: to merge it into that. */
  readonly ownOnly?: boolean | undefined;
  /** The target is new, so zeroes need not be written. */
  readonly targetIsZero?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the disk that are done. */
  progress?(done: number, total: number): void;
}

/** The target is as long as the source, or longer. Rejects with BlockError; 'cancelled' by the signal. */
export async function copyImage(options: CopyOptions): Promise<void> {
  const { source, target, signal, progress, ownOnly = false, targetIsZero = false } = options;
  const total = source.size;
  const work = new Set<Promise<void>>();
  let failure: unknown;
  let done = 0;
  const advance = (bytes: number): void => progress?.((done += bytes), total);
  const free: Uint8Array[] = [];

  const copy = async (offset: number, length: number): Promise<void> => {
    const buffer = free.pop() ?? new Uint8Array(chunkSize);
    const data = buffer.subarray(0, length);
    await source.read(offset, [data]);
    await writeParts(target, offset, data, targetIsZero);
    free.push(buffer);
    advance(length);
  };
  const start = async (task: Promise<void>): Promise<void> => {
    const tracked = task
      .catch((error: unknown) => void (failure ??= error))
      .finally(() => work.delete(tracked));
    work.add(tracked);
    if (work.size >= inFlight) await Promise.race(work);
  };

  for (let offset = 0; offset < total && failure === undefined;) {
    if (signal?.aborted) failure = new BlockError('cancelled', 'The copy was cancelled.');
    const extent: OwnExtent = ownOnly
      ? await source.ownExtent(offset, total - offset)
      : await source.extent(offset, total - offset);
    if (extent.kind === 'data') {
      const end = offset + extent.length;
      while (offset < end && failure === undefined && !signal?.aborted) {
        // Up to a chunk's boundary, so that clusters are written whole.
        const length = Math.min(end - offset, chunkSize - (offset % chunkSize));
        await start(copy(offset, length));
        offset += length;
      }
      continue;
    }
    if (extent.kind === 'zero' && !targetIsZero)
      await start(target.writeZeroes(offset, extent.length));
    advance(extent.length);
    offset += extent.length;
  }
  await Promise.all(work);
  if (failure !== undefined) throw failure;
  await target.flush();
}

/** Writes the data, stretches of zeroes as such. */
async function writeParts(
  target: BlockImage,
  offset: number,
  data: Uint8Array,
  targetIsZero: boolean,
): Promise<void> {
  for (let at = 0; at < data.length;) {
    const zero = isZero(granuleAt(offset, data, at));
    let end = at + granuleAt(offset, data, at).length;
    while (end < data.length && isZero(granuleAt(offset, data, end)) === zero)
      end += granuleAt(offset, data, end).length;
    if (!zero) await target.write(offset + at, [data.subarray(at, end)]);
    else if (!targetIsZero) await target.writeZeroes(offset + at, end - at);
    at = end;
  }
}

function granuleAt(offset: number, data: Uint8Array, at: number): Uint8Array {
  return data.subarray(at, Math.min(data.length, at + zeroGranule - ((offset + at) % zeroGranule)));
}
