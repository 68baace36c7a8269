/** Compressed files made of parts that can be unpacked each by itself, read in place: only what is asked for is unpacked, and some of it kept. */
import { BlockError } from '../../backends/block.ts';
import { allEnded, totalLength } from '../bufferList.ts';
import type { ImageFile } from '../imageFile.ts';

/** What larger parts hold is not kept in memory. Bytes. */
export const largestPart = 32 << 20;
/** A file of more parts is unpacked as a whole. */
export const mostParts = 1 << 20;
/** Content that is kept, and that is being unpacked at the same time. Bytes. */
const kept = 96 << 20;
const inWork = 64 << 20;
const windowSize = 65_536;

export interface Part {
  /** Offset in the file, and bytes there. */
  readonly at: number;
  readonly packed: number;
  /** Offset in the content, and bytes there. */
  readonly start: number;
  readonly size: number;
}

/** Parts one behind the other, in columns, for there may be a million. */
export class PartList {
  readonly #at: number[] = [];
  readonly #packed: number[] = [];
  readonly #start: number[] = [];
  #size = 0;
  #largest = 0;

  /** Bytes of the content. */
  get size(): number {
    return this.#size;
  }

  get length(): number {
    return this.#at.length;
  }

  get fit(): boolean {
    return this.#largest <= largestPart && this.length <= mostParts;
  }

  add({ at, packed, size }: Omit<Part, 'start'>): void {
    if (size === 0) return;
    this.#at.push(at);
    this.#packed.push(packed);
    this.#start.push(this.#size);
    this.#size += size;
    this.#largest = Math.max(this.#largest, size);
  }

  get(index: number): Part {
    const start = this.#start[index] as number;
    const end = this.#start[index + 1] ?? this.#size;
    const [at, packed] = [this.#at[index] as number, this.#packed[index] as number];
    return { at, packed, start, size: end - start };
  }

  /** The number of the part that holds the content's byte at `offset`, which must lie in it. */
  find(offset: number): number {
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#start[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Small pieces of a file, read in order. */
export class Window {
  readonly #file: ImageFile;
  #start = 0;
  #bytes = new Uint8Array();

  constructor(file: ImageFile) {
    this.#file = file;
  }

  /** Throws any Error where the file has not so many. */
  async at(offset: number, length: number): Promise<DataView> {
    if (offset < 0 || offset + length > this.#file.size) throw new Error('it is cut off');
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.min(windowSize, this.#file.size - offset));
      this.#start = offset;
      await this.#file.read(offset, [this.#bytes]);
    }
    return new DataView(this.#bytes.buffer, offset - this.#start, length);
  }
}

export interface PackedContent {
  readonly parts: PartList;
  /** What a part holds. Rejects with any Error if it is damaged. */
  unpack(part: Part): Promise<Uint8Array>;
  /** What is thrown for that. */
  error(cause: unknown): BlockError;
}

/** Takes over `file`. */
export class PartedFile implements ImageFile {
  readonly path: string;
  readonly readOnly = true;
  readonly #file: ImageFile;
  readonly #content: PackedContent;
  /** What was read last is last. */
  readonly #kept = new Map<number, Uint8Array>();
  #keptBytes = 0;
  readonly #asked = new Map<number, Promise<Uint8Array>>();
  readonly #running = new Set<Promise<unknown>>();
  #runningBytes = 0;

  constructor(file: ImageFile, content: PackedContent) {
    this.path = file.path;
    this.#file = file;
    this.#content = content;
  }

  get size(): number {
    return this.#content.parts.size;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const { parts } = this.#content;
    const work: Promise<void>[] = [];
    let at = offset;
    for (const buffer of buffers) {
      const there = Math.max(0, Math.min(buffer.length, this.size - at));
      buffer.fill(0, there);
      for (let done = 0; done < there;) {
        const index = parts.find(at + done);
        const { start, size } = parts.get(index);
        const length = Math.min(there - done, start + size - (at + done));
        work.push(this.#copy(index, at + done - start, buffer.subarray(done, done + length)));
        done += length;
      }
      at += buffer.length;
    }
    await allEnded(work);
  }

  readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
    const length = totalLength(buffers);
    if (length === 0 || offset + length > this.size) return false;
    const index = this.#content.parts.find(offset);
    const content = this.#kept.get(index);
    const { start, size } = this.#content.parts.get(index);
    if (content === undefined || offset + length > start + size) return false;
    let at = offset - start;
    for (const buffer of buffers) {
      buffer.set(content.subarray(at, at + buffer.length));
      at += buffer.length;
    }
    return true;
  }

  async #copy(index: number, from: number, target: Uint8Array): Promise<void> {
    const content = this.#keptContent(index) ?? (await this.#unpacked(index));
    target.set(content.subarray(from, from + target.length));
  }

  #keptContent(index: number): Uint8Array | undefined {
    const content = this.#kept.get(index);
    if (content === undefined) return undefined;
    this.#kept.delete(index);
    this.#kept.set(index, content);
    return content;
  }

  #unpacked(index: number): Promise<Uint8Array> {
    let asked = this.#asked.get(index);
    if (asked === undefined) {
      asked = this.#unpackInTurn(index).finally(() => this.#asked.delete(index));
      this.#asked.set(index, asked);
    }
    return asked;
  }

  async #unpackInTurn(index: number): Promise<Uint8Array> {
    const part = this.#content.parts.get(index);
    while (this.#running.size > 0 && this.#runningBytes + part.size > inWork)
      await Promise.race(this.#running);
    const work = this.#unpack(part);
    const ended = work.then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(ended);
    this.#runningBytes += part.size;
    try {
      const content = await work;
      this.#keep(index, content);
      return content;
    } finally {
      this.#running.delete(ended);
      this.#runningBytes -= part.size;
    }
  }

  async #unpack(part: Part): Promise<Uint8Array> {
    try {
      const content = await this.#content.unpack(part);
      if (content.length !== part.size) throw new Error('a part of it has another length');
      return content;
    } catch (error) {
      throw this.#content.error(error);
    }
  }

  #keep(index: number, content: Uint8Array): void {
    this.#kept.set(index, content);
    this.#keptBytes += content.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#keptBytes <= kept) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= length;
    }
  }

  write(): Promise<void> {
    return Promise.reject(this.#refusal());
  }

  resize(): Promise<void> {
    return Promise.reject(this.#refusal());
  }

  #refusal(): BlockError {
    return new BlockError('read-only', `The disk image ${this.path} is attached read-only.`);
  }

  async flush(): Promise<void> {}

  async punchHole(): Promise<boolean> {
    return false;
  }

  async stretch(): Promise<undefined> {
    return undefined;
  }

  allocated(): Promise<number> {
    return this.#file.allocated();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#asked.values());
    await this.#file.close();
  }
}
