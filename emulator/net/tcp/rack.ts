/**
 * RACK (RFC 8985 §6): what was sent well before something that has arrived is lost, also if it was sent
 * again. How much before it takes is learnt from what comes out of order, and from duplicates that the peer reports.
 */
import { seqDiff } from '../packet/tcpSegment.ts';
import type { RoundTrip } from './roundTrip.ts';
import type { Transmission, Transmissions } from './transmissions.ts';

const duplicateThreshold = 3;
/** Recoveries until a grown window shrinks (RFC 8985 §6.2, step 4). */
const persistence = 16;

export class Rack {
  readonly #roundTrip: RoundTrip;
  /** Of what was sent last among all that has arrived: when, its end, its round trip. */
  #sentMs = -1;
  #end = 0;
  #roundTripMs = 0;
  /** Highest end of what has arrived. */
  #highest: number;
  #reordering = false;
  /** The reordering window in quarters of the least round trip. */
  #quarters = 1;
  #persist = persistence;
  /** No duplicate counts until this is acknowledged: one a round trip. */
  #duplicateRound: number | undefined;

  constructor(sequence: number, roundTrip: RoundTrip) {
    this.#highest = sequence;
    this.#roundTrip = roundTrip;
  }

  /** `piece` has arrived up to `end`. */
  delivered(piece: Transmission, end: number, nowMs: number): void {
    const roundTripMs = nowMs - piece.sentMs;
    if (!piece.again) {
      this.#roundTrip.measure(roundTripMs, nowMs);
      if (seqDiff(this.#highest, end) > 0) this.#reordering = true;
    }
    if (seqDiff(end, this.#highest) > 0) this.#highest = end;
    // So soon: it was the first one that has arrived, not this one.
    if (piece.again && roundTripMs < this.#roundTrip.least) return;
    if (!this.#sentBefore(piece.sentMs, end)) {
      this.#sentMs = piece.sentMs;
      this.#end = end;
      this.#roundTripMs = roundTripMs;
    }
  }

  #sentBefore(sentMs: number, end: number): boolean {
    return sentMs < this.#sentMs || (sentMs === this.#sentMs && seqDiff(end, this.#end) < 0);
  }

  /** The peer has got something twice (RFC 2883): we were too quick. */
  duplicate(una: number, next: number): void {
    if (this.#duplicateRound !== undefined && seqDiff(una, this.#duplicateRound) < 0) return;
    this.#duplicateRound = next;
    this.#reordering = true;
    this.#quarters++;
    this.#persist = persistence;
  }

  recovered(): void {
    if (--this.#persist > 0) return;
    this.#persist = persistence;
    this.#quarters = 1;
  }

  #window(recovering: boolean, sackedSegments: number): number {
    if (!this.#reordering && (recovering || sackedSegments >= duplicateThreshold)) return 0;
    const { least, smoothed } = this.#roundTrip;
    return Math.min((this.#quarters * least) / 4, smoothed);
  }

  /** Marks what is lost; ms until more may be, or undefined. */
  detect(
    transmissions: Transmissions,
    at: { readonly nowMs: number; readonly recovering: boolean; readonly sackedSegments: number },
  ): number | undefined {
    if (this.#sentMs < 0) return undefined;
    const patience = this.#roundTripMs + this.#window(at.recovering, at.sackedSegments);
    let wait: number | undefined;
    for (const piece of transmissions.flying()) {
      if (!this.#sentBefore(piece.sentMs, piece.end)) continue;
      const left = piece.sentMs + patience - at.nowMs;
      if (left <= 0) transmissions.markLost(piece);
      else wait = Math.max(wait ?? 0, left);
    }
    return wait;
  }
}
