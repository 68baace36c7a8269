import type { CountedClock, HostClock } from '../bus/clock.ts';
import type { VcpuExit } from '../vcpu/vcpu.ts';
import { Sleeper } from './idle.ts';
import type { PcEngine } from './pcParts.ts';

/** A slice of host time should not be longer, so that timers are not much late. */
const SLICE_NS = 500_000;
/** The event loop gets a turn at least this often. */
const BREATH_NS = 1_000_000;
const MIN_BUDGET = 500;
/** A capped machine rests for as long at least, so that a timer's inaccuracy counts for little. */
const CAP_REST_NS = 3_000_000;
/**
 * Counted time: slices are of a fixed length and breaths come at multiples of this machine time, and
 * only there are pauses heard. So runs repeat, and a saved one goes on like one that was not.
 */
const COUNTED_BUDGET = 20_000;
const COUNTED_BREATH_NS = 10_000_000;

export interface SliceLoopParts {
  readonly engine: PcEngine;
  readonly clock: HostClock | CountedClock;
  /** Percent of the host's time that the vCPU may run. Counted time has no cap. */
  readonly cpuCap: number;
  yieldToEventLoop(): Promise<void>;
  /** Counted time only: lets host I/O that is in flight finish, at a point that repeats. */
  settle(): Promise<void>;
  /** Called between slices; true ends the loop: the machine has ended or is to be reset. */
  interrupted(): boolean;
  /** A pause waits for the loop to end. */
  pauseWanted(): boolean;
  /** The vCPU cannot go on. */
  ended(exit: VcpuExit): void;
}

/** Runs the vCPU in slices, fires timers between them, sleeps while it is halted. */
export class SliceLoop {
  readonly threads = undefined;
  readonly #parts: SliceLoopParts;
  readonly #sleeper = new Sleeper();
  /** Host time an instruction takes, a moving average. */
  #nsPerInstruction = 20;
  #sleepUntilNs = -Infinity;
  #sliceEndNs = Infinity;
  #resting = false;
  readonly #counters = { slices: 0, halts: 0, sleeps: 0 };

  constructor(parts: SliceLoopParts) {
    this.#parts = parts;
    parts.clock.onArmed = (atNs) => {
      if (atNs < this.#sleepUntilNs) this.#sleeper.wake();
      if (atNs < this.#sliceEndNs) parts.engine.vcpu.requestExit();
    };
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** The guest polls for what it waits for: it may sleep as in HLT. Called inside a slice. */
  rest(): void {
    this.#resting = true;
    this.#parts.engine.vcpu.requestExit();
  }

  /** Something happened that a halted vCPU, or the loop, must look at. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** Runs until `interrupted`, `pauseWanted` or the vCPU cannot go on. */
  async run(): Promise<void> {
    const { clock } = this.#parts;
    if ('skipTo' in clock) await this.#runCounted(clock);
    else await this.#runHost(clock);
  }

  #takeRest(): boolean {
    const resting = this.#resting;
    this.#resting = false;
    return resting;
  }

  #deadline(): number {
    return Math.min(this.#parts.clock.nextDeadlineNs(), this.#parts.engine.vcpu.nextTimerNs());
  }

  #stopped(): boolean {
    return this.#parts.interrupted() || this.#parts.pauseWanted();
  }

  async #runHost(clock: HostClock): Promise<void> {
    const { engine, yieldToEventLoop, cpuCap } = this.#parts;
    let breatheNs = clock.nowNs() + BREATH_NS;
    /** Host time that the machine must rest for what it has run. */
    let owedNs = 0;
    while (!this.#stopped()) {
      this.#sleeper.begin();
      clock.poll();
      const startNs = clock.nowNs();
      const sliceNs = Math.min(SLICE_NS, this.#deadline() - startNs);
      this.#sliceEndNs = startNs + sliceNs;
      const budget = Math.max(MIN_BUDGET, Math.floor(sliceNs / this.#nsPerInstruction));
      const before = engine.instructionsRetired();
      const exit = engine.vcpu.run(budget);
      this.#sliceEndNs = Infinity;
      this.#counters.slices++;
      let nowNs = clock.nowNs();
      owedNs += (nowNs - startNs) * (100 / cpuCap - 1);
      const count = engine.instructionsRetired() - before;
      if (count >= 100) {
        const measured = Math.min(10_000, Math.max(0.2, (nowNs - startNs) / count));
        this.#nsPerInstruction += (measured - this.#nsPerInstruction) / 8;
      }
      const resting = this.#takeRest();
      if (exit.reason === 'halt' || (resting && exit.reason === 'budget')) {
        this.#counters.halts++;
        // I/O that has ended is heard of before a wait that may block.
        await yieldToEventLoop();
        nowNs = clock.nowNs();
        breatheNs = nowNs + BREATH_NS;
        const untilNs = this.#deadline();
        if (untilNs > nowNs && !this.#sleeper.awakened && !this.#stopped()) {
          this.#counters.sleeps++;
          this.#sleepUntilNs = untilNs;
          await this.#sleeper.sleep(untilNs - nowNs, () => untilNs - clock.nowNs());
          this.#sleepUntilNs = -Infinity;
          const sleptNs = clock.nowNs() - nowNs;
          owedNs = Math.max(0, owedNs - sleptNs);
          nowNs += sleptNs;
        }
      } else if (exit.reason !== 'budget') {
        this.#parts.ended(exit);
        return;
      }
      if (owedNs >= CAP_REST_NS) {
        await this.#restUntil(clock, nowNs + owedNs);
        nowNs = clock.nowNs();
        owedNs = 0;
      }
      if (nowNs >= breatheNs) {
        await yieldToEventLoop();
        breatheNs = clock.nowNs() + BREATH_NS;
      }
    }
  }

  /** Sleeps through whatever the guest could be woken by; devices go on meanwhile. */
  async #restUntil(clock: HostClock, untilNs: number): Promise<void> {
    for (let nowNs = clock.nowNs(); nowNs < untilNs && !this.#stopped(); nowNs = clock.nowNs()) {
      this.#sleeper.begin();
      await this.#sleeper.sleep(untilNs - nowNs, () => untilNs - clock.nowNs());
    }
  }

  async #runCounted(clock: CountedClock): Promise<void> {
    const { engine, yieldToEventLoop, settle } = this.#parts;
    const breathAfter = (ns: number): number =>
      (Math.floor(ns / COUNTED_BREATH_NS) + 1) * COUNTED_BREATH_NS;
    let breatheNs = breathAfter(clock.nowNs());
    if (this.#parts.pauseWanted()) return;
    while (!this.#parts.interrupted()) {
      this.#sleeper.begin();
      clock.poll();
      const startNs = clock.nowNs();
      const untilDeadline = Math.ceil((this.#deadline() - startNs) / clock.nsPerInstruction);
      const exit = engine.vcpu.run(Math.max(1, Math.min(COUNTED_BUDGET, untilDeadline)));
      this.#counters.slices++;
      const halted = exit.reason === 'halt' || (this.#takeRest() && exit.reason === 'budget');
      if (halted) this.#counters.halts++;
      else if (exit.reason !== 'budget') {
        this.#parts.ended(exit);
        return;
      } else if (clock.nowNs() < breatheNs) continue;

      await yieldToEventLoop();
      await settle();
      breatheNs = breathAfter(clock.nowNs());
      if (this.#parts.pauseWanted()) return;
      // Whatever came in is looked at before time jumps.
      if (!halted || this.#sleeper.awakened || this.#parts.interrupted()) continue;
      const untilNs = this.#deadline();
      if (untilNs !== Infinity) clock.skipTo(untilNs);
      else {
        await this.#sleeper.sleep(Infinity, () => 0);
        if (this.#parts.pauseWanted()) return;
      }
    }
  }
}
