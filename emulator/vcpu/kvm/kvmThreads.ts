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

interface Thread {
  readonly cpu: KvmCpu;
  readonly worker: Worker;
  readonly at: ReturnType<typeof cellsOf>;
  /** Waits for nothing but to be started again. */
  parked: boolean;
  /** Rests until the next wait is over. */
  resting: boolean;
}

export class KvmThreads implements VcpuThreads {
  readonly vcpus: readonly KvmCpu[];
  readonly #calls: HostCalls;
  readonly #cells: Int32Array;
  readonly #cellMemory: SharedArrayBuffer;
  /** None before the first start. */
  #threads: readonly Thread[] = [];
  #seen = 0;
  #served = false;
  #restWanted = false;
  #failure: Error | undefined;

  constructor(calls: HostCalls, vcpus: readonly KvmCpu[]) {
    this.#calls = calls;
    this.vcpus = vcpus;
    this.#cellMemory = new SharedArrayBuffer(cellBytes(vcpus.length));
    this.#cells = new Int32Array(this.#cellMemory);
  }

  #begin(): readonly Thread[] {
    const cells = this.#cellMemory;
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const entry = new URL(`./vcpuThread.${extension}`, import.meta.url);
    return this.vcpus.map((cpu, index): Thread => {
      const workerData: VcpuThreadData = { cells, index, fd: cpu.fd };
      const worker = new Worker(entry, { workerData });
      worker.on('error', (error) => {
        this.#failure ??= error as Error;
        this.wake();
      });
      const thread = { cpu, worker, at: cellsOf(index), parked: true, resting: false };
      cpu.onInterrupt = () => this.#kick(thread);
      return thread;
    });
  }

  start(): void {
    if (this.#threads.length === 0) this.#threads = this.#begin();
    for (const thread of this.#threads) {
      thread.parked = false;
      thread.resting = false;
      this.#enter(thread);
    }
  }

  serve(): VcpuExit | undefined {
    if (this.#failure !== undefined) throw this.#failure;
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
    Atomics.add(this.#cells, bell, 1);
    Atomics.notify(this.#cells, bell);
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
    for (const thread of this.#threads) {
      thread.cpu.onInterrupt = undefined;
      Atomics.store(this.#cells, thread.at.state, threadState.ended);
      Atomics.notify(this.#cells, thread.at.state);
    }
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
