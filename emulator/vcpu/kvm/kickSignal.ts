/**
 * The signal that ends KVM_RUN: blocked in its thread but inside KVM_RUN, which then returns EINTR (api.rst,
 * KVM_SET_SIGNAL_MASK). It stays pending and is taken off here; no handler ever runs.
 */
import { HostCallError, type HostCalls } from './hostCalls.ts';

const SIG_BLOCK = 0;
const sigsetBytes = 8;
/** Of the real-time signals the one before the last: libraries take the first ones. */
export const kickSignal = 63;

export class KickSignal {
  readonly #calls: HostCalls;
  readonly #view: DataView;
  readonly #address: number;
  readonly #oldMask: bigint;

  /** For the calling thread. `scratch`: 32 bytes of shared memory that are this object's own. */
  constructor(calls: HostCalls, scratch: Uint8Array) {
    this.#calls = calls;
    this.#view = new DataView(scratch.buffer, scratch.byteOffset, 32);
    this.#address = calls.addressOf(scratch);
    this.#view.setBigUint64(0, 1n << BigInt(kickSignal - 1), true);
    const result = calls.call(
      'rt_sigprocmask',
      SIG_BLOCK,
      this.#address,
      this.#address + 8,
      sigsetBytes,
    );
    if (result < 0) throw new HostCallError('rt_sigprocmask', -result);
    this.#oldMask = this.#view.getBigUint64(8, true);
  }

  /** The thread's signal mask inside KVM_RUN. */
  get maskInside(): bigint {
    return this.#oldMask & ~(1n << BigInt(kickSignal - 1));
  }

  /** Takes a kick off that has come. */
  take(): void {
    this.#view.setBigUint64(16, 0n, true);
    this.#view.setBigUint64(24, 0n, true);
    this.#calls.call('rt_sigtimedwait', this.#address, 0, this.#address + 16, sigsetBytes);
  }
}
