/**
 * .xz files (xz file format 1.1.0) with LZMA2, alone or behind the x86 branch filter, as Linux
 * kernels use it. The library that decodes LZMA2 knows no filters; so every block is wrapped anew
 * as a plain stream for it, and the filter is undone here. Of the checks, CRC32 is verified.
 */
import { crc32 } from 'node:zlib';
import xz from 'xz-decompress';
import { decodeBcjX86 } from './bcjX86.ts';

export class XzError extends Error {
  override name = 'XzError';
}

const filterId = { x86: 0x04, lzma2: 0x21 } as const;
/** §2.1.1.2: bytes of the check by its type, for those in use. */
const checkSizes: Readonly<Record<number, number>> = { 0: 0, 1: 4, 4: 8, 10: 32 };

export async function xzDecompress(file: Uint8Array): Promise<Uint8Array> {
  const reader = new XzReader(file);
  const parts: Uint8Array[] = [];
  const check = reader.streamHeader();
  for (let block = reader.block(check); block !== undefined; block = reader.block(check)) {
    const plain = rewrap(block);
    const stream = new xz.XzReadableStream(new Blob([plain]).stream());
    const data = new Uint8Array(await new Response(stream as ReadableStream).arrayBuffer());
    if (data.length !== block.unpackedSize) throw new XzError('a block has an unexpected size');
    if (block.x86) decodeBcjX86(data);
    if (block.crc !== undefined && crc32(data) !== block.crc)
      throw new XzError('the data does not match its checksum');
    parts.push(data);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

interface Block {
  readonly x86: boolean;
  readonly dictionary: number;
  /** Raw LZMA2, with its end marker. */
  readonly lzma2: Uint8Array<ArrayBuffer>;
  readonly unpackedSize: number;
  readonly crc: number | undefined;
}

class XzReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** §2.1.1; returns the type of check. */
  streamHeader(): number {
    const magic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
    if (magic.some((b, i) => this.#bytes[i] !== b)) throw new XzError('not an xz file');
    this.#at = 12;
    return (this.#bytes[7] ?? 0) & 15;
  }

  /** §3; undefined at the index. */
  block(check: number): Block | undefined {
    const start = this.#at;
    const headerSize = ((this.#byte(start) + 1) * 4) | 0;
    if (headerSize === 4) return undefined;
    const flags = this.#byte(start + 1);
    this.#at = start + 2;
    if ((flags & 0x40) !== 0) this.#number();
    if ((flags & 0x80) !== 0) this.#number();
    let x86 = false;
    let dictionary = -1;
    for (let i = 0; i <= (flags & 3); i++) {
      const id = this.#number();
      const size = this.#number();
      if (id === filterId.lzma2 && size === 1) dictionary = this.#byte(this.#at);
      else if (id === filterId.x86 && size === 0) x86 = true;
      else throw new XzError(`filter ${id.toString(16)} is not supported`);
      this.#at += size;
    }
    if (dictionary < 0) throw new XzError('a block is not LZMA2');
    const dataAt = start + headerSize;
    const { end, unpackedSize } = this.#measure(dataAt);
    const checkAt = end + ((4 - ((end - start) & 3)) & 3);
    const checkSize = checkSizes[check];
    if (checkSize === undefined || checkAt + checkSize > this.#bytes.length)
      throw new XzError('the check is unknown or cut off');
    this.#at = checkAt + checkSize;
    return {
      x86,
      dictionary,
      lzma2: this.#bytes.subarray(dataAt, end),
      unpackedSize,
      crc: check === 1 ? this.#view.getUint32(checkAt, true) : undefined,
    };
  }

  /** Walks the LZMA2 chunks (§5.3.1 and xz's lzma2_decoder): control byte, sizes, properties. */
  #measure(start: number): { end: number; unpackedSize: number } {
    let at = start;
    let unpackedSize = 0;
    for (;;) {
      const control = this.#byte(at);
      if (control === 0) return { end: at + 1, unpackedSize };
      if (control > 2 && control < 0x80) throw new XzError('damaged LZMA2 data');
      const low = (this.#byte(at + 1) << 8) | this.#byte(at + 2);
      if (control <= 2) {
        unpackedSize += low + 1;
        at += 3 + low + 1;
      } else {
        unpackedSize += ((control & 0x1f) << 16) + low + 1;
        const packed = ((this.#byte(at + 3) << 8) | this.#byte(at + 4)) + 1;
        at += 5 + (control >= 0xc0 ? 1 : 0) + packed;
      }
    }
  }

  #byte(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new XzError('the file is cut off');
    return byte;
  }

  /** §1.2: seven bits a byte, the lowest first. */
  #number(): number {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = this.#byte(this.#at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new XzError('a number is too long');
  }
}

const encodeNumber = (value: number): number[] => {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
};

const littleEndian = (value: number): number[] => [0, 8, 16, 24].map((s) => (value >>> s) & 0xff);
const withCrc = (bytes: readonly number[]): number[] => [
  ...bytes,
  ...littleEndian(crc32(Uint8Array.from(bytes))),
];
const padded = (bytes: readonly number[]): number[] => [
  ...bytes,
  ...Array<number>((4 - (bytes.length & 3)) & 3).fill(0),
];

/** The block as a stream of its own with LZMA2 as the only filter and without a check. */
function rewrap({ dictionary, lzma2, unpackedSize }: Block): Blob {
  const flags = [0, 0];
  const streamHeader = [
    0xfd,
    0x37,
    0x7a,
    0x58,
    0x5a,
    0,
    ...flags,
    ...littleEndian(crc32(Uint8Array.from(flags))),
  ];
  const blockHeader = withCrc([2, 0, filterId.lzma2, 1, dictionary, 0, 0, 0]);
  const records = [
    ...encodeNumber(blockHeader.length + lzma2.length),
    ...encodeNumber(unpackedSize),
  ];
  const index = withCrc(padded([0, 1, ...records]));
  const size = littleEndian(index.length / 4 - 1);
  const footer = [
    ...littleEndian(crc32(Uint8Array.from([...size, ...flags]))),
    ...size,
    ...flags,
    0x59,
    0x5a,
  ];
  const padding = Array<number>((4 - (lzma2.length & 3)) & 3).fill(0);
  return new Blob([
    Uint8Array.from([...streamHeader, ...blockHeader]),
    lzma2,
    Uint8Array.from([...padding, ...index, ...footer]),
  ]);
}
