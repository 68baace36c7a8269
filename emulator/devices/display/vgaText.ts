/**
 * Text modes: cells of character and attribute in planes 0 and 1, fonts in plane 2, cursor, blinking,
 * nine-dot characters, split screen and smooth scrolling (IBM PS/2 Video Subsystem, "Alphanumeric modes").
 */
import { codePage437 } from './codePage437.ts';
import type { Picture } from './picture.ts';
import { attributeColors } from './vgaPalette.ts';
import type { RegisterState } from './vgaRegisters.ts';
import {
  dotsDoubled,
  dotsPerCharacter,
  lineCompare,
  rowPitch,
  startAddress,
  visibleCharacters,
  visibleLines,
} from './vgaTiming.ts';

/** Cell cache: not the value of any cell. */
const UNKNOWN = 0xffffffff;
const CURSOR = 0x10000;
const BLINK_OFF = 0x20000;

/** A strip of the screen: `count` lines of cells from dword `start`, glyph line `first` on. */
interface Strip {
  readonly y: number;
  readonly start: number;
  readonly first: number;
  readonly count: number;
}

export class VgaText {
  readonly #dwords: Uint32Array;
  /** What was drawn, by strip and column. */
  #cells = new Uint32Array();
  #row = new Uint32Array();

  constructor(bytes: Uint8Array) {
    this.#dwords = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /** `frame` counts the picture's frames: blinking goes by it. `all`: registers or fonts have changed. */
  draw(
    picture: Picture,
    state: RegisterState,
    dac: Uint32Array,
    frame: number,
    all: boolean,
  ): void {
    const doubled = dotsDoubled(state) ? 2 : 1;
    const columns = visibleCharacters(state);
    const dots = dotsPerCharacter(state);
    const width = columns * dots * doubled;
    const resized = picture.resize(width, visibleLines(state));
    const strips = textStrips(state);
    const size = strips.length * (columns + 1);
    if (resized || all || this.#cells.length !== size) {
      this.#cells = new Uint32Array(size).fill(UNKNOWN);
      this.#row = new Uint32Array(width + dots * doubled);
    }
    const colors = attributeColors(state, dac);
    strips.forEach((strip, n) => {
      if (this.#updateCells(state, strip, n, columns + 1, frame))
        this.#drawStrip(picture, state, colors, strip, n, columns + 1, doubled);
    });
  }

  /** Looks what is to be shown; true if that differs from what is. */
  #updateCells(
    { crtc, attribute }: RegisterState,
    { start }: Strip,
    n: number,
    columns: number,
    frame: number,
  ): boolean {
    const cursorAt = ((crtc[0x0e] ?? 0) << 8) | (crtc[0x0f] ?? 0);
    // The cursor is on for eight frames of sixteen, blinking characters for sixteen of thirty-two.
    const cursorOn = ((crtc[0x0a] ?? 0) & 0x20) === 0 && (frame & 8) === 0;
    // The cursor's shape takes part, so that its change is seen.
    const shape = (((crtc[0x0a] ?? 0) & 31) << 18) | (((crtc[0x0b] ?? 0) & 31) << 23);
    const blinkOff = ((attribute[0x10] ?? 0) & 8) !== 0 && (frame & 16) !== 0;
    const mask = this.#dwords.length - 1;
    let changed = false;
    for (let column = 0; column < columns; column++) {
      const address = (start + column) & 0xffff;
      let cell = (this.#dwords[address & mask] ?? 0) & 0xffff;
      if (cursorOn && address === cursorAt) cell |= CURSOR | shape;
      if (blinkOff && (cell & 0x8000) !== 0) cell |= BLINK_OFF;
      const at = n * columns + column;
      if (this.#cells[at] === cell) continue;
      this.#cells[at] = cell;
      changed = true;
    }
    return changed;
  }

  #drawStrip(
    picture: Picture,
    state: RegisterState,
    colors: Uint32Array,
    strip: Strip,
    n: number,
    columns: number,
    doubled: number,
  ): void {
    const { crtc, attribute, sequencer } = state;
    const mode = attribute[0x10] ?? 0;
    const dots = dotsPerCharacter(state);
    const fonts = fontAddresses(sequencer[3] ?? 0);
    const mask = this.#dwords.length - 1;
    const cursorFirst = (crtc[0x0a] ?? 0) & 31;
    const cursorLast = (crtc[0x0b] ?? 0) & 31;
    const pan = panning(state) * doubled;
    const row = this.#row;
    for (let line = 0; line < strip.count; line++) {
      const glyphLine = strip.first + (line >>> repeated(crtc));
      let x = 0;
      for (let column = 0; column < columns; column++) {
        const cell = this.#cells[n * columns + column] ?? 0;
        const code = cell & 0xff;
        const style = (cell >>> 8) & 0xff;
        const font = (fonts[(style >>> 3) & 1] ?? 0) + code * 32 + glyphLine;
        let bits = ((this.#dwords[font & mask] ?? 0) >>> 16) & 0xff;
        if ((mode & 2) !== 0 && (style & 7) === 1 && glyphLine === ((crtc[0x14] ?? 0) & 31))
          bits = 0xff;
        // The ninth dot repeats the eighth in line graphics.
        bits <<= 1;
        if ((mode & 4) !== 0 && code >= 0xc0 && code <= 0xdf) bits |= (bits >>> 1) & 1;
        if ((cell & BLINK_OFF) !== 0) bits = 0;
        if ((cell & CURSOR) !== 0 && glyphLine >= cursorFirst && glyphLine <= cursorLast)
          bits = 0x1ff;
        const foreground = colors[style & 15] ?? 0;
        const background = colors[(style >>> 4) & ((mode & 8) !== 0 ? 7 : 15)] ?? 0;
        for (let dot = 0; dot < dots; dot++) {
          const color = (bits & (0x100 >>> dot)) !== 0 ? foreground : background;
          row[x++] = color;
          if (doubled === 2) row[x++] = color;
        }
      }
      picture.putRow(strip.y + line, row.subarray(pan, pan + picture.width));
    }
  }

  /** The rows on the screen as text. */
  text(state: RegisterState): string[] {
    const columns = visibleCharacters(state);
    const dwords = this.#dwords;
    const mask = dwords.length - 1;
    return textStrips(state).map(({ start }) => {
      let text = '';
      for (let column = 0; column < columns; column++)
        text += codePage437[(dwords[(start + column) & 0xffff & mask] ?? 0) & 0xff];
      return text.trimEnd();
    });
  }
}

/** Lines are shown twice: 200-line modes. */
const repeated = (crtc: Uint8Array): number => ((crtc[9] ?? 0) & 0x80 ? 1 : 0);

function textStrips(state: RegisterState): Strip[] {
  const { crtc } = state;
  const height = visibleLines(state);
  const lines = ((crtc[9] ?? 0) & 31) + 1;
  const split = lineCompare(state) + 1;
  const shift = repeated(crtc);
  const strips: Strip[] = [];
  let start = startAddress(state) + (((crtc[8] ?? 0) >>> 5) & 3);
  let first = Math.min((crtc[8] ?? 0) & 31, lines - 1);
  for (let y = 0; y < height;) {
    const end = y < split ? Math.min(split, height) : height;
    const count = Math.min((lines - first) << shift, end - y);
    strips.push({ y, start, first, count });
    y += count;
    start += rowPitch(state);
    first = 0;
    if (y === split) start = 0;
  }
  return strips;
}

/** Sequencer 3: dword of the fonts for attribute bit 3 clear (map B) and set (map A). */
function fontAddresses(select: number): readonly [number, number] {
  const b = ((select & 3) << 1) | ((select >>> 4) & 1);
  const a = (((select >>> 2) & 3) << 1) | ((select >>> 5) & 1);
  return [b * 0x2000, a * 0x2000];
}

/** Dots that the picture is moved to the left (AR13); nine-dot characters count 8 as none. */
function panning(state: RegisterState): number {
  const value = (state.attribute[0x13] ?? 0) & 15;
  if (dotsPerCharacter(state) === 9) return value >= 8 ? 0 : value + 1;
  return value & 7;
}
