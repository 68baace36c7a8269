/** A case in the making: registers, memory patches and code, and where pointers may point to. */
import { fsBase, gsBase, windows } from '../caseFormat.ts';
import type { Case, Patch, Window } from '../caseFormat.ts';
import { float80Bytes, floatBits, pooledBytes, vectorBytes } from './random.ts';
import type { Random, VectorKind } from './random.ts';

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;

const window = (name: string): Window => {
  const found = windows.find((w) => w.name === name);
  if (!found) throw new Error(`no window ${name}`);
  return found;
};
const data = window('data');
const stack = window('stack');
const low = window('low');
const readOnly = window('readOnly');
const high = window('high');
const codeWindow = window('code');
const writableCode = window('writableCode');

const alignTo = (value: number, alignment: number): number => value - (value % alignment);

/** Selectors with a meaning on both sides (guest/kernel.S), and some without. */
const selectors = [
  0, 1, 3, 0x08, 0x10, 0x18, 0x1b, 0x20, 0x23, 0x28, 0x29, 0x2b, 0x33, 0x40, 4, 0x104,
];

export type BranchTarget =
  | { readonly kind: 'instruction'; readonly index: number }
  | { readonly kind: 'after'; readonly distance: number }
  | { readonly kind: 'address'; readonly address: number };

export interface BranchFix {
  readonly at: number;
  readonly bytes: number;
  readonly target: BranchTarget;
}

export class CaseBuilder {
  readonly random: Random;
  readonly mode: 64 | 32;
  readonly isSequence: boolean;
  readonly gpr = new BigUint64Array(16);
  /** Bit set of registers whose value something already relies on. */
  known = 0;
  /** Registers that a sequence addresses memory by, and avoids to write. */
  readonly pointers: number[] = [];
  readonly code: number[] = [];
  readonly starts: number[] = [];
  readonly branches: BranchFix[] = [];
  readonly patches: Patch[] = [];
  readonly vectorKind: VectorKind;
  rip: number;
  flags: number;
  usesFx = false;
  undefinedNow = 0;
  undefinedEver = 0;
  undefinedFpu = 0;
  hasBranch = false;
  readonly names: string[] = [];

  constructor(random: Random, mode: 64 | 32, isSequence: boolean) {
    this.random = random;
    this.mode = mode;
    this.isSequence = isSequence;
    this.vectorKind = random.pick(['f32', 'f64', 'integers', 'integers', 'noise'] as const);
    for (let i = 0; i < 16; i++) this.gpr[i] = this.#registerValue(i);
    this.gpr[RSP] = BigInt(this.#stackPointer());
    this.flags = random.u32() & (0x8d5 | (random.chance(0.2) ? 0x400 : 0));
    if (random.chance(0.02)) this.flags |= 0x100;
    if (isSequence) {
      for (const register of [RBX, RSI, RDI].slice(0, random.between(1, 3))) {
        this.pointers.push(register);
        this.gpr[register] = BigInt(
          random.pick([data, data, stack]).address + random.below(0x1800),
        );
        this.known |= 1 << register;
      }
      this.known |= 1 << RSP;
    }
    this.rip = this.#codeAddress();
  }

  #registerValue(index: number): bigint {
    if (this.mode === 32) return index > 7 ? 0n : this.random.integer(32);
    return this.random.integer(64);
  }

  #stackPointer(): number {
    const { random } = this;
    const middle = stack.address + random.pick([0x800, 0x1000, 0x1800]) + 8 * random.below(16);
    if (random.chance(0.84)) return middle;
    if (random.chance(0.4)) return middle + random.below(8);
    return random.chance(0.5)
      ? stack.address + random.below(64)
      : stack.address + stack.size - random.below(64);
  }

  #codeAddress(): number {
    const { random } = this;
    if (random.chance(0.94)) return codeWindow.address + 256 * random.below(60) + random.below(64);
    // Instructions that cross a page, and that run out of the window.
    const page = random.between(1, 4);
    return codeWindow.address + page * 4096 - random.between(1, page === 4 ? 40 : 12);
  }

  isKnown(register: number): boolean {
    return (this.known & (1 << register)) !== 0;
  }

  /** Gives the register this value unless something relies on another; true if it has it then. */
  assign(register: number, value: bigint): boolean {
    const masked = value & (this.mode === 32 ? 0xffffffffn : 0xffffffffffffffffn);
    if (this.isKnown(register)) return this.gpr[register] === masked;
    if (this.isSequence && this.starts.length > 1) return false;
    this.gpr[register] = masked;
    this.known |= 1 << register;
    return true;
  }

  patch(address: number, bytes: Uint8Array): void {
    const inside = windows.some(
      (w) => address >= w.address && address + bytes.length <= w.address + w.size,
    );
    if (
      inside &&
      !(address >= codeWindow.address && address < codeWindow.address + codeWindow.size)
    )
      this.patches.push({ address, bytes });
  }

  /** Zeros up to `bytes` bytes of the stack window below `top`. */
  clearBelow(top: number, bytes: number): void {
    const from = Math.max(stack.address, top - bytes);
    const to = Math.min(stack.address + stack.size, top);
    if (from < to) this.patch(from, new Uint8Array(to - from));
  }

  selector(): number {
    return this.random.pick(selectors);
  }

  /** Linear address for an operand of `bytes` bytes, mostly good, sometimes at an edge or bad. */
  target(bytes: number, addressBits: number): bigint {
    const { random } = this;
    const size = Math.max(1, bytes);
    const alignment =
      size >= 16 ? (random.chance(0.85) ? 16 : 1) : random.chance(0.6) ? Math.min(8, size) : 1;
    const within = (w: Window): bigint =>
      BigInt(w.address + Math.min(w.size - size, alignTo(random.below(w.size), alignment)));
    if (addressBits === 16) {
      return random.chance(0.9) ? within(low) : BigInt(random.below(0x10000));
    }
    const roll = random.below(100);
    if (roll < 62) return within(data);
    if (roll < 72) return BigInt(data.address + 0x1000 - random.between(1, size + 2));
    if (roll < 78) return BigInt(data.address + data.size - random.between(1, size + 4));
    if (roll < 82) return within(readOnly);
    if (roll < 87) return within(stack);
    if (roll < 90) return within(low);
    if (roll < 93)
      return addressBits === 64 ? within(high) : BigInt(data.address - random.below(16));
    if (roll < 94) return within(codeWindow);
    if (roll < 95) return within(writableCode);
    if (roll < 98 || addressBits === 32) return BigInt(0x40000000 + random.below(0x70000000));
    // Around the hole of non-canonical addresses.
    const edge = random.pick([0x0000800000000000n, 0xffff800000000000n]);
    return (edge + BigInt(random.between(-24, 24))) & 0xffffffffffffffffn;
  }

  /** Where the longest case's code has ended: INT3s, unless it lies at the end of the window. */
  behindCode(): number {
    return this.rip + 122 + this.random.below(16);
  }

  /** 16 bytes in the data window that lie in one page. */
  dataPointer(): bigint {
    return BigInt(data.address + 16 * this.random.below(data.size / 16));
  }

  segmentBase(prefix: number | undefined): bigint {
    if (this.mode === 32) return 0n;
    return prefix === 0x64 ? BigInt(fsBase) : prefix === 0x65 ? BigInt(gsBase) : 0n;
  }

  /** Address of code inside this case's bytes, as far as they exist, or of the INT3s behind them. */
  codeTarget(): BranchTarget {
    const { random } = this;
    if (random.chance(0.02))
      return { kind: 'address', address: 0x40000000 + random.below(0x10000) };
    if (this.isSequence && random.chance(0.6)) {
      return { kind: 'instruction', index: this.starts.length + 1 + random.below(2) };
    }
    return { kind: 'after', distance: random.below(12) };
  }

  /** The FXSAVE64 image the case starts with (SDM 1 §10.5.1). */
  fxImage(): Uint8Array {
    const { random } = this;
    const fx = new Uint8Array(416);
    const view = new DataView(fx.buffer);
    const control = random.chance(0.85) ? 0x3f : random.below(64);
    const precision = random.pick([0, 2, 3, 3, 3]);
    view.setUint16(0, control | 0x40 | (precision << 8) | (random.below(4) << 10), true);
    const sticky = random.chance(0.8) ? random.below(64) & control : random.below(64);
    let statusWord = sticky | (random.below(8) << 11) | (random.u32() & 0x4700);
    if (sticky & ~control & 0x3f) statusWord |= 0x8080;
    view.setUint16(2, statusWord, true);
    fx[4] = random.chance(0.6) ? 0xff : random.chance(0.3) ? 0 : random.u32() & 0xff;
    view.setUint32(24, this.mxcsr(), true);
    for (let i = 0; i < 8; i++) {
      const isMmx = random.chance(0.3);
      fx.set(
        isMmx ? pooledBytes(random, 'integers').subarray(0, 8) : pooledBytes(random, 'f80'),
        32 + i * 16,
      );
      if (isMmx) view.setUint16(40 + i * 16, 0xffff, true);
    }
    for (let i = 0; i < 16; i++) {
      const kind = random.chance(0.8) ? this.vectorKind : 'noise';
      fx.set(pooledBytes(random, kind), 160 + i * 16);
    }
    return fx;
  }

  mxcsr(): number {
    const { random } = this;
    const masks = random.chance(0.85) ? 0x1f80 : random.u32() & 0x1f80;
    const sticky = random.chance(0.5) ? 0 : random.u32() & 0x3f;
    const rounding = random.chance(0.5) ? 0 : random.u32() & 0x6000;
    const zeros = random.chance(0.75) ? 0 : random.u32() & 0x8040;
    return masks | sticky | rounding | zeros;
  }

  /** Interesting contents for a memory operand. */
  contents(bytes: number, kind: 'integer' | 'vector' | 'x87'): Uint8Array {
    const { random } = this;
    if (kind === 'vector') return vectorBytes(random, this.vectorKind, bytes);
    if (kind === 'x87') {
      if (bytes === 10) return float80Bytes(random);
      if (bytes === 4 || bytes === 8) {
        if (random.chance(0.6)) {
          const result = new Uint8Array(bytes);
          const bits = floatBits(random, bytes === 4 ? 32 : 64);
          for (let i = 0; i < bytes; i++) result[i] = Number((bits >> BigInt(8 * i)) & 0xffn);
          return result;
        }
      }
    }
    return vectorBytes(random, bytes > 16 ? 'noise' : 'integers', bytes);
  }

  finish(): Case {
    const end = this.code.length;
    const starts = [...this.starts, end];
    for (const { at, bytes, target } of this.branches) {
      let offset: number;
      if (target.kind === 'instruction') {
        offset = starts[Math.min(target.index, starts.length - 1)] ?? end;
      } else if (target.kind === 'after') offset = end + target.distance;
      else offset = target.address - this.rip;
      let displacement = offset - (at + bytes);
      if (bytes === 1) displacement = Math.max(-128, Math.min(127, displacement));
      for (let i = 0; i < bytes; i++) this.code[at + i] = (displacement >> (8 * i)) & 0xff;
    }
    const patches: Patch[] = [];
    const isWritable = this.rip >= writableCode.address;
    const home = isWritable ? writableCode : codeWindow;
    const limit = home.address + home.size - this.rip;
    patches.push({ address: this.rip, bytes: Uint8Array.from(this.code.slice(0, limit)) });
    patches.push(...this.patches);
    return {
      mode: this.mode,
      rip: this.rip,
      flags: this.flags,
      gpr: this.gpr,
      fx: this.usesFx ? this.fxImage() : undefined,
      patches,
    };
  }
}
