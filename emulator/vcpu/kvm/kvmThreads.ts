/**
 * The vCPUs of a machine, each in KVM_RUN on a worker thread (vcpuThread.ts). A vCPU that leaves KVM_RUN rings a bell in
 * shared memory; the machine's thread serves the exit with its devices and lets the vCPU in again.
 */
import { Worker } from 'node:worker_threads';
import type { VcpuExit } from '../vcpu.ts';
import type { VcpuThreads } from '../vcpuThreads.ts';
import type { HostCalls } from './hostCalls.ts';
import { kickSignal } from './kickSignal.ts';
import type { KvmCpu } from './kvmCpu.ts';
import { bell, cellBytes, cellsOf, threadState, type VcpuThreadData } from './vcpuThreadCells.ts';

/** A vCPU that was served often asks again at once; waiting so long for it costs less than a turn of the event loop. */
const lingerMs = 0.05;
/** A kick that came between two looks at it is sent again. */
const stopLookMs = 5;

/** Threads that have begun and wait to be given a vCPU each. */
export interface BegunThreads {
  readonly cells: SharedArrayBuffer;
  readonly workers: readonly Worker[];
  /** Why one of them has ended. */
  failure?: Error;
}

/** It takes a while until they run: so one begins them before all else. */
export function beginThreads(cpus: number): BegunThreads {
  const cells = new SharedArrayBuffer(cellBytes(cpus));
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = new URL(`./vcpuThread.${extension}`, import.meta.url);
  const workers = Array.from({ length: cpus }, (_, index) => {
    const workerData: VcpuThreadData = { cells, index };
    return new Worker(entry, { workerData });
  });
  const begun: BegunThreads = { cells, workers };
  for (const worker of workers) {
    // One that is given none keeps no process alive.
    worker.unref();
    worker.on('error', (error) => {
      begun.failure ??= error as Error;
      ring(new Int32Array(cells));
    });
  }
  return begun;
}

/** Those that run must stand still. */
export function endThreads({ cells, workers }: BegunThreads): void {
  const words = new Int32Array(cells);
  workers.forEach((_, index) => {
    const { state } = cellsOf(index);
    Atomics.store(words, state, threadState.ended);
    Atomics.notify(words, state);
  });
}

/** Has the machine's thread look. */
function ring(cells: Int32Array): void {
  Atomics.add(cells, bell, 1);
  Atomics.notify(cells, bell);
}

interface Thread {
  readonly cpu: KvmCpu;
  readonly at: ReturnType<typeof cellsOf>;
  /** Waits for nothing but to be started again. */
  parked: boolean;
  /** Rests until the next wait is over. */
  resting: boolean;
}

export class KvmThreads implements VcpuThreads {
  readonly vcpus: readonly KvmCpu[];
  readonly #calls: HostCalls;
  readonly #begun: BegunThreads;
  readonly #cells: Int32Array;
  /** None before the first start. */
  #threads: readonly Thread[] = [];
  #seen = 0;
  #served = false;
  #restWanted = false;

  constructor(calls: HostCalls, vcpus: readonly KvmCpu[], begun: BegunThreads) {
    this.#calls = calls;
    this.vcpus = vcpus;
    this.#begun = begun;
    this.#cells = new Int32Array(begun.cells);
  }

  #takeOver(): readonly Thread[] {
    return this.vcpus.map((cpu, index): Thread => {
      const worker = this.#begun.workers[index];
      if (worker === undefined) throw new RangeError('a vCPU without a thread');
      worker.ref();
      const at = cellsOf(index);
      Atomics.store(this.#cells, at.fd, cpu.fd);
      const thread = { cpu, at, parked: true, resting: false };
      cpu.onInterrupt = () => this.#kick(thread);
      return thread;
    });
  }

  start(): void {
    if (this.#threads.length === 0) this.#threads = this.#takeOver();
    for (const thread of this.#threads) {
      thread.parked = false;
      thread.resting = false;
      this.#enter(thread);
    }
  }

  serve(): VcpuExit | undefined {
    if (this.#begun.failure !== undefined) throw this.#begun.failure;
    this.#seen = Atomics.load(this.#cells, bell);
    for (const thread of this.#threads) {
      if (thread.parked || !this.#hasLeft(thread)) continue;
      if (thread.resting) {
        thread.resting = false;
        this.#enter(thread);
        continue;
      }
      this.#served = true;
      const end = this.#take(thread);
      if (typeof end === 'object') {
        thread.parked = true;
        return end;
      }
      if (this.#restWanted) thread.resting = true;
      else this.#enter(thread);
      this.#restWanted = false;
    }
    return undefined;
  }

  rest(): void {
    this.#restWanted = true;
  }

  async wait(ns: number): Promise<void> {
    const cells = this.#cells;
    const lingers = this.#served;
    this.#served = false;
    if (lingers && Atomics.wait(cells, bell, this.#seen, Math.min(lingerMs, ns / 1e6)) === 'ok')
      return;
    if (ns === Infinity) await Atomics.waitAsync(cells, bell, this.#seen).value;
    else if (ns >= 1_200_000)
      // A timer of n ms fires up to about 1 ms late.
      await Atomics.waitAsync(cells, bell, this.#seen, Math.floor(ns / 1e6 - 0.2)).value;
    else Atomics.wait(cells, bell, this.#seen, ns / 1e6);
  }

  wake(): void {
    ring(this.#cells);
  }

  stop(): VcpuExit | undefined {
    let end: VcpuExit | undefined;
    for (;;) {
      const seen = Atomics.load(this.#cells, bell);
      let running = false;
      for (const thread of this.#threads) {
        if (thread.parked) continue;
        thread.cpu.requestExit();
        if (!this.#hasLeft(thread)) {
          this.#kick(thread);
          running = true;
          continue;
        }
        const left = thread.resting ? undefined : this.#take(thread);
        thread.resting = false;
        this.#restWanted = false;
        thread.parked = left !== undefined;
        if (typeof left === 'object') end ??= left;
        // Completes the access, and comes back at once.
        if (left === undefined) this.#enter(thread);
        running ||= !thread.parked;
      }
      if (!running) break;
      Atomics.wait(this.#cells, bell, seen, stopLookMs);
    }
    // A reset may follow, which KVM has no call for to take back an interrupt that it was given.
    if (end === undefined) for (const cpu of this.vcpus) cpu.settle();
    return end;
  }

  /** After `stop`. */
  dispose(): void {
    for (const cpu of this.vcpus) cpu.onInterrupt = undefined;
    endThreads(this.#begun);
  }

  #hasLeft({ at }: Thread): boolean {
    return Atomics.load(this.#cells, at.state) === threadState.left;
  }

  #take({ cpu, at }: Thread): ReturnType<KvmCpu['leave']> {
    return cpu.leave(Atomics.load(this.#cells, at.result));
  }

  #enter({ cpu, at }: Thread): void {
    cpu.enter();
    Atomics.store(this.#cells, at.state, threadState.running);
    Atomics.notify(this.#cells, at.state);
  }

  /** Makes a vCPU leave KVM_RUN, or not enter it. */
  #kick(thread: Thread): void {
    if (this.#hasLeft(thread)) return;
    thread.cpu.exitAtOnce();
    const id = Atomics.load(this.#cells, thread.at.thread);
    if (id !== 0) this.#calls.call('tgkill', process.pid, id, kickSignal);
  }
}
