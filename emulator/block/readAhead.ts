/**
 * Reads ahead on media that cannot change: loaders and installers read a CD-ROM a few sectors at a time, and each read
 * of the host costs them a sleep of the machine.
 */
import { BlockError, type BlockBackend } from '../backends/block.ts';

/** What is read at once, in bytes, and how many such stretches are kept. */
const stretchSize = 128 * 1024;
const stretchesKept = 8;

interface Stretch {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** The same medium, which must be read-only; closing it closes `medium`. */
export function readAhead(medium: BlockBackend): BlockBackend {
  /** Last used last. What cannot be read is not kept. */
  let stretches: { readonly start: number; readonly content: Promise<Stretch> }[] = [];

  const stretchAt = (start: number): Promise<Stretch> => {
    const kept = stretches.find((stretch) => stretch.start === start);
    stretches = stretches.filter((stretch) => stretch !== kept);
    const content = kept?.content ?? fetch(start);
    stretches.push({ start, content });
    if (stretches.length > stretchesKept) stretches.shift();
    content.catch(() => (stretches = stretches.filter((stretch) => stretch.content !== content)));
    return content;
  };
  const fetch = async (start: number): Promise<Stretch> => {
    const bytes = new Uint8Array(Math.min(stretchSize, medium.size - start));
    await medium.read(start, [bytes]);
    return { start, bytes };
  };
  return {
    size: medium.size,
    readOnly: true,
    read: async (offset, buffers) => {
      const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
      const first = offset - (offset % stretchSize);
      const last = offset + length - 1;
      // Beyond the end, or as much as would be read ahead.
      if (offset + length > medium.size || length >= stretchSize)
        return medium.read(offset, buffers);
      let parts: Stretch[];
      try {
        parts = await Promise.all(
          last < first + stretchSize
            ? [stretchAt(first)]
            : [stretchAt(first), stretchAt(first + stretchSize)],
        );
      } catch {
        // What is wrong may lie beside what was asked for.
        return medium.read(offset, buffers);
      }
      let at = offset;
      for (const buffer of buffers) {
        for (const { start, bytes } of parts) {
          const from = Math.max(at, start);
          const to = Math.min(at + buffer.length, start + bytes.length);
          if (from < to) buffer.set(bytes.subarray(from - start, to - start), from - at);
        }
        at += buffer.length;
      }
    },
    write: () => Promise.reject(new BlockError('read-only', 'The medium is read-only.')),
    flush: () => Promise.resolve(),
    close: () => medium.close(),
  };
}
