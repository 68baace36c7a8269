/** Many timers over one timer of a clock: a binary heap of deadlines. */

/** The part of a machine's Clock that networks need; time in ns, which stands still while paused. */
export interface NetworkClock {
  nowNs(): number;
  timer(fire: () => void): { arm(atNs: number): void; cancel(): void };
}

/** Where a timer stands in the heap. */
export class NetworkTimer {
  /** In ms of the clock; Infinity when not armed. */
  deadline = Infinity;
  index = -1;
  readonly fire: () => void;
  constructor(fire: () => void) {
    this.fire = fire;
  }
}

export class TimerQueue {
  readonly #clock: NetworkClock;
  readonly #host: ReturnType<NetworkClock['timer']>;
  readonly #heap: NetworkTimer[] = [];
  #armedFor = Infinity;

  constructor(clock: NetworkClock) {
    this.#clock = clock;
    this.#host = clock.timer(() => this.#expire());
  }

  nowMs(): number {
    return this.#clock.nowNs() / 1e6;
  }

  /** Arms, or rearms, a timer for `ms` from now. */
  arm(timer: NetworkTimer, ms: number): void {
    this.armAt(timer, this.nowMs() + ms);
  }

  /** The same at a time of nowMs(). */
  armAt(timer: NetworkTimer, timeMs: number): void {
    // Never at once, so that time passes even if something arms itself again and again.
    const deadline = Math.max(timeMs, this.nowMs() + 0.01);
    if (timer.index < 0) {
      timer.index = this.#heap.length;
      this.#heap.push(timer);
    }
    const earlier = deadline < timer.deadline || timer.deadline === Infinity;
    timer.deadline = deadline;
    if (earlier) this.#up(timer.index);
    else this.#down(timer.index);
    this.#update();
  }

  cancel(timer: NetworkTimer): void {
    if (timer.index < 0) return;
    const at = timer.index;
    const last = this.#heap.pop() as NetworkTimer;
    timer.index = -1;
    timer.deadline = Infinity;
    if (last === timer) return;
    this.#put(at, last);
    this.#up(at);
    this.#down(last.index);
    // The clock's timer may now be early: it looks again then, which costs less than rearming here.
  }

  get armed(): number {
    return this.#heap.length;
  }

  dispose(): void {
    for (const timer of this.#heap) timer.index = -1;
    this.#heap.length = 0;
    this.#host.cancel();
  }

  #update(): void {
    const first = this.#heap[0]?.deadline ?? Infinity;
    if (first >= this.#armedFor) return;
    this.#armedFor = first;
    this.#host.arm(first * 1e6);
  }

  #expire(): void {
    this.#armedFor = Infinity;
    // A microsecond early is due: times were divided and multiplied on their way.
    const now = this.nowMs() + 0.001;
    for (let first = this.#heap[0]; first !== undefined && first.deadline <= now;) {
      this.cancel(first);
      first.fire();
      first = this.#heap[0];
    }
    this.#update();
  }

  #put(at: number, timer: NetworkTimer): void {
    this.#heap[at] = timer;
    timer.index = at;
  }

  #up(from: number): void {
    let at = from;
    const timer = this.#heap[at] as NetworkTimer;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent] as NetworkTimer;
      if (above.deadline <= timer.deadline) break;
      this.#put(at, above);
      at = parent;
    }
    this.#put(at, timer);
  }

  #down(from: number): void {
    let at = from;
    const timer = this.#heap[at] as NetworkTimer;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#heap.length) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && right.deadline < (this.#heap[child] as NetworkTimer).deadline)
        child++;
      const below = this.#heap[child] as NetworkTimer;
      if (below.deadline >= timer.deadline) break;
      this.#put(at, below);
      at = child;
    }
    this.#put(at, timer);
  }
}
