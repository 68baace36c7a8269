/** INT 10h: modes, text, palette, fonts, information (IBM VGA technical reference; Ralf Brown's interrupt list). */
import type { BiosContext } from './biosContext.ts';
import { bda, biosDataStart } from './biosData.ts';
import type { CallFrame } from './callFrame.ts';
import { linear } from './callFrame.ts';
import { GlyphPainter } from './glyphPainter.ts';
import { paletteService } from './palette.ts';
import { vbeService, VbeDisplay } from './vbe.ts';
import { VideoCard } from './videoCard.ts';
import { videoModes, type VideoMode } from './videoModes.ts';
import { videoRom, videoRomSegment } from './videoRom.ts';

const NO_CLEAR = 0x80;

export class Video {
  readonly #context: BiosContext;
  readonly #card: VideoCard;
  readonly #painter: GlyphPainter;
  readonly #vbe: VbeDisplay;

  constructor(context: BiosContext) {
    this.#context = context;
    this.#card = new VideoCard(context);
    this.#painter = new GlyphPainter(context, this.#card);
    this.#vbe = new VbeDisplay(context, this.#card);
  }

  /** The option ROM's initialisation: vectors, and 80 by 25 characters. */
  initialize(_frame: CallFrame): 'done' {
    const { memory } = this.#context;
    if (!this.#card.present()) return 'done';
    const vector = (n: number, offset: number): void =>
      memory.write32(4 * n, videoRomSegment * 0x10000 + offset);
    vector(0x10, videoRom.int10);
    vector(0x1f, videoRom.font8x8 + 0x400);
    vector(0x43, videoRom.font8x16);
    this.setMode(0x03);
    return 'done';
  }

  service(frame: CallFrame): 'done' {
    const { data } = this.#context;
    switch (frame.ah) {
      case 0x00:
        frame.al = this.setMode(frame.al);
        break;
      case 0x01:
        this.#cursorShape(frame.ch, frame.cl);
        break;
      case 0x02:
        this.#moveCursor(frame.bh & 7, frame.dl, frame.dh);
        break;
      case 0x03:
        frame.dx = data.get16(bda.cursors + 2 * (frame.bh & 7));
        frame.cx = data.get16(bda.cursorShape);
        break;
      case 0x05:
        this.#showPage(frame.al & 7);
        break;
      case 0x06:
      case 0x07:
        this.#scroll(frame);
        break;
      case 0x08:
        frame.ax = this.#readCell(frame.bh & 7);
        break;
      case 0x09:
      case 0x0a:
        this.#repeat(frame);
        break;
      case 0x0b:
        this.#cgaPalette(frame);
        break;
      case 0x0c:
      case 0x0d:
        this.#pixel(frame);
        break;
      case 0x0e:
        this.teletype(frame.al, frame.bl);
        break;
      case 0x0f:
        frame.ah = data.get8(bda.columns);
        frame.al = data.get8(bda.videoMode) | (data.get8(bda.videoControl) & NO_CLEAR);
        frame.bh = data.get8(bda.page);
        break;
      case 0x10:
        paletteService(this.#context, this.#card, frame);
        break;
      case 0x11:
        this.#font(frame);
        break;
      case 0x12:
        this.#alternate(frame);
        break;
      case 0x13:
        this.#writeString(frame);
        break;
      case 0x1a:
        this.#displayCombination(frame);
        break;
      case 0x1b:
        this.#information(frame);
        break;
      case 0x1c:
        // Saving the video state is not offered.
        frame.al = 0;
        break;
      case 0x4f:
        vbeService(this.#context, this.#vbe, frame, (mode) => this.setMode(mode));
        break;
      default:
        break;
    }
    return 'done';
  }

  get #mode(): VideoMode | undefined {
    const number = this.#context.data.get8(bda.videoMode);
    return videoModes.find(({ mode }) => mode === number);
  }

  /** AH=00h; bit 7 keeps the memory. Returns what programs find in AL. */
  setMode(request: number): number {
    const { data, memory } = this.#context;
    const mode = videoModes.find(({ mode }) => mode === (request & 0x7f));
    if (mode === undefined) return 0;
    this.#vbe.disable();
    this.#card.setMode(mode, (data.get8(bda.videoFlags) & 0x08) === 0);
    if ((request & NO_CLEAR) === 0) this.#clear(mode);
    memory.write(biosDataStart + bda.videoMode, new Uint8Array(0x1e));
    data.set8(bda.videoMode, mode.mode);
    data.set16(bda.columns, mode.columns);
    data.set16(bda.pageSize, mode.pageSize);
    data.set16(bda.cursorShape, 0x0607);
    data.set16(bda.crtcPort, this.#card.crtcPort);
    data.set8(bda.modeControl, mode.kind === 'text' ? 0x29 : 0x2a);
    data.set8(bda.lastRow, mode.rows - 1);
    data.set16(bda.characterHeight, mode.characterHeight);
    data.set8(bda.videoControl, 0x60 | (request & NO_CLEAR));
    data.set8(bda.videoSwitches, 0xf9);
    data.set8(bda.videoFlags, (data.get8(bda.videoFlags) & 0x08) | 0x51);
    data.set8(bda.displayCombination, 0x08);
    data.set32(bda.videoSave, videoRomSegment * 0x10000 + videoRom.savePointer);
    if (mode.kind === 'text') this.#loadFont(this.#romFont(16), 256, 0, 0, 16);
    const fontVector = { 8: videoRom.font8x8, 14: videoRom.font8x14, 16: videoRom.font8x16 };
    memory.write32(0x43 * 4, videoRomSegment * 0x10000 + fontVector[mode.characterHeight]);
    return mode.mode > 7 ? 0x20 : mode.mode === 6 ? 0x3f : 0x30;
  }

  #clear(mode: VideoMode): void {
    const { memory } = this.#context;
    const start = mode.segment * 16;
    if (mode.kind === 'text') {
      memory.write(start, new Uint8Array(new Uint16Array(0x4000).fill(0x0720).buffer));
    } else {
      memory.write(start, new Uint8Array(mode.segment === 0xa000 ? 0x10000 : 0x8000));
    }
  }

  #cursorShape(start: number, end: number): void {
    const { data } = this.#context;
    data.set16(bda.cursorShape, (start << 8) | end);
    // Programs think in 8 lines a character; the card has more.
    const height = data.get8(bda.characterHeight);
    let [top, bottom] = [start & 0x1f, end & 0x1f];
    if (height > 8 && bottom < 8 && (start & 0x20) === 0) {
      top =
        bottom === top + 1
          ? (bottom + 1) * (height / 8) - 3
          : Math.floor(((top + 1) * height) / 8) - 1;
      bottom = Math.floor(((bottom + 1) * height) / 8) - 2;
      top = Math.min(top, bottom);
    }
    this.#card.crtc(0x0a, (start & 0x20) | top);
    this.#card.crtc(0x0b, bottom);
  }

  #moveCursor(page: number, column: number, row: number): void {
    const { data } = this.#context;
    data.set16(bda.cursors + 2 * page, (row << 8) | column);
    if (page !== data.get8(bda.page)) return;
    const at = data.get16(bda.pageStart) / 2 + row * data.get16(bda.columns) + column;
    this.#card.crtc(0x0e, (at >>> 8) & 0xff);
    this.#card.crtc(0x0f, at & 0xff);
  }

  #showPage(page: number): void {
    const { data } = this.#context;
    const mode = this.#mode;
    if (mode === undefined) return;
    const start = page * data.get16(bda.pageSize);
    data.set8(bda.page, page);
    data.set16(bda.pageStart, start);
    const address = mode.kind === 'text' ? start / 2 : start;
    this.#card.crtc(0x0c, (address >>> 8) & 0xff);
    this.#card.crtc(0x0d, address & 0xff);
    const cursor = data.get16(bda.cursors + 2 * page);
    this.#moveCursor(page, cursor & 0xff, cursor >>> 8);
  }

  #cell(mode: VideoMode, page: number, row: number, column: number): number {
    const { data } = this.#context;
    const offset = page * data.get16(bda.pageSize) + 2 * (row * data.get16(bda.columns) + column);
    return mode.segment * 16 + (offset & 0x7fff);
  }

  #readCell(page: number): number {
    const { data, memory } = this.#context;
    const mode = this.#mode;
    const cursor = data.get16(bda.cursors + 2 * page);
    if (mode?.kind !== 'text') return 0;
    return memory.read16(this.#cell(mode, page, cursor >>> 8, cursor & 0xff));
  }

  /** Puts a character; without an attribute the one that is there stays (text only). */
  #put(page: number, row: number, column: number, character: number, attribute?: number): void {
    const { memory } = this.#context;
    const mode = this.#mode;
    if (mode === undefined) {
      this.#vbe.paint(this.#painter, row, column, character, attribute ?? 7);
    } else if (mode.kind === 'text') {
      const at = this.#cell(mode, page, row, column);
      if (attribute === undefined) memory.write8(at, character);
      else memory.write16(at, character | (attribute << 8));
    } else {
      this.#painter.paint(mode, row, column, character, attribute ?? 7);
    }
  }

  #repeat(frame: CallFrame): void {
    const { data } = this.#context;
    const page = frame.bh & 7;
    const cursor = data.get16(bda.cursors + 2 * page);
    const columns = data.get16(bda.columns);
    const rows = data.get8(bda.lastRow) + 1;
    const attribute = frame.ah === 0x09 || this.#mode?.kind !== 'text' ? frame.bl : undefined;
    const first = (cursor >>> 8) * columns + (cursor & 0xff);
    const end = Math.min(first + frame.cx, rows * columns);
    for (let at = first; at < end; at++) {
      this.#put(page, Math.floor(at / columns), at % columns, frame.al, attribute);
    }
  }

  /** AH=0Eh on the shown page: controls move, the rest is written, the screen scrolls. */
  teletype(
    character: number,
    colour = 7,
    attribute?: number,
    page = this.#context.data.get8(bda.page),
  ): void {
    const { data } = this.#context;
    const columns = data.get16(bda.columns);
    const lastRow = data.get8(bda.lastRow);
    const cursor = data.get16(bda.cursors + 2 * page);
    let [row, column] = [cursor >>> 8, cursor & 0xff];
    if (character === 7) return;
    if (character === 8) column = Math.max(0, column - 1);
    else if (character === 13) column = 0;
    else if (character === 10) row++;
    else {
      this.#put(
        page,
        row,
        column,
        character,
        attribute ?? (this.#mode?.kind === 'text' ? undefined : colour),
      );
      if (++column >= columns) {
        column = 0;
        row++;
      }
    }
    if (row > lastRow) {
      const fill =
        this.#mode?.kind === 'text'
          ? this.#attributeAt(page, lastRow, Math.min(column, columns - 1))
          : 0;
      this.#scrollUp(page, 1, 0, 0, lastRow, columns - 1, fill);
      row = lastRow;
    }
    this.#moveCursor(page, column, row);
  }

  #attributeAt(page: number, row: number, column: number): number {
    const mode = this.#mode;
    if (mode?.kind !== 'text') return 7;
    return this.#context.memory.read8(this.#cell(mode, page, row, column) + 1);
  }

  print(text: string, attribute = 7): void {
    for (const c of text) this.teletype(c.charCodeAt(0), 7, c < ' ' ? undefined : attribute);
  }

  #scroll(frame: CallFrame): void {
    const { data } = this.#context;
    const columns = data.get16(bda.columns);
    const page = data.get8(bda.page);
    const bottom = Math.min(frame.dh, data.get8(bda.lastRow));
    const right = Math.min(frame.dl, columns - 1);
    const [top, left] = [frame.ch, frame.cl];
    if (top > bottom || left > right) return;
    const move = frame.ah === 0x06 ? this.#scrollUp.bind(this) : this.#scrollDown.bind(this);
    move(page, frame.al, top, left, bottom, right, frame.bh);
  }

  #scrollUp(
    page: number,
    lines: number,
    top: number,
    left: number,
    bottom: number,
    right: number,
    fill: number,
  ): void {
    this.#moveLines(page, lines, top, left, bottom, right, fill, 1);
  }
  #scrollDown(
    page: number,
    lines: number,
    top: number,
    left: number,
    bottom: number,
    right: number,
    fill: number,
  ): void {
    this.#moveLines(page, lines, top, left, bottom, right, fill, -1);
  }

  /** Moves the rows of a window by `lines`; none, or as many as there are, clears it. */
  #moveLines(
    page: number,
    lines: number,
    top: number,
    left: number,
    bottom: number,
    right: number,
    fill: number,
    direction: 1 | -1,
  ): void {
    const { memory } = this.#context;
    const mode = this.#mode;
    const height = bottom - top + 1;
    const step = lines === 0 || lines > height ? height : lines;
    if (mode === undefined) {
      this.#vbe.scroll(this.#painter, step, top, bottom, direction, fill);
      return;
    }
    const width = right - left + 1;
    if (mode.kind !== 'text') {
      this.#painter.scroll(mode, step, top, left, bottom, right, fill, direction);
      return;
    }
    const blank = new Uint8Array(2 * width);
    for (let i = 0; i < blank.length; i += 2) [blank[i], blank[i + 1]] = [0x20, fill];
    for (let i = 0; i < height; i++) {
      const row = direction === 1 ? top + i : bottom - i;
      const from = row + direction * step;
      const at = this.#cell(mode, page, row, left);
      const inside = from >= top && from <= bottom;
      memory.write(at, inside ? memory.read(this.#cell(mode, page, from, left), 2 * width) : blank);
    }
  }

  #cgaPalette(frame: CallFrame): void {
    if (frame.bh === 0) {
      this.#card.attribute(0x11, (frame.bl & 7) | ((frame.bl & 8) << 1));
      return;
    }
    const first = (frame.bl & 1) === 0 ? 2 : 3;
    for (let i = 1; i <= 3; i++) this.#card.attribute(i, first + 2 * (i - 1) + 0x10);
  }

  #pixel(frame: CallFrame): void {
    const mode = this.#mode;
    if (mode === undefined || mode.kind === 'text') return;
    if (frame.ah === 0x0c) this.#painter.setPixel(mode, frame.cx, frame.dx, frame.al);
    else frame.al = this.#painter.pixel(mode, frame.cx, frame.dx);
  }

  #romFont(height: 8 | 14 | 16): Uint8Array {
    const offset = { 8: videoRom.font8x8, 14: videoRom.font8x14, 16: videoRom.font8x16 }[height];
    return this.#context.memory.read(videoRomSegment * 16 + offset, 256 * height);
  }

  #loadFont(glyphs: Uint8Array, all: number, from: number, block: number, height: number): void {
    const { memory } = this.#context;
    const [count, first] = [Math.min(all, 256), from & 0xff];
    // Blocks 0..7 lie at 0, 16, 32, 48, 8, 24, 40, 56 KiB.
    const base = 0xa0000 + ((block & 3) << 14) + ((block & 4) << 11);
    const cells = new Uint8Array(32 * count);
    for (let i = 0; i < count; i++)
      cells.set(glyphs.subarray(i * height, (i + 1) * height).subarray(0, 32), 32 * i);
    this.#card.withFontMemory(() => {
      // The last character of the block is followed by its first.
      const upTo = Math.min(count, 256 - first);
      memory.write(base + 32 * first, cells.subarray(0, 32 * upTo));
      if (upTo < count) memory.write(base, cells.subarray(32 * upTo));
    });
  }

  /** The text mode's rows follow the height of its characters. */
  #setCharacterHeight(height: number): void {
    const { data } = this.#context;
    const lines = (this.#card.readCrtc(0x07) & 0x40) !== 0 ? 480 : 400;
    const rows = Math.floor((lines > 400 ? 480 : 400) / height);
    this.#card.crtc(0x09, (this.#card.readCrtc(0x09) & 0xe0) | (height - 1));
    this.#card.crtc(0x0a, height - 2);
    this.#card.crtc(0x0b, height - 1);
    data.set16(bda.characterHeight, height);
    data.set8(bda.lastRow, rows - 1);
    const size = rows * data.get16(bda.columns) * 2;
    data.set16(bda.pageSize, Math.ceil(size / 0x100) * 0x100);
    this.#card.crtc(0x12, (rows * height - 1) & 0xff);
  }

  #font(frame: CallFrame): void {
    const { data, memory } = this.#context;
    const heights = { 1: 14, 2: 8, 4: 16 } as const;
    const rom = heights[(frame.al & 0x0f) as 1 | 2 | 4] as 8 | 14 | 16 | undefined;
    switch (frame.al) {
      case 0x00:
      case 0x10:
        this.#loadFont(
          memory.read(linear(frame.es, frame.bp), frame.cx * frame.bh),
          frame.cx,
          frame.dx,
          frame.bl,
          frame.bh,
        );
        if (frame.al === 0x10 && frame.bh > 0) this.#setCharacterHeight(frame.bh);
        return;
      case 0x01:
      case 0x02:
      case 0x04:
      case 0x11:
      case 0x12:
      case 0x14:
        if (rom === undefined) return;
        this.#loadFont(this.#romFont(rom), 256, 0, frame.bl, rom);
        if (frame.al >= 0x10) this.#setCharacterHeight(rom);
        return;
      case 0x03:
        this.#card.sequencer(3, frame.bl);
        return;
      case 0x20:
        memory.write32(0x1f * 4, frame.es * 0x10000 + frame.bp);
        return;
      case 0x21:
      case 0x22:
      case 0x23:
      case 0x24: {
        const height = { 0x21: frame.cx, 0x22: 14, 0x23: 8, 0x24: 16 }[frame.al];
        const offset = {
          0x21: 0,
          0x22: videoRom.font8x14,
          0x23: videoRom.font8x8,
          0x24: videoRom.font8x16,
        }[frame.al];
        memory.write32(
          0x43 * 4,
          frame.al === 0x21 ? frame.es * 0x10000 + frame.bp : videoRomSegment * 0x10000 + offset,
        );
        data.set16(bda.characterHeight, height);
        data.set8(bda.lastRow, ({ 1: 14, 2: 25, 3: 43 }[frame.bl] ?? frame.dl) - 1);
        return;
      }
      case 0x30: {
        const fonts = [0x1f * 4, 0x43 * 4];
        const inRom = [
          videoRom.font8x14,
          videoRom.font8x8,
          videoRom.font8x8 + 0x400,
          videoRom.emptyTable,
          videoRom.font8x16,
          videoRom.emptyTable,
        ];
        const vector = fonts[frame.bh];
        const pointer =
          vector === undefined
            ? videoRomSegment * 0x10000 + (inRom[frame.bh - 2] ?? videoRom.font8x16)
            : memory.read32(vector);
        frame.es = pointer >>> 16;
        frame.bp = pointer & 0xffff;
        frame.cx = data.get16(bda.characterHeight);
        frame.dl = data.get8(bda.lastRow);
        return;
      }
      default:
    }
  }

  #alternate(frame: CallFrame): void {
    const { data } = this.#context;
    switch (frame.bl) {
      case 0x10:
        frame.bx = 0x0003; // colour, 256 KiB
        frame.cx = 0x0009;
        return;
      case 0x30:
        // Scan lines of text modes: 200, 350 or 400 from the next mode on; 400 is what there is.
        frame.al = 0x12;
        return;
      case 0x31:
        data.set8(bda.videoFlags, (data.get8(bda.videoFlags) & ~0x08) | ((frame.al & 1) << 3));
        frame.al = 0x12;
        return;
      case 0x32:
      case 0x33:
      case 0x34:
      case 0x35:
      case 0x36:
        if (frame.bl === 0x36)
          this.#card.sequencer(1, (this.#mode?.sequencer[0] ?? 1) | ((frame.al & 1) << 5));
        frame.al = 0x12;
        return;
      default:
    }
  }

  #writeString(frame: CallFrame): void {
    const { data, memory } = this.#context;
    const page = frame.bh & 7;
    const saved = data.get16(bda.cursors + 2 * page);
    this.#moveCursor(page, frame.dl, frame.dh);
    let at = linear(frame.es, frame.bp);
    for (let i = 0; i < frame.cx; i++) {
      const character = memory.read8(at++);
      const attribute = (frame.al & 2) !== 0 ? memory.read8(at++) : frame.bl;
      this.teletype(character, frame.bl, attribute, page);
    }
    if ((frame.al & 1) === 0) this.#moveCursor(page, saved & 0xff, saved >>> 8);
  }

  #displayCombination(frame: CallFrame): void {
    if (frame.al === 0) frame.bx = this.#context.data.get8(bda.displayCombination);
    if (frame.al <= 1) frame.al = 0x1a;
  }

  /** AH=1Bh: 64 bytes of state. */
  #information(frame: CallFrame): void {
    const { data, memory } = this.#context;
    const at = linear(frame.es, frame.di);
    memory.write(at, new Uint8Array(64));
    memory.write32(at, videoRomSegment * 0x10000 + videoRom.staticInfo);
    memory.write(at + 4, memory.read(biosDataStart + bda.videoMode, 30));
    memory.write8(at + 0x22, data.get8(bda.lastRow) + 1);
    memory.write16(at + 0x23, data.get16(bda.characterHeight));
    memory.write8(at + 0x25, data.get8(bda.displayCombination));
    memory.write16(at + 0x27, this.#mode?.palette === 'vga' ? 256 : 16);
    memory.write8(at + 0x29, 8);
    memory.write8(at + 0x2a, (this.#mode?.rows ?? 25) === 30 ? 3 : 2);
    memory.write8(at + 0x2d, 0x01);
    memory.write8(at + 0x31, 3);
    frame.al = 0x1b;
  }
}
