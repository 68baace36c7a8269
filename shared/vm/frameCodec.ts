/**
 * A frame as bytes, for a line that carries nothing else. Little-endian 32-bit words: width, height, pointer (0 relative,
 * 1 absolute), number of parts; then for each part x, y, width, height and its pixels as in `FramePart`.
 */
import type { Frame, FramePart } from './frames.ts';

/** Each picture that a window has drawn is answered by one message of this byte. */
export const frameDrawn = 1;
/** So many frames may be under way before the first of them is answered. */
export const framesUnderWay = 2;

const headWords = 4;
const partWords = 4;
const longest = 4096;
const mostParts = 32;

export function encodeFrame({ width, height, pointer, parts }: Frame): Uint8Array<ArrayBuffer> {
  const pixels = parts.reduce((sum, part) => sum + part.pixels.length, 0);
  const bytes = new Uint8Array((headWords + parts.length * partWords) * 4 + pixels);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const words = (...values: number[]): void => {
    for (const value of values) view.setUint32((at += 4) - 4, value, true);
  };
  words(width, height, pointer === 'absolute' ? 1 : 0, parts.length);
  for (const part of parts) {
    words(part.x, part.y, part.width, part.height);
    bytes.set(part.pixels, at);
    at += part.pixels.length;
  }
  return bytes;
}

/** The pixels of the result are views of `buffer`. Throws RangeError for what is no frame. */
export function decodeFrame(buffer: ArrayBuffer): Frame {
  const view = new DataView(buffer);
  let at = 0;
  const word = (limit: number): number => {
    const value = view.getUint32((at += 4) - 4, true);
    if (value > limit) throw new RangeError(`${value} is more than ${limit}`);
    return value;
  };
  const [width, height] = [word(longest), word(longest)];
  const pointer = word(1) === 1 ? 'absolute' : 'relative';
  const count = word(mostParts);
  const parts: FramePart[] = [];
  for (let part = 0; part < count; part++) {
    const place = {
      x: word(longest),
      y: word(longest),
      width: word(longest),
      height: word(longest),
    };
    const pixels = new Uint8Array(buffer, at, place.width * place.height * 4);
    parts.push({ ...place, pixels });
    at += pixels.length;
  }
  if (at !== buffer.byteLength) throw new RangeError('there is something behind the frame');
  return { width, height, pointer, parts };
}
