/**
 * Compressed images (.gz, .xz, .zst) as files to read: what comes out is kept in a sparse file without a name while the
 * image is open. Only what is not zero takes room there.
 */
import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { BlockError } from '../../backends/block.ts';
import type { Compression } from '../detectFormat.ts';
import type { ImageFile } from '../imageFile.ts';
import { xzStreams } from './xzStreams.ts';

/** Larger disks can hardly be meant; a few bytes could stand for any number of zeroes. */
const mostBytes = 2 ** 38; // 256 GiB
const part = 65_536;
const zeroes = Buffer.alloc(part);
/** What is read of the compressed file at a time. */
const chunk = 1 << 20;

/** Where the content goes; what is not written is zero. */
export interface UnpackTarget {
  write(offset: number, bytes: Uint8Array): Promise<unknown>;
  /** The content, `size` bytes, for reading. */
  finish(size: number): Promise<ImageFile>;
  abandon(): Promise<void>;
}

/** Takes over `file`, which is closed when its content is known or is damaged. Rejects with BlockError. */
export async function unpackImage(
  file: ImageFile,
  compression: Compression,
  openTarget: () => Promise<UnpackTarget>,
): Promise<ImageFile> {
  let target: UnpackTarget | undefined;
  try {
    target = await openTarget();
    let at = 0;
    for await (const piece of unpacked(file, compression)) {
      checkSize(at + piece.length, file);
      await writeParts(target, at, piece);
      at += piece.length;
    }
    const content = await target.finish(at);
    await file.close();
    return content;
  } catch (error) {
    await target?.abandon();
    await file.close();
    throw asBlockError(error, file.path, compression);
  }
}

/** A file of the host that goes when it is closed. */
export async function namelessTarget(
  wrap: (handle: FileHandle, size: number) => ImageFile,
): Promise<UnpackTarget> {
  const name = path.join(os.tmpdir(), `guesthouse-${randomUUID()}`);
  const handle = await open(name, 'wx+', 0o600);
  // Where open files cannot be removed it stays until the next start of the host.
  await rm(name).catch(() => undefined);
  return {
    write: (offset, bytes) => handle.write(bytes, 0, bytes.length, offset),
    finish: async (size) => {
      await handle.truncate(size);
      return wrap(handle, size);
    },
    abandon: () => handle.close(),
  };
}

async function* packed(file: ImageFile, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += chunk) {
    const bytes = new Uint8Array(Math.min(chunk, end - at));
    await file.read(at, [bytes]);
    yield bytes;
  }
}

async function* unpacked(file: ImageFile, compression: Compression): AsyncGenerator<Uint8Array> {
  if (compression === 'xz') return yield* unpackedXz(file);
  const { default: zlib } = await import('node:zlib');
  const source = Readable.from(packed(file, 0, file.size));
  const decompress = compression === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress();
  source.on('error', (error) => decompress.destroy(error));
  yield* source.pipe(decompress) as AsyncIterable<Uint8Array>;
}

async function* unpackedXz(file: ImageFile): AsyncGenerator<Uint8Array> {
  const streams = await xzStreams(file);
  checkSize(
    streams.reduce((sum, { size }) => sum + size, 0),
    file,
  );
  const { default: xz } = await import('xz-decompress');
  for (const { start, end, size } of streams) {
    const source = Readable.toWeb(Readable.from(packed(file, start, end)));
    let left = size;
    const content = new xz.XzReadableStream(source as never);
    for await (const piece of content as unknown as AsyncIterable<Uint8Array>) {
      left -= piece.length;
      yield piece;
    }
    if (left !== 0) throw new Error('its index does not fit it');
  }
}

function checkSize(size: number, file: ImageFile): void {
  if (size <= mostBytes) return;
  throw new BlockError(
    'unsupported',
    `The compressed disk image ${file.path} holds more than ${mostBytes / 2 ** 30} GiB.`,
  );
}

async function writeParts(target: UnpackTarget, at: number, piece: Uint8Array): Promise<void> {
  for (let from = 0; from < piece.length; from += part) {
    const bytes = piece.subarray(from, from + part);
    if (!zeroes.subarray(0, bytes.length).equals(bytes)) await target.write(at + from, bytes);
  }
}

function asBlockError(error: unknown, name: string, compression: Compression): BlockError {
  if (error instanceof BlockError) return error;
  const options = { cause: error };
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
    return new BlockError(
      'no-space',
      `The host has no space in ${os.tmpdir()} for what the compressed disk image ${name} holds.`,
      options,
    );
  return new BlockError(
    'corrupt',
    `The disk image ${name} cannot be decompressed (${compression}): ${(error as Error).message}.`,
    options,
  );
}
