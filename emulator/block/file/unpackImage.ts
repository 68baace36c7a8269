/**
 * Compressed images (.gz, .xz, .zst) as files to read: what comes out is kept in a sparse file without a name while the
 * image is open. Only what is not zero takes room there.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { BlockError } from '../../backends/block.ts';
import type { Compression } from '../detectFormat.ts';
import type { ImageFile } from '../imageFile.ts';

/** Larger disks can hardly be meant; a few bytes could stand for any number of zeroes. */
const mostBytes = 2 ** 38; // 256 GiB
const part = 65_536;
const zeroes = Buffer.alloc(part);

/** Takes over `file`, which is closed when its content is known or is damaged. Rejects with BlockError. */
export async function unpackImage(
  file: ImageFile,
  compression: Compression,
  wrap: (handle: FileHandle, size: number) => ImageFile,
): Promise<ImageFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await openNameless();
    const size = await unpackInto(handle, await unpacked(file.path, compression), file.path);
    await file.close();
    return wrap(handle, size);
  } catch (error) {
    await handle?.close();
    await file.close();
    throw asBlockError(error, file.path, compression);
  }
}

async function openNameless(): Promise<FileHandle> {
  const name = path.join(os.tmpdir(), `guesthouse-${randomUUID()}`);
  const handle = await open(name, 'wx+', 0o600);
  // Where open files cannot be removed it stays until the next start of the host.
  await rm(name).catch(() => undefined);
  return handle;
}

async function unpacked(
  name: string,
  compression: Compression,
): Promise<AsyncIterable<Uint8Array>> {
  const source = createReadStream(name, { highWaterMark: 1 << 20 });
  if (compression === 'xz') {
    const { default: xz } = await import('xz-decompress');
    const stream = new xz.XzReadableStream(Readable.toWeb(source) as never);
    return stream as unknown as ReadableStream<Uint8Array>;
  }
  const { default: zlib } = await import('node:zlib');
  const decompress = compression === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress();
  source.on('error', (error) => decompress.destroy(error));
  return source.pipe(decompress);
}

async function unpackInto(
  handle: FileHandle,
  content: AsyncIterable<Uint8Array>,
  name: string,
): Promise<number> {
  let at = 0;
  for await (const piece of content) {
    if (at + piece.length > mostBytes)
      throw new BlockError(
        'unsupported',
        `The compressed disk image ${name} holds more than ${mostBytes / 2 ** 30} GiB.`,
      );
    for (let from = 0; from < piece.length; from += part) {
      const bytes = piece.subarray(from, from + part);
      if (!zeroes.subarray(0, bytes.length).equals(bytes))
        await handle.write(bytes, 0, bytes.length, at + from);
    }
    at += piece.length;
  }
  await handle.truncate(at);
  return at;
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
