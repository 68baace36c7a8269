/**
 * What image formats are built on: random access to files, and where the files come from.
 * file/ implements it over host files, memoryFile.ts in memory.
 */

import type { Compression } from './detectFormat.ts';

/** The bytes of an image. Many calls may be in flight; all reject with BlockError. */
export interface ImageFile {
  /** For messages. */
  readonly path: string;
  /** Bytes; grows with writes behind the end. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Fills the buffers in order; bytes beyond the file's end are zero. */
  read(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  write(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  /** As those of BlockBackend; reads that go beyond the file's end are not done. */
  readNow?(offset: number, buffers: readonly Uint8Array[]): boolean;
  writeNow?(offset: number, buffers: readonly Uint8Array[]): boolean;
  /** A write that is durable when it resolves, where that costs less than a flush after it. */
  writeDurable?(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  /** Makes the writes that had resolved before, and the file's size, durable. */
  flush(): Promise<void>;
  /** Makes a range read as zeroes and gives its space back; false if the host cannot do it. */
  punchHole(offset: number, length: number): Promise<boolean>;
  /** Gives a range's space back, whatever it reads as afterwards; where that is more than `punchHole` does. */
  trim?(offset: number, length: number): Promise<void>;
  /** Cuts the file off, or lengthens it with zeroes. */
  resize(size: number): Promise<void>;
  /**
   * The stretch at `offset` that the host stores (data) or has left out (a hole, reading as zeroes);
   * undefined if the host cannot tell.
   */
  stretch(offset: number): Promise<FileStretch | undefined>;
  /** Bytes that the file takes on the host. */
  allocated(): Promise<number>;
  close(): Promise<void>;
}

export interface FileStretch {
  readonly kind: 'data' | 'hole';
  /** At least 1, unless `offset` lies at or behind the end. */
  readonly length: number;
}

/** Decompressors and compressors, which formats are given rather than import. */
export interface Codecs {
  /** Raw deflate (RFC 1951). Rejects with any Error on damaged input or when more than `size` bytes come out. */
  inflate(data: Uint8Array, size: number): Promise<Uint8Array>;
  /** zlib (RFC 1950). */
  inflateZlib(data: Uint8Array, size: number): Promise<Uint8Array>;
  /** One whole Zstandard frame (RFC 8878). */
  unzstd(data: Uint8Array, size: number): Promise<Uint8Array>;
  /** Raw deflate with a window of 4 KiB, as QCOW2 wants. */
  deflate(data: Uint8Array): Promise<Uint8Array>;
  deflateZlib(data: Uint8Array): Promise<Uint8Array>;
  zstd(data: Uint8Array): Promise<Uint8Array>;
}

/** Where an image and the files that it names come from. */
export interface ImageStore {
  readonly codecs: Codecs;
  /** Opens and locks: one writer, or any number of readers. Rejects with BlockError. */
  open(path: string, readOnly: boolean): Promise<ImageFile>;
  /** What a compressed file holds, for reading; `file` is taken over. Rejects with BlockError. */
  unpack(file: ImageFile, compression: Compression): Promise<ImageFile>;
  /** A new file, empty and locked for writing. Rejects with BlockError 'exists'. */
  create(path: string): Promise<ImageFile>;
  /** The absolute path of what the image at `image` calls `name`. */
  resolve(image: string, name: string): string;
  /** How the image at `image` would name the file at the absolute path `target`, relative if it can. */
  relative(image: string, target: string): string;
  /** The folder in which the file really lies, links followed, if it is in none of these; for an NBD export its server. */
  outside(path: string, folders: readonly string[]): Promise<string | undefined>;
  /** The folder that holds the file. */
  folderOf(path: string): string;
  /** Absolute paths of the files in a folder. */
  list(folder: string): Promise<string[]>;
  random(bytes: number): Uint8Array;
  /** Milliseconds since 1970, for the time stamps of some formats. */
  now(): number;
}
