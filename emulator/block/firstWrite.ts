/** Files whose image must be marked as changed before the first change of its data. */
import type { ImageFile } from './imageFile.ts';

/** The file, with `mark` done before anything else is written; a failed one is tried again by the next write. */
export function markedFirst(file: ImageFile, mark: () => Promise<void>): ImageFile {
  let marked: Promise<void> | undefined;
  let done = false;
  const first = async (): Promise<void> => {
    marked ??= mark().catch((error: unknown) => {
      marked = undefined;
      throw error;
    });
    await marked;
    done = true;
  };
  const own: Partial<ImageFile> = {
    write: async (offset, buffers) => {
      await first();
      await file.write(offset, buffers);
    },
    writeNow: (offset, buffers) => done && (file.writeNow?.(offset, buffers) ?? false),
    punchHole: async (offset, length) => {
      await first();
      return file.punchHole(offset, length);
    },
  };
  return new Proxy(file, {
    get: (target, name) => {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
