/**
 * One TCP connection with a guest (RFC 9293), terminated here: states, acknowledgements, keepalive. The halves are
 * tcpSender.ts and tcpReceiver.ts. Left out: urgent data (delivered in line), timestamps,
 * ECN, simultaneous open.
 */
import { seqAdd, seqDiff, tcpFlag, type TcpSegment } from '../packet/tcpSegment.ts';
import type { IpPath } from '../packet/ipPacket.ts';
import { NetworkTimer } from '../timerQueue.ts';
import {
  ownMaxSegment,
  ownWindowScale,
  type TcpCarrier,
  type TcpTuning,
  type TcpUser,
} from './tcpContract.ts';
import { TcpReceiver } from './tcpReceiver.ts';
import { TcpSender } from './tcpSender.ts';

export type TcpState = 'synSent' | 'synReceived' | 'established' | 'timeWait' | 'closed';

export class TcpConnection {
  state: TcpState = 'closed';
  readonly path: IpPath;
  readonly localPort: number;
  readonly guestPort: number;
  readonly sender: TcpSender;
  readonly receiver: TcpReceiver;
  /** The peer's options. */
  peerScale = 0;
  scaling = false;
  readonly #carrier: TcpCarrier;
  readonly #user: TcpUser;
  readonly #tuning: TcpTuning;
  readonly #timer = new NetworkTimer(() => this.#timedOut());
  #initial: number;
  #peerInitial = 0;
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
    this.receiver = new TcpReceiver({
      user: parts.user,
      acknowledgeNow: () => this.acknowledge(),
      acknowledgeSoon: () => parts.carrier.acknowledgeSoon(this),
      isClosed: () => this.#isClosed(),
    });
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
    this.receiver.open(seqAdd(syn.sequence, 1));
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
    const scaled = this.scaling && (flags & tcpFlag.syn) === 0;
    const window = this.receiver.window(scaled ? ownWindowScale : 0);
    return this.#carrier.send({ connection: this, sequence, flags, window, offset, length });
  }

  /** The user has taken bytes. */
  roomChanged(): void {
    if (this.state === 'established' && this.receiver.opens(this.sender.maxSegment))
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
    const offset = seqDiff(segment.sequence, this.receiver.next);
    const { windowEnd } = this.receiver;
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
      if (segment.length > 0 && offset < 0) this.receiver.noteRepeated(segment, offset);
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
    if (length > 0) this.receiver.input(segment, offset);
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

  /** Both directions are finished? */
  #checkEnd(): void {
    if (this.state !== 'established' || !this.receiver.finReceived || !this.sender.finAcknowledged)
      return;
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
    this.receiver.reassembly.clear();
    this.#carrier.forget(this);
    if (reset !== undefined) this.#user.closed(reset);
  }
}
