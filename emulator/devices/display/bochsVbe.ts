/**
 * The Bochs VBE extension ("DISPI"): an index and a data register, 16 bits each, at ports 0x1ce and 0x1cf,
 * versions 0xb0c0 to 0xb0c5 (Bochs' vbe_display_api.txt; QEMU's docs/specs/standard-vga.rst).
 */
const ID = 0;
const XRES = 1;
const YRES = 2;
const BPP = 3;
const ENABLE = 4;
const BANK = 5;
const VIRTUAL_WIDTH = 6;
const VIRTUAL_HEIGHT = 7;
const X_OFFSET = 8;
const Y_OFFSET = 9;
const MEMORY_64K = 10;

const ENABLED = 0x01;
const GET_CAPABILITIES = 0x02;
const DAC_8BIT = 0x20;
const NO_CLEAR = 0x80;

const firstId = 0xb0c0;
const lastId = 0xb0c5;
const most = { width: 2560, height: 1600, bpp: 32 } as const;
const depths = [4, 8, 15, 16, 24, 32];

/** A mode that is on: sizes in pixels, `stride` and `start` in bytes of the video memory. */
export interface VbeMode {
  readonly width: number;
  readonly height: number;
  readonly bpp: number;
  readonly stride: number;
  readonly start: number;
}

export interface VbeState {
  index: number;
  registers: Uint16Array;
}

export interface VbeHooks {
  /** After a change; `enabling`: the mode was just switched on, and its memory is to be cleared. */
  changed(enabling: boolean, clearBytes: number): void;
}

export class BochsVbe {
  #index = 0;
  readonly #registers = new Uint16Array(16);
  readonly #memory: number;
  readonly #hooks: VbeHooks;

  /** `memory`: bytes of video memory. */
  constructor(memory: number, hooks: VbeHooks) {
    this.#memory = memory;
    this.#hooks = hooks;
    this.#powerOn();
  }

  get enabled(): boolean {
    return (this.#get(ENABLE) & ENABLED) !== 0;
  }
  get dacIs8Bit(): boolean {
    return (this.#get(ENABLE) & DAC_8BIT) !== 0;
  }
  /** Bytes that addresses in the 64 KiB window are moved by. */
  get bankOffset(): number {
    return this.#get(BANK) * 0x10000;
  }

  /** The mode that is shown; undefined while the card is a plain VGA. */
  mode(): VbeMode | undefined {
    if (!this.enabled) return undefined;
    const bpp = this.#get(BPP);
    const stride = this.#stride();
    // Four bits a pixel lie in planes: eight pixels are a dword.
    const x = this.#get(X_OFFSET);
    const inRow = bpp === 4 ? (x >>> 3) * 4 : x * bytesPerPixel(bpp);
    return {
      width: this.#get(XRES),
      height: this.#get(YRES),
      bpp,
      stride,
      start: this.#get(Y_OFFSET) * stride + inRow,
    };
  }

  #get(index: number): number {
    return this.#registers[index] ?? 0;
  }

  #stride(): number {
    const width = this.#get(VIRTUAL_WIDTH);
    const bpp = this.#get(BPP);
    return bpp === 4 ? (width >>> 3) * 4 : width * bytesPerPixel(bpp);
  }

  readIndex(): number {
    return this.#index;
  }

  writeIndex(value: number): void {
    this.#index = value & 0xffff;
  }

  readData(): number {
    return this.read(this.#index);
  }

  writeData(value: number): void {
    this.write(this.#index, value & 0xffff);
  }

  read(index: number): number {
    if ((this.#get(ENABLE) & GET_CAPABILITIES) !== 0) {
      if (index === XRES) return most.width;
      if (index === YRES) return most.height;
      if (index === BPP) return most.bpp;
    }
    if (index === VIRTUAL_HEIGHT) return this.#virtualHeight();
    if (index === MEMORY_64K) return this.#memory >>> 16;
    return index < MEMORY_64K ? this.#get(index) : 0;
  }

  #virtualHeight(): number {
    const stride = this.#stride();
    return stride === 0 ? 0 : Math.min(0xffff, Math.floor(this.#memory / stride));
  }

  write(index: number, value: number): void {
    switch (index) {
      case ID:
        if (value >= firstId && value <= lastId) this.#registers[ID] = value;
        return;
      case XRES:
        if (value >= 8 && value <= most.width) this.#store(XRES, value & ~7);
        return;
      case YRES:
        if (value > 0 && value <= most.height) this.#store(YRES, value);
        return;
      case BPP:
        if (value === 0) value = 8;
        if (depths.includes(value)) this.#store(BPP, value);
        return;
      case ENABLE:
        this.#enable(value);
        return;
      case BANK:
        // A bank is 64 KiB of addresses; of planes each address is four bytes.
        this.#store(BANK, value & ((this.#memory >>> 16) - 1));
        return;
      case VIRTUAL_WIDTH:
        this.#setVirtualWidth(value);
        return;
      case X_OFFSET:
      case Y_OFFSET:
        this.#store(index, value);
        this.#keepOffsetsInside();
        return;
    }
  }

  #store(index: number, value: number): void {
    this.#registers[index] = value;
    if (this.enabled) this.#hooks.changed(false, 0);
  }

  #setVirtualWidth(value: number): void {
    const bpp = this.#get(BPP);
    const widest = bpp === 4 ? 0x4000 : Math.floor(this.#memory / bytesPerPixel(bpp));
    this.#registers[VIRTUAL_WIDTH] = Math.max(this.#get(XRES), Math.min(value & ~7, widest));
    this.#keepOffsetsInside();
    this.#store(VIRTUAL_HEIGHT, this.#virtualHeight());
  }

  /** What is shown must lie in the memory. */
  #keepOffsetsInside(): void {
    const x = this.#get(VIRTUAL_WIDTH) - this.#get(XRES);
    const y = Math.max(0, this.#virtualHeight() - this.#get(YRES));
    this.#registers[X_OFFSET] = Math.min(this.#get(X_OFFSET), Math.max(0, x));
    this.#registers[Y_OFFSET] = Math.min(this.#get(Y_OFFSET), y);
  }

  #enable(value: number): void {
    const before = this.#get(ENABLE);
    this.#registers[ENABLE] = value & 0xff;
    const enabling = (value & ENABLED & ~before) !== 0;
    if (enabling) {
      this.#registers[VIRTUAL_WIDTH] = this.#get(XRES);
      this.#registers[X_OFFSET] = 0;
      this.#registers[Y_OFFSET] = 0;
      this.#registers[VIRTUAL_HEIGHT] = this.#virtualHeight();
      // A mode that the memory does not hold is not switched on.
      if (this.#virtualHeight() < this.#get(YRES)) this.#registers[ENABLE] = value & ~ENABLED;
    }
    if (!this.enabled) this.#registers[BANK] = 0;
    const started = enabling && this.enabled;
    const clear = started && (value & NO_CLEAR) === 0 ? this.#stride() * this.#get(YRES) : 0;
    this.#hooks.changed(started, clear);
  }

  #powerOn(): void {
    this.#index = 0;
    this.#registers.fill(0);
    this.#registers[ID] = lastId;
    this.#registers[XRES] = 640;
    this.#registers[YRES] = 480;
    this.#registers[BPP] = 8;
    this.#registers[VIRTUAL_WIDTH] = 640;
  }

  reset(): void {
    this.#powerOn();
    this.#hooks.changed(false, 0);
  }

  save(): VbeState {
    return { index: this.#index, registers: this.#registers.slice() };
  }

  load(state: VbeState): void {
    this.#index = state.index;
    this.#registers.set(state.registers);
    this.#hooks.changed(false, 0);
  }
}

const bytesPerPixel = (bpp: number): number => (bpp + 7) >>> 3;
