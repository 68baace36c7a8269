/** Round-trip time and retransmission timeout of a connection (RFC 6298), all in ms. */
export const rtoLimits = { initial: 1000, least: 100, most: 60_000 } as const;
/** The least round trip is that of so long ago at most. */
const leastLastsMs = 10_000;

export class RoundTrip {
  /** -1 until there is a measurement. */
  smoothed = -1;
  /** The least of the last while. */
  least = Infinity;
  timeout: number = rtoLimits.initial;
  #variation = 0;
  #leastAt = 0;
  #measuredAt = 0;

  /** A piece that was sent once has been acknowledged after `sample` ms. */
  measure(sample: number, nowMs: number): void {
    if (sample <= this.least || nowMs - this.#leastAt > leastLastsMs) {
      this.least = sample;
      this.#leastAt = nowMs;
    }
    if (this.smoothed < 0) {
      this.smoothed = sample;
      this.#variation = sample / 2;
    } else {
      // The gains of RFC 6298 are for one measurement a round trip.
      if (nowMs - this.#measuredAt < this.smoothed) return;
      this.#variation += (Math.abs(this.smoothed - sample) - this.#variation) / 4;
      this.smoothed += (sample - this.smoothed) / 8;
    }
    this.#measuredAt = nowMs;
  }

  /** There is progress: timeouts in vain are forgotten. */
  progress(): void {
    if (this.smoothed < 0) return;
    const timeout = this.smoothed + Math.max(10, 4 * this.#variation);
    this.timeout = Math.min(rtoLimits.most, Math.max(rtoLimits.least, timeout));
  }

  backOff(): void {
    this.timeout = Math.min(rtoLimits.most, this.timeout * 2);
  }
}
