/**
 * Where the streams of an .xz file lie (xz file format 1.1.0 §2), by the index at the end of each: the library
 * decodes one stream and takes what follows for nothing.
 */
import type { ImageFile } from '../imageFile.ts';

export interface XzStream {
  readonly start: number;
  readonly end: number;
  /** Bytes that come out. */
  readonly size: number;
}

const edge = 12; // §2.1.1, §2.1.2: header and footer
/** Of an index; holds the records of some million blocks. */
const largestIndex = 64 << 20;

/** In order. Throws any Error if the file does not end as such a file does. */
export async function xzStreams(file: ImageFile): Promise<XzStream[]> {
  const streams: XzStream[] = [];
  for (let end = file.size; end > 0;) {
    const footer = await bytesAt(file, end - edge, edge);
    // §2.2: streams are padded by zeroes, four at a time.
    if (footer.getUint32(8) === 0) {
      end -= 4;
      continue;
    }
    if (footer.getUint16(10) !== 0x595a) throw new Error('it is cut off, or something follows it');
    const indexSize = (footer.getUint32(4, true) + 1) * 4;
    const { packed, size } = await readIndex(file, end - edge - indexSize, indexSize);
    const start = end - edge - indexSize - packed - edge;
    if (start < 0) throw new Error('its index does not fit it');
    streams.unshift({ start, end, size });
    end = start;
  }
  return streams;
}

/** §4: how long the blocks are together, packed and unpacked. */
async function readIndex(
  file: ImageFile,
  at: number,
  length: number,
): Promise<{ packed: number; size: number }> {
  if (length > largestIndex) throw new Error('its index is too long');
  const index = await bytesAt(file, at, length);
  let next = 1;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      if (next >= length) break;
      const byte = index.getUint8(next++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('its index is damaged');
  };
  let packed = 0;
  let size = 0;
  for (let left = number(); left > 0; left--) {
    packed += Math.ceil(number() / 4) * 4;
    size += number();
  }
  return { packed, size };
}

async function bytesAt(file: ImageFile, at: number, length: number): Promise<DataView> {
  if (at < 0) throw new Error('it is cut off');
  const bytes = new Uint8Array(length);
  await file.read(at, [bytes]);
  return new DataView(bytes.buffer);
}
