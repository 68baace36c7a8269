/** Image files in memory: tests, and what formats lay over a file that must not change. */
import { BlockError } from '../backends/block.ts';
import { totalLength } from './bufferList.ts';
import type { FileStretch, ImageFile } from './imageFile.ts';

export class MemoryFile implements ImageFile {
  readonly path: string;
  readonly readOnly: boolean;
  #bytes: Uint8Array;
  #size: number;

  constructor(content: Uint8Array = new Uint8Array(), path = 'memory', readOnly = false) {
    this.#bytes = content;
    this.#size = content.length;
    this.path = path;
    this.readOnly = readOnly;
  }

  get size(): number {
    return this.#size;
  }

  /** A view of the content. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    this.#read(offset, buffers);
  }

  readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    if (offset + totalLength(buffers) > this.#size) return false;
    this.#read(offset, buffers);
    return true;
  }

  #read(offset: number, buffers: readonly Uint8Array[]): void {
    let at = offset;
    for (const buffer of buffers) {
      const there = this.bytes.subarray(at, at + buffer.length);
      buffer.set(there);
      buffer.fill(0, there.length);
      at += buffer.length;
    }
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (this.readOnly) throw new BlockError('read-only', `${this.path} is read-only.`);
    this.#write(offset, buffers);
  }

  writeNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    if (!this.readOnly) this.#write(offset, buffers);
    return !this.readOnly;
  }

  #write(offset: number, buffers: readonly Uint8Array[]): void {
    let at = offset;
    for (const buffer of buffers) {
      this.#grow(at + buffer.length);
      this.#bytes.set(buffer, at);
      at += buffer.length;
    }
  }

  async flush(): Promise<void> {}

  async punchHole(offset: number, length: number): Promise<boolean> {
    if (this.readOnly) throw new BlockError('read-only', `${this.path} is read-only.`);
    this.bytes.fill(0, offset, offset + length);
    return true;
  }

  async resize(size: number): Promise<void> {
    if (this.readOnly) throw new BlockError('read-only', `${this.path} is read-only.`);
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#grow(size);
    this.#size = size;
  }

  #grow(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.#bytes.length * 1.25, 4096));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#size = Math.max(this.#size, size);
  }

  async stretch(): Promise<FileStretch | undefined> {
    return undefined;
  }

  async allocated(): Promise<number> {
    return this.#size;
  }

  async close(): Promise<void> {}
}
