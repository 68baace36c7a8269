/**
 * The registers of a VGA: sequencer, graphics controller, CRTC, attribute controller, DAC and the general
 * ones (IBM PS/2 Hardware Interface Technical Reference, Video Subsystem, 1992). Left out: the palette
 * snoop and the vertical interrupt, which no PC wires up.
 */
import type { ByteRegisters } from '../../bus/portBus.ts';

/** Offsets from port 0x3b0. */
const MONO_INDEX = 0x04;
const MONO_DATA = 0x05;
const MONO_STATUS = 0x0a;
const ATTRIBUTE = 0x10;
const ATTRIBUTE_READ = 0x11;
const MISCELLANEOUS = 0x12;
const SEQUENCER_INDEX = 0x14;
const SEQUENCER_DATA = 0x15;
const PEL_MASK = 0x16;
const DAC_READ_INDEX = 0x17;
const DAC_WRITE_INDEX = 0x18;
const DAC_DATA = 0x19;
const FEATURE_READ = 0x1a;
const MISCELLANEOUS_READ = 0x1c;
const GRAPHICS_INDEX = 0x1e;
const GRAPHICS_DATA = 0x1f;
const COLOR_INDEX = 0x24;
const COLOR_DATA = 0x25;
const COLOR_STATUS = 0x2a;

/** Bits that exist. */
const sequencerMask = [0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0];
const graphicsMask = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];

/** CRTC registers of the cursor: they change little of the picture. */
const cursorRegisters = new Set([0x0a, 0x0b, 0x0e, 0x0f]);
/** CR11: registers 0 to 7 are locked. */
const CRTC_PROTECT = 0x80;
/** CR7: line compare bit 8, which is not locked. */
const LINE_COMPARE_8 = 0x10;

export interface RegisterHooks {
  /** Input status 1 bits 0 and 3: where the beam is. */
  beam(): number;
  /** Something changed of how memory is seen by the CPU or drawn. */
  changed(): void;
}

export interface RegisterState {
  sequencer: Uint8Array;
  graphics: Uint8Array;
  crtc: Uint8Array;
  attribute: Uint8Array;
  dac: Uint8Array;
  sequencerIndex: number;
  graphicsIndex: number;
  crtcIndex: number;
  attributeIndex: number;
  /** The attribute port takes data next. */
  attributeData: boolean;
  miscellaneous: number;
  featureControl: number;
  pelMask: number;
  dacIndex: number;
  dacReading: boolean;
  dacComponent: number;
  dacHeld: Uint8Array;
}

function powerOn(): RegisterState {
  return {
    sequencer: new Uint8Array(8),
    graphics: new Uint8Array(16),
    crtc: new Uint8Array(32),
    attribute: new Uint8Array(32),
    dac: new Uint8Array(768),
    sequencerIndex: 0,
    graphicsIndex: 0,
    crtcIndex: 0,
    attributeIndex: 0,
    attributeData: false,
    miscellaneous: 0,
    featureControl: 0,
    pelMask: 0xff,
    dacIndex: 0,
    dacReading: false,
    dacComponent: 0,
    dacHeld: new Uint8Array(3),
  };
}

/** Ports 0x3b0 to 0x3df, from 0. */
export class VgaRegisters implements ByteRegisters {
  state = powerOn();
  /** Set by the VBE extension: DAC components have 8 bits. */
  dacIs8Bit = false;
  readonly #hooks: RegisterHooks;

  constructor(hooks: RegisterHooks) {
    this.#hooks = hooks;
  }

  /** CRTC and status answer at 0x3bx or 0x3dx (miscellaneous bit 0). */
  #answers(offset: number): boolean {
    const color = (this.state.miscellaneous & 1) !== 0;
    if (offset < ATTRIBUTE) return !color;
    return offset < 0x20 || color;
  }

  read(offset: number): number {
    const s = this.state;
    if (!this.#answers(offset)) return 0xff;
    switch (offset) {
      case ATTRIBUTE:
        return s.attributeData ? 0 : s.attributeIndex;
      case ATTRIBUTE_READ:
        return s.attribute[s.attributeIndex & 0x1f] ?? 0;
      case MISCELLANEOUS:
        // Input status 0: the switch sense of a colour monitor.
        return 0x10;
      case SEQUENCER_INDEX:
        return s.sequencerIndex;
      case SEQUENCER_DATA:
        return s.sequencer[s.sequencerIndex] ?? 0;
      case PEL_MASK:
        return s.pelMask;
      case DAC_READ_INDEX:
        return s.dacReading ? 3 : 0;
      case DAC_WRITE_INDEX:
        return s.dacIndex;
      case DAC_DATA:
        return this.#readDac();
      case FEATURE_READ:
        return s.featureControl;
      case MISCELLANEOUS_READ:
        return s.miscellaneous;
      case GRAPHICS_INDEX:
        return s.graphicsIndex;
      case GRAPHICS_DATA:
        return s.graphics[s.graphicsIndex] ?? 0;
      case MONO_INDEX:
      case COLOR_INDEX:
        return s.crtcIndex;
      case MONO_DATA:
      case COLOR_DATA:
        return s.crtc[s.crtcIndex & 0x1f] ?? 0;
      case MONO_STATUS:
      case COLOR_STATUS:
        s.attributeData = false;
        return this.#hooks.beam();
    }
    return 0;
  }

  write(offset: number, value: number): void {
    const s = this.state;
    if (!this.#answers(offset)) return;
    switch (offset) {
      case ATTRIBUTE:
        this.#writeAttribute(value);
        return;
      case MISCELLANEOUS:
        s.miscellaneous = value & 0xef;
        this.#hooks.changed();
        return;
      case SEQUENCER_INDEX:
        s.sequencerIndex = value & 7;
        return;
      case SEQUENCER_DATA:
        this.#set(s.sequencer, s.sequencerIndex, value & (sequencerMask[s.sequencerIndex] ?? 0));
        return;
      case PEL_MASK:
        s.pelMask = value;
        this.#hooks.changed();
        return;
      case DAC_READ_INDEX:
      case DAC_WRITE_INDEX:
        s.dacIndex = value;
        s.dacComponent = 0;
        s.dacReading = offset === DAC_READ_INDEX;
        return;
      case DAC_DATA:
        this.#writeDac(value);
        return;
      case GRAPHICS_INDEX:
        s.graphicsIndex = value & 0x0f;
        return;
      case GRAPHICS_DATA:
        this.#set(s.graphics, s.graphicsIndex, value & (graphicsMask[s.graphicsIndex] ?? 0));
        return;
      case MONO_INDEX:
      case COLOR_INDEX:
        s.crtcIndex = value & 0x3f;
        return;
      case MONO_DATA:
      case COLOR_DATA:
        this.#writeCrtc(value);
        return;
      case MONO_STATUS:
      case COLOR_STATUS:
        s.featureControl = value & 0x10;
        return;
    }
  }

  #set(registers: Uint8Array, index: number, value: number): void {
    if (registers[index] === value) return;
    registers[index] = value;
    this.#hooks.changed();
  }

  #writeAttribute(value: number): void {
    const s = this.state;
    if (!s.attributeData) {
      const enabled = (s.attributeIndex ^ value) & 0x20;
      s.attributeIndex = value & 0x3f;
      if (enabled !== 0) this.#hooks.changed();
    } else if ((s.attributeIndex & 0x1f) <= 0x14) {
      this.#set(s.attribute, s.attributeIndex & 0x1f, value & 0xff);
    }
    s.attributeData = !s.attributeData;
  }

  #writeCrtc(value: number): void {
    const { crtc, crtcIndex: index } = this.state;
    if (index > 0x18) return;
    if (index <= 7 && ((crtc[0x11] ?? 0) & CRTC_PROTECT) !== 0) {
      if (index !== 7) return;
      value = ((crtc[7] ?? 0) & ~LINE_COMPARE_8) | (value & LINE_COMPARE_8);
    }
    if (cursorRegisters.has(index)) crtc[index] = value;
    else this.#set(crtc, index, value);
  }

  #readDac(): number {
    const s = this.state;
    const value = s.dac[s.dacIndex * 3 + s.dacComponent] ?? 0;
    s.dacComponent++;
    if (s.dacComponent === 3) {
      s.dacComponent = 0;
      s.dacIndex = (s.dacIndex + 1) & 0xff;
    }
    return value;
  }

  /** A colour takes effect with its third component. */
  #writeDac(value: number): void {
    const s = this.state;
    s.dacHeld[s.dacComponent++] = this.dacIs8Bit ? value : value & 0x3f;
    if (s.dacComponent < 3) return;
    s.dac.set(s.dacHeld, s.dacIndex * 3);
    s.dacComponent = 0;
    s.dacIndex = (s.dacIndex + 1) & 0xff;
    this.#hooks.changed();
  }

  reset(): void {
    this.state = powerOn();
    this.dacIs8Bit = false;
    this.#hooks.changed();
  }

  save(): RegisterState {
    return structuredClone(this.state);
  }

  load(state: RegisterState): void {
    this.state = structuredClone(state);
    this.#hooks.changed();
  }
}
