/** Image files in memory under absolute paths. */
import path from 'node:path';
import { BlockError } from '../../../emulator/backends/block.ts';
import { nodeCodecs } from '../../../emulator/block/file/codecs.ts';
import { unpackImage } from '../../../emulator/block/file/unpackImage.ts';
import type { Compression } from '../../../emulator/block/detectFormat.ts';
import type { ImageFile, ImageStore } from '../../../emulator/block/imageFile.ts';
import { MemoryFile } from '../../../emulator/block/memoryFile.ts';
import { Random } from './random.ts';

export class MemoryStore implements ImageStore {
  readonly codecs = nodeCodecs;
  readonly files = new Map<string, MemoryFile>();
  readonly #random = new Random(1);
  /** Wraps what is opened for writing: to record it. */
  wrap: (file: ImageFile) => ImageFile = (file) => file;

  async open(name: string, readOnly: boolean): Promise<ImageFile> {
    const file = this.files.get(name);
    if (file === undefined)
      throw new BlockError('missing', `The disk image ${name} does not exist.`);
    return readOnly ? new MemoryFile(file.bytes, name, true) : this.wrap(file);
  }

  unpack(file: ImageFile, compression: Compression): Promise<ImageFile> {
    const content = new MemoryFile(undefined, file.path);
    return unpackImage(file, compression, async () => ({
      write: (offset, bytes) => content.write(offset, [bytes]),
      finish: async (size) => {
        await content.resize(size);
        return content;
      },
      abandon: async () => {},
    }));
  }

  async create(name: string): Promise<ImageFile> {
    if (this.files.has(name)) throw new BlockError('exists', `There is a file ${name} already.`);
    this.put(name, new Uint8Array());
    return this.open(name, false);
  }

  put(name: string, content: Uint8Array): void {
    this.files.set(name, new MemoryFile(content, name));
  }

  bytes(name: string): Uint8Array {
    return (this.files.get(name) as MemoryFile).bytes;
  }

  resolve(image: string, name: string): string {
    return path.posix.resolve(path.posix.dirname(image), name);
  }

  relative(image: string, target: string): string {
    return path.posix.relative(path.posix.dirname(image), target);
  }

  async outside(): Promise<undefined> {
    return undefined;
  }

  folderOf(name: string): string {
    return path.posix.dirname(name);
  }

  async list(): Promise<string[]> {
    return [...this.files.keys()];
  }

  random(bytes: number): Uint8Array {
    return this.#random.bytes(bytes);
  }

  now(): number {
    return Date.UTC(2026, 0, 1);
  }
}
