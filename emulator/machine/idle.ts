/**
 * Sleeping on a thread whose timers are only good to a millisecond: a timer for the coarse part,
 * during which events wake the sleeper, and a blocking wait for the rest, below a millisecond.
 */
export class Sleeper {
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  #wake: (() => void) | undefined;
  /** wake() was called since the last sleep began; the next one returns at once. */
  #awakened = false;

  /** Ends the present sleep, or the next one before it begins. */
  wake(): void {
    this.#awakened = true;
    this.#wake?.();
  }

  /** Forgets wakes that were meant for what is about to be looked at anyway. */
  begin(): void {
    this.#awakened = false;
  }

  get awakened(): boolean {
    return this.#awakened;
  }

  /** Sleeps for `ns` at most, which may be Infinity. */
  async sleep(ns: number, remaining: () => number): Promise<void> {
    if (this.#awakened) return;
    // A timer of n ms fires up to about 1 ms late.
    const coarseMs = Math.min(Math.floor(ns / 1e6 - 0.2), 0x7fffffff);
    if (coarseMs >= 1) {
      await new Promise<void>((resolve) => {
        // Always a timer, however far: a pending promise alone does not keep a thread alive.
        const timer = setTimeout(resolve, coarseMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
      if (this.#awakened) return;
    }
    const leftMs = remaining() / 1e6;
    if (leftMs > 0.01 && leftMs < 1.5) Atomics.wait(this.#cell, 0, 0, leftMs);
  }
}
