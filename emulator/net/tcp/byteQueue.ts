/** Bytes in the pieces in which they came, without copying: read anywhere, dropped from the front. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  /** Pieces before this are gone; moved to the front now and then. */
  #first = 0;
  /** Bytes of the first piece that are gone. */
  #skip = 0;
  /** Where the last read ended: a piece and the offset of its first byte in the queue. */
  #hintPiece = 0;
  #hintOffset = 0;
  length = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  /** Copies bytes from `offset` on, as many as `target` takes, which must be there. */
  copyTo(offset: number, target: Uint8Array): void {
    let piece = this.#first;
    let start = -this.#skip;
    if (this.#hintPiece >= this.#first && this.#hintOffset <= offset) {
      piece = this.#hintPiece;
      start = this.#hintOffset;
    }
    let done = 0;
    while (done < target.length) {
      const bytes = this.#pieces[piece] as Uint8Array;
      const from = offset + done - start;
      if (from < bytes.length) {
        const take = Math.min(bytes.length - from, target.length - done);
        if (from === 0 && take === bytes.length) target.set(bytes, done);
        else target.set(bytes.subarray(from, from + take), done);
        done += take;
        if (done === target.length) break;
      }
      start += bytes.length;
      piece++;
    }
    this.#hintPiece = piece;
    this.#hintOffset = start;
  }

  discard(count: number): void {
    let left = count + this.#skip;
    this.length -= count;
    this.#hintOffset -= count;
    while (this.#first < this.#pieces.length) {
      const size = (this.#pieces[this.#first] as Uint8Array).length;
      if (left < size) break;
      left -= size;
      this.#pieces[this.#first++] = none;
    }
    this.#skip = left;
    if (this.#first > 64 || this.#first === this.#pieces.length) {
      this.#pieces.splice(0, this.#first);
      this.#hintPiece -= this.#first;
      this.#first = 0;
    }
    if (this.length === 0) this.clear();
  }

  clear(): void {
    this.#pieces = [];
    this.#first = this.#skip = this.#hintPiece = this.#hintOffset = this.length = 0;
  }
}

const none = new Uint8Array(0);
