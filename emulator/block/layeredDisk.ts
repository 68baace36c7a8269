/** A disk of a running machine on which new layers can be put. */
import type { BlockBackend } from '../backends/block.ts';
import type { BlockImage } from './blockImage.ts';

export class LayeredDisk implements BlockBackend {
  #top: BlockImage;
  /** The image below, until everything that was written to it is durable. */
  #unsettled: BlockImage | undefined;

  constructor(image: BlockImage) {
    this.#top = image;
  }

  get size(): number {
    return this.#top.size;
  }

  get readOnly(): boolean {
    return this.#top.readOnly;
  }

  /** What the next layer is to build on. */
  get top(): BlockImage {
    return this.#top;
  }

  /** From now on writes go to `layer`, which builds on `top`. Not with requests in flight. */
  push(layer: BlockImage): void {
    this.#unsettled ??= this.#top;
    this.#top = layer;
  }

  /** What lies below the top is durable afterwards. */
  async settle(): Promise<void> {
    const below = this.#unsettled;
    await below?.flush();
    if (this.#unsettled === below) this.#unsettled = undefined;
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#top.read(offset, buffers);
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#top.write(offset, buffers);
  }

  readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    return this.#top.readNow?.(offset, buffers) ?? false;
  }

  writeNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    return this.#top.writeNow?.(offset, buffers) ?? false;
  }

  async writeDurable(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (this.#top.writeDurable !== undefined) return this.#top.writeDurable(offset, buffers);
    await this.#top.write(offset, buffers);
    await this.flush();
  }

  async flush(): Promise<void> {
    // A guest's flush covers what it wrote before the layer was put on.
    if (this.#unsettled !== undefined) await this.settle();
    await this.#top.flush();
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#top.discard(offset, length);
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#top.writeZeroes(offset, length);
  }

  /** Closes all layers. */
  async close(): Promise<void> {
    try {
      if (this.#unsettled !== undefined) await this.settle();
    } finally {
      await this.#top.close();
    }
  }
}
