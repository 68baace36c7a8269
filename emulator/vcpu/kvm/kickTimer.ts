/**
 * Ends KVM_RUN after a time: a POSIX timer sends its thread a signal that is blocked everywhere but inside KVM_RUN, which then returns
 * EINTR (api.rst, KVM_SET_SIGNAL_MASK). The signal stays pending and is taken off here; no handler ever runs.
 */
import { HostCallError, type HostCalls } from './hostCalls.ts';

const SIG_BLOCK = 0;
const SIGEV_THREAD_ID = 4;
const CLOCK_MONOTONIC = 1;
const sigsetBytes = 8;
/** Of the real-time signals the one before the last: libraries take the first ones. */
const signal = 63;

export class KickTimer {
  readonly #calls: HostCalls;
  readonly #view: DataView;
  readonly #address: number;
  readonly #timer: number;
  readonly #oldMask: bigint;

  /** `scratch`: 256 bytes of shared memory that are this object's own. For the calling thread. */
  constructor(calls: HostCalls, scratch: Uint8Array) {
    this.#calls = calls;
    this.#view = new DataView(scratch.buffer, scratch.byteOffset, 256);
    this.#address = calls.addressOf(scratch);
    this.#view.setBigUint64(0, 1n << BigInt(signal - 1), true);
    this.#must('rt_sigprocmask', SIG_BLOCK, this.#address, this.#address + 8, sigsetBytes);
    this.#oldMask = this.#view.getBigUint64(8, true);
    const event = 64;
    this.#view.setUint32(event + 8, signal, true);
    this.#view.setUint32(event + 12, SIGEV_THREAD_ID, true);
    this.#view.setUint32(event + 16, calls.call('gettid'), true);
    this.#must('timer_create', CLOCK_MONOTONIC, this.#address + event, this.#address + 16);
    this.#timer = this.#view.getInt32(16, true);
  }

  /** The thread's signal mask inside KVM_RUN. */
  get maskInside(): bigint {
    return this.#oldMask & ~(1n << BigInt(signal - 1));
  }

  /** Kicks once after `ns`; 0 disarms. */
  arm(ns: number): void {
    const whole = Math.max(0, Math.ceil(ns));
    this.#view.setBigUint64(32, 0n, true);
    this.#view.setBigUint64(40, 0n, true);
    this.#view.setBigUint64(48, BigInt(Math.floor(whole / 1e9)), true);
    this.#view.setBigUint64(56, BigInt(whole % 1e9), true);
    this.#must('timer_settime', this.#timer, 0, this.#address + 32, 0);
  }

  /** Takes a kick off that has come. */
  take(): void {
    this.#view.setBigUint64(32, 0n, true);
    this.#view.setBigUint64(40, 0n, true);
    this.#calls.call('rt_sigtimedwait', this.#address, 0, this.#address + 32, sigsetBytes);
  }

  dispose(): void {
    this.#calls.call('timer_delete', this.#timer);
    this.take();
    // The signal stays blocked: a kick of another engine on this thread would end the process.
  }

  #must(name: Parameters<HostCalls['call']>[0], ...values: readonly number[]): void {
    const result = this.#calls.call(name, ...values);
    if (result < 0) throw new HostCallError(name, -result);
  }
}
