/** Keeps copies of short runs of bytes many to a block: fresh memory for each costs more than the copy itself. */

const blockSize = 1 << 14;
/** Longer ones have memory of their own. */
const longest = blockSize / 4;

export class BytePool {
  #block = new Uint8Array(0);
  #used = 0;

  /** A copy that nobody else writes to. */
  copy(bytes: Uint8Array): Uint8Array {
    if (bytes.length > longest) return bytes.slice();
    if (this.#used + bytes.length > this.#block.length) {
      this.#block = new Uint8Array(blockSize);
      this.#used = 0;
    }
    const copy = this.#block.subarray(this.#used, this.#used + bytes.length);
    copy.set(bytes);
    this.#used += bytes.length;
    return copy;
  }
}
