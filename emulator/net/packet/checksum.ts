/** The Internet checksum (RFC 1071). */

/** Adds the bytes start..end as big-endian words to a sum that is folded to 16 bits. `start` is even to the sum. */
export function sumBytes(b: Uint8Array, start: number, end: number, before = 0): number {
  let sum = before;
  let i = start;
  // Words of 16 bits: 2^15 of them fit into 31 bits, and a frame has no more.
  for (const last = end - 7; i < last; i += 8)
    sum +=
      (((b[i] as number) + (b[i + 2] as number) + (b[i + 4] as number) + (b[i + 6] as number)) <<
        8) +
      (b[i + 1] as number) +
      (b[i + 3] as number) +
      (b[i + 5] as number) +
      (b[i + 7] as number);
  for (; i + 1 < end; i += 2) sum += ((b[i] as number) << 8) + (b[i + 1] as number);
  if (i < end) sum += (b[i] as number) << 8;
  return fold(sum);
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
