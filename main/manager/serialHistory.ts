/** The most recent output of a serial port. */
export class SerialHistory {
  private readonly ring: Uint8Array;
  /** Bytes ever written; the ring's position is its remainder. */
  private total = 0;

  constructor(size = 256 * 1024) {
    this.ring = new Uint8Array(size);
  }

  push(bytes: Uint8Array): void {
    const { ring } = this;
    const kept = bytes.length > ring.length ? bytes.subarray(bytes.length - ring.length) : bytes;
    const skipped = bytes.length - kept.length;
    const at = (this.total + skipped) % ring.length;
    const first = Math.min(kept.length, ring.length - at);
    ring.set(kept.subarray(0, first), at);
    ring.set(kept.subarray(first), 0);
    this.total += bytes.length;
  }

  /** A copy, oldest byte first. */
  contents(): Uint8Array {
    const { ring } = this;
    if (this.total <= ring.length) return ring.slice(0, this.total);
    const at = this.total % ring.length;
    const result = new Uint8Array(ring.length);
    result.set(ring.subarray(at), 0);
    result.set(ring.subarray(0, at), ring.length - at);
    return result;
  }
}
