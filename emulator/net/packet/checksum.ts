/** The Internet checksum (RFC 1071). */

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** From here on a view of words pays. */
const longSum = 128;

/** Adds the bytes start..end as big-endian words to a sum that is folded to 16 bits. `start` is even to the sum. */
export function sumBytes(b: Uint8Array, start: number, end: number, before = 0): number {
  if (littleEndian && end - start >= longSum && ((b.byteOffset + start) & 1) === 0)
    return sumWords(b, start, end, before);
  let sum = before;
  let i = start;
  for (; i + 1 < end; i += 2) sum += ((b[i] as number) << 8) + (b[i + 1] as number);
  if (i < end) sum += (b[i] as number) << 8;
  return fold(sum);
}

/** The same by native words: the sum of swapped words is the swapped sum (RFC 1071 §2 B). */
function sumWords(b: Uint8Array, start: number, end: number, before: number): number {
  let at = start;
  // Of the halves of 32-bit words. A frame has up to 2^14 of these, whose halves add up to less than 2^31.
  let low = 0;
  let high = 0;
  if (((b.byteOffset + at) & 2) !== 0) {
    low = (b[at] as number) | ((b[at + 1] as number) << 8);
    at += 2;
  }
  const words = new Int32Array(b.buffer, b.byteOffset + at, (end - at) >> 2);
  let i = 0;
  for (const last = words.length - 3; i < last; i += 4) {
    const w0 = words[i] as number;
    const w1 = words[i + 1] as number;
    const w2 = words[i + 2] as number;
    const w3 = words[i + 3] as number;
    low = (low + (w0 & 0xffff) + (w1 & 0xffff) + (w2 & 0xffff) + (w3 & 0xffff)) | 0;
    high = (high + (w0 >>> 16) + (w1 >>> 16) + (w2 >>> 16) + (w3 >>> 16)) | 0;
  }
  at += 4 * i;
  for (; at + 1 < end; at += 2) low += (b[at] as number) | ((b[at + 1] as number) << 8);
  if (at < end) low += b[at] as number;
  const folded = fold(low + high);
  return fold((((folded & 0xff) << 8) | (folded >>> 8)) + before);
}

export function fold(sum: number): number {
  let folded = (sum & 0xffff) + Math.floor(sum / 0x10000);
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The checksum field for a sum. */
export const checksumOf = (sum: number): number => ~sum & 0xffff;

/** Sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1); addresses of 4 or 16 bytes. */
export function pseudoHeaderSum(
  source: Uint8Array,
  target: Uint8Array,
  protocol: number,
  length: number,
): number {
  let sum = protocol + (length & 0xffff) + (length >>> 16);
  sum += sumBytes(source, 0, source.length);
  sum += sumBytes(target, 0, target.length);
  return fold(sum);
}
