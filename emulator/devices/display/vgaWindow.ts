/**
 * The CPU's view of VGA memory at 0xa0000 to 0xbffff: four planes behind latches and an arithmetic
 * unit (IBM PS/2 Hardware Interface Technical Reference, Video Subsystem, "Graphics controller").
 * Byte n of plane p is byte 4n + p of the video memory. In the odd/even and chain-4 modes n counts up
 * without gaps, so that chain 4 is the linear frame buffer of VBE; the drawing side does the same.
 */
import type { IoRegion } from '../../bus/types.ts';
import type { RegisterState } from './vgaRegisters.ts';

/** Bytes of a dword whose plane's bit is set. */
const planeMask = Array.from(
  { length: 16 },
  (_, planes) =>
    ((planes & 1 && 0xff) |
      (planes & 2 && 0xff00) |
      (planes & 4 && 0xff0000) |
      (planes & 8 && 0xff000000)) >>>
    0,
);
const everyPlane = (byte: number): number => Math.imul(byte, 0x01010101);

/** Where the window lies, by graphics register 6 bits 2..3: offset from 0xa0000 and size. */
const windows = [
  [0, 0x20000],
  [0, 0x10000],
  [0x10000, 0x8000],
  [0x18000, 0x8000],
] as const;

export interface WindowHooks {
  registers(): RegisterState;
  /** Offset that VBE's bank adds to addresses at 0xa0000. */
  bankOffset(): number;
  /** Dword `index` was written in the planes of `planes`. */
  written(index: number, planes: number): void;
}

export class VgaWindow implements IoRegion {
  latch = 0;
  readonly #dwords: Uint32Array;
  readonly #hooks: WindowHooks;

  /** `bytes` has a power of two of bytes. */
  constructor(bytes: Uint8Array, hooks: WindowHooks) {
    this.#dwords = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#hooks = hooks;
  }

  read(offset: number, width: 1 | 2 | 4): number {
    let value = 0;
    for (let i = 0; i < width; i++) value |= this.#readByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  write(offset: number, width: 1 | 2 | 4, value: number): void {
    if (width !== 1 && (offset & 1) === 0 && this.#writeText(offset, width, value)) return;
    for (let i = 0; i < width; i++) this.#writeByte(offset + i, (value >>> (8 * i)) & 0xff);
  }

  writeBytes(offset: number, bytes: Uint8Array): void {
    let i = 0;
    if ((offset & 1) === 0)
      while (
        i + 2 <= bytes.length &&
        this.#writeText(offset + i, 2, (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8))
      )
        i += 2;
    for (; i < bytes.length; i++) this.#writeByte(offset + i, bytes[i] ?? 0);
  }

  /** Whole cells of text, as nearly everybody writes them: odd/even, and the graphics controller does nothing. */
  #writeText(offset: number, width: 2 | 4, value: number): boolean {
    const { sequencer, graphics } = this.#hooks.registers();
    if (
      ((sequencer[4] ?? 0) & 0x0c) !== 0 ||
      ((sequencer[2] ?? 0) & 15) !== 3 ||
      ((graphics[5] ?? 0) & 3) !== 0 ||
      ((graphics[1] ?? 0) & 15) !== 0 ||
      ((graphics[3] ?? 0) & 0x1f) !== 0 ||
      graphics[8] !== 0xff
    )
      return false;
    const at = this.#address(offset, graphics);
    if (at < 0 || this.#address(offset + width - 1, graphics) < 0) return false;
    for (let i = 0; i < width; i += 2) {
      const index = ((at >>> 1) + (i >>> 1)) & (this.#dwords.length - 1);
      this.#dwords[index] =
        ((this.#dwords[index] ?? 0) & 0xffff0000) | ((value >>> (8 * i)) & 0xffff);
      this.#hooks.written(index, 3);
    }
    return true;
  }

  /** Address inside the window that is selected, banks counted, or -1. */
  #address(offset: number, graphics: Uint8Array): number {
    const map = ((graphics[6] ?? 0) >> 2) & 3;
    const [start, size] = windows[map] as readonly [number, number];
    if (offset < start || offset >= start + size) return -1;
    return offset - start + (map === 1 ? this.#hooks.bankOffset() : 0);
  }

  #readByte(offset: number): number {
    const { sequencer, graphics } = this.#hooks.registers();
    const at = this.#address(offset, graphics);
    if (at < 0) return 0xff;
    const mode = graphics[5] ?? 0;
    const select = (graphics[4] ?? 0) & 3;
    let index = at;
    let plane = select;
    if (((sequencer[4] ?? 0) & 8) !== 0) {
      index = at >>> 2;
      plane = at & 3;
    } else if ((mode & 0x10) !== 0) {
      index = at >>> 1;
      plane = (select & 2) | (at & 1);
    }
    const dword = this.#dwords[index & (this.#dwords.length - 1)] ?? 0;
    this.latch = dword;
    if ((mode & 8) === 0) return (dword >>> (8 * plane)) & 0xff;
    // Read mode 1: bits whose colour is that of the compare register in the planes that care.
    const care = planeMask[(graphics[7] ?? 0) & 15] ?? 0;
    let differs = (dword ^ (planeMask[(graphics[2] ?? 0) & 15] ?? 0)) & care;
    differs |= differs >>> 16;
    differs |= differs >>> 8;
    return ~differs & 0xff;
  }

  #writeByte(offset: number, value: number): void {
    const { sequencer, graphics } = this.#hooks.registers();
    const at = this.#address(offset, graphics);
    if (at < 0) return;
    const memoryMode = sequencer[4] ?? 0;
    let index = at;
    let planes = (sequencer[2] ?? 0) & 15;
    if ((memoryMode & 8) !== 0) {
      index = at >>> 2;
      planes &= 1 << (at & 3);
    } else if ((memoryMode & 4) === 0) {
      index = at >>> 1;
      planes &= 5 << (at & 1);
    }
    if (planes === 0) return;
    index &= this.#dwords.length - 1;
    const mask = planeMask[planes] ?? 0;
    const old = this.#dwords[index] ?? 0;
    this.#dwords[index] = (old & ~mask) | (this.#result(value, graphics) & mask);
    this.#hooks.written(index, planes);
  }

  /** What the write mode makes of a byte: a dword for all planes. */
  #result(value: number, graphics: Uint8Array): number {
    const mode = (graphics[5] ?? 0) & 3;
    if (mode === 1) return this.latch;
    const rotate = (graphics[3] ?? 0) & 7;
    const setReset = planeMask[(graphics[0] ?? 0) & 15] ?? 0;
    let bits = graphics[8] ?? 0;
    if (mode !== 2) value = ((value >>> rotate) | (value << (8 - rotate))) & 0xff;
    let dword: number;
    if (mode === 0) {
      const enabled = planeMask[(graphics[1] ?? 0) & 15] ?? 0;
      dword = (everyPlane(value) & ~enabled) | (setReset & enabled);
    } else if (mode === 2) {
      dword = planeMask[value & 15] ?? 0;
    } else {
      bits &= value;
      dword = setReset;
    }
    // Write mode 3 goes through the logic unit too.
    switch ((graphics[3] ?? 0) & 0x18) {
      case 0x08:
        dword &= this.latch;
        break;
      case 0x10:
        dword |= this.latch;
        break;
      case 0x18:
        dword ^= this.latch;
        break;
    }
    const bitMask = everyPlane(bits);
    return (dword & bitMask) | (this.latch & ~bitMask);
  }
}
