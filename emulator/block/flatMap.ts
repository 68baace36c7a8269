/** Images whose disk lies in one piece somewhere in a file: fixed VHDs, flat extents of VMDKs. */
import type { ImageCheck, ImageInfo } from './blockImage.ts';
import type { BlockMap, MapExtent, Place } from './blockMap.ts';
import type { ImageFile } from './imageFile.ts';

export interface FlatParts {
  readonly file: ImageFile;
  /** Offset of the disk's first byte. */
  readonly start: number;
  readonly size: number;
  info(size: number): Promise<ImageInfo>;
  /** Makes room, or cuts off, with all that the format keeps about it. */
  resize(size: number): Promise<void>;
}

export class FlatMap implements BlockMap {
  readonly clusterSize = 1 << 20;
  readonly unitSize = 512;
  readonly #parts: FlatParts;
  #size: number;

  constructor(parts: FlatParts) {
    this.#parts = parts;
    this.#size = parts.size;
  }

  get size(): number {
    return this.#size;
  }

  extent(offset: number, limit: number): MapExtent {
    return { kind: 'data', length: limit, at: this.#parts.start + offset, shared: false };
  }

  async place(cluster: number): Promise<Place> {
    const at = this.#parts.start + cluster * this.clusterSize;
    return { at, fresh: false, zeroed: false, whole: false, toEnd: false };
  }

  async commit(): Promise<void> {}

  abandon(): void {}

  async flush(): Promise<void> {
    await this.#parts.file.flush();
  }

  async resize(size: number): Promise<void> {
    await this.#parts.resize(size);
    this.#size = size;
  }

  info(): Promise<ImageInfo> {
    return this.#parts.info(this.#size);
  }

  async check(): Promise<ImageCheck> {
    return { errors: [], errorCount: 0, leakedBytes: 0, repaired: [] };
  }

  close(): Promise<void> {
    return this.flush();
  }
}
