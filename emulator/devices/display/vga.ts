/**
 * A VGA with the Bochs VBE extension: registers, memory window, drawing. It knows ports and memory only
 * as regions; vgaPci.ts gives it its place. Left out: the border (overscan), light pen, and the sharing of
 * the palette with a feature connector.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { byteRegion, type Mapping } from '../../bus/portBus.ts';
import type { Clock, IoRegion, VersionedState } from '../../bus/types.ts';
import { videoPageSize, type VideoMemory } from '../../bus/videoMemory.ts';
import { BochsVbe } from './bochsVbe.ts';
import type { Display } from './display.ts';
import { Picture } from './picture.ts';
import { VgaGraphics } from './vgaGraphics.ts';
import { dacColors } from './vgaPalette.ts';
import { VgaRegisters } from './vgaRegisters.ts';
import { VgaText } from './vgaText.ts';
import { beam, blanked, timing } from './vgaTiming.ts';
import { VgaWindow } from './vgaWindow.ts';
import { loadVideoMemory, saveVideoMemory } from './videoMemoryState.ts';

/** The 64 KiB of the window that can be mapped like RAM. */
const windowStart = 0xa0000;
const windowSize = 0x10000;

export interface VgaParts {
  /** A power of two of bytes, 256 KiB or more. */
  readonly memory: VideoMemory;
  readonly clock: Clock;
}

export class Vga implements Display {
  readonly registers: VgaRegisters;
  readonly vbe: BochsVbe;
  readonly window: VgaWindow;
  readonly #memory: VideoMemory;
  readonly #clock: Clock;
  readonly #picture = new Picture();
  readonly #text: VgaText;
  readonly #graphics: VgaGraphics;
  /** Written since the last picture, by 4 KiB pages. */
  readonly #pages: Uint8Array;
  /** Pages that may not be zero, but for those of #pages. */
  readonly #held: Uint8Array;
  #touched = false;
  /** Something other than video memory has changed since the last picture. */
  #changed = true;
  #fontsChanged = false;
  #frame = -1;
  #colors: Uint32Array | undefined;
  #mapped: { readonly offset: number; readonly mapping: Mapping } | undefined;
  /** Video memory may hold something: it is all zero at first. */
  #used = false;

  constructor({ memory, clock }: VgaParts) {
    this.#memory = memory;
    this.#clock = clock;
    this.#pages = new Uint8Array(memory.bytes.length / videoPageSize);
    this.#held = new Uint8Array(memory.bytes.length / videoPageSize);
    this.#text = new VgaText(memory.bytes);
    this.#graphics = new VgaGraphics(memory.bytes);
    this.registers = new VgaRegisters({
      beam: () => beam(this.registers.state, clock.nowNs()),
      changed: () => this.#registersChanged(),
    });
    this.vbe = new BochsVbe(memory.bytes.length, {
      changed: (enabling, clearBytes) => this.#vbeChanged(enabling, clearBytes),
    });
    this.window = new VgaWindow(memory.bytes, {
      registers: () => this.registers.state,
      bankOffset: () => this.vbe.bankOffset,
      written: (index, planes) => {
        this.#pages[index >>> 10] = 1;
        this.#touched = true;
        if ((planes & 4) !== 0) this.#fontsChanged = true;
      },
    });
  }

  /** Ports 0x3b0 to 0x3df. */
  get region(): IoRegion {
    return byteRegion(this.registers);
  }

  /** Ports 0x1ce (index) and 0x1cf, 0x1d0 (data), 16 bits each. */
  readonly vbeRegion: IoRegion = {
    read: (offset, width) => {
      const value = offset === 0 ? this.vbe.readIndex() : this.vbe.readData();
      return width === 1 ? value & 0xff : value;
    },
    write: (offset, _width, value) => {
      if (offset === 0) this.vbe.writeIndex(value);
      else this.vbe.writeData(value);
    },
  };

  /** The frame buffer appears at `start`, all of it. */
  mapFrameBuffer(start: number): Mapping {
    this.#used = true;
    return this.#memory.map(start, this.#memory.bytes.length, 0);
  }

  get frameBufferSize(): number {
    return this.#memory.bytes.length;
  }

  #registersChanged(): void {
    this.#changed = true;
    this.#used = true;
    this.#colors = undefined;
    this.#mapWindow();
  }

  #vbeChanged(enabling: boolean, clearBytes: number): void {
    const mode = this.vbe.mode();
    const is8Bit = this.vbe.dacIs8Bit;
    if (is8Bit !== this.registers.dacIs8Bit) {
      this.registers.dacIs8Bit = is8Bit;
      const { dac } = this.registers.state;
      dac.forEach((value, i) => (dac[i] = is8Bit ? value << 2 : value >>> 2));
    }
    if (enabling && mode !== undefined) {
      if (clearBytes > 0) this.#memory.bytes.fill(0, 0, clearBytes);
      this.#linearWindow(mode.bpp);
    }
    this.#registersChanged();
  }

  /** A VBE mode leaves the VGA as a guest without VBE would have set it: one plane set, 64 KiB at 0xa0000. */
  #linearWindow(bpp: number): void {
    const { sequencer, graphics } = this.registers.state;
    const planar = bpp === 4;
    graphics[5] = planar ? 0 : 0x40;
    graphics[6] = 0x05;
    sequencer[1] = ((sequencer[1] ?? 0) & ~0x28) | 1;
    sequencer[2] = 0x0f;
    sequencer[4] = planar ? 0x06 : 0x0e;
  }

  /** Chain 4 without any arithmetic is plain memory: the CPU then reaches it as RAM. */
  #mapWindow(): void {
    const { sequencer, graphics } = this.registers.state;
    const offset = this.vbe.bankOffset;
    const plain =
      ((sequencer[4] ?? 0) & 8) !== 0 &&
      sequencer[2] === 0x0f &&
      ((graphics[5] ?? 0) & 0x0b) === 0 &&
      ((graphics[6] ?? 0) & 0x0c) === 0x04 &&
      graphics[1] === 0 &&
      graphics[3] === 0 &&
      graphics[8] === 0xff &&
      offset + windowSize <= this.#memory.bytes.length;
    if (plain && this.#mapped?.offset === offset) return;
    this.#mapped?.mapping.remove();
    this.#mapped = plain
      ? { offset, mapping: this.#memory.map(windowStart, windowSize, offset) }
      : undefined;
  }

  get #isText(): boolean {
    return !this.vbe.enabled && ((this.registers.state.graphics[6] ?? 0) & 1) === 0;
  }

  refresh(): Picture {
    const { state } = this.registers;
    const picture = this.#picture;
    const written = this.#memory.takeWritten(this.#pages) || this.#touched;
    const all = this.#changed || this.#fontsChanged;
    const frame = Math.floor(this.#clock.nowNs() / timing(state).frameNs);
    const blinked = this.#isText && (frame ^ this.#frame) >>> 3 !== 0;
    const cursorMayHaveMoved = this.#isText;
    this.#frame = frame;
    if (!written && !all && !blinked && !cursorMayHaveMoved) return picture;
    this.#changed = false;
    this.#fontsChanged = false;
    this.#touched = false;
    this.#colors ??= dacColors(state, this.vbe.dacIs8Bit);
    const mode = this.vbe.mode();
    const pages = all ? undefined : this.#pages;
    if (blanked(state)) this.#blank(picture);
    else if (mode !== undefined) this.#graphics.drawVbe(picture, mode, state, this.#colors, pages);
    else if (this.#isText) this.#text.draw(picture, state, this.#colors, frame, all);
    else this.#graphics.drawVga(picture, state, this.#colors, pages);
    this.#noteHeld();
    this.#pages.fill(0);
    return picture;
  }

  #noteHeld(): void {
    if (!this.#pages.includes(1)) return;
    for (let page = 0; page < this.#pages.length; page++)
      if (this.#pages[page] !== 0) this.#held[page] = 1;
  }

  /** A dark screen keeps its size; at power-on it is that of the text mode to come. */
  #blank(picture: Picture): void {
    if (picture.width === 0) picture.resize(720, 400);
    const row = new Uint32Array(picture.width).fill(0xff000000);
    for (let y = 0; y < picture.height; y++) picture.putRow(y, row);
  }

  text(): readonly string[] | undefined {
    if (!this.#isText || blanked(this.registers.state)) return undefined;
    return this.#text.text(this.registers.state);
  }

  reset(): void {
    if (this.#used) this.#memory.bytes.fill(0);
    this.#held.fill(0);
    this.registers.reset();
    this.vbe.reset();
    this.window.latch = 0;
    this.#used = false;
    this.#fontsChanged = true;
  }

  dispose(): void {
    this.#mapped?.mapping.remove();
    this.#mapped = undefined;
  }

  save() {
    if (this.#memory.takeWritten(this.#pages)) this.#touched = true;
    this.#noteHeld();
    return {
      version: 1,
      data: {
        registers: this.registers.save(),
        vbe: this.vbe.save(),
        latch: this.window.latch,
        dacIs8Bit: this.registers.dacIs8Bit,
        memory: saveVideoMemory(this.#memory.bytes, this.#held),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('vga', state, this.save());
    // Untouched, its pages cost nothing.
    if (this.#used) this.#memory.bytes.fill(0);
    // First: loading the VBE registers must not convert the palette.
    this.registers.dacIs8Bit = data.dacIs8Bit;
    this.registers.load(data.registers);
    this.vbe.load(data.vbe);
    this.window.latch = data.latch;
    this.#used = true;
    loadVideoMemory(this.#memory.bytes, data.memory);
    this.#held.fill(0);
    data.memory.at.forEach((at, i) => {
      const end = at + (data.memory.parts[i]?.length ?? 0);
      this.#held.fill(1, at / videoPageSize, end / videoPageSize);
    });
    this.#changed = true;
    this.#fontsChanged = true;
  }
}
