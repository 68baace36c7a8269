/** Raw images: byte n of the file is byte n of the disk. */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage, ImageCheck, ImageExtent, ImageInfo, OwnExtent } from '../blockImage.ts';
import { slice, totalLength, zeroes } from '../bufferList.ts';
import { compressionOf, signatureOf, signatureSpan } from '../detectFormat.ts';
import { checkRange, checkWritable } from '../checkAccess.ts';
import type { ImageFile } from '../imageFile.ts';

const sectorSize = 512;

export interface RawOptions {
  readonly readOnly: boolean;
  /**
   * The format was guessed from the content. Then a guest may not write another format's signature,
   * or it could make the next start read an image of its making, backing files and all.
   */
  readonly guessed?: boolean;
}

export class RawImage implements BlockImage {
  readonly format = 'raw';
  readonly backing = undefined;
  readonly readOnly: boolean;
  readonly #file: ImageFile;
  readonly #guessed: boolean;
  #size: number;

  private constructor(file: ImageFile, { readOnly, guessed = false }: RawOptions) {
    this.#file = file;
    this.readOnly = readOnly;
    this.#guessed = guessed;
    this.#size = Math.ceil(file.size / sectorSize) * sectorSize;
  }

  /** A file that ends within a sector has a disk's last sector filled up with zeroes. */
  get size(): number {
    return this.#size;
  }

  /** Takes over the file; rejects with BlockError if it is empty. */
  static async open(file: ImageFile, options: RawOptions): Promise<RawImage> {
    if (file.size === 0)
      throw new BlockError('corrupt', `The disk image ${file.path} is empty (0 bytes).`);
    return new RawImage(file, options);
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    this.#check(offset, totalLength(buffers));
    await this.#file.read(offset, buffers);
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#checkWrite(offset, buffers);
    await this.#file.write(offset, buffers);
  }

  readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    const within = offset >= 0 && offset + totalLength(buffers) <= this.#size;
    return within && (this.#file.readNow?.(offset, buffers) ?? false);
  }

  writeNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    const within = offset >= 0 && offset + totalLength(buffers) <= this.#size;
    if (!within || this.readOnly || (this.#guessed && offset < signatureSpan)) return false;
    return this.#file.writeNow?.(offset, buffers) ?? false;
  }

  async writeDurable(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#checkWrite(offset, buffers);
    if (this.#file.writeDurable !== undefined) return this.#file.writeDurable(offset, buffers);
    await this.#file.write(offset, buffers);
    await this.#file.flush();
  }

  async #checkWrite(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    this.#checkWritable();
    const length = totalLength(buffers);
    this.#check(offset, length);
    if (this.#guessed && offset < signatureSpan)
      await this.#checkSignature(offset, buffers, length);
  }

  async #checkSignature(
    offset: number,
    buffers: readonly Uint8Array[],
    length: number,
  ): Promise<void> {
    const start = new Uint8Array(signatureSpan);
    await this.#file.read(0, [start]);
    let at = offset;
    for (const part of slice(buffers, 0, Math.min(length, signatureSpan - offset))) {
      start.set(part, at);
      at += part.length;
    }
    if (signatureOf(start) !== undefined || compressionOf(start) !== undefined)
      throw new BlockError(
        'io',
        `The guest wants to turn the raw image ${this.#file.path} into another format; ` +
          `attach it with format=raw to allow that.`,
      );
  }

  async flush(): Promise<void> {
    if (!this.readOnly) await this.#file.flush();
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#check(offset, length);
    // What a discarded range holds is undefined, so doing nothing is a right answer too.
    if (this.#file.trim !== undefined) await this.#file.trim(offset, length);
    else await this.#file.punchHole(offset, length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#check(offset, length);
    if (await this.#file.punchHole(offset, length)) return;
    await this.#file.write(offset, zeroes(length));
  }

  async extent(offset: number, limit: number): Promise<ImageExtent> {
    const length = Math.min(limit, this.#size - offset);
    const stretch = await this.#file.stretch(offset);
    if (stretch === undefined || stretch.length === 0) return { kind: 'data', length };
    // A stretch may end within the disk's last sector.
    const whole = Math.ceil(stretch.length / sectorSize) * sectorSize;
    return { kind: stretch.kind === 'hole' ? 'zero' : 'data', length: Math.min(length, whole) };
  }

  ownExtent(offset: number, limit: number): Promise<OwnExtent> {
    return this.extent(offset, limit);
  }

  async resize(size: number): Promise<void> {
    this.#checkWritable();
    await this.#file.resize(size);
    this.#size = size;
  }

  async info(): Promise<ImageInfo> {
    const { path } = this.#file;
    return {
      ...{ format: 'raw', variant: 'raw', path, size: this.#size, snapshots: [], details: {} },
      allocated: await this.#file.allocated(),
    };
  }

  async check(): Promise<ImageCheck> {
    return { errors: [], errorCount: 0, leakedBytes: 0, repaired: [] };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #checkWritable(): void {
    checkWritable(this.#file.path, this.readOnly);
  }

  #check(offset: number, length: number): void {
    checkRange({ path: this.#file.path, size: this.size }, offset, length);
  }
}
