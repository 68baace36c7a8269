/** What the peer has beyond the cumulative acknowledgement (RFC 2018): disjoint ascending ranges. */
import { seqDiff } from '../packet/tcpSegment.ts';

/** A peer that acknowledges every other byte gets no further than this. */
const mostRanges = 256;

export class SackScoreboard {
  /** start, end, start, end … */
  readonly #edges: number[] = [];

  get empty(): boolean {
    return this.#edges.length === 0;
  }

  clear(): void {
    this.#edges.length = 0;
  }

  /** End of the highest range; only if not empty. */
  get highest(): number {
    return this.#edges[this.#edges.length - 1] as number;
  }

  bytes(): number {
    let sum = 0;
    for (let i = 0; i < this.#edges.length; i += 2)
      sum += seqDiff(this.#edges[i + 1] as number, this.#edges[i] as number);
    return sum;
  }

  add(start: number, end: number): void {
    const edges = this.#edges;
    let i = 0;
    while (i < edges.length && seqDiff(edges[i + 1] as number, start) < 0) i += 2;
    let [low, high] = [start, end];
    let j = i;
    while (j < edges.length && seqDiff(edges[j] as number, end) <= 0) {
      if (seqDiff(edges[j] as number, low) < 0) low = edges[j] as number;
      if (seqDiff(edges[j + 1] as number, high) > 0) high = edges[j + 1] as number;
      j += 2;
    }
    if (j === i && edges.length >= 2 * mostRanges) return;
    if (j === i + 2) {
      edges[i] = low;
      edges[i + 1] = high;
    } else edges.splice(i, j - i, low, high);
  }

  /** Forgets what lies before `sequence`. */
  acknowledge(sequence: number): void {
    const edges = this.#edges;
    let gone = 0;
    while (gone < edges.length && seqDiff(edges[gone + 1] as number, sequence) <= 0) gone += 2;
    if (gone > 0) edges.splice(0, gone);
    if (edges.length > 0 && seqDiff(edges[0] as number, sequence) < 0) edges[0] = sequence;
  }

  covers(start: number, end: number): boolean {
    const edges = this.#edges;
    for (let i = 0; i < edges.length; i += 2)
      if (seqDiff(edges[i] as number, start) <= 0)
        if (seqDiff(edges[i + 1] as number, end) >= 0) return true;
    return false;
  }

  /** The first piece in from..limit that the peer lacks, as [start, end]; undefined if it has all. */
  hole(from: number, limit: number): [number, number] | undefined {
    const edges = this.#edges;
    let start = from;
    for (let i = 0; i < edges.length; i += 2) {
      const [low, high] = [edges[i] as number, edges[i + 1] as number];
      if (seqDiff(high, start) <= 0) continue;
      if (seqDiff(low, start) > 0)
        return seqDiff(limit, start) > 0
          ? [start, seqDiff(low, limit) < 0 ? low : limit]
          : undefined;
      start = high;
    }
    return seqDiff(limit, start) > 0 ? [start, limit] : undefined;
  }
}
