/** Payload that came before its turn: disjoint ascending pieces, and the SACK blocks for them (RFC 2018 §4). */
import { seqAdd, seqDiff } from '../packet/tcpSegment.ts';

interface Piece {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

const mostPieces = 1024;

export class TcpReassembly {
  readonly #pieces: Piece[] = [];
  /** Sequence number in the block that changed last, which is reported first. */
  #latest = 0;
  /** Bytes held. */
  size = 0;

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.size = 0;
  }

  /** Keeps a copy of what is new in `bytes`. */
  add(sequence: number, bytes: Uint8Array): void {
    this.#latest = sequence;
    if (this.#pieces.length >= mostPieces) return;
    let start = sequence;
    const end = seqAdd(sequence, bytes.length);
    let i = this.#pieces.length;
    while (i > 0 && seqDiff((this.#pieces[i - 1] as Piece).sequence, sequence) > 0) i--;
    if (i > 0) {
      const before = this.#pieces[i - 1] as Piece;
      const beforeEnd = seqAdd(before.sequence, before.bytes.length);
      if (seqDiff(beforeEnd, start) > 0) start = beforeEnd;
    }
    while (seqDiff(end, start) > 0) {
      const next = this.#pieces[i];
      const stop = next !== undefined && seqDiff(next.sequence, end) < 0 ? next.sequence : end;
      if (seqDiff(stop, start) > 0) {
        const from = seqDiff(start, sequence);
        const piece = bytes.slice(from, from + seqDiff(stop, start));
        this.#pieces.splice(i++, 0, { sequence: start, bytes: piece });
        this.size += piece.length;
      }
      if (next === undefined) return;
      start = seqAdd(next.sequence, next.bytes.length);
      i++;
    }
  }

  /** Takes out the piece that goes on at `sequence`, without what lies before; undefined if none does. */
  take(sequence: number): Uint8Array | undefined {
    for (let first = this.#pieces[0]; first !== undefined; first = this.#pieces[0]) {
      const old = seqDiff(sequence, first.sequence);
      if (old < 0) return undefined;
      this.#pieces.shift();
      this.size -= first.bytes.length;
      if (old < first.bytes.length) return first.bytes.subarray(old);
    }
    return undefined;
  }

  blocks(): [number, number][] {
    const blocks: [number, number][] = [];
    for (const { sequence, bytes } of this.#pieces) {
      const last = blocks[blocks.length - 1];
      const end = seqAdd(sequence, bytes.length);
      if (last !== undefined && last[1] === sequence) last[1] = end;
      else blocks.push([sequence, end]);
    }
    const latest = blocks.findIndex(
      ([start, end]) => seqDiff(this.#latest, start) >= 0 && seqDiff(end, this.#latest) > 0,
    );
    if (latest > 0) blocks.unshift(...blocks.splice(latest, 1));
    return blocks.slice(0, 4);
  }
}
