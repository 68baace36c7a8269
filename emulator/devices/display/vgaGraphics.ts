/**
 * Graphics modes: four planes, the interleaved two-bit pixels of CGA, 256 colours, and the modes of the
 * Bochs VBE extension. Lines are drawn when their bytes were written, or all of them.
 */
import { videoPageSize } from '../../bus/videoMemory.ts';
import type { VbeMode } from './bochsVbe.ts';
import type { Picture } from './picture.ts';
import { attributeColors, rgba } from './vgaPalette.ts';
import type { RegisterState } from './vgaRegisters.ts';
import {
  dotsDoubled,
  lineCompare,
  rowPitch,
  startAddress,
  visibleCharacters,
  visibleLines,
} from './vgaTiming.ts';

/** Longest line in bytes: 2560 pixels of four. Panning looks one dword further. */
const longestLine = 2560 * 4 + 16;

export class VgaGraphics {
  readonly #bytes: Uint8Array;
  /** One line of video memory, whole even where the memory ends and starts again. */
  readonly #line = new Uint8Array(longestLine);
  readonly #lineDwords = new Uint32Array(this.#line.buffer);
  #row = new Uint32Array();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  drawVbe(
    picture: Picture,
    mode: VbeMode,
    state: RegisterState,
    dac: Uint32Array,
    pages: Uint8Array | undefined,
  ): void {
    const { width, height, bpp, stride } = mode;
    const all = picture.resize(width, height) || pages === undefined;
    if (this.#row.length !== width) this.#row = new Uint32Array(width);
    const length = bpp === 4 ? width / 2 : width * ((bpp + 7) >>> 3);
    const colors = bpp === 4 ? attributeColors(state, dac) : dac;
    for (let y = 0; y < height; y++) {
      const at = mode.start + y * stride;
      if (!all && !this.#isWritten(pages, at, length)) continue;
      this.#fetch(at, length);
      if (bpp === 4) this.#planar(colors, width, 0, false);
      else this.#packed(bpp, colors, width);
      picture.putRow(y, this.#row);
    }
  }

  drawVga(
    picture: Picture,
    state: RegisterState,
    dac: Uint32Array,
    pages: Uint8Array | undefined,
  ): void {
    const { crtc, graphics, attribute } = state;
    const characters = visibleCharacters(state);
    const doubled = dotsDoubled(state);
    const width = characters * (doubled ? 16 : 8);
    const height = visibleLines(state);
    const all = picture.resize(width, height) || pages === undefined;
    const shift = ((graphics[5] ?? 0) >>> 5) & 3;
    const colors = attributeColors(state, dac);
    const splitPans = ((attribute[0x10] ?? 0) & 0x20) === 0;
    const bytePan = ((crtc[8] ?? 0) >>> 5) & 3;
    const split = lineCompare(state) + 1;
    const rowLines = (crtc[9] ?? 0) & 31;
    const repeats = ((crtc[9] ?? 0) & 0x80) !== 0 ? 1 : 0;
    let pan = (attribute[0x13] ?? 0) & 7;
    if (this.#row.length !== width) this.#row = new Uint32Array(width);
    let start = startAddress(state) + bytePan;
    // The row scan counter, and how often its line is still to be shown.
    let counter = 0;
    let repeat = repeats;
    for (let y = 0; y < height; y++) {
      if (y === split) {
        start = 0;
        counter = 0;
        repeat = repeats;
        if (!splitPans) pan = 0;
      }
      const at = rowAddress(crtc, start, counter) * 4;
      const length = (characters + 1) * 4;
      if (all || this.#isWritten(pages, at, length)) {
        this.#fetch(at, length);
        if (shift >= 2) this.#chunky256(dac, width, pan, doubled);
        else if (shift === 1) this.#interleaved(colors, width, pan, doubled);
        else this.#planar(colors, width, pan, doubled);
        picture.putRow(y, this.#row);
      }
      if (repeat > 0) {
        repeat--;
        continue;
      }
      repeat = repeats;
      counter++;
      if (counter > rowLines) {
        counter = 0;
        start += rowPitch(state);
      }
    }
  }

  #isWritten(pages: Uint8Array, at: number, length: number): boolean {
    const mask = this.#bytes.length - 1;
    const last = ((at + length - 1) & mask) / videoPageSize;
    for (let page = Math.floor((at & mask) / videoPageSize); ; page++) {
      if (page >= pages.length) page = 0;
      if (pages[page] !== 0) return true;
      if (page === Math.floor(last)) return false;
    }
  }

  #fetch(at: number, length: number): void {
    const start = at & (this.#bytes.length - 1);
    const first = Math.min(length, this.#bytes.length - start);
    this.#line.set(this.#bytes.subarray(start, start + first));
    if (first < length) this.#line.set(this.#bytes.subarray(0, length - first), first);
  }

  #packed(bpp: number, colors: Uint32Array, width: number): void {
    const row = this.#row;
    const line = this.#line;
    if (bpp === 32) {
      const dwords = this.#lineDwords;
      for (let x = 0; x < width; x++) {
        const p = dwords[x] as number;
        row[x] = 0xff000000 | ((p & 0xff) << 16) | (p & 0xff00) | ((p >>> 16) & 0xff);
      }
    } else if (bpp === 24) {
      for (let x = 0, at = 0; x < width; x++, at += 3)
        row[x] = rgba(line[at + 2] ?? 0, line[at + 1] ?? 0, line[at] ?? 0);
    } else if (bpp === 8) {
      for (let x = 0; x < width; x++) row[x] = colors[line[x] ?? 0] ?? 0;
    } else {
      const greenBits = bpp === 16 ? 6 : 5;
      const redAt = 5 + greenBits;
      for (let x = 0; x < width; x++) {
        const p = (line[2 * x] ?? 0) | ((line[2 * x + 1] ?? 0) << 8);
        const green = (p >>> 5) & ((1 << greenBits) - 1);
        const wide = greenBits === 6 ? (green << 2) | (green >>> 4) : five(green);
        row[x] = rgba(five((p >>> redAt) & 31), wide, five(p & 31));
      }
    }
  }

  /** Eight pixels a dword, a bit from each plane. */
  #planar(colors: Uint32Array, width: number, pan: number, doubled: boolean): void {
    const row = this.#row;
    const shift = doubled ? 1 : 0;
    for (let x = 0; x < width; x++) {
      const dot = (x >>> shift) + pan;
      const dword = (this.#lineDwords[dot >>> 3] as number) >>> (7 - (dot & 7));
      const color = (dword & 1) | ((dword >>> 7) & 2) | ((dword >>> 14) & 4) | ((dword >>> 21) & 8);
      row[x] = colors[color] as number;
    }
  }

  /** Eight pixels a dword, two bits each: four in planes 0 and 2, four in planes 1 and 3. */
  #interleaved(colors: Uint32Array, width: number, pan: number, doubled: boolean): void {
    const row = this.#row;
    const shift = doubled ? 1 : 0;
    for (let x = 0; x < width; x++) {
      const dot = (x >>> shift) + pan;
      const dword = this.#lineDwords[dot >>> 3] as number;
      const bit = 6 - 2 * (dot & 3);
      const half = (dot & 4) !== 0 ? dword >>> 8 : dword;
      row[x] = colors[((half >>> bit) & 3) | (((half >>> (16 + bit)) & 3) << 2)] as number;
    }
  }

  /** Four pixels a dword, each two dots wide. */
  #chunky256(dac: Uint32Array, width: number, pan: number, doubled: boolean): void {
    const row = this.#row;
    const shift = doubled ? 2 : 1;
    for (let x = 0; x < width; x++)
      row[x] = dac[this.#line[(x >>> shift) + (pan >>> 1)] as number] as number;
  }
}

const five = (value: number): number => (value << 3) | (value >>> 2);

/** CR17 bits 0 and 1 clear: address bits 13 and 14 are bits of the row counter. */
function rowAddress(crtc: Uint8Array, address: number, counter: number): number {
  const mode = crtc[0x17] ?? 0;
  // In word mode (bit 6 clear) addresses are halved.
  const bit13 = 12 + ((mode >>> 6) & 1);
  if ((mode & 1) === 0) address = (address & ~(1 << bit13)) | ((counter & 1) << bit13);
  if ((mode & 2) === 0)
    address = (address & ~(2 << bit13)) | (((counter >>> 1) & 1) << (bit13 + 1));
  return address;
}
