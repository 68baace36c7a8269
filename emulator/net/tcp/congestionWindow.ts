/**
 * The congestion window: slow start and congestion avoidance (RFC 5681), less by the factor of CUBIC (RFC 9438
 * §4.6) when much is lost. A little loss is none of congestion here: what leads to a guest holds its sender
 * back rather than drop a frame; what is lost, a cable that was made bad has lost.
 */
import { seqDiff } from '../packet/tcpSegment.ts';

const beta = 0.7;
/** Loss in a round trip that is no sign of congestion: a share of the flight, and segments. */
const tolerated = 1 / 8;
const toleratedSegments = 3;
const most = 8 << 20;

export class CongestionWindow {
  /** Bytes. */
  size = 0;
  #maxSegment = 536;
  #threshold = Infinity;
  /** The round trip is over when this is acknowledged. */
  #roundEnd: number;
  #lost = 0;
  #reduced = false;

  constructor(sequence: number) {
    this.#roundEnd = sequence;
  }

  open(maxSegment: number): void {
    this.#maxSegment = maxSegment;
    this.size = 10 * maxSegment;
  }

  /** `bytes` were acknowledged, all before `una`; `next` is what will be sent next. */
  acknowledged(bytes: number, una: number, next: number): void {
    if (seqDiff(una, this.#roundEnd) >= 0) this.#newRound(next);
    if (this.size < this.#threshold) this.size += bytes;
    else this.size += Math.max(1, Math.floor((this.#maxSegment * bytes) / this.size));
    if (this.size > most) this.size = most;
  }

  #newRound(next: number): void {
    this.#roundEnd = next;
    this.#lost = 0;
    this.#reduced = false;
  }

  /** `bytes` of a flight of so many were lost. */
  lost(bytes: number, flight: number): void {
    this.#lost += bytes;
    const harmless = Math.max(toleratedSegments * this.#maxSegment, flight * tolerated);
    if (this.#reduced || this.#lost <= harmless) return;
    this.#reduced = true;
    this.size = this.#threshold = Math.max(2 * this.#maxSegment, Math.floor(flight * beta));
  }

  /** Nothing was heard: begins anew (RFC 5681 §3.1). */
  timedOut(flight: number, next: number): void {
    this.#newRound(next);
    this.#reduced = true;
    this.#threshold = Math.max(2 * this.#maxSegment, Math.floor(flight / 2));
    this.size = this.#maxSegment;
  }
}
