/** Image files of the host: asynchronous vectored I/O, holes, host errors as BlockErrors. */
import { constants, writevSync, type Stats } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { BlockError } from '../../backends/block.ts';
import { dropCached, punchHole, readCached, startWriting, stretchAt } from './fileHoles.ts';
import { lockImage, type ImageLock } from './fileLock.ts';
import { totalLength } from '../bufferList.ts';
import type { FileStretch, ImageFile } from '../imageFile.ts';

export interface OpenImage {
  /** Absolute host path. */
  readonly path: string;
  readonly readOnly: boolean;
  /** Makes a new file; one that is there already is an error. */
  readonly create?: boolean;
  /** Only a look at what is there, which may change meanwhile. */
  readonly unlocked?: boolean;
  /** The host is not to keep it in its cache; what lies there is dropped at flushes and now and then. */
  readonly uncached?: boolean | undefined;
  /** It is filled and then flushed: the host begins early to write what it has in its cache. */
  readonly filling?: boolean | undefined;
  /** Flushes do nothing: what is written is durable when the host comes to it. */
  readonly unflushed?: boolean | undefined;
  /** Others may write to it at the same time, if they share it too. */
  readonly shared?: boolean | undefined;
  /** Who uses the image, for the message that others get: 'the VM "web"'. */
  readonly owner?: string | undefined;
}

/** Opens and locks an image: one writer, any number of readers, or of those that share it. Rejects with BlockError. */
export async function openImageFile({
  path,
  readOnly,
  create = false,
  unlocked = false,
  uncached = false,
  filling = false,
  unflushed = false,
  shared = false,
  owner,
}: OpenImage): Promise<ImageFile> {
  let real: string;
  let handle: FileHandle;
  try {
    if (create) await (await open(path, 'wx')).close();
    real = await realpath(path);
    const status = await stat(real);
    // Opening a pipe would wait for its other end.
    if (!status.isFile())
      throw new BlockError('missing', `${path} is ${kindOf(status)}, not a disk image.`);
    handle = await open(real, readOnly ? constants.O_RDONLY : constants.O_RDWR);
  } catch (error) {
    if (error instanceof BlockError) throw error;
    throw openError(error, path, readOnly);
  }
  let lock: ImageLock | undefined;
  try {
    const status = await handle.stat();
    const kind = readOnly ? 'reader' : shared ? 'sharing' : 'writer';
    if (!unlocked) lock = await lockImage(real, { kind, owner: owner ?? 'another VM' });
    const { size } = status;
    return new FileImage({ path, readOnly, handle, lock, size, uncached, filling, unflushed });
  } catch (error) {
    await lock?.release();
    await handle.close();
    throw error instanceof BlockError ? error : hostError(error, path, 'opened');
  }
}

/** A file without a name that holds what is in `path`, for reading. */
export const wrapNameless =
  (path: string) =>
  (handle: FileHandle, size: number): ImageFile =>
    new FileImage({
      path,
      readOnly: true,
      handle,
      lock: undefined,
      size,
      uncached: false,
      filling: false,
      unflushed: false,
    });

/** What the host may keep of an uncached file for what is read. Bytes. */
const cachedAtMost = 32 << 20;
/** What is read without another thread if the host has it in its cache. Bytes. */
const readAtOnce = 256 << 10;
/** What is written without another thread. Bytes. */
const writtenAtOnce = 128 << 10;
/** Buffers of both. */
const mostAtOnce = 128;
const slowWriteMs = 5;
const leastLaterMs = 1000;
/** Writes. */
const quickForAWhile = 1000;
/** What a file that is being filled gathers before the host begins to write. Bytes. */
const gathered = 32 << 20;

class FileImage implements ImageFile {
  readonly path: string;
  readonly readOnly: boolean;
  readonly #handle: FileHandle;
  readonly #lock: ImageLock | undefined;
  readonly #uncached: boolean;
  readonly #filling: boolean;
  readonly #unflushed: boolean;
  /** Bytes written since the host was told to begin. */
  #writtenSince = 0;
  /** Until then (performance.now()) no write is tried on this thread. */
  #writesLaterUntil = 0;
  #writesLaterMs = leastLaterMs;
  #slowWrites = 0;
  #quickWrites = 0;
  /** Bytes read since the host's cache was dropped. */
  #readSince = 0;
  #size: number;
  #closed: Promise<void> | undefined;
  #begun: Promise<void> | undefined;

  constructor(parts: {
    readonly path: string;
    readonly readOnly: boolean;
    readonly handle: FileHandle;
    readonly lock: ImageLock | undefined;
    readonly size: number;
    readonly uncached: boolean;
    readonly filling: boolean;
    readonly unflushed: boolean;
  }) {
    this.#filling = parts.filling;
    this.#unflushed = parts.unflushed;
    this.#uncached = parts.uncached;
    this.path = parts.path;
    this.readOnly = parts.readOnly;
    this.#handle = parts.handle;
    this.#lock = parts.lock;
    this.#size = parts.size;
  }

  get size(): number {
    return this.#size;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (this.readNow(offset, buffers)) return;
    await this.#transfer(offset, buffers, 'read', async (rest, at) => {
      const { bytesRead } = await this.#handle.readv(rest, at);
      this.#readSince += bytesRead;
      if (this.#uncached && this.#readSince > cachedAtMost) await this.#dropCache();
      if (bytesRead > 0) return bytesRead;
      for (const buffer of rest) buffer.fill(0);
      return Infinity;
    });
  }

  readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    // Longer ones would hold up the guest, and cost little more by another thread.
    const short = buffers.length <= mostAtOnce && totalLength(buffers) <= readAtOnce;
    return short && !this.#uncached && readCached(this.#handle.fd, offset, buffers);
  }

  writeNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    if (buffers.length > mostAtOnce || !this.#isQuick(buffers)) return false;
    try {
      const written = this.#writeNow(buffers, offset);
      this.#noteWritten(offset, written);
      return written === totalLength(buffers);
    } catch {
      // The caller's write() finds the same and says what it is.
      return false;
    }
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#transfer(offset, buffers, 'written', async (rest, at) => {
      const bytesWritten = this.#isQuick(rest)
        ? this.#writeNow(rest, at)
        : (await this.#handle.writev(rest, at)).bytesWritten;
      this.#noteWritten(at, bytesWritten);
      return bytesWritten;
    });
  }

  #noteWritten(at: number, count: number): void {
    this.#size = Math.max(this.#size, at + count);
    this.#writtenSince += count;
    if (!this.#filling || this.#writtenSince < gathered) return;
    this.#writtenSince = 0;
    this.#begun = startWriting(this.#handle.fd);
  }

  #isQuick(buffers: readonly Uint8Array[]): boolean {
    return totalLength(buffers) <= writtenAtOnce && performance.now() >= this.#writesLaterUntil;
  }

  /**
   * Into the host's cache, which takes microseconds where another thread takes a hundred. A host that has too much to write
   * makes its writers wait: after two slow writes on end (one may only have been interrupted) others go by another
   * thread, for longer each time until writes have been quick for a while.
   */
  #writeNow(buffers: readonly Uint8Array[], at: number): number {
    const began = performance.now();
    const written = writevSync(this.#handle.fd, buffers, at);
    const end = performance.now();
    if (end - began <= slowWriteMs) {
      this.#slowWrites = 0;
      if (++this.#quickWrites >= quickForAWhile) this.#writesLaterMs = leastLaterMs;
    } else {
      this.#quickWrites = 0;
      if (++this.#slowWrites >= 2) {
        this.#slowWrites = 0;
        this.#writesLaterUntil = end + this.#writesLaterMs;
        this.#writesLaterMs = Math.min(60_000, this.#writesLaterMs * 2);
      }
    }
    return written;
  }

  /** Repeats `step` for what a short transfer has left over. */
  async #transfer(
    offset: number,
    buffers: readonly Uint8Array[],
    verb: string,
    step: (rest: Uint8Array[], at: number) => Promise<number>,
  ): Promise<void> {
    let rest = buffers.filter((buffer) => buffer.length > 0);
    let at = offset;
    try {
      while (rest.length > 0) {
        // IOV_MAX of Linux is 1024.
        const done = await step(rest.slice(0, 1024), at);
        at += done;
        rest = after(rest, done);
      }
    } catch (error) {
      throw hostError(error, this.path, verb);
    }
  }

  async flush(): Promise<void> {
    if (this.#unflushed) return;
    try {
      await this.#handle.datasync();
      if (this.#uncached) await this.#dropCache();
    } catch (error) {
      throw hostError(error, this.path, 'flushed');
    }
  }

  async #dropCache(): Promise<void> {
    this.#readSince = 0;
    await dropCached(this.#handle.fd);
  }

  punchHole(offset: number, length: number): Promise<boolean> {
    return punchHole(this.#handle.fd, offset, length);
  }

  async resize(size: number): Promise<void> {
    try {
      await this.#handle.truncate(size);
      this.#size = size;
    } catch (error) {
      throw hostError(error, this.path, 'resized');
    }
  }

  stretch(offset: number): Promise<FileStretch | undefined> {
    return stretchAt(this.#handle.fd, offset, this.#size);
  }

  async allocated(): Promise<number> {
    return (await this.#handle.stat()).blocks * 512;
  }

  close(): Promise<void> {
    this.#closed ??= Promise.resolve(this.#begun)
      .then(() => this.#handle.close())
      .finally(() => this.#lock?.release());
    return this.#closed;
  }
}

/** The buffers without their first `count` bytes. */
function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length;
    else {
      rest.push(skip === 0 ? buffer : buffer.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}

const kindOf = (status: Stats): string =>
  status.isDirectory() ? 'a folder' : status.isBlockDevice() ? 'a host device' : 'a special file';

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? error);

function openError(error: unknown, path: string, readOnly: boolean): BlockError {
  const options = { cause: error };
  switch (codeOf(error)) {
    case 'EEXIST':
      return new BlockError('exists', `There is a file ${path} already.`, options);
    case 'ENOENT':
    case 'ENOTDIR':
      return new BlockError('missing', `The disk image ${path} does not exist.`, options);
    case 'EACCES':
    case 'EPERM':
      return new BlockError(
        'permission',
        `You may not ${readOnly ? 'read' : 'write to'} the disk image ${path}.`,
        options,
      );
    case 'EROFS':
      return new BlockError(
        'read-only',
        `The disk image ${path} lies on a read-only file system.`,
        options,
      );
    default:
      return hostError(error, path, 'opened');
  }
}

function hostError(error: unknown, path: string, verb: string): BlockError {
  const options = { cause: error };
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new BlockError(
        'no-space',
        `The host has no space left for the disk image ${path}.`,
        options,
      );
    case 'EFBIG':
      return new BlockError(
        'no-space',
        `The host's file system takes no file of the size of ${path}.`,
        options,
      );
    case 'EROFS':
      return new BlockError(
        'read-only',
        `The disk image ${path} lies on a read-only file system.`,
        options,
      );
    default:
      return new BlockError(
        'io',
        `The disk image ${path} could not be ${verb} (${codeOf(error)}).`,
        options,
      );
  }
}
