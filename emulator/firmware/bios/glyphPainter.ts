/** Characters and pixels in the standard graphics modes. */
import type { BiosContext } from './biosContext.ts';
import type { VideoCard } from './videoCard.ts';
import type { VideoMode } from './videoModes.ts';

/** Bit 7 of a colour: exclusive or with what is there. */
const XOR = 0x80;
const FUNCTION_XOR = 0x18;

export class GlyphPainter {
  readonly #context: BiosContext;
  readonly #card: VideoCard;

  constructor(context: BiosContext, card: VideoCard) {
    this.#context = context;
    this.#card = card;
  }

  /** Rows of a character, from the font that INT 43h (or 1Fh) points to. */
  glyph(character: number, height: number): Uint8Array {
    const { memory } = this.#context;
    const upper = height === 8 && character >= 128 && memory.read32(0x1f * 4) !== 0;
    const vector = memory.read32((upper ? 0x1f : 0x43) * 4);
    const at = (vector >>> 16) * 16 + (vector & 0xffff);
    return memory.read(at + height * (upper ? character - 128 : character), height);
  }

  paint(mode: VideoMode, row: number, column: number, character: number, colour: number): void {
    const { memory } = this.#context;
    const height = mode.characterHeight;
    const glyph = this.glyph(character, height);
    const background = (colour & XOR) !== 0 ? undefined : 0;
    glyph.forEach((bits, line) => {
      const y = row * height + line;
      if (mode.kind === 'planar') {
        const at = mode.segment * 16 + y * mode.columns + column;
        this.#withPlanes(colour, () => {
          if (background === 0) {
            this.#card.graphics(8, 0xff);
            this.#card.graphics(0, 0);
            memory.read8(at);
            memory.write8(at, 0);
            this.#card.graphics(0, colour & 15);
          }
          this.#card.graphics(8, bits);
          memory.read8(at);
          memory.write8(at, 0xff);
        });
        return;
      }
      for (let x = 0; x < 8; x++) {
        const on = (bits & (0x80 >>> x)) !== 0;
        if (on || background === 0) this.setPixel(mode, column * 8 + x, y, on ? colour : 0);
      }
    });
  }

  /** Set/reset of all planes with the colour's low bits; restores write mode 0's defaults. */
  #withPlanes(colour: number, write: () => void): void {
    this.#card.sequencer(2, 0x0f);
    this.#card.graphics(0, colour & 15);
    this.#card.graphics(1, 0x0f);
    this.#card.graphics(3, (colour & XOR) !== 0 ? FUNCTION_XOR : 0);
    write();
    this.#card.graphics(0, 0);
    this.#card.graphics(1, 0);
    this.#card.graphics(3, 0);
    this.#card.graphics(8, 0xff);
  }

  /** Place of a pixel: address, and shift inside the byte. */
  #place(mode: VideoMode, x: number, y: number): { at: number; shift: number; mask: number } {
    const base = mode.segment * 16;
    if (mode.kind === 'linear') return { at: base + y * 320 + x, shift: 0, mask: 0xff };
    if (mode.kind === 'planar') {
      return { at: base + y * mode.columns + (x >>> 3), shift: 7 - (x & 7), mask: 1 };
    }
    // CGA: odd lines 8 KiB behind even ones.
    const line = base + (y & 1) * 0x2000 + (y >>> 1) * 80;
    return mode.kind === 'cga4'
      ? { at: line + (x >>> 2), shift: 6 - 2 * (x & 3), mask: 3 }
      : { at: line + (x >>> 3), shift: 7 - (x & 7), mask: 1 };
  }

  #inside(mode: VideoMode, x: number, y: number): boolean {
    return x < mode.columns * 8 && y < mode.rows * mode.characterHeight;
  }

  setPixel(mode: VideoMode, x: number, y: number, colour: number): void {
    const { memory } = this.#context;
    if (!this.#inside(mode, x, y)) return;
    const { at, shift, mask } = this.#place(mode, x, y);
    if (mode.kind === 'linear') {
      memory.write8(at, colour);
    } else if (mode.kind === 'planar') {
      this.#withPlanes(colour, () => {
        this.#card.graphics(8, 1 << shift);
        memory.read8(at);
        memory.write8(at, 0xff);
      });
    } else {
      const old = memory.read8(at);
      const value = (colour & mask) << shift;
      memory.write8(at, (colour & XOR) !== 0 ? old ^ value : (old & ~(mask << shift)) | value);
    }
  }

  pixel(mode: VideoMode, x: number, y: number): number {
    const { memory } = this.#context;
    if (!this.#inside(mode, x, y)) return 0;
    const { at, shift, mask } = this.#place(mode, x, y);
    if (mode.kind !== 'planar') return (memory.read8(at) >>> shift) & mask;
    let colour = 0;
    for (let plane = 0; plane < 4; plane++) {
      this.#card.graphics(4, plane);
      colour |= ((memory.read8(at) >>> shift) & 1) << plane;
    }
    this.#card.graphics(4, 0);
    return colour;
  }

  /** Moves character rows of a window; planar modes copy whole bytes with the latches. */
  scroll(
    mode: VideoMode,
    step: number,
    top: number,
    left: number,
    bottom: number,
    right: number,
    fill: number,
    direction: 1 | -1,
  ): void {
    const { memory } = this.#context;
    const height = mode.characterHeight;
    const [first, last] = [top * height, (bottom + 1) * height - 1];
    const lines = last - first + 1;
    const bytes = (right - left + 1) * (mode.kind === 'linear' ? 8 : mode.kind === 'cga4' ? 2 : 1);
    for (let i = 0; i < lines; i++) {
      const y = direction === 1 ? first + i : last - i;
      const from = y + direction * step * height;
      const to = this.#place(mode, left * 8, y).at;
      const inside = from >= first && from <= last;
      const source = this.#place(mode, left * 8, inside ? from : y).at;
      if (mode.kind === 'planar') {
        if (inside) {
          this.#card.sequencer(2, 0x0f);
          this.#card.graphics(5, 1);
          for (let x = 0; x < bytes; x++) {
            memory.read8(source + x);
            memory.write8(to + x, 0);
          }
          this.#card.graphics(5, 0);
        } else {
          this.#withPlanes(fill & 0x7f, () => {
            for (let x = 0; x < bytes; x++) memory.write8(to + x, 0xff);
          });
        }
      } else if (inside) {
        memory.write(to, memory.read(source, bytes));
      } else {
        memory.write(to, new Uint8Array(bytes).fill(mode.kind === 'linear' ? fill : 0));
      }
    }
  }
}
