/** Node's zlib as the codecs that image formats are given; it is loaded when an image first needs it. */
import type zlib from 'node:zlib';
import type { Codecs } from '../imageFile.ts';

type Done = (error: Error | null, result: Buffer) => void;

async function withZlib(start: (library: typeof zlib, done: Done) => void): Promise<Buffer> {
  const { default: library } = await import('node:zlib');
  return new Promise((resolve, reject) => {
    start(library, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

export const nodeCodecs: Codecs = {
  inflate: (data, size) =>
    withZlib((library, done) => library.inflateRaw(data, { maxOutputLength: size }, done)),
  inflateZlib: (data, size) =>
    withZlib((library, done) => library.inflate(data, { maxOutputLength: size }, done)),
  unzstd: (data, size) =>
    withZlib((library, done) => library.zstdDecompress(data, { maxOutputLength: size }, done)),
  deflate: (data) =>
    withZlib((library, done) => library.deflateRaw(data, { windowBits: 12 }, done)),
  deflateZlib: (data) => withZlib((library, done) => library.deflate(data, done)),
  zstd: (data) => withZlib((library, done) => library.zstdCompress(data, done)),
};
