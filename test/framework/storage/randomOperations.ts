/** Random operations from several queues on an image, compared with a copy in memory. */
import type { BlockImage } from '../../../emulator/block/blockImage.ts';
import { Random } from './random.ts';

interface Range {
  readonly start: number;
  readonly end: number;
}

export interface RandomOperationsOptions {
  readonly queues?: number;
  /** Bytes; most requests are much smaller. */
  readonly largest?: number;
}

/** An image and what must be in it. */
export class ModelledDisk {
  image: BlockImage;
  model: Uint8Array;
  readonly random: Random;
  readonly #busy = new Set<Range>();
  #stamp = 1;

  constructor(image: BlockImage, model: Uint8Array, seed: number) {
    this.image = image;
    this.model = model;
    this.random = new Random(seed);
  }

  /** `count` operations; requests in flight never overlap each other, but share clusters. */
  async run(count: number, options: RandomOperationsOptions = {}): Promise<void> {
    const { queues = 6, largest = 192 << 10 } = options;
    let left = count;
    const queue = async (): Promise<void> => {
      while (left-- > 0) await this.#one(largest);
    };
    await Promise.all(Array.from({ length: queues }, queue));
  }

  #freeRange(largest: number): Range {
    const { random } = this;
    const sectors = this.model.length / 512;
    for (;;) {
      const most = random.next() < 0.8 ? 16 : largest / 512;
      // Aligned ranges make whole clusters, and with them other ways, likely.
      const align = random.next() < 0.3 ? 128 : 1;
      const length = 1 + random.below(Math.min(most, sectors));
      const first = Math.floor(random.below(sectors) / align) * align;
      const range = { start: first * 512, end: Math.min(sectors, first + length) * 512 };
      if ([...this.#busy].every((other) => other.end <= range.start || range.end <= other.start))
        return range;
    }
  }

  async #one(largest: number): Promise<void> {
    const { random, image, model } = this;
    const kind = random.next();
    if (kind < 0.04) return image.flush();
    const range = this.#freeRange(kind < 0.2 ? largest * 4 : largest);
    const { start, end } = range;
    this.#busy.add(range);
    try {
      if (kind < 0.12) {
        await image.discard(start, end - start);
        const after = new Uint8Array(end - start);
        await image.read(start, [after]);
        for (let at = 0; at < after.length; at += 512) {
          const sector = Buffer.from(after.buffer, at, 512);
          const same = sector.equals(model.subarray(start + at, start + at + 512));
          if (!same && sector.some((byte) => byte !== 0))
            throw new Error(`a discarded sector at ${start + at} has other data`);
        }
        model.set(after, start);
      } else if (kind < 0.2) {
        await image.writeZeroes(start, end - start);
        model.fill(0, start, end);
      } else if (kind < 0.45) {
        const [head, rest] = this.#split(end - start);
        // Some at once, as devices try to.
        const now = random.next() < 0.5 && image.readNow?.(start, [head, rest]);
        if (!now) await image.read(start, [head, rest]);
        const whole = Buffer.concat([head, rest]);
        if (!whole.equals(model.subarray(start, end)))
          throw new Error(`reads other data than was written in ${start}..${end}`);
      } else {
        const [head, rest] = this.#split(end - start);
        this.#stamped(head);
        this.#stamped(rest);
        const now = random.next() < 0.5 && image.writeNow?.(start, [head, rest]);
        if (!now) await image.write(start, [head, rest]);
        model.set(head, start);
        model.set(rest, start + head.length);
      }
    } finally {
      this.#busy.delete(range);
    }
  }

  #split(length: number): [Uint8Array, Uint8Array] {
    const head = this.random.below(length / 512 + 1) * 512;
    return [new Uint8Array(head), new Uint8Array(length - head)];
  }

  /** Each sector differs from all others; some are zero. */
  #stamped(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.buffer);
    const zero = this.random.next() < 0.1;
    for (let i = 0; i < words.length; i++) words[i] = zero ? 0 : this.#stamp * 128 + (i % 128);
    this.#stamp += Math.ceil(words.length / 128);
  }

  async compare(): Promise<void> {
    const { image, model } = this;
    if (image.size !== model.length)
      throw new Error(`the disk has ${image.size} bytes, not ${model.length}`);
    const content = Buffer.alloc(model.length);
    await image.read(0, [content]);
    if (content.equals(model)) return;
    const at = content.findIndex((byte, i) => byte !== model[i]);
    throw new Error(`the disk differs from the model at offset ${at}`);
  }

  /** Makes the disk longer or shorter. */
  async resize(size: number): Promise<void> {
    await this.image.resize(size);
    const model = new Uint8Array(size);
    model.set(this.model.subarray(0, size));
    this.model = model;
  }
}
