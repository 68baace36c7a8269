/**
 * One TCP connection with a guest (RFC 9293), terminated here: states, the receiving half with its window
 * and reassembly, keepalive. Sending is tcpSender.ts. Left out: urgent data (delivered in line), timestamps,
 * ECN, simultaneous open.
 */
import { seqAdd, seqDiff, tcpFlag, type TcpSegment } from '../packet/tcpSegment.ts';
import type { IpPath } from '../packet/ipPacket.ts';
import { NetworkTimer, type TimerQueue } from '../timerQueue.ts';
import { TcpReassembly } from './tcpReassembly.ts';
import { TcpSender } from './tcpSender.ts';

export type TcpState = 'synSent' | 'synReceived' | 'established' | 'timeWait' | 'closed';

/** What uses a connection. `closed` is the last that it hears. */
export interface TcpUser {
  established(): void;
  /** Bytes in order, valid only during the call. */
  data(bytes: Uint8Array): void;
  /** The guest has finished sending. */
  end(): void;
  /** The queue for the guest has shrunk. */
  writable(): void;
  closed(reset: boolean): void;
  /** Bytes that the user would take now: the window. */
  room(): number;
}

export interface OutgoingSegment {
  readonly connection: TcpConnection;
  readonly sequence: number;
  readonly flags: number;
  /** As it goes into the header. */
  readonly window: number;
  /** Payload: so many bytes, so far into the connection's send queue. */
  readonly offset: number;
  readonly length: number;
}

/** What carries segments to the guest. */
export interface TcpCarrier {
  readonly timers: TimerQueue;
  /** False if there is no room now; then resume() follows. */
  send(segment: OutgoingSegment): boolean;
  /** An acknowledgement is due at the next flush(). */
  acknowledgeSoon(connection: TcpConnection): void;
  /** It was refused: call resume() when there is room. */
  blocked(connection: TcpConnection): void;
  /** It is gone for good. */
  forget(connection: TcpConnection): void;
}

export interface TcpTuning {
  /** Idle time before the first keepalive probe, and between probes, in ms; and how many. */
  readonly keepAlive: { readonly idle: number; readonly interval: number; readonly probes: number };
  readonly timeWaitMs: number;
  /** Timeouts in a row before a connection counts as dead: while opening, and later. */
  readonly synRetries: number;
  readonly retries: number;
}

export const defaultTuning: TcpTuning = {
  keepAlive: { idle: 7_200_000, interval: 75_000, probes: 9 },
  timeWaitMs: 2000,
  synRetries: 4,
  retries: 12,
};

/** Of our receive windows: up to 4 MiB. */
export const ownWindowScale = 6;
/** Payload of one segment, whatever the peer says: Ethernet's 1500 bytes less headers. */
export const ownMaxSegment = (path: IpPath): number => (path.source.length === 4 ? 1460 : 1440);

export class TcpConnection {
  state: TcpState = 'closed';
  readonly path: IpPath;
  readonly localPort: number;
  readonly guestPort: number;
  readonly sender: TcpSender;
  readonly reassembly = new TcpReassembly();
  receiveNext = 0;
  finReceived = false;
  /** The peer's options. */
  peerScale = 0;
  scaling = false;
  readonly #carrier: TcpCarrier;
  readonly #user: TcpUser;
  readonly #tuning: TcpTuning;
  readonly #timer = new NetworkTimer(() => this.#timedOut());
  #initial: number;
  #peerInitial = 0;
  /** Right edge that the guest was told. */
  #advertised = 0;
  /** Sequence number of a FIN that came early; -1 without one. */
  #earlyFin = -1;
  #lastHeardMs: number;
  #probes = 0;
  #wl1 = 0;
  #wl2 = 0;
  #synRetries = 0;

  constructor(
    at: { readonly path: IpPath; readonly localPort: number; readonly guestPort: number },
    parts: {
      readonly carrier: TcpCarrier;
      readonly user: TcpUser;
      readonly tuning: TcpTuning;
      readonly initialSequence: number;
    },
  ) {
    this.path = at.path;
    this.localPort = at.localPort;
    this.guestPort = at.guestPort;
    this.#carrier = parts.carrier;
    this.#user = parts.user;
    this.#tuning = parts.tuning;
    this.#initial = parts.initialSequence >>> 0;
    this.sender = new TcpSender(this.#initial, {
      nowMs: () => parts.carrier.timers.nowMs(),
      transmit: (sequence, offset, length, fin) =>
        this.#send(
          sequence,
          tcpFlag.ack |
            (length > 0 && offset + length >= this.sender.queue.length ? tcpFlag.psh : 0) |
            (fin ? tcpFlag.fin : 0),
          offset,
          length,
        ),
    });
    this.#lastHeardMs = parts.carrier.timers.nowMs();
  }

  /** Answers a guest's SYN, whose segment is given. */
  accept(syn: TcpSegment): void {
    this.#takeOptions(syn);
    this.state = 'synReceived';
    this.sender.next = seqAdd(this.#initial, 1);
    this.#sendSyn();
  }

  /** Opens a connection to the guest. */
  open(): void {
    this.state = 'synSent';
    this.sender.next = seqAdd(this.#initial, 1);
    this.#sendSyn();
  }

  #takeOptions(syn: TcpSegment): void {
    this.#peerInitial = syn.sequence;
    this.receiveNext = seqAdd(syn.sequence, 1);
    this.#advertised = this.receiveNext;
    const maxSegment = Math.min(
      ownMaxSegment(this.path),
      // RFC 9293 §3.7.1: the default, and nothing absurdly small.
      Math.max(64, syn.maxSegment === 0 ? 536 : syn.maxSegment),
    );
    this.sender.open(maxSegment, maxSegment * Math.floor(64_000 / maxSegment));
    this.sender.sackEnabled = syn.sackPermitted;
    this.scaling = syn.windowScale >= 0;
    this.peerScale = this.scaling ? syn.windowScale : 0;
    this.sender.window = syn.window;
  }

  #sendSyn(): void {
    const ack = this.state === 'synReceived' ? tcpFlag.ack : 0;
    // Refused or lost: the timer sends it again.
    this.#send(this.#initial, tcpFlag.syn | ack, 0, 0);
    this.#carrier.timers.arm(this.#timer, 1000 * 2 ** this.#synRetries);
  }

  get maxSegmentOption(): number {
    return ownMaxSegment(this.path);
  }

  // Sending

  /** Bytes for the guest; they must not be changed any more. */
  write(bytes: Uint8Array): void {
    if (this.sender.ended || this.state === 'closed') return;
    this.sender.queue.push(bytes);
    this.output();
  }

  /** Bytes that the guest has not acknowledged. */
  get unsent(): number {
    return this.sender.queue.length;
  }

  /** Finishes sending, after what is queued. */
  end(): void {
    if (this.sender.ended) return;
    this.sender.ended = true;
    this.output();
  }

  /** Resets the connection without a word to the user. */
  abort(): void {
    if (this.state === 'closed') return;
    if (this.state !== 'timeWait') this.#send(this.sender.next, tcpFlag.rst | tcpFlag.ack, 0, 0);
    this.#close();
  }

  /** The link has room again. */
  resume(): void {
    this.output();
  }

  output(): void {
    if (this.state !== 'established') return;
    if (!this.sender.output()) this.#carrier.blocked(this);
    this.#armTimer();
  }

  #send(sequence: number, flags: number, offset: number, length: number): boolean {
    const window = this.#window((flags & tcpFlag.syn) !== 0);
    return this.#carrier.send({ connection: this, sequence, flags, window, offset, length });
  }

  /** The window field; remembers what is promised. */
  #window(syn: boolean): number {
    const scale = !syn && this.scaling ? ownWindowScale : 0;
    let room = Math.max(0, Math.floor(this.#user.room()) - this.reassembly.size);
    // Never takes back what was promised (RFC 9293 §3.8.6).
    const promised = seqDiff(this.#advertised, this.receiveNext);
    if (room < promised) room = promised;
    const field = Math.min(0xffff, room >> scale);
    const edge = seqAdd(this.receiveNext, field << scale);
    if (seqDiff(edge, this.#advertised) > 0) this.#advertised = edge;
    return field;
  }

  /** The user has taken bytes: tells the guest if that makes a difference (RFC 9293 §3.8.6.2.2). */
  roomChanged(): void {
    if (this.state !== 'established' || this.finReceived) return;
    const room = this.#user.room() - this.reassembly.size;
    const promised = seqDiff(this.#advertised, this.receiveNext);
    const gain = room - promised;
    if (gain >= Math.min(room / 2, 2 * 64_000) && gain >= this.sender.maxSegment)
      this.acknowledge();
  }

  /** Sends an acknowledgement now. */
  acknowledge(): void {
    if (this.state === 'established' || this.state === 'timeWait')
      if (!this.#send(this.sender.next, tcpFlag.ack, 0, 0)) this.#carrier.acknowledgeSoon(this);
  }

  // Receiving

  /** A segment for this connection, its checksum good. */
  input(segment: TcpSegment): void {
    this.#lastHeardMs = this.#carrier.timers.nowMs();
    this.#probes = 0;
    switch (this.state) {
      case 'closed':
        return;
      case 'synSent':
        return this.#inputSynSent(segment);
      case 'timeWait':
        if (segment.rst) this.#close();
        else if (segment.fin || segment.length > 0) this.acknowledge();
        return;
      default:
        this.#inputSynchronized(segment);
    }
  }

  #inputSynSent(segment: TcpSegment): void {
    const acceptable = segment.ack && segment.acknowledgement === seqAdd(this.#initial, 1);
    if (segment.rst) {
      if (acceptable) this.#close(true);
      return;
    }
    if (!acceptable || !segment.syn) return;
    this.#takeOptions(segment);
    this.sender.una = segment.acknowledgement;
    this.#establish(segment);
    if (this.#isClosed()) return;
    this.acknowledge();
    this.output();
  }

  #establish(segment: TcpSegment): void {
    this.state = 'established';
    this.#wl1 = segment.sequence;
    this.#wl2 = segment.acknowledgement;
    this.#carrier.timers.cancel(this.#timer);
    this.#user.established();
    this.#armTimer();
  }

  /** RFC 9293 §3.10.7.4 */
  #inputSynchronized(segment: TcpSegment): void {
    const offset = seqDiff(segment.sequence, this.receiveNext);
    const windowEnd = Math.max(0, seqDiff(this.#advertised, this.receiveNext));
    const length = segment.length + (segment.fin ? 1 : 0);
    const acceptable =
      length === 0
        ? offset >= 0 && offset <= windowEnd
        : offset < windowEnd + (windowEnd === 0 ? 1 : 0) && offset + length >= 0;
    if (segment.rst) {
      // RFC 5961 §3.2: only at the very place; elsewhere in the window it is challenged.
      if (offset === 0) this.#close(true);
      else if (acceptable && offset > 0) this.#carrier.acknowledgeSoon(this);
      return;
    }
    if (segment.syn) {
      if (this.state === 'synReceived' && segment.sequence === this.#peerInitial)
        this.#send(this.#initial, tcpFlag.syn | tcpFlag.ack, 0, 0);
      else this.#carrier.acknowledgeSoon(this);
      return;
    }
    if (!acceptable || !segment.ack) {
      if (segment.length > 0 && offset < 0) this.#noteRepeated(segment, offset);
      this.#carrier.acknowledgeSoon(this);
      return;
    }
    const ack = segment.acknowledgement;
    if (this.state === 'synReceived') {
      if (ack !== seqAdd(this.#initial, 1)) {
        this.#send(ack, tcpFlag.rst, 0, 0);
        return;
      }
      this.sender.una = ack;
      this.sender.window = segment.window << this.peerScale;
      this.#establish(segment);
      if (this.#isClosed()) return;
    }
    if (seqDiff(ack, this.sender.next) > 0) {
      this.#carrier.acknowledgeSoon(this);
      return;
    }
    this.#takeAcknowledgement(segment);
    if (this.#isClosed()) return;
    if (length > 0) this.#takeData(segment, offset);
    if (this.#isClosed()) return;
    this.output();
    this.#checkEnd();
  }

  /** Users may close in a callback; a method, so that the compiler does not think it knows. */
  #isClosed(): boolean {
    return this.state === 'closed';
  }

  #takeAcknowledgement(segment: TcpSegment): void {
    const ack = segment.acknowledgement;
    const { sender } = this;
    const window = segment.window << this.peerScale;
    const unchanged = window === sender.window;
    const newer =
      seqDiff(segment.sequence, this.#wl1) > 0 ||
      (segment.sequence === this.#wl1 && seqDiff(ack, this.#wl2) >= 0);
    const before = sender.queue.length;
    const progress = sender.acknowledge(segment, unchanged);
    if (newer && seqDiff(ack, sender.una) >= 0) {
      sender.window = window;
      this.#wl1 = segment.sequence;
      this.#wl2 = ack;
      if (!unchanged) sender.timeouts = 0;
    }
    if (!progress && window === 0) sender.timeouts = 0;
    if (sender.queue.length < before) this.#user.writable();
  }

  #takeData(segment: TcpSegment, offset: number): void {
    const { frame } = segment;
    const windowEnd = Math.max(0, seqDiff(this.#advertised, this.receiveNext));
    // Cut to the window: what is old, and what is beyond.
    const start = segment.start + Math.max(0, -offset);
    const fits = segment.start - offset + windowEnd;
    const end = Math.min(segment.end, fits);
    const whole = end === segment.end;
    if (this.finReceived) {
      this.#carrier.acknowledgeSoon(this);
      return;
    }
    if (offset > 0) {
      if (end > start) this.reassembly.add(segment.sequence, frame.subarray(start, end));
      if (segment.fin && whole) this.#earlyFin = seqAdd(segment.sequence, segment.length);
      // Tells of the gap at once (RFC 5681 §4.2).
      this.acknowledge();
      return;
    }
    if (offset < 0 && segment.length > 0) this.#noteRepeated(segment, offset);
    if (end > start) this.#deliver(frame.subarray(start, end));
    if (this.#isClosed()) return;
    const gap = !this.reassembly.empty;
    for (
      let pieces = gap ? this.reassembly.take(this.receiveNext) : [];
      pieces.length > 0;
      pieces = this.reassembly.take(this.receiveNext)
    )
      for (const piece of pieces) {
        this.#deliver(piece);
        if (this.#isClosed()) return;
      }
    const fin = (segment.fin && whole) || this.#earlyFin === this.receiveNext;
    if (fin && this.reassembly.empty) {
      this.receiveNext = seqAdd(this.receiveNext, 1);
      this.finReceived = true;
      this.#user.end();
      if (this.#isClosed()) return;
    }
    if (gap || fin) this.acknowledge();
    else this.#carrier.acknowledgeSoon(this);
  }

  #noteRepeated(segment: TcpSegment, offset: number): void {
    const known = Math.min(-offset, segment.length);
    this.reassembly.repeat(segment.sequence, seqAdd(segment.sequence, known));
  }

  #deliver(bytes: Uint8Array): void {
    this.receiveNext = seqAdd(this.receiveNext, bytes.length);
    this.#user.data(bytes);
  }

  /** Both directions are finished? */
  #checkEnd(): void {
    if (this.state !== 'established' || !this.finReceived || !this.sender.finAcknowledged) return;
    this.#user.closed(false);
    this.state = 'timeWait';
    this.#carrier.timers.arm(this.#timer, this.#tuning.timeWaitMs);
  }

  // Time

  #armTimer(): void {
    if (this.state !== 'established') return;
    const { timers } = this.#carrier;
    const deadline = this.sender.nextDeadline();
    if (deadline !== undefined) {
      if (deadline !== this.#timer.deadline) timers.armAt(this.#timer, deadline);
    } else if (!this.#keepAliveArmed || this.#timer.deadline === Infinity)
      timers.arm(this.#timer, this.#tuning.keepAlive.idle);
    this.#keepAliveArmed = deadline === undefined;
  }
  #keepAliveArmed = false;

  #timedOut(): void {
    switch (this.state) {
      case 'timeWait':
        return this.#close();
      case 'synSent':
      case 'synReceived':
        if (++this.#synRetries > this.#tuning.synRetries) this.#close(true);
        else this.#sendSyn();
        return;
      case 'established':
        if (this.#keepAliveArmed && this.sender.nextDeadline() === undefined)
          return this.#keepAlive();
        if (this.sender.timeouts >= this.#tuning.retries) {
          this.#send(this.sender.next, tcpFlag.rst | tcpFlag.ack, 0, 0);
          return this.#close(true);
        }
        this.sender.timerFired();
        this.output();
        return;
      case 'closed':
        return;
    }
  }

  #keepAlive(): void {
    const { idle, interval, probes } = this.#tuning.keepAlive;
    const { timers } = this.#carrier;
    const quiet = timers.nowMs() - this.#lastHeardMs;
    if (this.#probes === 0 && quiet < idle) {
      timers.arm(this.#timer, idle - quiet);
      return;
    }
    if (this.#probes++ >= probes) {
      this.#send(this.sender.next, tcpFlag.rst | tcpFlag.ack, 0, 0);
      return this.#close(true);
    }
    // RFC 9293 §3.8.4: a sequence number that the peer has acknowledged already.
    this.#send(seqAdd(this.sender.next, -1), tcpFlag.ack, 0, 0);
    timers.arm(this.#timer, interval);
  }

  /** Ends it; `reset` is told to the user, unless nothing is said. */
  #close(reset?: boolean): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#carrier.timers.cancel(this.#timer);
    this.sender.queue.clear();
    this.reassembly.clear();
    this.#carrier.forget(this);
    if (reset !== undefined) this.#user.closed(reset);
  }
}
