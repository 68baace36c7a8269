/**
 * The receiving half of a TCP connection (RFC 9293 §3.10.7.4, §3.8.6): the window that is promised, bytes in order to
 * the user, what came early kept.
 */
import { seqAdd, seqDiff, type TcpSegment } from '../packet/tcpSegment.ts';
import type { TcpUser } from './tcpContract.ts';
import { TcpReassembly } from './tcpReassembly.ts';

export interface TcpReceiverParts {
  readonly user: TcpUser;
  acknowledgeNow(): void;
  /** At the next flush. */
  acknowledgeSoon(): void;
  /** Users may close the connection in a callback. */
  isClosed(): boolean;
}

export class TcpReceiver {
  readonly reassembly = new TcpReassembly();
  /** Sequence number of the next byte in order. */
  next = 0;
  finReceived = false;
  readonly #parts: TcpReceiverParts;
  /** Right edge that the guest was told. */
  #advertised = 0;
  /** Sequence number of a FIN that came early; -1 without one. */
  #earlyFin = -1;

  constructor(parts: TcpReceiverParts) {
    this.#parts = parts;
  }

  /** `first`: of the first byte. */
  open(first: number): void {
    this.next = first;
    this.#advertised = first;
  }

  get #promised(): number {
    return seqDiff(this.#advertised, this.next);
  }

  /** Bytes that the guest may send now. */
  get windowEnd(): number {
    return Math.max(0, this.#promised);
  }

  /** The window field; remembers what is promised. */
  window(scale: number): number {
    let room = Math.max(0, Math.floor(this.#parts.user.room()) - this.reassembly.size);
    // Never takes back what was promised (RFC 9293 §3.8.6).
    const promised = this.#promised;
    if (room < promised) room = promised;
    const field = Math.min(0xffff, room >> scale);
    const edge = seqAdd(this.next, field << scale);
    if (seqDiff(edge, this.#advertised) > 0) this.#advertised = edge;
    return field;
  }

  /** The user has taken so much that the guest is better told (RFC 9293 §3.8.6.2.2). */
  opens(maxSegment: number): boolean {
    if (this.finReceived) return false;
    const room = this.#parts.user.room() - this.reassembly.size;
    const gain = room - this.#promised;
    return gain >= Math.min(room / 2, 2 * 64_000) && gain >= maxSegment;
  }

  /** Takes in a segment that is acceptable, `offset` bytes behind what is next. */
  input(segment: TcpSegment, offset: number): void {
    const { frame } = segment;
    const { windowEnd } = this;
    // Cut to the window: what is old, and what is beyond.
    const start = segment.start + Math.max(0, -offset);
    const fits = segment.start - offset + windowEnd;
    const end = Math.min(segment.end, fits);
    const whole = end === segment.end;
    if (this.finReceived) {
      this.#parts.acknowledgeSoon();
      return;
    }
    if (offset > 0) {
      if (end > start) this.reassembly.add(segment.sequence, frame.subarray(start, end));
      if (segment.fin && whole) this.#earlyFin = seqAdd(segment.sequence, segment.length);
      // Tells of the gap at once (RFC 5681 §4.2).
      this.#parts.acknowledgeNow();
      return;
    }
    if (offset < 0 && segment.length > 0) this.noteRepeated(segment, offset);
    if (end > start) this.#deliver(frame.subarray(start, end));
    if (this.#parts.isClosed()) return;
    const gap = !this.reassembly.empty;
    for (
      let pieces = gap ? this.reassembly.take(this.next) : [];
      pieces.length > 0;
      pieces = this.reassembly.take(this.next)
    )
      for (const piece of pieces) {
        this.#deliver(piece);
        if (this.#parts.isClosed()) return;
      }
    const fin = (segment.fin && whole) || this.#earlyFin === this.next;
    if (fin && this.reassembly.empty) {
      this.next = seqAdd(this.next, 1);
      this.finReceived = true;
      this.#parts.user.end();
      if (this.#parts.isClosed()) return;
    }
    if (gap || fin) this.#parts.acknowledgeNow();
    else this.#parts.acknowledgeSoon();
  }

  noteRepeated(segment: TcpSegment, offset: number): void {
    const known = Math.min(-offset, segment.length);
    this.reassembly.repeat(segment.sequence, seqAdd(segment.sequence, known));
  }

  #deliver(bytes: Uint8Array): void {
    this.next = seqAdd(this.next, bytes.length);
    this.#parts.user.data(bytes);
  }
}
