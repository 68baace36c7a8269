/** What was sent and is not acknowledged yet: in order of sequence, and without gaps. */
import { seqDiff } from '../packet/tcpSegment.ts';

/** A peer that acknowledges every other byte gets no further than this. */
const mostPieces = 4096;

export interface Transmission {
  start: number;
  end: number;
  /** When it was sent last. */
  sentMs: number;
  /** Sent more than once. */
  again: boolean;
  /** `sacked`: the peer has it (RFC 2018); `lost`: to be sent again. */
  state: 'flying' | 'sacked' | 'lost';
}

/** Told of each piece that the peer has got, before anything changes; it ends at `end` at the latest. */
export type Delivered = (piece: Transmission, end: number) => void;

const sizeOf = ({ start, end }: Transmission): number => seqDiff(end, start);

export class Transmissions {
  readonly #pieces: Transmission[] = [];
  sackedBytes = 0;
  lostBytes = 0;

  /** Pieces that may still be lost. */
  *flying(): Iterable<Transmission> {
    for (const piece of this.#pieces) if (piece.state === 'flying') yield piece;
  }

  /** New data, behind all other. */
  sent(start: number, end: number, sentMs: number): void {
    const last = this.#pieces[this.#pieces.length - 1];
    if (last?.state === 'flying' && !last.again && last.sentMs === sentMs) last.end = end;
    else this.#pieces.push({ start, end, sentMs, again: false, state: 'flying' });
  }

  /** Everything before `ack` has arrived. */
  acknowledge(ack: number, delivered: Delivered): void {
    let gone = 0;
    for (const piece of this.#pieces) {
      if (seqDiff(piece.start, ack) >= 0) break;
      const whole = seqDiff(piece.end, ack) <= 0;
      const end = whole ? piece.end : ack;
      if (piece.state !== 'sacked') delivered(piece, end);
      this.#count(piece, -seqDiff(end, piece.start));
      if (whole) gone++;
      else piece.start = ack;
    }
    if (gone > 0) this.#pieces.splice(0, gone);
  }

  /** start..end has arrived ahead of its turn. */
  sack(start: number, end: number, delivered: Delivered): void {
    const pieces = this.#pieces;
    let i = this.#indexOf(start);
    for (; i < pieces.length; i++) {
      const piece = pieces[i] as Transmission;
      if (seqDiff(piece.start, end) >= 0) break;
      if (piece.state === 'sacked') continue;
      if (seqDiff(piece.start, start) < 0) {
        if (!this.#split(i, start)) return;
        continue;
      }
      if (seqDiff(piece.end, end) > 0 && !this.#split(i, end)) return;
      delivered(piece, piece.end);
      this.#setState(piece, 'sacked');
      if (this.#join(i)) i--;
    }
    this.#join(i);
  }

  markLost(piece: Transmission): void {
    this.#setState(piece, 'lost');
  }

  /** The first `bytes` count as lost, if they were not found to be before. */
  loseFirst(bytes: number): number {
    const [first] = this.#pieces;
    if (first?.state !== 'flying') return 0;
    if (sizeOf(first) > bytes) this.#split(0, (first.start + bytes) >>> 0);
    this.#setState(first, 'lost');
    return sizeOf(first);
  }

  /** All that has not arrived counts as lost; `reneged`: also what was said to have (RFC 2018 §8). */
  loseAll(reneged: boolean): void {
    for (const piece of this.#pieces)
      if (piece.state === 'flying' || reneged) this.#setState(piece, 'lost');
  }

  get firstLost(): Transmission | undefined {
    return this.lostBytes === 0 ? undefined : this.#pieces.find(({ state }) => state === 'lost');
  }

  /** The piece has been sent again, up to `end`. */
  resent(piece: Transmission, end: number, sentMs: number): void {
    if (seqDiff(piece.end, end) > 0) this.#split(this.#indexOf(piece.start), end);
    this.#setState(piece, 'flying');
    piece.again = true;
    piece.sentMs = sentMs;
  }

  /** The last piece, cut to at most `bytes`; undefined if there is none that may be lost. */
  last(bytes: number): Transmission | undefined {
    const piece = this.#pieces[this.#pieces.length - 1];
    if (piece?.state !== 'flying') return undefined;
    if (sizeOf(piece) <= bytes) return piece;
    this.#split(this.#pieces.length - 1, (piece.end - bytes) >>> 0);
    return this.#pieces[this.#pieces.length - 1];
  }

  /** Index of the first piece that ends after `sequence`. */
  #indexOf(sequence: number): number {
    let [low, high] = [0, this.#pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqDiff((this.#pieces[middle] as Transmission).end, sequence) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** False if there are too many pieces already. */
  #split(index: number, at: number): boolean {
    if (this.#pieces.length >= mostPieces) return false;
    const piece = this.#pieces[index] as Transmission;
    this.#pieces.splice(index + 1, 0, { ...piece, start: at });
    piece.end = at;
    return true;
  }

  /** Makes one of a piece and the one before it if both have arrived. */
  #join(index: number): boolean {
    const [before, piece] = [this.#pieces[index - 1], this.#pieces[index]];
    if (before?.state !== 'sacked' || piece?.state !== 'sacked') return false;
    before.end = piece.end;
    this.#pieces.splice(index, 1);
    return true;
  }

  #setState(piece: Transmission, state: Transmission['state']): void {
    this.#count(piece, -sizeOf(piece));
    piece.state = state;
    this.#count(piece, sizeOf(piece));
  }

  #count({ state }: Transmission, bytes: number): void {
    if (state === 'sacked') this.sackedBytes += bytes;
    else if (state === 'lost') this.lostBytes += bytes;
  }
}
