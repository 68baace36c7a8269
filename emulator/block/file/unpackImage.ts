/**
 * Compressed images (.gz, .xz, .zst) as files to read. Those made of parts that can be unpacked by themselves are read in place:
 * blocks of xz, frames of zstd that tell their length, members of BGZF. What others hold is kept in a sparse file without a name
 * while the image is open; only what is not zero takes room there.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { BlockError } from '../../backends/block.ts';
import type { Compression } from '../detectFormat.ts';
import type { ImageFile } from '../imageFile.ts';
import { bgzfHeader, bgzfMembers, gzipTrailer } from './bgzfMembers.ts';
import { nodeCodecs } from './codecs.ts';
import { PartedFile, type PackedContent, type Part } from './packedParts.ts';
import { unpackXzBlock, xzBlocks, type XzBlocks } from './xzBlocks.ts';
import { zstdFrames } from './zstdFrames.ts';

/** Larger disks can hardly be meant; a few bytes could stand for any number of zeroes. */
const mostBytes = 2 ** 38; // 256 GiB
const part = 65_536;
const zeroes = Buffer.alloc(part);
const longestTurnMs = 20;
/** What is read of the compressed file at a time. */
const chunk = 1 << 20;

/** Where the content goes; what is not written is zero. */
export interface UnpackTarget {
  write(offset: number, bytes: Uint8Array): Promise<unknown>;
  /** The content, `size` bytes, for reading. */
  finish(size: number): Promise<ImageFile>;
  abandon(): Promise<void>;
}

/** Takes over `file`; `openTarget` is asked for a place if the content cannot be read in place. Rejects with BlockError. */
export async function unpackImage(
  file: ImageFile,
  compression: Compression,
  openTarget: () => Promise<UnpackTarget>,
): Promise<ImageFile> {
  let target: UnpackTarget | undefined;
  try {
    const blocks = compression === 'xz' ? await xzBlocks(file) : undefined;
    const inPlace = await partsOf(file, compression, blocks);
    if (inPlace !== undefined) return new PartedFile(file, inPlace);
    target = await openTarget();
    let at = 0;
    const pieces = blocks === undefined ? unpacked(file, compression) : unpackedXz(file, blocks);
    for await (const piece of pieces) {
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
  const name = path.join(spaceForLarge(), `guesthouse-${randomUUID()}`);
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

/** The host's folder for large files that go soon: /tmp lies in memory on many hosts (FHS 3.0 §5.15). */
function spaceForLarge(): string {
  const { TMPDIR } = process.env;
  return TMPDIR === undefined && existsSync('/var/tmp') ? '/var/tmp' : os.tmpdir();
}

/** The parts of the file, and how they are unpacked; undefined: there are none, or they are too large. */
async function partsOf(
  file: ImageFile,
  compression: Compression,
  blocks: XzBlocks | undefined,
): Promise<PackedContent | undefined> {
  const parts =
    blocks?.parts ?? (compression === 'gzip' ? await bgzfMembers(file) : await zstdFrames(file));
  if (parts === undefined || !parts.fit) return undefined;
  const error = (cause: unknown): BlockError => asBlockError(cause, file.path, compression);
  const unpack = async (part: Part): Promise<Uint8Array> => {
    if (blocks !== undefined) return collected(unpackXzBlock(file, blocks.block(part)), part);
    const bytes = new Uint8Array(part.packed);
    await file.read(part.at, [bytes]);
    if (compression === 'zstd') return nodeCodecs.unzstd(bytes, part.size);
    const content = await nodeCodecs.inflate(bytes.subarray(bgzfHeader, -gzipTrailer), part.size);
    const { crc32 } = await import('node:zlib');
    const checksum = new DataView(bytes.buffer).getUint32(bytes.length - gzipTrailer, true);
    if (crc32(content) !== checksum) throw new Error('a checksum does not fit');
    return content;
  };
  return { parts, unpack, error };
}

async function collected(pieces: AsyncIterable<Uint8Array>, { size }: Part): Promise<Uint8Array> {
  const content = new Uint8Array(size);
  let done = 0;
  let turn = performance.now();
  for await (const piece of pieces) {
    // It goes on from promise to promise, and nobody else would have a turn before the part's end.
    if (performance.now() - turn > longestTurnMs) {
      await new Promise((resolve) => setImmediate(resolve));
      turn = performance.now();
    }
    if (done + piece.length > size) throw new Error('its index does not fit it');
    content.set(piece, done);
    done += piece.length;
  }
  return content.subarray(0, done);
}

async function* packed(file: ImageFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += chunk) {
    const bytes = new Uint8Array(Math.min(chunk, file.size - at));
    await file.read(at, [bytes]);
    yield bytes;
  }
}

async function* unpacked(file: ImageFile, compression: Compression): AsyncGenerator<Uint8Array> {
  const { default: zlib } = await import('node:zlib');
  const source = Readable.from(packed(file));
  const decompress = compression === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress();
  source.on('error', (error) => decompress.destroy(error));
  yield* source.pipe(decompress) as AsyncIterable<Uint8Array>;
}

async function* unpackedXz(
  file: ImageFile,
  { parts, block }: XzBlocks,
): AsyncGenerator<Uint8Array> {
  checkSize(parts.size, file);
  for (let i = 0; i < parts.length; i++) {
    const part = parts.get(i);
    let left = part.size;
    for await (const piece of unpackXzBlock(file, block(part))) {
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
      `The host has no space in ${spaceForLarge()} for what the compressed disk image ${name} holds.`,
      options,
    );
  return new BlockError(
    'corrupt',
    `The disk image ${name} cannot be decompressed (${compression}): ${(error as Error).message}.`,
    options,
  );
}
