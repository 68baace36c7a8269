/** Writes 16-bit machine code into a ROM image: bytes as they are, and labels for the branches. */
export class Assembler16 {
  readonly image: Uint8Array;
  /** Where the next byte goes, an offset in the image. */
  here = 0;
  readonly #labels = new Map<string, number>();
  readonly #fixups: { readonly at: number; readonly size: 1 | 2; readonly label: string }[] = [];

  constructor(size: number) {
    this.image = new Uint8Array(size);
  }

  at(offset: number): this {
    this.here = offset;
    return this;
  }

  label(name: string): this {
    if (this.#labels.has(name)) throw new Error(`label ${name} is there twice`);
    this.#labels.set(name, this.here);
    return this;
  }

  bytes(...values: readonly number[]): this {
    return this.data(Uint8Array.from(values));
  }

  data(bytes: Uint8Array): this {
    if (this.here + bytes.length > this.image.length) throw new RangeError('the ROM is full');
    this.image.set(bytes, this.here);
    this.here += bytes.length;
    return this;
  }

  word(value: number): this {
    return this.bytes(value & 0xff, (value >>> 8) & 0xff);
  }

  text(value: string): this {
    return this.data(new TextEncoder().encode(value));
  }

  /** `opcode` with an 8-bit displacement to `label`. */
  short(opcode: number, label: string): this {
    this.bytes(opcode, 0);
    this.#fixups.push({ at: this.here - 1, size: 1, label });
    return this;
  }

  /** `opcode` (jmp e9, call e8) with a 16-bit displacement to `label`. */
  near(opcode: number, label: string): this {
    this.bytes(opcode, 0, 0);
    this.#fixups.push({ at: this.here - 2, size: 2, label });
    return this;
  }

  offsetOf(label: string): number {
    const offset = this.#labels.get(label);
    if (offset === undefined) throw new Error(`no label ${label}`);
    return offset;
  }

  /** Fills in the branches; the image is then complete. */
  finish(): Uint8Array {
    for (const { at, size, label } of this.#fixups) {
      const distance = this.offsetOf(label) - (at + size);
      if (size === 1 && (distance < -128 || distance > 127)) {
        throw new RangeError(`${label} is too far for a short branch`);
      }
      this.image[at] = distance & 0xff;
      if (size === 2) this.image[at + 1] = (distance >> 8) & 0xff;
    }
    return this.image;
  }
}
