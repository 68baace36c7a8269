/**
 * Buffers for data on its way between host and guest. A new one of the host's is filled with zeroes, page by page, which for
 * 128 KiB costs as much as reading them from the host's cache.
 */

/** What is kept for later. Bytes. */
const keptAtMost = 8 << 20;
const smallest = 4096;

export class BufferPool {
  /** By the logarithm of their size. */
  readonly #kept: Uint8Array[][] = [];
  #keptBytes = 0;

  /** Calls `use` with `length` bytes of any content, which are its own until what it returns has settled. */
  async lend<T>(length: number, use: (buffer: Uint8Array) => Promise<T>): Promise<T> {
    const order = 32 - Math.clz32(Math.max(length, smallest) - 1);
    const list = (this.#kept[order] ??= []);
    const buffer = list.pop();
    if (buffer !== undefined) this.#keptBytes -= buffer.length;
    const lent = buffer ?? new Uint8Array(2 ** order);
    try {
      return await use(lent.subarray(0, length));
    } finally {
      if (this.#keptBytes + lent.length <= keptAtMost) {
        this.#keptBytes += lent.length;
        list.push(lent);
      }
    }
  }
}
