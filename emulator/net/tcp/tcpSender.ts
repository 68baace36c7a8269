/**
 * The sending half of a TCP connection: send queue, retransmission timeout (RFC 6298), slow start and
 * congestion avoidance (RFC 5681, with the reduction of RFC 9438 §4.6), recovery by selective
 * acknowledgements after RFC 6675, to which is added that a lost retransmission is noticed when something
 * sent after it has arrived. Time is in ms, sequence numbers are 32 bits.
 */
import { seqAdd, seqDiff, type TcpSegment } from '../packet/tcpSegment.ts';
import { ByteQueue } from './byteQueue.ts';
import { SackScoreboard } from './sackScoreboard.ts';

export const rtoLimits = { initial: 1000, least: 100, most: 60_000 } as const;
/** Most that is unacknowledged. */
const mostInFlight = 8 << 20;
const duplicateThreshold = 3;
/** Multiplicative decrease. */
const beta = 0.7;

interface Retransmission {
  start: number;
  readonly end: number;
  /** What was next to be sent when it was sent. */
  readonly mark: number;
}

export interface SenderParts {
  /** Sends payload at `sequence`, `offset` bytes into the queue; false if there is no room now. */
  transmit(sequence: number, offset: number, length: number, fin: boolean): boolean;
  nowMs(): number;
}

export class TcpSender {
  readonly queue = new ByteQueue();
  readonly #parts: SenderParts;
  /** Oldest unacknowledged, next to send. */
  una: number;
  next: number;
  /** Peer's window in bytes from `una`. */
  window = 0;
  maxSegment = 536;
  /** Longest payload handed down at once; a multiple of maxSegment where the link cuts it. */
  burst = 536;
  sackEnabled = false;
  /** Nothing follows what is queued. */
  ended = false;
  finSent = false;
  finAcknowledged = false;
  retransmitted = 0;
  /** Timeouts in a row without progress. */
  timeouts = 0;
  #rto: number = rtoLimits.initial;
  #srtt = -1;
  #rttvar = 0;
  /** The timed segment: its end and when it was sent; -1 when none is timed. */
  #timedEnd = 0;
  #timedAt = -1;
  #cwnd = 0;
  #slowStartThreshold = Infinity;
  readonly #sacked = new SackScoreboard();
  #duplicates = 0;
  #recovering = false;
  /** After a timeout everything up to #recoverEnd counts as lost. */
  #allLost = false;
  #recoverEnd = 0;
  #scan = 0;
  #retransmissions: Retransmission[] = [];

  constructor(sequence: number, parts: SenderParts) {
    this.#parts = parts;
    this.una = sequence;
    this.next = sequence;
  }

  /** Called when the peer's options are known. */
  open(maxSegment: number, burst: number): void {
    this.maxSegment = maxSegment;
    this.burst = burst;
    this.#cwnd = 10 * maxSegment;
  }

  get inFlight(): number {
    return seqDiff(this.next, this.una);
  }
  /** Nothing is waiting for an acknowledgement or to be sent. */
  get idle(): boolean {
    return this.inFlight === 0 && this.queue.length === 0 && (!this.ended || this.finSent);
  }
  /** ms until the retransmission timer should fire, or undefined if there is nothing to wait for. */
  get timeout(): number | undefined {
    if (this.inFlight > 0) return this.#rto;
    return this.queue.length > 0 || (this.ended && !this.finSent) ? this.#rto : undefined;
  }
  get congestionWindow(): number {
    return this.#cwnd;
  }
  get roundTripMs(): number {
    return this.#srtt;
  }

  /** Bytes of the queue that were sent. */
  get #sentData(): number {
    return this.inFlight - (this.finSent && !this.finAcknowledged ? 1 : 0);
  }

  /** Takes the acknowledgement of a valid segment; true if it acknowledges something new. */
  acknowledge(segment: TcpSegment, windowUnchanged: boolean): boolean {
    const ack = segment.acknowledgement;
    const count = seqDiff(ack, this.una);
    if (count < 0) return false;
    const sackedBefore = this.#sackedEnd();
    if (this.sackEnabled)
      for (let i = 0; i < segment.sackCount; i++) {
        const [start, end] = [segment.sack[2 * i] as number, segment.sack[2 * i + 1] as number];
        const sane = seqDiff(end, start) > 0 && seqDiff(start, ack) > 0;
        if (sane && seqDiff(this.next, end) >= 0) this.#sacked.add(start, end);
      }
    if (count > 0) this.#advance(ack, count);
    else if (segment.length === 0 && this.inFlight > 0 && windowUnchanged) this.#duplicates++;
    if (!this.#recovering) {
      if (
        this.inFlight > 0 &&
        (this.#duplicates >= duplicateThreshold ||
          this.#sacked.bytes() > (duplicateThreshold - 1) * this.maxSegment)
      )
        this.#enterRecovery();
    } else if (this.#sackedEnd() !== sackedBefore || count > 0) this.#lostRetransmissions();
    return count > 0;
  }

  #sackedEnd(): number {
    return this.#sacked.empty ? this.una : this.#sacked.highest;
  }

  #advance(ack: number, count: number): void {
    const data = Math.min(count, this.#sentData);
    this.queue.discard(data);
    if (count > data && this.finSent) this.finAcknowledged = true;
    this.una = ack;
    this.#sacked.acknowledge(ack);
    this.#duplicates = 0;
    this.timeouts = 0;
    if (this.#timedAt >= 0 && seqDiff(ack, this.#timedEnd) >= 0) this.#measured();
    else if (this.#srtt >= 0) this.#rto = this.#computedRto();
    if (this.#recovering) {
      if (seqDiff(ack, this.#recoverEnd) >= 0) this.#leaveRecovery();
      else {
        this.#retransmissions = this.#retransmissions.filter((r) => seqDiff(r.end, ack) > 0);
        if (seqDiff(ack, this.#scan) > 0) this.#scan = ack;
        // After a timeout the window grows from one segment again.
        if (this.#allLost && this.#cwnd < this.#slowStartThreshold) this.#cwnd += data;
      }
    } else if (this.#cwnd < this.#slowStartThreshold) this.#cwnd += data;
    else this.#cwnd += Math.max(1, Math.floor((this.maxSegment * data) / this.#cwnd));
    if (this.#cwnd > mostInFlight) this.#cwnd = mostInFlight;
  }

  #measured(): void {
    const sample = this.#parts.nowMs() - this.#timedAt;
    this.#timedAt = -1;
    if (this.#srtt < 0) {
      this.#srtt = sample;
      this.#rttvar = sample / 2;
    } else {
      this.#rttvar += (Math.abs(this.#srtt - sample) - this.#rttvar) / 4;
      this.#srtt += (sample - this.#srtt) / 8;
    }
    this.#rto = this.#computedRto();
  }

  #computedRto(): number {
    const rto = this.#srtt + Math.max(10, 4 * this.#rttvar);
    return Math.min(rtoLimits.most, Math.max(rtoLimits.least, rto));
  }

  #enterRecovery(): void {
    this.#recovering = true;
    this.#allLost = false;
    this.#recoverEnd = this.next;
    this.#scan = this.una;
    this.#retransmissions = [];
    this.#timedAt = -1;
    const least = 2 * this.maxSegment;
    this.#slowStartThreshold = Math.max(least, Math.floor(this.inFlight * beta));
    this.#cwnd = this.#slowStartThreshold;
    // RFC 6675 §5 (4.3): the first one is sent whatever is in flight.
    this.#sendHole();
  }

  #leaveRecovery(): void {
    this.#recovering = false;
    this.#allLost = false;
    this.#retransmissions = [];
    if (this.#cwnd > this.#slowStartThreshold) this.#cwnd = this.#slowStartThreshold;
    this.#cwnd = Math.max(this.#cwnd, 2 * this.maxSegment);
  }

  /** A retransmission is lost when what was sent well after it has arrived. */
  #lostRetransmissions(): void {
    if (this.#sacked.empty) return;
    const seen = seqAdd(this.#sacked.highest, -duplicateThreshold * this.maxSegment);
    const lost = this.#retransmissions.findIndex(
      (r) => seqDiff(seen, r.mark) > 0 && !this.#sacked.covers(r.start, r.end),
    );
    if (lost < 0) return;
    const [again] = this.#retransmissions.splice(lost, 1);
    // Holes are gone through from there again; later retransmissions are known and passed over.
    if (again !== undefined && seqDiff(again.start, this.#scan) < 0) this.#scan = again.start;
  }

  /** Up to where unacknowledged data counts as lost. */
  get #lostEnd(): number {
    if (this.#allLost) return this.#recoverEnd;
    if (!this.#sacked.empty) return this.#sacked.highest;
    return seqAdd(this.una, Math.min(this.maxSegment, this.inFlight));
  }

  /** What is thought to be on its way (RFC 6675 §4). */
  #pipe(): number {
    if (!this.#recovering) return this.inFlight - this.#sacked.bytes();
    const lostEnd = this.#lostEnd;
    let sum = Math.max(0, seqDiff(this.next, lostEnd));
    for (const { start, end } of this.#retransmissions)
      if (!this.#sacked.covers(start, end)) sum += seqDiff(end, start);
    return sum;
  }

  /** Retransmits the first hole that was not yet; false if there is none, or no room. */
  #sendHole(): boolean {
    const limit = this.#lostEnd;
    let from = this.#scan;
    for (;;) {
      const hole = this.#sacked.hole(from, limit);
      if (hole === undefined) return false;
      const [start] = hole;
      const done = this.#retransmissions.find(
        (r) => seqDiff(start, r.start) >= 0 && seqDiff(r.end, start) > 0,
      );
      if (done !== undefined) {
        from = done.end;
        continue;
      }
      const end =
        seqDiff(hole[1], start) > this.maxSegment ? seqAdd(start, this.maxSegment) : hole[1];
      if (!this.#resend(start, end)) return false;
      this.#retransmissions.push({ start, end, mark: this.next });
      this.#scan = end;
      return true;
    }
  }

  #resend(start: number, end: number): boolean {
    const offset = seqDiff(start, this.una);
    const data = Math.max(0, Math.min(seqDiff(end, start), this.#sentData - offset));
    const fin = this.finSent && !this.finAcknowledged && seqDiff(end, this.next) >= 0;
    if (data === 0 && !fin) return false;
    if (!this.#parts.transmit(start, offset, data, fin)) return false;
    this.retransmitted++;
    return true;
  }

  /** Sends what windows and link allow; false if the link had no room. */
  output(): boolean {
    let pipe = this.#pipe();
    while (this.#recovering && pipe < this.#cwnd) {
      const before = this.retransmitted;
      if (!this.#sendHole()) break;
      if (this.retransmitted === before) break;
      pipe += this.maxSegment;
    }
    for (;;) {
      const sent = this.finSent ? this.queue.length : this.#sentData;
      const waiting = this.queue.length - sent;
      const room = Math.min(this.window - this.inFlight, this.#cwnd - pipe);
      let length = Math.min(waiting, room, this.burst);
      if (length < 0) length = 0;
      // Whole segments, unless it is the end of what there is (RFC 9293 §3.8.6.2.1).
      if (length < waiting && length > this.maxSegment) length -= length % this.maxSegment;
      else if (length < waiting && length < this.maxSegment && this.inFlight > 0) return true;
      const fin = this.ended && !this.finSent && length === waiting;
      if (length === 0 && !fin) return true;
      if (!this.#parts.transmit(this.next, sent, length, fin)) return false;
      this.next = seqAdd(this.next, length + (fin ? 1 : 0));
      if (fin) this.finSent = true;
      pipe += length;
      if (this.#timedAt < 0 && !this.#recovering) {
        this.#timedAt = this.#parts.nowMs();
        this.#timedEnd = this.next;
      }
    }
  }

  /** The timer fired: sends again (RFC 6298 §5), or probes a closed window (RFC 9293 §3.8.6.1). */
  timedOut(): void {
    this.timeouts++;
    this.#timedAt = -1;
    this.#rto = Math.min(rtoLimits.most, this.#rto * 2);
    if (this.window <= 0 || this.inFlight === 0) {
      this.#probe();
      return;
    }
    if (!this.#recovering || !this.#allLost)
      this.#slowStartThreshold = Math.max(2 * this.maxSegment, Math.floor(this.inFlight / 2));
    // What the peer said it has it may have thrown away (RFC 2018 §8).
    this.#sacked.clear();
    this.#retransmissions = [];
    this.#recovering = true;
    this.#allLost = true;
    this.#recoverEnd = this.next;
    this.#scan = this.una;
    this.#duplicates = 0;
    this.#cwnd = this.maxSegment;
    this.#sendHole();
  }

  #probe(): void {
    const data = this.#sentData;
    if (data > 0) this.#parts.transmit(this.una, 0, 1, false);
    else if (this.finSent && !this.finAcknowledged) this.#resend(this.una, this.next);
    else if (this.queue.length > 0) {
      if (this.#parts.transmit(this.una, 0, 1, false)) this.next = seqAdd(this.una, 1);
    } else if (this.ended && this.#parts.transmit(this.next, 0, 0, true)) {
      this.finSent = true;
      this.next = seqAdd(this.next, 1);
    }
  }
}
