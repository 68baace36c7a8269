/** Lists of buffers that together are one stretch of bytes, as vectored I/O takes them. */

const zeroChunk = new Uint8Array(1 << 20);

export const totalLength = (buffers: readonly Uint8Array[]): number =>
  buffers.length === 1
    ? (buffers[0] as Uint8Array).length
    : buffers.reduce((sum, { length }) => sum + length, 0);

/** The part of the list that begins at `start`, as views. */
export function slice(
  buffers: readonly Uint8Array[],
  start: number,
  length: number,
): readonly Uint8Array[] {
  const [first] = buffers;
  if (buffers.length === 1 && first !== undefined)
    return start === 0 && length === first.length
      ? buffers
      : [first.subarray(start, start + length)];
  const part: Uint8Array[] = [];
  let skip = start;
  let left = length;
  for (const buffer of buffers) {
    if (left === 0) break;
    if (skip >= buffer.length) {
      skip -= buffer.length;
      continue;
    }
    const piece = buffer.subarray(skip, Math.min(buffer.length, skip + left));
    skip = 0;
    left -= piece.length;
    part.push(piece);
  }
  return part;
}

export function fillZero(buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

/** Copies `source` into the list, which is as long. */
export function copyInto(buffers: readonly Uint8Array[], source: Uint8Array): void {
  let at = 0;
  for (const buffer of buffers) {
    buffer.set(source.subarray(at, at + buffer.length));
    at += buffer.length;
  }
}

/** `length` zeroes for writing; never to be changed. */
export function zeroes(length: number): Uint8Array[] {
  const list: Uint8Array[] = [];
  for (let left = length; left > 0; left -= zeroChunk.length)
    list.push(left >= zeroChunk.length ? zeroChunk : zeroChunk.subarray(0, left));
  return list;
}

export function isZero(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return true;
  if (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return false;
  if (bytes.byteOffset % 4 === 0 && bytes.length % 32 === 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    // prettier-ignore
    for (let i = 0; i < words.length; i += 8)
      if (
        ((words[i] as number) | (words[i + 1] as number) | (words[i + 2] as number) | (words[i + 3] as number) |
          (words[i + 4] as number) | (words[i + 5] as number) | (words[i + 6] as number) | (words[i + 7] as number)) !== 0
      )
        return false;
    return true;
  }
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

/** Resolves when all have ended; rejects with the first failure then, so that nothing runs on behind it. */
export async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  if (work.length === 1) {
    await work[0];
    return;
  }
  for (const result of await Promise.allSettled(work))
    if (result.status === 'rejected') throw result.reason;
}
