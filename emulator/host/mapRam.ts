/** A file in the place of a machine's RAM, whose pages come when they are used: mmap(2) of Linux, by koffi. */
import type { FileHandle } from 'node:fs/promises';

type Done = (error: unknown, result: number) => void;
interface Calls {
  mmap(
    at: Uint8Array,
    length: number,
    access: number,
    how: number,
    file: number,
    from: number,
  ): number | bigint;
  madvise(at: Uint8Array, length: number, advice: number, done: Done): void;
}

/** PROT_READ | PROT_WRITE */
const READ_WRITE = 0x3;
/** MAP_PRIVATE | MAP_FIXED: in the place of what is there; the file never changes. */
const PRIVATE_FIXED = 0x12;
const WILLNEED = 3;
const hostPage = 4096;

let loaded: Promise<Calls | undefined> | undefined;

async function loadCalls(): Promise<Calls | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const host = koffi.load(null);
    const mmap = host.func(
      'intptr_t mmap64(void *at, size_t length, int access, int how, int file, int64_t from)',
    );
    const madvise = host.func('int madvise(void *at, size_t length, int advice)');
    return {
      mmap: mmap as unknown as Calls['mmap'],
      madvise: (madvise as unknown as { async: Calls['madvise'] }).async,
    };
  } catch {
    return undefined;
  }
}

/**
 * Puts the file's bytes from `from` on in the place of `ram`. Whether it could be done; otherwise `ram` is unchanged. The
 * file, long enough for that, may be closed and removed afterwards, but must never be written or cut off.
 */
export async function mapRam({ fd }: FileHandle, ram: Uint8Array, from = 0): Promise<boolean> {
  if ([ram.byteOffset, ram.length, from].some((value) => value % hostPage !== 0)) return false;
  const calls = await (loaded ??= loadCalls());
  if (calls === undefined) return false;
  // On failure, such as larger pages of the host, nothing has been replaced.
  if (Number(calls.mmap(ram, ram.length, READ_WRITE, PRIVATE_FIXED, fd, from)) === -1) return false;
  // The host reads ahead meanwhile.
  calls.madvise(ram, ram.length, WILLNEED, () => undefined);
  return true;
}
