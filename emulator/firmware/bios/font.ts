import { glyphs8x16, glyphs8x8 } from './fontData.ts';

/** 256 glyphs of `height` rows, a byte a row. */
export const font8x16 = (): Uint8Array => Uint8Array.fromBase64(glyphs8x16);
export const font8x8 = (): Uint8Array => Uint8Array.fromBase64(glyphs8x8);

/** The tall font without its first and last rows, which only lines and blocks use. */
export function font8x14(): Uint8Array {
  const tall = font8x16();
  const font = new Uint8Array(256 * 14);
  for (let i = 0; i < 256; i++) font.set(tall.subarray(16 * i + 1, 16 * i + 15), 14 * i);
  return font;
}
