/** Builds a table of little-endian fields. */
export class ByteWriter {
  readonly bytes: number[] = [];

  get length(): number {
    return this.bytes.length;
  }
  u8(...values: readonly number[]): this {
    for (const value of values) this.bytes.push(value & 0xff);
    return this;
  }
  u16(value: number): this {
    return this.u8(value, value >>> 8);
  }
  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }
  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }
  ascii(value: string): this {
    return this.u8(...[...value].map((c) => c.charCodeAt(0)));
  }
  zeroes(count: number): this {
    return this.u8(...new Array<number>(count).fill(0));
  }
  append(other: ByteWriter): this {
    for (const byte of other.bytes) this.bytes.push(byte);
    return this;
  }
  finish(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}

/** The byte that makes the sum of all zero. */
export const checksum = (bytes: Uint8Array): number =>
  -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
