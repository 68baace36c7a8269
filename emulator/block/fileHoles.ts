/** Giving a file's space back to the host: fallocate(2) on Linux, which Node does not offer. */
type Fallocate = (
  file: number,
  mode: number,
  offset: number,
  length: number,
  done: (error: unknown, result: number) => void,
) => void;

/** FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE (linux/falloc.h) */
const PUNCH_HOLE_KEEP_SIZE = 0x03;

let loaded: Promise<Fallocate | undefined> | undefined;

async function loadFallocate(): Promise<Fallocate | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const call = koffi
      .load(null)
      .func('int fallocate64(int file, int mode, int64_t offset, int64_t length)');
    return (call as unknown as { async: Fallocate }).async;
  } catch {
    // Without the library or on another libc: the caller writes zeroes instead.
    return undefined;
  }
}

/** False if the host or its file system cannot do it; the range is then unchanged. */
export async function punchHole(file: number, offset: number, length: number): Promise<boolean> {
  loaded ??= loadFallocate();
  const fallocate = await loaded;
  if (fallocate === undefined || length === 0) return length === 0;
  return new Promise((resolve) => {
    fallocate(file, PUNCH_HOLE_KEEP_SIZE, offset, length, (error, result) =>
      resolve(error == null && result === 0),
    );
  });
}
