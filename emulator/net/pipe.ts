/**
 * One direction of a cable: does for the far end what frames still lack, and is as bad a line as it is
 * told to be (rate, latency, jitter, loss, reordering).
 */
import type { Frame, FrameEnd, FrameOffloads } from '../backends/network.ts';
import { plainFrame } from '../backends/network.ts';
import type { LinkConditions } from '../../shared/net/linkConditions.ts';
import { FrameQueue } from './frameQueue.ts';
import { completeFrames } from './packet/offload.ts';
import { NetworkTimer, type TimerQueue } from './timerQueue.ts';

/** Bytes on a slow line before the sender is stopped. */
const mostQueued = 512 << 10;
/** What Ethernet adds on the wire: FCS, preamble, gap. */
const wireOverhead = 24;

export interface PipeParts {
  readonly timers: TimerQueue;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly target: FrameEnd;
  readonly offloads: () => FrameOffloads;
  /** The sender may go on. */
  readonly ready: () => void;
}

export class Pipe {
  readonly #parts: PipeParts;
  readonly #queue = new FrameQueue();
  readonly #timer = new NetworkTimer(() => this.#deliver());
  #conditions: LinkConditions | undefined;
  /** The sender was refused and waits. */
  #refused = false;
  #lineFreeMs = 0;
  #lastDueMs = 0;
  lost = 0;

  constructor(parts: PipeParts) {
    this.#parts = parts;
  }

  setConditions(conditions: LinkConditions | undefined): void {
    this.#conditions = conditions;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** False if there is no room; `ready` follows. */
  take(frame: Frame): boolean {
    const { target, offloads } = this.#parts;
    if (this.#conditions === undefined && this.#queue.length === 0) {
      const can = offloads();
      const whole =
        frame.segmentSize > 0 ? can.segmentation : frame.checksumStart === 0 || can.checksum;
      if (whole) {
        if (target.take(frame)) return true;
        this.#refused = true;
        return false;
      }
      // Pieces that the far end has no room for wait here.
      completeFrames(frame, (piece) => {
        if (this.#queue.length > 0 || !target.take(piece)) this.#queue.push(piece.bytes.slice(), 0);
      });
      return true;
    }
    if (this.#queue.size > mostQueued || this.#conditions === undefined) {
      this.#refused = true;
      return false;
    }
    const conditions = this.#conditions;
    completeFrames(frame, (piece) => this.#delay(piece.bytes, conditions));
    this.#arm();
    return true;
  }

  #delay(bytes: Uint8Array, conditions: LinkConditions): void {
    const { timers, random } = this.#parts;
    const { rate = 0, latency = 0, jitter = 0, loss = 0, reorder = 0 } = conditions;
    const now = timers.nowMs();
    const start = Math.max(now, this.#lineFreeMs);
    this.#lineFreeMs = rate > 0 ? start + ((bytes.length + wireOverhead) * 8 * 1000) / rate : start;
    if (loss > 0 && random() * 100 < loss) {
      this.lost++;
      return;
    }
    let due = Math.max(this.#lastDueMs, this.#lineFreeMs + latency + jitter * random());
    // A frame out of order comes later than those behind it.
    if (reorder > 0 && random() * 100 < reorder)
      due += Math.max(1, latency * 0.5) * (0.5 + random());
    else this.#lastDueMs = due;
    this.#queue.push(bytes.slice(), due);
  }

  #arm(): void {
    const { first } = this.#queue;
    const { timers } = this.#parts;
    if (first !== undefined && first.dueMs < this.#timer.deadline)
      timers.arm(this.#timer, Math.max(0, first.dueMs - timers.nowMs()));
  }

  #deliver(): void {
    const { timers, target } = this.#parts;
    const now = timers.nowMs();
    for (let { first } = this.#queue; first !== undefined && first.dueMs <= now;) {
      // Refused: targetReady() goes on here.
      if (!target.take(plainFrame(first.bytes))) return;
      this.#queue.shift();
      first = this.#queue.first;
    }
    target.flush();
    this.#arm();
    this.#releaseSender();
  }

  /** The far end has room again. */
  targetReady(): void {
    if (this.#queue.length > 0) this.#deliver();
    else this.#releaseSender();
  }

  #releaseSender(): void {
    if (!this.#refused || this.#queue.size > mostQueued / 2) return;
    if (this.#conditions === undefined && this.#queue.length > 0) return;
    this.#refused = false;
    this.#parts.ready();
  }

  /** Forgets what is on its way. */
  clear(): void {
    this.#queue.clear();
    this.#parts.timers.cancel(this.#timer);
    this.#releaseSender();
  }
}
