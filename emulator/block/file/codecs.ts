/** Node's zlib as the codecs that image formats are given. */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Codecs } from '../imageFile.ts';

const inflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const inflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflate);
const zstdDecompress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress);
const deflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflate);
const zstdCompress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);

export const nodeCodecs: Codecs = {
  inflate: (data, size) => inflateRaw(data, { maxOutputLength: size }),
  inflateZlib: (data, size) => inflate(data, { maxOutputLength: size }),
  unzstd: (data, size) => zstdDecompress(data, { maxOutputLength: size }),
  deflate: (data) => deflateRaw(data, { windowBits: 12 }),
  deflateZlib: (data) => deflate(data, {}),
  zstd: (data) => zstdCompress(data, {}),
};
