/** Raw images: byte n of the file is byte n of the disk. */
import { BlockError, type BlockBackend } from '../backends/block.ts';
import type { ImageFile } from './imageFile.ts';

const sectorSize = 512;
const zeroes = new Uint8Array(1 << 20);

/** Formats that are taken for raw by mistake, by the bytes that their files begin with. */
const otherFormats: readonly (readonly [offset: number, bytes: string, name: string])[] = [
  [0, 'QFI\xfb', 'qcow2'],
  [0, 'KDMV', 'VMDK'],
  [0, '# Disk DescriptorFile', 'VMDK'],
  [0, 'vhdxfile', 'VHDX'],
  [0, 'conectix', 'VHD'],
  [0x40, '\x7f\x10\xda\xbe', 'VDI'],
];

export class RawDisk implements BlockBackend {
  /** A file that ends within a sector has a disk's last sector filled up with zeroes. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly #file: ImageFile;

  private constructor(file: ImageFile, readOnly: boolean) {
    this.#file = file;
    this.readOnly = readOnly;
    this.size = Math.ceil(file.size / sectorSize) * sectorSize;
  }

  /** Takes over the file; rejects with BlockError if it is empty or of another format. */
  static async open(file: ImageFile, readOnly: boolean): Promise<RawDisk> {
    if (file.size === 0)
      throw new BlockError('corrupt', `The disk image ${file.path} is empty (0 bytes).`);
    const start = new Uint8Array(0x50);
    await file.read(0, [start]);
    for (const [offset, bytes, name] of otherFormats)
      if ([...bytes].every((c, i) => start[offset + i] === c.charCodeAt(0)))
        throw new BlockError(
          'corrupt',
          `The disk image ${file.path} is not raw but ${name}, which cannot be used yet; ` +
            `"qemu-img convert -O raw" makes a raw copy.`,
        );
    return new RawDisk(file, readOnly);
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    this.#check(offset, totalLength(buffers));
    await this.#file.read(offset, buffers);
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    this.#checkWritable();
    this.#check(offset, totalLength(buffers));
    await this.#file.write(offset, buffers);
  }

  async flush(): Promise<void> {
    if (!this.readOnly) await this.#file.flush();
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#check(offset, length);
    // What a discarded range holds is undefined, so doing nothing is a right answer too.
    await this.#file.punchHole(offset, length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#check(offset, length);
    if (await this.#file.punchHole(offset, length)) return;
    for (let done = 0; done < length; done += zeroes.length)
      await this.#file.write(offset + done, [
        zeroes.subarray(0, Math.min(zeroes.length, length - done)),
      ]);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #checkWritable(): void {
    if (this.readOnly)
      throw new BlockError('read-only', `The disk image ${this.#file.path} is attached read-only.`);
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size))
      throw new BlockError(
        'io',
        `Access at ${offset}+${length} lies outside the disk ${this.#file.path} of ${this.size} bytes.`,
      );
  }
}

const totalLength = (buffers: readonly Uint8Array[]): number =>
  buffers.reduce((sum, buffer) => sum + buffer.length, 0);
