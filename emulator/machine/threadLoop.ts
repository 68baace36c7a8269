import type { MachineClock } from '../bus/clock.ts';
import type { VcpuExit } from '../vcpu/vcpu.ts';
import type { VcpuThreads } from '../vcpu/vcpuThreads.ts';

/** The event loop gets a turn at least this often. */
const BREATH_NS = 1_000_000;
/** A capped machine rests for as long at a time. */
const CAP_REST_NS = 3_000_000;

export interface ThreadLoopParts {
  readonly threads: VcpuThreads;
  readonly clock: MachineClock;
  /** Percent of the host's time that each vCPU may run. */
  readonly cpuCap: number;
  yieldToEventLoop(): Promise<void>;
  /** True ends the loop: the machine has ended or is to be reset. */
  interrupted(): boolean;
  /** A pause waits for the loop to end. */
  pauseWanted(): boolean;
  /** A vCPU cannot go on. */
  ended(exit: VcpuExit): void;
}

/** Serves vCPUs that run on threads of their own, and fires timers. A vCPU that halts waits in its thread. */
export class ThreadLoop {
  readonly threads: VcpuThreads;
  readonly #parts: ThreadLoopParts;
  #waitingUntilNs = -Infinity;
  readonly #counters = { turns: 0, stops: 0 };

  constructor(parts: ThreadLoopParts) {
    this.#parts = parts;
    this.threads = parts.threads;
    parts.clock.onArmed = (atNs) => {
      if (atNs < this.#waitingUntilNs) parts.threads.wake();
    };
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** The guest polls for what it waits for: the vCPU that is being served may sleep. */
  rest(): void {
    this.#parts.threads.rest();
  }

  /** Something happened that the loop, or a resting vCPU, must look at. */
  wake(): void {
    this.#parts.threads.wake();
  }

  #stopped(): boolean {
    return this.#parts.interrupted() || this.#parts.pauseWanted();
  }

  /** Runs until `interrupted`, `pauseWanted` or a vCPU cannot go on; then all vCPUs stand still. */
  async run(): Promise<void> {
    const { threads, clock, cpuCap } = this.#parts;
    /** How long a capped machine runs between its rests. */
    const spellNs = cpuCap === 100 ? Infinity : (CAP_REST_NS * cpuCap) / (100 - cpuCap);
    while (!this.#stopped()) {
      threads.start();
      let end: VcpuExit | undefined;
      try {
        end = await this.#serve(clock.nowNs() + spellNs);
      } finally {
        this.#counters.stops++;
        end ??= threads.stop();
      }
      if (end !== undefined) {
        this.#parts.ended(end);
        return;
      }
      if (spellNs !== Infinity) await this.#serveTimers(clock.nowNs() + CAP_REST_NS);
    }
  }

  async #serve(untilNs: number): Promise<VcpuExit | undefined> {
    const { threads, clock, yieldToEventLoop } = this.#parts;
    let breatheNs = clock.nowNs() + BREATH_NS;
    for (;;) {
      this.#counters.turns++;
      clock.poll();
      const end = threads.serve();
      const nowNs = clock.nowNs();
      if (end !== undefined || this.#stopped() || nowNs >= untilNs) return end;
      if (nowNs >= breatheNs) {
        await yieldToEventLoop();
        breatheNs = clock.nowNs() + BREATH_NS;
      }
      await this.#wait(untilNs);
    }
  }

  /** All vCPUs stand still meanwhile; devices go on. */
  async #serveTimers(untilNs: number): Promise<void> {
    const { threads, clock } = this.#parts;
    for (let nowNs = clock.nowNs(); nowNs < untilNs && !this.#stopped(); nowNs = clock.nowNs()) {
      clock.poll();
      threads.serve();
      await this.#wait(untilNs);
    }
  }

  async #wait(untilNs: number): Promise<void> {
    const { threads, clock } = this.#parts;
    this.#waitingUntilNs = Math.min(clock.nextDeadlineNs(), untilNs);
    const leftNs = this.#waitingUntilNs - clock.nowNs();
    if (leftNs > 0) await threads.wait(leftNs);
    this.#waitingUntilNs = -Infinity;
  }
}
