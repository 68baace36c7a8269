/**
 * Holes of files and the host's cache of them, which Node does not know: fallocate(2), lseek(2), posix_fadvise(2),
 * sync_file_range(2) and preadv2(2) of Linux, by koffi.
 */
import type { FileStretch } from '../imageFile.ts';

type Done = (error: unknown, result: number) => void;
interface Calls {
  fallocate(file: number, mode: number, offset: number, length: number, done: Done): void;
  lseek(file: number, offset: number, whence: number): number;
  fadvise(file: number, offset: number, length: number, advice: number, done: Done): void;
  /** `list`: an iovec per buffer. */
  preadv2(file: number, list: Uint32Array, count: number, offset: number, flags: number): number;
  addressOf(memory: Uint8Array): number;
  syncRange(file: number, offset: number, length: number, flags: number, done: Done): void;
}

/** FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE (linux/falloc.h) */
const PUNCH_HOLE_KEEP_SIZE = 0x03;
/** lseek(2) */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** POSIX_FADV_DONTNEED */
const DONTNEED = 4;
/** SYNC_FILE_RANGE_WRITE */
const START_WRITING = 2;
/** RWF_NOWAIT (linux/fs.h) */
const NO_WAIT = 8;

/** Where struct iovec is an address and a length of 64 bits each, the low halves first. */
const iovecKnown = process.arch === 'x64' || process.arch === 'arm64';

/** Loading koffi takes some 20 ms, as long as so many reads by another thread. */
const readsWorthLoading = 200;
let readsAsked = 0;

let loaded: Promise<Calls | undefined> | undefined;
/** What `loaded` has resolved with. */
let atHand: Calls | undefined;

async function loadCalls(): Promise<Calls | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const host = koffi.load(null);
    const fallocate = host.func(
      'int fallocate64(int file, int mode, int64_t offset, int64_t length)',
    );
    const fadvise = host.func(
      'int posix_fadvise64(int file, int64_t offset, int64_t length, int advice)',
    );
    const syncRange = host.func(
      'int sync_file_range(int file, int64_t offset, int64_t length, unsigned int flags)',
    );
    const preadv2 = host.func(
      'int64_t preadv2(int file, void *list, int count, int64_t offset, int flags)',
    );
    const lseek = host.func('int64_t lseek64(int file, int64_t offset, int whence)');
    atHand = {
      preadv2: preadv2 as unknown as Calls['preadv2'],
      fallocate: (fallocate as unknown as { async: Calls['fallocate'] }).async,
      addressOf: (memory) => Number(koffi.address(memory)),
      lseek: lseek as unknown as Calls['lseek'],
      fadvise: (fadvise as unknown as { async: Calls['fadvise'] }).async,
      syncRange: (syncRange as unknown as { async: Calls['syncRange'] }).async,
    };
    return atHand;
  } catch {
    // Without the library or on another libc: the caller writes zeroes instead.
    return undefined;
  }
}

/** False if the host or its file system cannot do it; the range is then unchanged. */
export async function punchHole(file: number, offset: number, length: number): Promise<boolean> {
  const calls = await (loaded ??= loadCalls());
  if (calls === undefined || length === 0) return length === 0;
  return new Promise((resolve) => {
    calls.fallocate(file, PUNCH_HOLE_KEEP_SIZE, offset, length, (error, result) =>
      resolve(error == null && result === 0),
    );
  });
}

/** The host forgets what it has in its cache of a file and is durable. Only advice: the host may keep it. */
export async function dropCached(file: number): Promise<void> {
  const calls = await (loaded ??= loadCalls());
  if (calls === undefined) return;
  await new Promise<void>((resolve) => {
    calls.fadvise(file, 0, 0, DONTNEED, () => resolve());
  });
}

/**
 * Reads at once what the host has in its cache: false if it has not all of it, or cannot tell. A request by Node goes through
 * another thread and costs a hundred times as much as such a read, on a busy host a thousand times.
 */
export function readCached(file: number, offset: number, buffers: readonly Uint8Array[]): boolean {
  if (atHand === undefined || !iovecKnown) {
    if (++readsAsked === readsWorthLoading) loaded ??= loadCalls();
    return false;
  }
  let length = 0;
  const list = new Uint32Array(4 * buffers.length);
  for (let i = 0; i < buffers.length; i++) {
    const buffer = buffers[i] as Uint8Array;
    const address = startOf(buffer.buffer, atHand) + buffer.byteOffset;
    list[4 * i] = address;
    list[4 * i + 1] = address / 0x1_0000_0000;
    list[4 * i + 2] = buffer.length;
    length += buffer.length;
  }
  try {
    return Number(atHand.preadv2(file, list, buffers.length, offset, NO_WAIT)) === length;
  } catch {
    return false;
  }
}

/** Addresses of whole buffers, which do not move. */
const starts = new WeakMap<ArrayBufferLike, number>();

function startOf(buffer: ArrayBufferLike, { addressOf }: Calls): number {
  let start = starts.get(buffer);
  if (start === undefined) starts.set(buffer, (start = addressOf(new Uint8Array(buffer))));
  return start;
}

/** The host begins to write what a file has in its cache only, so that a flush finds less to do. Only advice. */
export async function startWriting(file: number): Promise<void> {
  const calls = await (loaded ??= loadCalls());
  if (calls === undefined) return;
  await new Promise<void>((resolve) => {
    calls.syncRange(file, 0, 0, START_WRITING, () => resolve());
  });
}

/** The data or hole at `offset`; undefined if the host cannot tell. Vectored I/O does not use the file's position. */
export async function stretchAt(
  file: number,
  offset: number,
  size: number,
): Promise<FileStretch | undefined> {
  const calls = await (loaded ??= loadCalls());
  if (calls === undefined) return undefined;
  if (offset >= size) return { kind: 'hole', length: 0 };
  const hole = Number(calls.lseek(file, offset, SEEK_HOLE));
  if (hole < 0) return undefined;
  if (hole > offset) return { kind: 'data', length: Math.min(hole, size) - offset };
  const data = Number(calls.lseek(file, offset, SEEK_DATA));
  // ENXIO: there is no data any more.
  return { kind: 'hole', length: (data < 0 ? size : Math.min(data, size)) - offset };
}
