/** Random numbers that repeat: mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.below(0x1_0000_0000);
    return new Uint8Array(words.buffer, 0, length);
  }
}

/** The seed of this run, which STORAGE_SEED repeats; printed, so that a failure can be. */
export function seedOf(what: string): number {
  const seed = Number(process.env['STORAGE_SEED'] ?? Date.now() % 1_000_000_007);
  process.stdout.write(`${what}: STORAGE_SEED=${seed}\n`);
  return seed;
}
