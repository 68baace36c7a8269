import type { Entropy } from './types.ts';

/** Randomness of the host's kernel. */
export class HostEntropy implements Entropy {
  fill(bytes: Uint8Array): void {
    // getRandomValues takes 64 KiB at a time, and no view of shared memory.
    for (let offset = 0; offset < bytes.length; offset += 0x10000) {
      const chunk = new Uint8Array(Math.min(0x10000, bytes.length - offset));
      crypto.getRandomValues(chunk);
      bytes.set(chunk, offset);
    }
  }
}

/** Repeatable bytes for machines whose time is counted (splitmix32). Not for secrets. */
export class SeededEntropy implements Entropy {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The generator's whole state, for snapshots. */
  get state(): number {
    return this.#state;
  }
  set state(value: number) {
    this.#state = value >>> 0;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#next() & 0xff;
  }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }
}
