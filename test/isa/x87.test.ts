/**
 * What the instruction suite leaves out of the x87, against this machine's CPU: transcendental instructions
 * (within one unit in the last place, SDM 1 §8.3.10) and state images (all but the pointers to instruction
 * and operand, which makers update differently).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Case, Outcome } from './caseFormat.ts';
import { fxSize } from './caseFormat.ts';
import { NativeOracle, buildOracle } from './nativeOracle.ts';
import { SuiteGuest, buildKernel } from './suiteGuest.ts';
import { wasmEngine } from './wasmEngine.ts';

const codeAddress = 0x10000100;
const dataAddress = 0x20000000;
const int3 = 0xcc;

let seed = 88172645463325252n;
/** xorshift64*: reproducible. */
function random(): bigint {
  seed ^= (seed << 13n) & 0xffffffffffffffffn;
  seed ^= seed >> 7n;
  seed ^= (seed << 17n) & 0xffffffffffffffffn;
  return (seed * 2685821657736338717n) & 0xffffffffffffffffn;
}
const below = (n: number): number => Number(random() % BigInt(n));

/** A number of 80 bits around 1, of any size, or special. */
function operand(): { se: number; mantissa: bigint } {
  const kind = below(8);
  const sign = below(2) << 15;
  const mantissa = (random() & (-1n << BigInt(below(64)))) | (1n << 63n);
  if (kind === 0) return { se: sign, mantissa: below(2) ? 0n : mantissa >> BigInt(1 + below(63)) };
  if (kind === 1) return { se: sign | 0x7fff, mantissa: below(2) ? 1n << 63n : mantissa };
  if (kind === 2) return { se: sign | below(0x7fff), mantissa: BigInt.asUintN(64, mantissa) };
  return { se: sign | (0x3fff + below(kind === 3 ? 70 : 8) - 4), mantissa };
}

function image(): Uint8Array {
  const fx = new Uint8Array(fxSize);
  const view = new DataView(fx.buffer);
  view.setUint16(0, 0x37f | (below(4) << 10), true);
  view.setUint16(2, 6 << 11, true);
  view.setUint8(4, 0xc0);
  view.setUint32(24, 0x1f80, true);
  for (let i = 0; i < 8; i++) {
    const { se, mantissa } = operand();
    view.setBigUint64(32 + 16 * i, BigInt.asUintN(64, mantissa), true);
    view.setUint16(40 + 16 * i, se, true);
  }
  return fx;
}

function caseOf(code: readonly number[], fx: Uint8Array, mode: 64 | 32 = 64): Case {
  const gpr = new BigUint64Array(16);
  gpr[3] = BigInt(dataAddress);
  gpr[4] = 0x30001000n;
  return {
    mode,
    rip: codeAddress,
    flags: 0,
    gpr,
    fx,
    patches: [{ address: codeAddress, bytes: Uint8Array.from([...code, int3]) }],
  };
}

let oracle: NativeOracle;
let guest: SuiteGuest;

beforeAll(() => {
  oracle = new NativeOracle(buildOracle());
  guest = new SuiteGuest(wasmEngine, buildKernel());
});
afterAll(() => oracle.close());

async function both(cases: readonly Case[]): Promise<(readonly [Outcome, Outcome])[]> {
  const expected = oracle.run(cases);
  const actual = guest.run(cases);
  return (await expected).map((outcome, i) => [outcome, actual[i]!] as const);
}

/** Position of a register among all 80-bit numbers, so that neighbours differ by one. */
function rank(fx: Uint8Array, index: number): bigint {
  const view = new DataView(fx.buffer, fx.byteOffset);
  const mantissa = view.getBigUint64(32 + 16 * index, true);
  const se = view.getUint16(40 + 16 * index, true);
  const magnitude = (BigInt(se & 0x7fff) << 63n) + (mantissa & 0x7fffffffffffffffn);
  return se & 0x8000 ? -magnitude : magnitude;
}
const statusWord = (fx: Uint8Array): number => fx[2]! | (fx[3]! << 8);

describe.runIf(process.arch === 'x64' && process.platform === 'linux')('the x87', () => {
  test.each([
    ['F2XM1', 0xf0],
    ['FYL2X', 0xf1],
    ['FPTAN', 0xf2],
    ['FPATAN', 0xf3],
    ['FYL2XP1', 0xf9],
    ['FSINCOS', 0xfb],
    ['FSIN', 0xfe],
    ['FCOS', 0xff],
  ])('%s is within a unit in the last place of the CPU', async (_name, modrm) => {
    const cases = Array.from({ length: 4000 }, () => caseOf([0xd9, modrm], image()));
    for (const [cpu, ours] of await both(cases)) {
      const [a, b] = [cpu.fx!, ours.fx!];
      expect(ours.vector).toBe(cpu.vector);
      // C1 tells how the last bit was rounded.
      expect(statusWord(b) & ~0x200).toBe(statusWord(a) & ~0x200);
      expect(b[4]).toBe(a[4]);
      for (const index of [0, 1]) {
        const distance = rank(b, index) - rank(a, index);
        expect(distance >= -1n && distance <= 1n).toBe(true);
      }
    }
  });

  /** Name, code, mode, bytes of pointers and reserved fields: left out of the comparison. */
  test.each([
    ['FNSTENV', [0xd9, 0x33], 64, [[12, 28]]],
    ['FNSTENV of 16 bits', [0x66, 0xd9, 0x33], 64, [[6, 14]]],
    ['FNSAVE', [0xdd, 0x33], 64, [[12, 28]]],
    ['FNSAVE in 32-bit mode', [0xdd, 0x33], 32, [[12, 28]]],
    ['FNSAVE of 16 bits', [0x66, 0xdd, 0x33], 64, [[6, 14]]],
    [
      'FXSAVE',
      [0x0f, 0xae, 0x03],
      64,
      [
        [6, 24],
        [28, 32],
      ],
    ],
    [
      'FXSAVE64',
      [0x48, 0x0f, 0xae, 0x03],
      64,
      [
        [6, 24],
        [28, 32],
      ],
    ],
    [
      'FXSAVE in 32-bit mode',
      [0x0f, 0xae, 0x03],
      32,
      [
        [6, 24],
        [28, 32],
      ],
    ],
  ] as const)('%s stores what the CPU stores', async (_name, code, mode, leftOut) => {
    const cases = Array.from({ length: 200 }, () => {
      const fx = image();
      fx[4] = below(256);
      fx[3] = below(256) & 0x7f;
      for (let i = 160; i < fxSize; i++) fx[i] = below(256);
      return caseOf(code, fx, mode);
    });
    for (const [cpu, ours] of await both(cases)) {
      expect(ours.vector).toBe(cpu.vector);
      const blank = (lines: Outcome['lines']): Record<string, number[]> => {
        const result: Record<string, number[]> = {};
        for (const [address, bytes] of lines) {
          result[address.toString(16)] = [...bytes].map((byte, i) => {
            const offset = address + i - dataAddress;
            return leftOut.some(([from, to]) => offset >= from && offset < to) ? 0 : byte;
          });
        }
        return result;
      };
      expect(blank(ours.lines)).toEqual(blank(cpu.lines));
      expect([...ours.fx!.subarray(0, 5)]).toEqual([...cpu.fx!.subarray(0, 5)]);
      expect([...ours.fx!.subarray(32)]).toEqual([...cpu.fx!.subarray(32, fxSize)]);
    }
  });
});
