/** Disks that are put together of several images, one behind the other, and parts of disks. */
import { BlockError } from '../backends/block.ts';
import type {
  BlockImage,
  ImageCheck,
  ImageExtent,
  ImageFormat,
  ImageInfo,
  OwnExtent,
} from './blockImage.ts';
import { allEnded, fillZero, slice, totalLength } from './bufferList.ts';
import { checkRange } from './checkAccess.ts';
import type { ImageFile } from './imageFile.ts';

export interface SpanParts {
  readonly format: ImageFormat;
  readonly parts: readonly BlockImage[];
  readonly readOnly: boolean;
  /** What the parts build on together; closed with them. */
  readonly backing: BlockImage | undefined;
  info(): Promise<ImageInfo>;
  /** The file that names the parts; closed with them. */
  readonly owner: ImageFile;
}

export class SpanImage implements BlockImage {
  readonly format: ImageFormat;
  readonly readOnly: boolean;
  readonly size: number;
  readonly backing: BlockImage | undefined;
  readonly info: () => Promise<ImageInfo>;
  readonly #owner: ImageFile;
  readonly #parts: readonly { readonly image: BlockImage; readonly start: number }[];
  #closed: Promise<void> | undefined;

  constructor({ format, parts, readOnly, backing, info, owner }: SpanParts) {
    this.format = format;
    this.readOnly = readOnly;
    this.backing = backing;
    this.info = info;
    this.#owner = owner;
    let start = 0;
    this.#parts = parts.map((image) => {
      const part = { image, start };
      start += image.size;
      return part;
    });
    this.size = start;
  }

  async #each(
    offset: number,
    length: number,
    work: (image: BlockImage, at: number, done: number, size: number) => Promise<void>,
  ): Promise<void> {
    checkRange({ path: this.#owner.path, size: this.size }, offset, length);
    const all: Promise<void>[] = [];
    for (const { image, start } of this.#parts) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + image.size);
      if (from < to) all.push(work(image, from - start, from - offset, to - from));
    }
    await allEnded(all);
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#each(offset, totalLength(buffers), (image, at, done, size) =>
      image.read(at, slice(buffers, done, size)),
    );
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#each(offset, totalLength(buffers), (image, at, done, size) =>
      image.write(at, slice(buffers, done, size)),
    );
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#each(offset, length, (image, at, _, size) => image.discard(at, size));
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#each(offset, length, (image, at, _, size) => image.writeZeroes(at, size));
  }

  async flush(): Promise<void> {
    await allEnded(this.#parts.map(({ image }) => image.flush()));
  }

  #at(offset: number): { readonly image: BlockImage; readonly start: number } {
    const part = this.#parts.findLast(({ start }) => start <= offset);
    if (part === undefined) throw new BlockError('io', `There is no byte ${offset}.`);
    return part;
  }

  extent(offset: number, limit: number): Promise<ImageExtent> {
    const { image, start } = this.#at(offset);
    return image.extent(offset - start, Math.min(limit, image.size - (offset - start)));
  }

  ownExtent(offset: number, limit: number): Promise<OwnExtent> {
    const { image, start } = this.#at(offset);
    return image.ownExtent(offset - start, Math.min(limit, image.size - (offset - start)));
  }

  async resize(): Promise<void> {
    throw new BlockError(
      'unsupported',
      `The disk ${this.#owner.path} lies in several files, so its size cannot be changed; convert it first.`,
    );
  }

  async check(options?: { readonly repair?: boolean }): Promise<ImageCheck> {
    const checks: ImageCheck[] = [];
    for (const { image } of this.#parts) checks.push(await image.check(options));
    return {
      errors: checks.flatMap(({ errors }) => errors).slice(0, 100),
      errorCount: checks.reduce((sum, { errorCount }) => sum + errorCount, 0),
      leakedBytes: checks.reduce((sum, { leakedBytes }) => sum + leakedBytes, 0),
      repaired: checks.flatMap(({ repaired }) => repaired),
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await allEnded(this.#parts.map(({ image }) => image.close()));
    } finally {
      await this.#owner.close();
      await this.backing?.close();
    }
  }
}

/** A stretch of a disk, for reading; the disk stays open when it is closed. */
export class PartImage implements BlockImage {
  readonly readOnly = true;
  readonly format: ImageFormat;
  readonly backing = undefined;
  readonly size: number;
  readonly #whole: BlockImage;
  readonly #start: number;

  constructor(whole: BlockImage, start: number, size: number) {
    this.#whole = whole;
    this.#start = start;
    this.format = whole.format;
    this.size = Math.max(0, Math.min(size, whole.size - start));
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#whole.read(this.#start + offset, buffers);
  }

  extent(offset: number, limit: number): Promise<ImageExtent> {
    return this.#whole.extent(this.#start + offset, Math.min(limit, this.size - offset));
  }

  ownExtent(offset: number, limit: number): Promise<OwnExtent> {
    return this.extent(offset, limit);
  }

  write = refuse;
  discard = refuse;
  writeZeroes = refuse;
  resize = refuse;

  async flush(): Promise<void> {}

  info(): Promise<ImageInfo> {
    return this.#whole.info();
  }

  check(): Promise<ImageCheck> {
    return this.#whole.check();
  }

  async close(): Promise<void> {}
}

/** A disk of zeroes that cannot be written. */
export class ZeroImage implements BlockImage {
  readonly readOnly = true;
  readonly format = 'raw';
  readonly backing = undefined;
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  async read(_offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    fillZero(buffers);
  }

  async extent(offset: number, limit: number): Promise<ImageExtent> {
    return { kind: 'zero', length: Math.min(limit, this.size - offset) };
  }

  ownExtent(offset: number, limit: number): Promise<OwnExtent> {
    return this.extent(offset, limit);
  }

  write = refuse;
  discard = refuse;
  writeZeroes = refuse;
  resize = refuse;

  async flush(): Promise<void> {}

  async info(): Promise<ImageInfo> {
    const { size } = this;
    return {
      ...{
        format: 'raw',
        variant: 'zero',
        path: '',
        size,
        allocated: 0,
        snapshots: [],
        details: {},
      },
    };
  }

  async check(): Promise<ImageCheck> {
    return { errors: [], errorCount: 0, leakedBytes: 0, repaired: [] };
  }

  async close(): Promise<void> {}
}

async function refuse(): Promise<never> {
  throw new BlockError('read-only', 'This part of the disk can only be read.');
}
