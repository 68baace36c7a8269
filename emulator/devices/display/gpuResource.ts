/** A 2D resource of the virtio GPU: its pixels here, and the guest memory that they are transferred from. */
import { guestPhysical, type DmaMemory } from '../../bus/types.ts';
import type { Rectangle } from './picture.ts';
import { loadVideoMemory, saveVideoMemory, type SavedVideoMemory } from './videoMemoryState.ts';

/** virtio 1.2 §5.7.6.8, enum virtio_gpu_formats: shifts of red, green and blue in a pixel. */
const formats: Readonly<Record<number, readonly [red: number, green: number, blue: number]>> = {
  1: [16, 8, 0], // B8G8R8A8
  2: [16, 8, 0], // B8G8R8X8
  3: [8, 16, 24], // A8R8G8B8
  4: [8, 16, 24], // X8R8G8B8
  67: [0, 8, 16], // R8G8B8A8
  68: [24, 16, 8], // X8B8G8R8
  121: [24, 16, 8], // A8B8G8R8
  134: [0, 8, 16], // R8G8B8X8
};
/** Where alpha lies in formats that have it. */
const alphas: Readonly<Record<number, number>> = { 1: 24, 3: 0, 67: 24, 121: 0 };

export const isFormat = (format: number): boolean => formats[format] !== undefined;

/** Bytes that a resource takes here. */
export const resourceBytes = (width: number, height: number): number => width * height * 4;

/** A piece of guest memory behind a resource. */
export interface BackingPiece {
  readonly address: number;
  readonly length: number;
}

export interface SavedResource {
  readonly id: number;
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: SavedVideoMemory;
  /** Addresses and lengths in turn. */
  readonly backing: number[];
}

export class GpuResource {
  readonly id: number;
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly #pixels: Uint8Array;
  readonly #dwords: Uint32Array;
  #backing: readonly BackingPiece[] = [];
  /** Offset of each piece in the whole. */
  #starts: readonly number[] = [];

  constructor(id: number, format: number, width: number, height: number) {
    this.id = id;
    this.format = format;
    this.width = width;
    this.height = height;
    // Saved in whole parts.
    this.#pixels = new Uint8Array(Math.ceil((width * height * 4) / 0x10000) * 0x10000);
    this.#dwords = new Uint32Array(this.#pixels.buffer);
  }

  get bytes(): number {
    return resourceBytes(this.width, this.height);
  }
  get hasBacking(): boolean {
    return this.#backing.length > 0;
  }

  attach(pieces: readonly BackingPiece[]): void {
    this.#backing = pieces;
    let sum = 0;
    this.#starts = pieces.map(({ length }) => {
      sum += length;
      return sum - length;
    });
  }

  contains({ x, y, width, height }: Rectangle): boolean {
    return x + width <= this.width && y + height <= this.height;
  }

  /** Copies a rectangle from the backing, whose byte `offset` is its first pixel; rows are as long as the resource's. */
  transfer(memory: DmaMemory, { x, y, width, height }: Rectangle, offset: number): void {
    const stride = this.width * 4;
    if (width === this.width) {
      const start = y * stride;
      this.#gather(memory, offset, this.#pixels.subarray(start, start + height * stride));
      return;
    }
    for (let row = 0; row < height; row++) {
      const start = (y + row) * stride + x * 4;
      const target = this.#pixels.subarray(start, start + width * 4);
      this.#gather(memory, offset + row * stride, target);
    }
  }

  /** Bytes beyond the backing stay as they were. */
  #gather(memory: DmaMemory, offset: number, target: Uint8Array): void {
    let index = this.#pieceAt(offset);
    for (let done = 0; done < target.length; index++) {
      const piece = this.#backing[index];
      if (piece === undefined) return;
      const skip = offset + done - (this.#starts[index] ?? 0);
      const length = Math.min(piece.length - skip, target.length - done);
      memory.read(guestPhysical(piece.address + skip), target.subarray(done, done + length));
      done += length;
    }
  }

  /** Index of the piece with byte `offset`; beyond the end, no piece's. */
  #pieceAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const end = (this.#starts[middle] ?? 0) + (this.#backing[middle]?.length ?? 0);
      if (end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A part of row `y` as the picture has pixels: red lowest, opaque. */
  row(y: number, x: number, target: Uint32Array): void {
    const [red, green, blue] = formats[this.format] ?? [0, 8, 16];
    const source = this.#dwords;
    const start = y * this.width + x;
    for (let i = 0; i < target.length; i++) {
      const pixel = source[start + i] as number;
      target[i] =
        0xff000000 |
        (((pixel >>> blue) & 0xff) << 16) |
        (((pixel >>> green) & 0xff) << 8) |
        ((pixel >>> red) & 0xff);
    }
  }

  /** The whole as RGBA bytes, with the format's alpha: what a pointer is made of. */
  rgba(): Uint8Array {
    const target = new Uint32Array(this.width * this.height);
    for (let y = 0; y < this.height; y++)
      this.row(y, 0, target.subarray(y * this.width, (y + 1) * this.width));
    const alpha = alphas[this.format];
    if (alpha !== undefined)
      target.forEach((pixel, i) => {
        const opacity = ((this.#dwords[i] as number) >>> alpha) & 0xff;
        target[i] = (pixel & 0xffffff) | (opacity << 24);
      });
    return new Uint8Array(target.buffer);
  }

  save(): SavedResource {
    const { id, format, width, height } = this;
    return {
      ...{ id, format, width, height },
      pixels: saveVideoMemory(this.#pixels),
      backing: this.#backing.flatMap(({ address, length }) => [address, length]),
    };
  }

  /** Throws StateError. */
  static load(saved: SavedResource): GpuResource {
    const resource = new GpuResource(saved.id, saved.format, saved.width, saved.height);
    loadVideoMemory(resource.#pixels, saved.pixels);
    const pieces: BackingPiece[] = [];
    for (let i = 0; i + 1 < saved.backing.length; i += 2)
      pieces.push({ address: saved.backing[i] ?? 0, length: saved.backing[i + 1] ?? 0 });
    resource.attach(pieces);
    return resource;
  }
}
