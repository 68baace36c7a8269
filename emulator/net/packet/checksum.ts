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
  const words = new Uint16Array(b.buffer, b.byteOffset + start, (end - start) >> 1);
  // 2^15 words of 16 bits fit into 31 bits, and a frame has no more.
  let sum = 0;
  let i = 0;
  for (const last = words.length - 3; i < last; i += 4)
    sum +=
      (words[i] as number) +
      (words[i + 1] as number) +
      (words[i + 2] as number) +
      (words[i + 3] as number);
  for (; i < words.length; i++) sum += words[i] as number;
  if (((end - start) & 1) === 1) sum += b[end - 1] as number;
  const folded = fold(sum);
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
