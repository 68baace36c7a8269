/** Programs a VGA through its ports, as INT 10h's services need it. */
import type { BiosContext } from './biosContext.ts';
import { inb, outb } from './biosContext.ts';
import { dacValues, type VideoMode } from './videoModes.ts';

const ATTRIBUTE = 0x3c0;
const MISC = 0x3c2;
const SEQUENCER = 0x3c4;
const DAC_READ = 0x3c7;
const DAC_WRITE = 0x3c8;
const DAC_DATA = 0x3c9;
const GRAPHICS = 0x3ce;
/** Lets the palette be seen; clear while it is programmed. */
const PALETTE_ON = 0x20;

export class VideoCard {
  readonly #context: BiosContext;

  constructor(context: BiosContext) {
    this.#context = context;
  }

  /** A VGA answers: its sequencer has registers. */
  present(): boolean {
    outb(this.#context, SEQUENCER, 2);
    return inb(this.#context, SEQUENCER) !== 0xff;
  }

  get crtcPort(): number {
    return (inb(this.#context, 0x3cc) & 1) !== 0 ? 0x3d4 : 0x3b4;
  }

  #indexed(port: number, index: number, value: number): void {
    outb(this.#context, port, index);
    outb(this.#context, port + 1, value);
  }
  sequencer(index: number, value: number): void {
    this.#indexed(SEQUENCER, index, value);
  }
  graphics(index: number, value: number): void {
    this.#indexed(GRAPHICS, index, value);
  }
  crtc(index: number, value: number): void {
    this.#indexed(this.crtcPort, index, value);
  }
  readCrtc(index: number): number {
    outb(this.#context, this.crtcPort, index);
    return inb(this.#context, this.crtcPort + 1);
  }

  /** Reading status 1 makes the next write to the attribute controller an index. */
  #attributeIndex(index: number): void {
    inb(this.#context, this.crtcPort + 6);
    outb(this.#context, ATTRIBUTE, index);
  }
  attribute(index: number, value: number): void {
    this.#attributeIndex(index);
    outb(this.#context, ATTRIBUTE, value);
    this.#attributeIndex(PALETTE_ON);
  }
  readAttribute(index: number): number {
    this.#attributeIndex(index);
    const value = inb(this.#context, ATTRIBUTE + 1);
    this.#attributeIndex(PALETTE_ON);
    return value;
  }

  writeDac(first: number, rgb: Uint8Array): void {
    outb(this.#context, DAC_WRITE, first);
    for (const level of rgb) outb(this.#context, DAC_DATA, level);
  }
  readDac(first: number, count: number): Uint8Array {
    outb(this.#context, DAC_READ, first);
    return Uint8Array.from({ length: 3 * count }, () => inb(this.#context, DAC_DATA));
  }
  get dacMask(): number {
    return inb(this.#context, 0x3c6);
  }
  set dacMask(mask: number) {
    outb(this.#context, 0x3c6, mask);
  }

  /** All registers of a mode; memory and fonts are left alone. */
  setMode(mode: VideoMode, withPalette: boolean): void {
    outb(this.#context, MISC, mode.misc);
    this.sequencer(0, 0x01);
    mode.sequencer.forEach((value, i) => this.sequencer(i + 1, value));
    this.sequencer(0, 0x03);
    this.crtc(0x11, 0);
    mode.crtc.forEach((value, i) => this.crtc(i, value));
    mode.graphics.forEach((value, i) => this.graphics(i, value));
    mode.attribute.forEach((value, i) => this.attribute(i, value));
    if (withPalette) {
      this.dacMask = 0xff;
      this.writeDac(0, dacValues(mode.palette));
    }
  }

  /** Opens plane 2 at A0000h while `write` puts characters there, and restores the text mode's windows. */
  withFontMemory(write: () => void): void {
    const monochrome = this.crtcPort === 0x3b4;
    this.sequencer(0, 0x01);
    this.sequencer(2, 0x04);
    this.sequencer(4, 0x07);
    this.sequencer(0, 0x03);
    this.graphics(4, 0x02);
    this.graphics(5, 0x00);
    this.graphics(6, 0x04);
    write();
    this.sequencer(0, 0x01);
    this.sequencer(2, 0x03);
    this.sequencer(4, 0x03);
    this.sequencer(0, 0x03);
    this.graphics(4, 0x00);
    this.graphics(5, 0x10);
    this.graphics(6, monochrome ? 0x0a : 0x0e);
  }
}
