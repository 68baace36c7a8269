import type { Clock, Timer } from './types.ts';

/** A Clock with the controls that only the machine uses. */
export interface MachineClock extends Clock {
  /** Fires the timers that are due, in the order of their deadlines. */
  poll(): void;
  /** Earliest deadline, or Infinity. */
  nextDeadlineNs(): number;
  /** Lets time run (it stands still at first) or stand still. */
  run(running: boolean): void;
  /** Sets machine time, when a state is loaded or the machine is reset. */
  setNs(ns: number, wallMs: number): void;
  /** Called when a timer is armed, so that a running slice can be cut short. */
  onArmed: ((atNs: number) => void) | undefined;
}

class QueuedTimer implements Timer {
  deadlineNs: number | undefined;
  readonly fire: () => void;
  readonly #queue: TimerQueue;

  constructor(queue: TimerQueue, fire: () => void) {
    this.#queue = queue;
    this.fire = fire;
  }

  arm(atNs: number): void {
    this.deadlineNs = atNs;
    this.#queue.changed(atNs);
  }

  cancel(): void {
    if (this.deadlineNs === undefined) return;
    this.deadlineNs = undefined;
    this.#queue.changed(undefined);
  }
}

/** A PC has about a dozen timers: a scan when the earliest changes beats any heap. */
class TimerQueue {
  readonly #timers: QueuedTimer[] = [];
  #next = Infinity;
  #stale = false;
  onArmed: ((atNs: number) => void) | undefined;

  timer(fire: () => void): Timer {
    const timer = new QueuedTimer(this, fire);
    this.#timers.push(timer);
    return timer;
  }

  changed(armedNs: number | undefined): void {
    this.#stale = true;
    if (armedNs !== undefined) this.onArmed?.(armedNs);
  }

  next(): number {
    if (this.#stale) {
      this.#next = Infinity;
      for (const { deadlineNs } of this.#timers) {
        if (deadlineNs !== undefined && deadlineNs < this.#next) this.#next = deadlineNs;
      }
      this.#stale = false;
    }
    return this.#next;
  }

  poll(nowNs: number): void {
    if (this.next() > nowNs) return;
    const due = this.#timers
      .filter((t) => t.deadlineNs !== undefined && t.deadlineNs <= nowNs)
      .sort((a, b) => (a.deadlineNs ?? 0) - (b.deadlineNs ?? 0));
    for (const timer of due) {
      // An earlier timer of this round may have cancelled or moved it.
      if (timer.deadlineNs === undefined || timer.deadlineNs > nowNs) continue;
      timer.deadlineNs = undefined;
      this.#stale = true;
      timer.fire();
    }
  }
}

abstract class QueuedClock implements MachineClock {
  readonly #queue = new TimerQueue();

  abstract nowNs(): number;
  abstract wallMs(): number;
  abstract run(running: boolean): void;
  abstract setNs(ns: number, wallMs: number): void;

  get onArmed(): ((atNs: number) => void) | undefined {
    return this.#queue.onArmed;
  }
  set onArmed(hook: ((atNs: number) => void) | undefined) {
    this.#queue.onArmed = hook;
  }

  timer(fire: () => void): Timer {
    return this.#queue.timer(fire);
  }

  poll(): void {
    this.#queue.poll(this.nowNs());
  }

  nextDeadlineNs(): number {
    return this.#queue.next();
  }
}

/** Machine time that follows the host's monotonic clock and stands still while paused. */
export class HostClock extends QueuedClock {
  readonly #hostNs: () => number;
  readonly #hostWallMs: () => number;
  #running = false;
  /** Host time at machine time 0 while running; machine time while not. */
  #origin = 0;
  #frozenNs = 0;

  constructor(
    hostNs: () => number = () => performance.now() * 1e6,
    hostWallMs: () => number = () => Date.now(),
  ) {
    super();
    this.#hostNs = hostNs;
    this.#hostWallMs = hostWallMs;
  }

  override nowNs(): number {
    return this.#running ? this.#hostNs() - this.#origin : this.#frozenNs;
  }

  /** The host's wall clock: after a pause the RTC is right again, as after sleep on a real PC. */
  override wallMs(): number {
    return this.#hostWallMs();
  }

  override run(running: boolean): void {
    if (running === this.#running) return;
    if (running) this.#origin = this.#hostNs() - this.#frozenNs;
    else this.#frozenNs = this.#hostNs() - this.#origin;
    this.#running = running;
  }

  override setNs(ns: number): void {
    this.#frozenNs = ns;
    this.#origin = this.#hostNs() - ns;
  }
}

/**
 * Machine time that advances with retired instructions and jumps over HLT, so that a run
 * repeats exactly. `retired` must count the same on every run of the same guest.
 */
export class CountedClock extends QueuedClock {
  readonly #retired: () => number;
  readonly nsPerInstruction: number;
  #baseNs = 0;
  #baseRetired = 0;
  /** Wall clock at machine time 0. */
  #wallOriginMs: number;

  constructor(retired: () => number, wallMs: number, nsPerInstruction = 10) {
    super();
    this.#retired = retired;
    this.#wallOriginMs = wallMs;
    this.nsPerInstruction = nsPerInstruction;
  }

  override nowNs(): number {
    return this.#baseNs + (this.#retired() - this.#baseRetired) * this.nsPerInstruction;
  }

  override wallMs(): number {
    return this.#wallOriginMs + this.nowNs() / 1e6;
  }

  override run(): void {
    // Counted time runs only with the vCPU anyway.
  }

  override setNs(ns: number, wallMs: number): void {
    this.#baseNs = ns;
    this.#baseRetired = this.#retired();
    this.#wallOriginMs = wallMs - ns / 1e6;
  }

  /** Lets the time until `ns` pass at once (HLT). */
  skipTo(ns: number): void {
    this.#baseNs += Math.max(0, ns - this.nowNs());
  }
}
