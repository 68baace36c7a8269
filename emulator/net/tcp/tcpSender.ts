/**
 * The sending half of a TCP connection: send queue, window, and what is sent again. Loss is found by RACK and by
 * tail loss probes (RFC 8985), with a peer that does not acknowledge selectively after RFC 6582, and at last by
 * the retransmission timeout (RFC 6298). Time is in ms, sequence numbers are 32 bits.
 */
import { seqAdd, seqDiff, type TcpSegment } from '../packet/tcpSegment.ts';
import { ByteQueue } from './byteQueue.ts';
import { CongestionWindow } from './congestionWindow.ts';
import { Rack } from './rack.ts';
import { RoundTrip } from './roundTrip.ts';
import { Transmissions } from './transmissions.ts';

const duplicateThreshold = 3;
/** A probe comes after two round trips, and no sooner than guests that are emulated take to answer. */
const leastProbeMs = 10;
/** How long a lone segment's acknowledgement may be put off (RFC 8985 §7.2). */
const delayedAckMs = 200;

export interface SenderParts {
  /** Sends payload at `sequence`, `offset` bytes into the queue; false if there is no room now. */
  transmit(sequence: number, offset: number, length: number, fin: boolean): boolean;
  nowMs(): number;
}

export class TcpSender {
  readonly queue = new ByteQueue();
  readonly roundTrip = new RoundTrip();
  readonly congestion: CongestionWindow;
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
  /** Segments, or bursts of them, sent again. */
  retransmitted = 0;
  /** Timeouts in a row without progress. */
  timeouts = 0;
  readonly #sent = new Transmissions();
  readonly #rack: Rack;
  /** Duplicate acknowledgements of a peer without SACK. */
  #duplicates = 0;
  /** Something was lost, and not all that was under way then has been acknowledged. */
  #recovering = false;
  #recoverEnd = 0;
  /** A probe is under way. */
  #probed = false;
  /** When the timers fire: Infinity if not armed. */
  #timeoutAt = Infinity;
  #probeAt = Infinity;
  #reorderAt = Infinity;

  constructor(sequence: number, parts: SenderParts) {
    this.#parts = parts;
    this.una = sequence;
    this.next = sequence;
    this.#rack = new Rack(sequence, this.roundTrip);
    this.congestion = new CongestionWindow(sequence);
  }

  /** Called when the peer's options are known. */
  open(maxSegment: number, burst: number): void {
    this.maxSegment = maxSegment;
    this.burst = burst;
    this.congestion.open(maxSegment);
  }

  get inFlight(): number {
    return seqDiff(this.next, this.una);
  }

  get #waiting(): boolean {
    return this.inFlight > 0 || this.queue.length > 0 || (this.ended && !this.finSent);
  }
  /** Time at which timerFired() is due, or undefined if there is nothing to wait for. */
  nextDeadline(): number | undefined {
    if (!this.#waiting) this.#timeoutAt = this.#probeAt = this.#reorderAt = Infinity;
    else if (this.#timeoutAt === Infinity)
      this.#timeoutAt = this.#parts.nowMs() + this.roundTrip.timeout;
    const first = Math.min(this.#timeoutAt, this.#probeAt, this.#reorderAt);
    return first === Infinity ? undefined : first;
  }

  /** Bytes of the queue that were sent. */
  get #sentData(): number {
    return this.inFlight - (this.finSent && !this.finAcknowledged ? 1 : 0);
  }

  /** What is thought to be on its way. */
  get #pipe(): number {
    const arrived = this.sackEnabled ? this.#sent.sackedBytes : this.#duplicates * this.maxSegment;
    return Math.max(0, this.inFlight - arrived - this.#sent.lostBytes);
  }

  /** Takes the acknowledgement of a valid segment; true if it acknowledges something new. */
  acknowledge(segment: TcpSegment, windowUnchanged: boolean): boolean {
    const ack = segment.acknowledgement;
    const count = seqDiff(ack, this.una);
    if (count < 0) return false;
    const nowMs = this.#parts.nowMs();
    const delivered = (piece: Parameters<Rack['delivered']>[0], end: number): void =>
      this.#rack.delivered(piece, end, nowMs);
    if (count > 0) {
      this.#sent.acknowledge(ack, delivered);
      this.#advance(ack, count, nowMs);
    } else if (segment.length === 0 && this.inFlight > 0 && windowUnchanged) this.#duplicates++;
    if (this.sackEnabled) {
      if (segment.sackCount > 0) this.#takeBlocks(segment, delivered);
      if (this.#sent.sackedBytes > 0 || this.#recovering) this.#detect(nowMs);
    } else this.#countDuplicates(count > 0);
    return count > 0;
  }

  #takeBlocks(segment: TcpSegment, delivered: Parameters<Transmissions['sack']>[2]): void {
    const ack = segment.acknowledgement;
    for (let i = 0; i < segment.sackCount; i++) {
      const [start, end] = [segment.sack[2 * i] as number, segment.sack[2 * i + 1] as number];
      if (seqDiff(end, start) <= 0) continue;
      // RFC 2883 §4: the first block is a duplicate if it was acknowledged, or is part of the second.
      const repeated =
        i === 0 &&
        (seqDiff(end, ack) <= 0 ||
          (segment.sackCount > 1 &&
            seqDiff(start, segment.sack[2] as number) >= 0 &&
            seqDiff(end, segment.sack[3] as number) <= 0));
      if (repeated) this.#rack.duplicate(ack, this.next);
      else if (seqDiff(start, ack) > 0 && seqDiff(this.next, end) >= 0)
        this.#sent.sack(start, end, delivered);
    }
  }

  #advance(ack: number, count: number, nowMs: number): void {
    const data = Math.min(count, this.#sentData);
    this.queue.discard(data);
    if (count > data && this.finSent) this.finAcknowledged = true;
    this.una = ack;
    this.#duplicates = 0;
    this.timeouts = 0;
    this.#probed = false;
    this.roundTrip.progress();
    this.congestion.acknowledged(data, ack, this.next);
    this.#timeoutAt = Infinity;
    if (this.#recovering && seqDiff(ack, this.#recoverEnd) >= 0) {
      this.#recovering = false;
      this.#rack.recovered();
    }
    this.#armProbe(nowMs);
  }

  /** Without SACK: three duplicates, or an acknowledgement of a part, tell of a loss (RFC 6582 §3.2). */
  #countDuplicates(progress: boolean): void {
    const lost = this.#recovering ? progress : this.#duplicates >= duplicateThreshold;
    if (lost && this.inFlight > 0) this.#foundLost(this.#sent.loseFirst(this.maxSegment));
  }

  #detect(nowMs: number): void {
    const before = this.#sent.lostBytes;
    const wait = this.#rack.detect(this.#sent, {
      ...{ nowMs, recovering: this.#recovering },
      sackedSegments: this.#sent.sackedBytes / this.maxSegment,
    });
    this.#reorderAt = wait === undefined ? Infinity : nowMs + wait;
    this.#foundLost(this.#sent.lostBytes - before);
  }

  #foundLost(bytes: number): void {
    if (bytes <= 0) return;
    this.congestion.lost(bytes, this.inFlight);
    this.#probeAt = Infinity;
    if (this.#recovering) return;
    this.#recovering = true;
    this.#recoverEnd = this.next;
  }

  /** Sends what windows and link allow; false if the link had no room. */
  output(): boolean {
    if (this.#sent.lostBytes > 0 && !this.#sendLost()) return false;
    let pipe = this.#pipe;
    const nowMs = this.#parts.nowMs();
    for (;;) {
      const sent = this.finSent ? this.queue.length : this.#sentData;
      const waiting = this.queue.length - sent;
      const room = Math.min(this.window - this.inFlight, this.congestion.size - pipe);
      let length = Math.min(waiting, room, this.burst);
      if (length < 0) length = 0;
      // Whole segments, unless it is the end of what there is (RFC 9293 §3.8.6.2.1).
      if (length < waiting && length > this.maxSegment) length -= length % this.maxSegment;
      else if (length < waiting && length < this.maxSegment && this.inFlight > 0) return true;
      const fin = this.ended && !this.finSent && length === waiting;
      if (length === 0 && !fin) return true;
      if (!this.#sendNew(sent, length, fin, nowMs)) return false;
      pipe += length;
    }
  }

  #sendNew(offset: number, length: number, fin: boolean, nowMs: number): boolean {
    if (!this.#parts.transmit(this.next, offset, length, fin)) return false;
    const end = seqAdd(this.next, length + (fin ? 1 : 0));
    this.#sent.sent(this.next, end, nowMs);
    this.next = end;
    if (fin) this.finSent = true;
    this.#armProbe(nowMs);
    return true;
  }

  /** Sends again what is lost, as far as the congestion window goes; false if the link had no room. */
  #sendLost(): boolean {
    const nowMs = this.#parts.nowMs();
    for (let lost = this.#sent.firstLost; lost !== undefined; lost = this.#sent.firstLost) {
      const room = this.congestion.size - this.#pipe;
      if (room <= 0) return true;
      const whole = Math.max(1, Math.floor(Math.min(room, this.burst) / this.maxSegment));
      const most = seqAdd(lost.start, whole * this.maxSegment);
      const end = seqDiff(lost.end, most) > 0 ? most : lost.end;
      if (!this.#resend(lost.start, end)) return false;
      this.#sent.resent(lost, end, nowMs);
    }
    return true;
  }

  #resend(start: number, end: number): boolean {
    const offset = seqDiff(start, this.una);
    const data = Math.max(0, Math.min(seqDiff(end, start), this.#sentData - offset));
    const fin = this.finSent && !this.finAcknowledged && seqDiff(end, this.next) >= 0;
    if (!this.#parts.transmit(start, offset, data, fin)) return false;
    this.retransmitted++;
    return true;
  }

  // Timers

  /** RFC 8985 §7.2: not while there is a better sign of what is lost. */
  #armProbe(nowMs: number): void {
    const { smoothed, timeout } = this.roundTrip;
    this.#probeAt = Infinity;
    if (this.#recovering || this.#probed || this.inFlight === 0) return;
    if (!this.sackEnabled || smoothed < 0) return;
    const alone = this.inFlight <= this.maxSegment ? delayedAckMs : 0;
    const wait = Math.max(leastProbeMs, 2 * smoothed + alone);
    if (wait < timeout) this.#probeAt = nowMs + wait;
  }

  /** Does what is due; output() is the caller's to call. */
  timerFired(): void {
    const nowMs = this.#parts.nowMs();
    // A microsecond early is due, as in TimerQueue.
    const due = nowMs + 0.001;
    if (this.#reorderAt <= due) {
      this.#reorderAt = Infinity;
      this.#detect(due);
    }
    if (this.#probeAt <= due) this.#probeTail(nowMs);
    if (this.#timeoutAt <= due) this.#timedOut(nowMs);
  }

  /** Something new, or else the last once more, so that its acknowledgement tells what is missing (RFC 8985 §7.3). */
  #probeTail(nowMs: number): void {
    this.#probeAt = Infinity;
    this.#probed = true;
    this.#timeoutAt = nowMs + this.roundTrip.timeout;
    const before = this.next;
    this.output();
    if (this.next !== before) return;
    const last = this.#sent.last(this.maxSegment);
    if (last !== undefined && this.#resend(last.start, last.end))
      this.#sent.resent(last, last.end, nowMs);
  }

  /** Sends again (RFC 6298 §5), or probes a closed window (RFC 9293 §3.8.6.1). */
  #timedOut(nowMs: number): void {
    this.timeouts++;
    this.#timeoutAt = this.#probeAt = this.#reorderAt = Infinity;
    this.roundTrip.backOff();
    if (this.window <= 0 || this.inFlight === 0) return this.#probeWindow(nowMs);
    this.congestion.timedOut(this.inFlight, this.next);
    // What the peer said it has it may have thrown away: believed once.
    this.#sent.loseAll(this.timeouts > 1);
    this.#duplicates = 0;
    this.#recovering = true;
    this.#recoverEnd = this.next;
  }

  #probeWindow(nowMs: number): void {
    const data = this.#sentData;
    if (data > 0) this.#parts.transmit(this.una, 0, 1, false);
    else if (this.finSent && !this.finAcknowledged) this.#resend(this.una, this.next);
    else if (this.queue.length > 0) this.#sendNew(0, 1, false, nowMs);
    else if (this.ended) this.#sendNew(0, 0, true, nowMs);
  }
}
