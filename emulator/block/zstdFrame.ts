/** Headers of Zstandard frames and blocks (RFC 8878 §3.1.1): compressed clusters do not say how long they are. */

/** Bytes. */
export const longestFrameHeader = 18;

export interface ZstdFrameHeader {
  /** Bytes. */
  readonly length: number;
  /** Bytes that come out; undefined if it does not say. */
  readonly contentSize: number | undefined;
  /** Four bytes follow the blocks. */
  readonly checksum: boolean;
}

const byteOf = (bytes: Uint8Array, at: number): number => {
  const value = bytes[at];
  if (value === undefined) throw new RangeError('the frame is cut off');
  return value;
};

/** Throws RangeError if none begins there, or its header does not end within the bytes. */
export function zstdFrameHeader(bytes: Uint8Array): ZstdFrameHeader {
  const byte = (at: number): number => byteOf(bytes, at);
  if (byte(0) !== 0x28 || byte(1) !== 0xb5 || byte(2) !== 0x2f || byte(3) !== 0xfd)
    throw new RangeError('no frame');
  const descriptor = byte(4);
  const single = (descriptor >> 5) & 1;
  const flag = descriptor >> 6;
  const sizeBytes = flag === 0 ? single : 2 ** flag;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + (single === 1 ? 0 : 1) + dictionary;
  // §3.1.1.1.4: two bytes count from 256.
  let contentSize = sizeBytes === 2 ? 256 : 0;
  for (let i = 0; i < sizeBytes; i++) contentSize += byte(at + i) * 2 ** (8 * i);
  return {
    length: at + sizeBytes,
    contentSize: sizeBytes === 0 ? undefined : contentSize,
    checksum: (descriptor & 4) !== 0,
  };
}

/** From its three bytes, little-endian: its length with them. Throws RangeError if there is no such block. */
export function zstdBlockHeader(header: number): { length: number; last: boolean } {
  const type = (header >> 1) & 3;
  if (type === 3) throw new RangeError('a reserved block');
  // Type 1: one byte, repeated.
  return { length: 3 + (type === 1 ? 1 : header >> 3), last: (header & 1) === 1 };
}

/** Throws RangeError if the frame does not end within the bytes. */
export function zstdFrameLength(bytes: Uint8Array): number {
  const { length, checksum } = zstdFrameHeader(bytes);
  let at = length;
  for (let last = false; !last;) {
    const byte = (offset: number): number => byteOf(bytes, at + offset);
    const block = zstdBlockHeader(byte(0) | (byte(1) << 8) | (byte(2) << 16));
    at += block.length;
    ({ last } = block);
  }
  if (checksum) at += 4;
  if (at > bytes.length) throw new RangeError('the frame is cut off');
  return at;
}
