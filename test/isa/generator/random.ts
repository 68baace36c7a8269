/** Reproducible randomness (sfc32) and values that sit on boundaries. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** 0..limit-1 */
  below(limit: number): number {
    return this.u32() % limit;
  }

  /** low..high, both included */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.u32() < probability * 4294967296;
  }

  pick<T>(list: readonly T[]): T {
    const value = list[this.below(list.length)];
    if (value === undefined) throw new Error('pick from nothing');
    return value;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.u32() >>> 24;
    return bytes;
  }

  /** An integer of up to `width` bits, often near a power of two. */
  integer(width: number): bigint {
    const mask = (1n << BigInt(width)) - 1n;
    switch (this.below(8)) {
      case 0:
        return BigInt(this.below(4)) & mask;
      case 1:
        return -BigInt(1 + this.below(4)) & mask;
      case 2:
      case 3: {
        // Sign boundaries of every width.
        const boundary = 1n << BigInt(this.pick([7, 8, 15, 16, 31, 32, 63, 4]));
        return (boundary + BigInt(this.between(-2, 2))) & mask;
      }
      case 4:
        return (1n << BigInt(this.below(64))) & mask;
      case 5:
        return BigInt(this.below(256)) & mask;
      default:
        return this.u64() & mask;
    }
  }
}

function toBytes(value: bigint, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

export const integerBytes = (random: Random, count: number): Uint8Array =>
  toBytes(random.integer(Math.min(64, count * 8)), count);

/** Fraction bits with edges: none, all, top, lowest, random. */
function fraction(random: Random, width: number): bigint {
  const all = (1n << BigInt(width)) - 1n;
  switch (random.below(7)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return 1n << BigInt(width - 1);
    case 3:
      return 1n;
    case 4:
      return all ^ BigInt(random.below(4));
    case 5:
      return random.u64() & all & ~((1n << BigInt(random.below(width))) - 1n);
    default:
      return random.u64() & all;
  }
}

/** Biased exponents: special, near 1, near the range of integers, anywhere. */
function exponent(random: Random, width: number): bigint {
  const top = (1 << width) - 1;
  const bias = top >> 1;
  switch (random.below(9)) {
    case 0:
      return 0n;
    case 1:
      return BigInt(top);
    case 2:
      return BigInt(random.pick([1, 2, top - 1, top - 2]));
    case 3:
      return BigInt(bias + random.pick([7, 15, 23, 30, 31, 52, 62, 63].filter((n) => n <= bias)));
    case 4:
      return BigInt(random.between(1, top - 1));
    default:
      return BigInt(bias + random.between(-8, 8));
  }
}

export function floatBits(random: Random, kind: 32 | 64): bigint {
  const [exponentBits, fractionBits] = kind === 32 ? [8, 23] : [11, 52];
  const sign = random.chance(0.5) ? 1n : 0n;
  const low = fraction(random, fractionBits);
  return (
    (((sign << BigInt(exponentBits)) | exponent(random, exponentBits)) << BigInt(fractionBits)) |
    low
  );
}

/** Ten bytes of an 80-bit number; unnormals and pseudo-denormals are rare. */
export function float80Bytes(random: Random): Uint8Array {
  const power = exponent(random, 15);
  let leading = power === 0n ? 0n : 1n;
  if (random.chance(0.02)) leading ^= 1n;
  const significand = (leading << 63n) | fraction(random, 63);
  const sign = random.chance(0.5) ? 1n : 0n;
  return toBytes((((sign << 15n) | power) << 64n) | significand, 10);
}

export type VectorKind = 'f32' | 'f64' | 'integers' | 'noise';

export function vectorBytes(random: Random, kind: VectorKind, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  if (kind === 'noise') return random.bytes(count);
  const step = kind === 'f32' ? 4 : kind === 'f64' ? 8 : random.pick([1, 2, 4, 8]);
  for (let at = 0; at < count; at += step) {
    const lane =
      kind === 'integers'
        ? integerBytes(random, step)
        : toBytes(floatBits(random, kind === 'f32' ? 32 : 64), step);
    bytes.set(lane.subarray(0, count - at), at);
  }
  return bytes;
}

const poolSize = 8192;
const pools = new Map<VectorKind | 'f80', Uint8Array>();

/**
 * A value for a register from a pool of some thousands, sixteen bytes (ten for 'f80'): most cases need
 * 24 of them and look at two. The pools are the same for every seed.
 */
export function pooledBytes(random: Random, kind: VectorKind | 'f80'): Uint8Array {
  let pool = pools.get(kind);
  if (!pool) {
    const source = new Random(0x5eed, kind.charCodeAt(1) * 256 + kind.length);
    pool = new Uint8Array(poolSize * 16);
    for (let at = 0; at < pool.length; at += 16) {
      pool.set(kind === 'f80' ? float80Bytes(source) : vectorBytes(source, kind, 16), at);
    }
    pools.set(kind, pool);
  }
  const at = random.below(poolSize) * 16;
  return pool.subarray(at, at + (kind === 'f80' ? 10 : 16));
}
