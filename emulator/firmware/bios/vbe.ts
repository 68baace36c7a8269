/** INT 10h AH=4Fh: VESA BIOS Extension 3.0 on the Bochs VBE registers; EDID by VBE/DDC 1.1. */
import type { BiosContext } from './biosContext.ts';
import { bda } from './biosData.ts';
import type { CallFrame } from './callFrame.ts';
import { linear } from './callFrame.ts';
import type { GlyphPainter } from './glyphPainter.ts';
import { pciFunctions, readPciConfig } from './pciBios.ts';
import { bytesPerPixel, vbeModes, type VbeModeInfo } from './vbeModes.ts';
import type { VideoCard } from './videoCard.ts';
import { dacValues } from './videoModes.ts';
import { videoRom, videoRomSegment } from './videoRom.ts';

const INDEX_PORT = 0x1ce;
const DATA_PORT = 0x1cf;
/** Bochs VBE registers. */
const r = {
  id: 0,
  width: 1,
  height: 2,
  bpp: 3,
  enable: 4,
  bank: 5,
  virtualWidth: 6,
  x: 8,
  y: 9,
  memory64K: 10,
};
const ENABLED = 0x01;
const DAC_8BIT = 0x20;
const LINEAR = 0x40;
const NO_CLEAR = 0x80;

/** Bits of a mode number in 4F02h. */
const MODE_LINEAR = 0x4000;
const MODE_KEEP = 0x8000;
const MODE_NUMBER = 0x01ff;

/** In the reserved part of the BIOS data area: the current VBE mode. */
const currentMode = 0xba;

export class VbeDisplay {
  readonly context: BiosContext;
  readonly card: VideoCard;

  constructor(context: BiosContext, card: VideoCard) {
    this.context = context;
    this.card = card;
  }

  read(register: number): number {
    const { ports } = this.context.parts;
    ports.write(INDEX_PORT, 2, register);
    return ports.read(DATA_PORT, 2);
  }
  write(register: number, value: number): void {
    const { ports } = this.context.parts;
    ports.write(INDEX_PORT, 2, register);
    ports.write(DATA_PORT, 2, value);
  }

  present(): boolean {
    return (this.read(r.id) & 0xfff0) === 0xb0c0;
  }

  disable(): void {
    if (this.present()) this.write(r.enable, 0);
    this.context.data.set16(currentMode, 0);
  }

  /** Bus address of the frame buffer: BAR 0 of the display with VBE registers. */
  frameBuffer(): number {
    for (const bdf of pciFunctions(this.context)) {
      if (readPciConfig(this.context, bdf, 0x0a, 2) === 0x0300) {
        return (readPciConfig(this.context, bdf, 0x10, 4) & 0xfffffff0) >>> 0;
      }
    }
    return 0;
  }

  /** BAR 2 holds the EDID at its start. */
  edid(): Uint8Array | undefined {
    for (const bdf of pciFunctions(this.context)) {
      if (readPciConfig(this.context, bdf, 0x0a, 2) !== 0x0300) continue;
      const base = (readPciConfig(this.context, bdf, 0x18, 4) & 0xfffffff0) >>> 0;
      const edid = base === 0 ? undefined : this.context.memory.read(base, 128);
      if (edid?.[1] === 0xff && edid[0] === 0) return edid;
    }
    return undefined;
  }

  memory(): number {
    return this.read(r.memory64K) * 0x10000;
  }

  available(): VbeModeInfo[] {
    const memory = this.memory();
    return vbeModes.filter((m) => m.width * m.height * bytesPerPixel(m.bpp) <= memory);
  }

  /** The mode that is on. */
  current(): VbeModeInfo | undefined {
    if (!this.present() || (this.read(r.enable) & ENABLED) === 0) return undefined;
    const number = this.context.data.get16(currentMode) & MODE_NUMBER;
    return vbeModes.find((m) => m.number === number);
  }

  set(mode: VbeModeInfo, request: number): void {
    const { data } = this.context;
    this.write(r.enable, 0);
    if (mode.bpp === 8) {
      this.card.dacMask = 0xff;
      this.card.writeDac(0, dacValues('vga'));
    }
    this.write(r.bank, 0);
    this.write(r.width, mode.width);
    this.write(r.height, mode.height);
    this.write(r.bpp, mode.bpp);
    this.write(
      r.enable,
      ENABLED |
        ((request & MODE_LINEAR) !== 0 ? LINEAR : 0) |
        ((request & MODE_KEEP) !== 0 ? NO_CLEAR : 0),
    );
    data.set16(currentMode, mode.number | (request & (MODE_LINEAR | MODE_KEEP)));
    // No standard mode: text goes through the painter here.
    data.set8(bda.videoMode, 0x6f);
    data.set16(bda.columns, mode.width >>> 3);
    data.set8(bda.lastRow, Math.min(255, (mode.height >>> 4) - 1));
    data.set16(bda.characterHeight, 16);
    data.set8(bda.page, 0);
    data.set16(bda.pageStart, 0);
    for (let page = 0; page < 8; page++) data.set16(bda.cursors + 2 * page, 0);
  }

  currentNumber(): number {
    return this.current() === undefined
      ? this.context.data.get8(bda.videoMode)
      : this.context.data.get16(currentMode);
  }

  #pitch(mode: VbeModeInfo): number {
    return this.read(r.virtualWidth) * bytesPerPixel(mode.bpp);
  }

  paint(
    painter: GlyphPainter,
    row: number,
    column: number,
    character: number,
    colour: number,
  ): void {
    const mode = this.current();
    const base = this.frameBuffer();
    if (mode === undefined || base === 0 || (column + 1) * 8 > mode.width) return;
    const bytes = bytesPerPixel(mode.bpp);
    const on = pixelValue(mode.bpp, colour);
    const pitch = this.#pitch(mode);
    painter.glyph(character, 16).forEach((bits, line) => {
      const pixels = new Uint8Array(8 * bytes);
      for (let x = 0; x < 8; x++) {
        if ((bits & (0x80 >>> x)) === 0) continue;
        for (let b = 0; b < bytes; b++) pixels[x * bytes + b] = (on >>> (8 * b)) & 0xff;
      }
      this.context.memory.write(base + (row * 16 + line) * pitch + column * 8 * bytes, pixels);
    });
  }

  /** Whole rows of 16 lines. */
  scroll(
    _painter: GlyphPainter,
    step: number,
    top: number,
    bottom: number,
    direction: 1 | -1,
    _fill: number,
  ): void {
    const mode = this.current();
    const base = this.frameBuffer();
    if (mode === undefined || base === 0) return;
    const { memory } = this.context;
    const pitch = this.#pitch(mode);
    const rowBytes = 16 * pitch;
    for (let i = 0; i <= bottom - top; i++) {
      const row = direction === 1 ? top + i : bottom - i;
      const from = row + direction * step;
      const inside = from >= top && from <= bottom;
      const bytes = inside
        ? memory.read(base + from * rowBytes, rowBytes)
        : new Uint8Array(rowBytes);
      memory.write(base + row * rowBytes, bytes);
    }
  }
}

/** One of the 16 text colours as a pixel. */
function pixelValue(bpp: number, colour: number): number {
  if (bpp === 8) return colour & 15;
  const [red = 0, green = 0, blue = 0] = dacValues('vga').subarray(3 * (colour & 15));
  if (bpp === 15) return ((red >>> 1) << 10) | ((green >>> 1) << 5) | (blue >>> 1);
  if (bpp === 16) return ((red >>> 1) << 11) | (green << 5) | (blue >>> 1);
  return (red << 18) | (green << 10) | (blue << 2);
}

const SUPPORTED = 0x4f;
const FAILED = 1;
const INVALID_IN_MODE = 3;

/** `setStandard` sets one of the modes below 100h. */
export function vbeService(
  context: BiosContext,
  display: VbeDisplay,
  frame: CallFrame,
  setStandard: (mode: number) => void,
): void {
  if (!display.present()) return;
  const status = call(context, display, frame, setStandard);
  if (status === undefined) return;
  frame.al = SUPPORTED;
  frame.ah = status;
}

/** Status for AH; undefined for functions that are not there. */
function call(
  context: BiosContext,
  display: VbeDisplay,
  frame: CallFrame,
  setStandard: (mode: number) => void,
): number | undefined {
  const { memory } = context;
  switch (frame.al) {
    case 0x00:
      controllerInformation(context, display, linear(frame.es, frame.di));
      return 0;
    case 0x01: {
      const mode = display.available().find((m) => m.number === (frame.cx & MODE_NUMBER));
      if (mode === undefined) return FAILED;
      memory.write(linear(frame.es, frame.di), modeInformation(mode, display));
      return 0;
    }
    case 0x02: {
      const number = frame.bx & MODE_NUMBER;
      if (number < 0x100) {
        setStandard((number & 0x7f) | ((frame.bx & MODE_KEEP) >>> 8));
        return 0;
      }
      const mode = display.available().find((m) => m.number === number);
      if (mode === undefined) return FAILED;
      display.set(mode, frame.bx);
      return 0;
    }
    case 0x03:
      frame.bx = display.currentNumber();
      return 0;
    case 0x04:
      return saveRestore(context, display, frame);
    case 0x05:
      return bank(display, frame);
    case 0x06:
      return scanLine(display, frame);
    case 0x07:
      return displayStart(display, frame);
    case 0x08:
      return dacWidth(display, frame);
    case 0x09:
      return paletteData(context, display, frame);
    case 0x15:
      return identification(context, display, frame);
    default:
      return undefined;
  }
}

function controllerInformation(context: BiosContext, display: VbeDisplay, at: number): void {
  const { memory } = context;
  const vbe2 = memory.read32(at) === 0x32454256; // "VBE2"
  const block = new Uint8Array(vbe2 ? 512 : 256);
  const view = new DataView(block.buffer);
  const far = (offset: number): number => videoRomSegment * 0x10000 + offset;
  view.setUint32(0, 0x41534556, true); // "VESA"
  view.setUint16(4, 0x0300, true);
  view.setUint32(6, far(videoRom.oem), true);
  view.setUint32(10, 1, true); // the DAC can be 8 bits wide
  // The list of modes lies in the block itself, in the reserved part.
  view.setUint32(14, (at >>> 4) * 0x10000 + (at & 15) + 0x22, true);
  view.setUint16(18, display.memory() / 0x10000, true);
  if (vbe2) {
    view.setUint16(20, 0x0100, true);
    for (const offset of [22, 26, 30]) view.setUint32(offset, far(videoRom.oem), true);
  }
  const modes = display.available().map((m) => m.number);
  const room = (256 - 0x22) / 2 - 1;
  modes.slice(0, room).forEach((number, i) => view.setUint16(0x22 + 2 * i, number, true));
  view.setUint16(0x22 + 2 * Math.min(room, modes.length), 0xffff, true);
  memory.write(at, block);
}

function modeInformation(mode: VbeModeInfo, display: VbeDisplay): Uint8Array {
  const block = new Uint8Array(256);
  const view = new DataView(block.buffer);
  const bytes = bytesPerPixel(mode.bpp);
  const pitch = mode.width * bytes;
  const size = pitch * mode.height;
  // Supported, colour, graphics, linear frame buffer; BIOS output; no VGA registers.
  view.setUint16(0, 0x009b, true);
  block[2] = 0x07; // window A: there, readable, writable
  view.setUint16(4, 64, true);
  view.setUint16(6, 64, true);
  view.setUint16(8, 0xa000, true);
  view.setUint16(16, pitch, true);
  view.setUint16(18, mode.width, true);
  view.setUint16(20, mode.height, true);
  block.set([8, 16, 1, mode.bpp, 1], 22);
  block[27] = mode.bpp === 8 ? 4 : 6; // packed, direct colour
  block[29] = Math.min(255, Math.floor(display.memory() / size) - 1);
  block[30] = 1;
  const fields = {
    8: [0, 0, 0, 0, 0, 0, 0, 0],
    15: [5, 10, 5, 5, 5, 0, 1, 15],
    16: [5, 11, 6, 5, 5, 0, 0, 0],
    24: [8, 16, 8, 8, 8, 0, 0, 0],
    32: [8, 16, 8, 8, 8, 0, 8, 24],
  }[mode.bpp];
  block.set(fields, 31);
  view.setUint32(40, display.frameBuffer(), true);
  view.setUint16(50, pitch, true);
  block[52] = block[29];
  block[53] = block[29];
  block.set(fields, 54);
  view.setUint32(62, 400_000_000, true);
  return block;
}

function saveRestore({ memory }: BiosContext, display: VbeDisplay, frame: CallFrame): number {
  const registers = [r.enable, r.width, r.height, r.bpp, r.bank, r.virtualWidth, r.x, r.y];
  const at = linear(frame.es, frame.bx);
  switch (frame.dl) {
    case 0:
      frame.bx = 1; // blocks of 64 bytes
      return 0;
    case 1:
      registers.forEach((register, i) => memory.write16(at + 2 * i, display.read(register)));
      return 0;
    case 2:
      display.write(r.enable, 0);
      registers
        .slice(1)
        .forEach((register, i) => display.write(register, memory.read16(at + 2 * i + 2)));
      display.write(r.enable, memory.read16(at) | NO_CLEAR);
      return 0;
    default:
      return FAILED;
  }
}

function bank(display: VbeDisplay, frame: CallFrame): number {
  if (display.current() === undefined) return INVALID_IN_MODE;
  if (frame.bl !== 0) return FAILED;
  if (frame.bh === 1) {
    frame.dx = display.read(r.bank);
    return 0;
  }
  if (frame.dx * 0x10000 >= display.memory()) return FAILED;
  display.write(r.bank, frame.dx);
  return 0;
}

/** 4F06h: BL 0 and 2 set the length in pixels and bytes, 1 reads, 3 reads the longest. */
function scanLine(display: VbeDisplay, frame: CallFrame): number {
  const mode = display.current();
  if (mode === undefined) return INVALID_IN_MODE;
  const bytes = bytesPerPixel(mode.bpp);
  if (frame.bl > 3) return FAILED;
  if (frame.bl === 0 || frame.bl === 2) {
    const pixels = frame.bl === 0 ? frame.cx : Math.ceil(frame.cx / bytes);
    if (pixels < mode.width || pixels * bytes * mode.height > display.memory()) return 2;
    display.write(r.virtualWidth, pixels);
  }
  const pixels =
    frame.bl === 3
      ? Math.min(Math.floor(display.memory() / (mode.height * bytes)), Math.floor(0xffff / bytes))
      : display.read(r.virtualWidth);
  frame.bx = pixels * bytes;
  frame.cx = pixels;
  frame.dx = Math.min(0xffff, Math.floor(display.memory() / Math.max(1, pixels * bytes)));
  return 0;
}

function displayStart(display: VbeDisplay, frame: CallFrame): number {
  const mode = display.current();
  if (mode === undefined) return INVALID_IN_MODE;
  switch (frame.bl & 0x7f) {
    case 0x00: {
      const pitch = display.read(r.virtualWidth) * bytesPerPixel(mode.bpp);
      if ((frame.dx + mode.height) * pitch > display.memory()) return FAILED;
      display.write(r.x, frame.cx);
      display.write(r.y, frame.dx);
      return 0;
    }
    case 0x01:
      frame.bh = 0;
      frame.cx = display.read(r.x);
      frame.dx = display.read(r.y);
      return 0;
    default:
      return FAILED;
  }
}

function dacWidth(display: VbeDisplay, frame: CallFrame): number {
  if (display.current()?.bpp !== 8) return INVALID_IN_MODE;
  const enable = display.read(r.enable);
  if (frame.bl === 0) {
    display.write(r.enable, (frame.bh >= 8 ? enable | DAC_8BIT : enable & ~DAC_8BIT) | NO_CLEAR);
  }
  frame.bh = (display.read(r.enable) & DAC_8BIT) !== 0 ? 8 : 6;
  return 0;
}

/** 4F09h: entries of blue, green, red and a spare byte. */
function paletteData({ memory }: BiosContext, display: VbeDisplay, frame: CallFrame): number {
  const count = Math.min(frame.cx, 256);
  const first = frame.dx & 0xff;
  const at = linear(frame.es, frame.di);
  if ((frame.bl & 0x7f) === 0) {
    const entries = memory.read(at, 4 * count);
    for (let i = 0; i < count; i++) {
      const [blue = 0, green = 0, red = 0] = entries.subarray(4 * i);
      display.card.writeDac((first + i) & 0xff, Uint8Array.of(red, green, blue));
    }
    return 0;
  }
  if (frame.bl !== 1) return FAILED;
  const dac = display.card.readDac(first, count);
  for (let i = 0; i < count; i++) {
    const [red = 0, green = 0, blue = 0] = dac.subarray(3 * i);
    memory.write(at + 4 * i, Uint8Array.of(blue, green, red, 0));
  }
  return 0;
}

/** 4F15h: display data channel. */
function identification({ memory }: BiosContext, display: VbeDisplay, frame: CallFrame): number {
  const edid = display.edid();
  if (edid === undefined) return FAILED;
  if (frame.bl === 0) {
    frame.bx = 0x0102; // a second a block, DDC2
    return 0;
  }
  if (frame.bl !== 1 || frame.dx !== 0) return FAILED;
  memory.write(linear(frame.es, frame.di), edid);
  return 0;
}
