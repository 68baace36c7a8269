/**
 * Data that came before its turn: disjoint ascending blocks, and the SACK option that tells of them (RFC 2018 §4)
 * and of what came twice (RFC 2883), by which a sender learns that it was too quick to send again.
 */
import { seqAdd, seqDiff } from '../packet/tcpSegment.ts';

interface Block {
  start: number;
  end: number;
  /** In order, without gaps. */
  readonly pieces: Uint8Array[];
  /** The higher, the later it grew. */
  changed: number;
}

/** A sender that leaves out every other byte gets no further than this. */
const mostBlocks = 512;
const mostPieces = 8192;
/** Of a SACK option. */
const mostReported = 4;

const earlier = (a: number, b: number): number => (seqDiff(a, b) < 0 ? a : b);

export class TcpReassembly {
  readonly #blocks: Block[] = [];
  #pieces = 0;
  #changes = 0;
  #repeated: [number, number] | undefined;
  /** Bytes held. */
  size = 0;

  get empty(): boolean {
    return this.#blocks.length === 0;
  }
  /** There is something to tell in an acknowledgement. */
  get reports(): boolean {
    return this.#blocks.length > 0 || this.#repeated !== undefined;
  }

  clear(): void {
    this.#blocks.length = 0;
    this.size = this.#pieces = 0;
    this.#repeated = undefined;
  }

  /** start..end came again; the next acknowledgement tells. */
  repeat(start: number, end: number): void {
    this.#repeated ??= [start, end];
  }

  /** Keeps a copy of what is new in `bytes`. */
  add(sequence: number, bytes: Uint8Array): void {
    const blocks = this.#blocks;
    const end = seqAdd(sequence, bytes.length);
    // The first block that ends here or later; mostly it is the last one, or none.
    let first = blocks.length;
    while (first > 0 && seqDiff((blocks[first - 1] as Block).end, sequence) >= 0) first--;
    let beyond = first;
    let block = blocks[first];
    if (block !== undefined && seqDiff(block.start, sequence) <= 0) {
      if (block.end !== sequence) this.repeat(sequence, earlier(block.end, end));
      beyond++;
    } else {
      if (blocks.length >= mostBlocks) return;
      block = { start: sequence, end: sequence, pieces: [], changed: 0 };
    }
    if (this.#pieces >= mostPieces) return;
    block.changed = ++this.#changes;
    for (;;) {
      const next = blocks[beyond];
      const joins = next !== undefined && seqDiff(next.start, end) <= 0;
      const stop = joins ? next.start : end;
      if (seqDiff(stop, block.end) > 0) {
        const from = seqDiff(block.end, sequence);
        const piece = bytes.slice(from, seqDiff(stop, sequence));
        block.pieces.push(piece);
        block.end = stop;
        this.size += piece.length;
        this.#pieces++;
      }
      if (!joins) break;
      if (next.start !== end) this.repeat(next.start, earlier(next.end, end));
      block.pieces.push(...next.pieces);
      block.end = next.end;
      beyond++;
    }
    blocks.splice(first, beyond - first, block);
  }

  /** Takes out the pieces that go on at `sequence`, without what lies before; none if there is a gap. */
  take(sequence: number): Uint8Array[] {
    const wanted: Uint8Array[] = [];
    for (let [block] = this.#blocks; block !== undefined; [block] = this.#blocks) {
      let old = seqDiff(sequence, block.start);
      if (old < 0 || wanted.length > 0) break;
      this.#blocks.shift();
      this.#pieces -= block.pieces.length;
      for (const piece of block.pieces) {
        this.size -= piece.length;
        if (old < piece.length) wanted.push(old > 0 ? piece.subarray(old) : piece);
        old = Math.max(0, old - piece.length);
      }
    }
    return wanted;
  }

  /** Blocks of a SACK option, what was repeated first, then those that grew last; forgets what was repeated. */
  report(): [number, number][] {
    const newest: Block[] = [];
    for (const block of this.#blocks) {
      let i = newest.length;
      while (i > 0 && (newest[i - 1] as Block).changed < block.changed) i--;
      if (i >= mostReported) continue;
      newest.splice(i, 0, block);
      if (newest.length > mostReported) newest.pop();
    }
    const blocks = newest.map(({ start, end }): [number, number] => [start, end]);
    if (this.#repeated !== undefined) blocks.unshift(this.#repeated);
    this.#repeated = undefined;
    return blocks.slice(0, mostReported);
  }
}
