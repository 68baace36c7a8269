/** Ends KVM_RUN after a time: a POSIX timer sends its thread the kick. */
import { HostCallError, type HostCalls } from './hostCalls.ts';
import { KickSignal, kickSignal } from './kickSignal.ts';

const SIGEV_THREAD_ID = 4;
const CLOCK_MONOTONIC = 1;
/** struct sigevent, struct itimerspec and the timer's ID in the scratch, behind what the signal has there. */
const at = { id: 32, setting: 64, event: 128 } as const;

export class KickTimer {
  readonly #calls: HostCalls;
  readonly #signal: KickSignal;
  readonly #view: DataView;
  readonly #address: number;
  readonly #timer: number;

  /** `scratch`: 256 bytes of shared memory that are this object's own. For the calling thread. */
  constructor(calls: HostCalls, scratch: Uint8Array) {
    this.#calls = calls;
    this.#signal = new KickSignal(calls, scratch);
    this.#view = new DataView(scratch.buffer, scratch.byteOffset, 256);
    this.#address = calls.addressOf(scratch);
    this.#view.setUint32(at.event + 8, kickSignal, true);
    this.#view.setUint32(at.event + 12, SIGEV_THREAD_ID, true);
    this.#view.setUint32(at.event + 16, calls.call('gettid'), true);
    this.#must('timer_create', CLOCK_MONOTONIC, this.#address + at.event, this.#address + at.id);
    this.#timer = this.#view.getInt32(at.id, true);
  }

  /** The thread's signal mask inside KVM_RUN. */
  get maskInside(): bigint {
    return this.#signal.maskInside;
  }

  /** Kicks once after `ns`; 0 disarms. */
  arm(ns: number): void {
    const whole = Math.max(0, Math.ceil(ns));
    this.#view.setBigUint64(at.setting, 0n, true);
    this.#view.setBigUint64(at.setting + 8, 0n, true);
    this.#view.setBigUint64(at.setting + 16, BigInt(Math.floor(whole / 1e9)), true);
    this.#view.setBigUint64(at.setting + 24, BigInt(whole % 1e9), true);
    this.#must('timer_settime', this.#timer, 0, this.#address + at.setting, 0);
  }

  /** Takes a kick off that has come. */
  take(): void {
    this.#signal.take();
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
