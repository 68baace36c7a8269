/** Length of a Zstandard frame (RFC 8878 §3.1.1): compressed clusters do not say how long they are. */

/** Throws RangeError if the frame does not end within the bytes. */
export function zstdFrameLength(bytes: Uint8Array): number {
  const byte = (at: number): number => {
    const value = bytes[at];
    if (value === undefined) throw new RangeError('the frame is cut off');
    return value;
  };
  if (byte(0) !== 0x28 || byte(1) !== 0xb5 || byte(2) !== 0x2f || byte(3) !== 0xfd)
    throw new RangeError('no frame');
  const descriptor = byte(4);
  const single = (descriptor >> 5) & 1;
  const contentSizeFlag = descriptor >> 6;
  const contentSize = contentSizeFlag === 0 ? single : 2 ** contentSizeFlag;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  let at = 5 + (single === 1 ? 0 : 1) + dictionary + contentSize;
  for (;;) {
    const header = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16);
    const size = header >> 3;
    const type = (header >> 1) & 3;
    if (type === 3) throw new RangeError('a reserved block');
    at += 3 + (type === 1 ? 1 : size); // type 1: one byte, repeated
    if ((header & 1) === 1) break;
  }
  if (descriptor & 4) at += 4; // checksum
  if (at > bytes.length) throw new RangeError('the frame is cut off');
  return at;
}
