/**
 * The blocks of .xz files (xz file format 1.1.0), by the index at the end of each stream. The library decodes streams, so each block
 * is given to it as one.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { ImageFile } from '../imageFile.ts';
import { mostParts, PartList, Window, type Part } from './packedParts.ts';

const edge = 12; // §2.1.1, §2.1.2: header and footer
/** Of an index: `mostParts` blocks, each in two numbers of up to nine bytes. */
const longestIndex = mostParts * 18 + 16;
/** What is read of a block at a time. */
const chunk = 1 << 20;
const padded = (length: number): number => Math.ceil(length / 4) * 4;

/** §2.1.1.2: its number among the checks; and its bytes */
const sha256 = 10;
const sha256Bytes = 32;

export interface XzBlock extends Part {
  /** Bytes without what fills it up, in front of its check, to a multiple of four. */
  readonly unpadded: number;
  /** §2.1.1.2: the check with which it ends. */
  readonly flags: number;
}

export interface XzBlocks {
  readonly parts: PartList;
  block(part: Part): XzBlock;
}

/** Throws any Error if the file does not end as such a file does. */
export async function xzBlocks(file: ImageFile): Promise<XzBlocks> {
  const streams: { readonly at: number; readonly flags: number; readonly records: Float64Array }[] =
    [];
  const window = new Window(file);
  let count = 0;
  for (let end = file.size; end > 0;) {
    const footer = await window.at(end - edge, edge);
    // §2.2: streams are padded by zeroes, four at a time.
    if (footer.getUint32(8) === 0) {
      end -= 4;
      continue;
    }
    if (footer.getUint16(10) !== 0x595a) throw new Error('it is cut off, or something follows it');
    const [flags, length] = [footer.getUint16(8), (footer.getUint32(4, true) + 1) * 4];
    const records = await readIndex(file, end - edge - length, length);
    let packed = 0;
    for (let i = 0; i < records.length; i += 2) packed += padded(records[i] as number);
    const at = end - length - 2 * edge - packed;
    count += 1 + records.length / 2;
    if (at < 0) throw new Error('its index does not fit it');
    if (count > mostParts) throw new Error('it has too many blocks');
    streams.unshift({ at, flags, records });
    end = at;
  }
  const parts = new PartList();
  /** Of those that are filled up, by their offset. */
  const unpadded = new Map<number, number>();
  for (const stream of streams) {
    let at = stream.at + edge;
    for (let i = 0; i < stream.records.length; i += 2) {
      const [packed, size] = [stream.records[i] as number, stream.records[i + 1] as number];
      parts.add({ at, packed: padded(packed), size });
      if (packed % 4 !== 0) unpadded.set(at, packed);
      at += padded(packed);
    }
  }
  return {
    parts,
    block: (part) => {
      const { flags } = streams.findLast(({ at }) => at < part.at) as { flags: number };
      return { ...part, flags, unpadded: unpadded.get(part.at) ?? part.packed };
    },
  };
}

/** §4: how long each block is, packed and unpacked, in turn. */
async function readIndex(file: ImageFile, at: number, length: number): Promise<Float64Array> {
  if (length > longestIndex) throw new Error('its index is too long');
  if (at < 0) throw new Error('it is cut off');
  const bytes = new Uint8Array(length);
  await file.read(at, [bytes]);
  const checksum = new DataView(bytes.buffer).getUint32(length - 4, true);
  if (bytes[0] !== 0 || crc32(bytes.subarray(0, -4)) !== checksum)
    throw new Error('its index is damaged');
  let next = 1;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 63 && next < length - 4; scale *= 0x80) {
      const byte = bytes[next++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Error('its index is damaged');
  };
  const count = number();
  if (count > length / 2) throw new Error('its index is damaged');
  return Float64Array.from({ length: count * 2 }, number);
}

/** What the block holds, piece by piece. Throws any Error if it is damaged. */
export async function* unpackXzBlock(file: ImageFile, block: XzBlock): AsyncGenerator<Uint8Array> {
  const { default: xz } = await import('xz-decompress');
  const { flags } = block;
  // The library does not know that check: it is left out, and made here.
  const hash = flags === sha256 ? createHash('sha256') : undefined;
  const [end, check] = hash === undefined ? [block, flags] : [withoutCheck(block), 0];
  const source = Readable.from(asStream(file, end, check));
  const stream = new xz.XzReadableStream(Readable.toWeb(source) as never);
  for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) {
    hash?.update(piece);
    yield piece;
  }
  if (hash === undefined) return;
  const wanted = new Uint8Array(sha256Bytes);
  await file.read(block.at + block.packed - sha256Bytes, [wanted]);
  if (!hash.digest().equals(wanted)) throw new Error('a checksum does not fit');
}

const withoutCheck = (block: XzBlock): XzBlock => ({
  ...block,
  packed: block.packed - sha256Bytes,
  unpadded: block.unpadded - sha256Bytes,
});

/** The block as the only one of a stream. */
async function* asStream(
  file: ImageFile,
  block: XzBlock,
  flags: number,
): AsyncGenerator<Uint8Array> {
  yield streamHeader(flags);
  const end = block.at + block.packed;
  for (let at = block.at; at < end; at += chunk) {
    const bytes = new Uint8Array(Math.min(chunk, end - at));
    await file.read(at, [bytes]);
    yield bytes;
  }
  yield streamEnd(block, flags);
}

/** §2.1.1 */
function streamHeader(flags: number): Uint8Array {
  const bytes = new Uint8Array(edge);
  const view = new DataView(bytes.buffer);
  bytes.set([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
  view.setUint16(6, flags);
  view.setUint32(8, crc32(bytes.subarray(6, 8)), true);
  return bytes;
}

/** §4, §2.1.2: the index and footer. */
function streamEnd({ unpadded, size }: XzBlock, flags: number): Uint8Array {
  const variable = (value: number): number[] =>
    value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...variable(Math.floor(value / 0x80))];
  const records = [0, 1, ...variable(unpadded), ...variable(size)];
  const index = new Uint8Array(padded(records.length) + 4);
  index.set(records);
  new DataView(index.buffer).setUint32(index.length - 4, crc32(index.subarray(0, -4)), true);
  const footer = new Uint8Array(edge);
  const view = new DataView(footer.buffer);
  view.setUint32(4, index.length / 4 - 1, true);
  view.setUint16(8, flags);
  view.setUint32(0, crc32(footer.subarray(4, 10)), true);
  footer.set([0x59, 0x5a], 10);
  return Buffer.concat([index, footer]);
}
