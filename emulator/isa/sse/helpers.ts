/** Helpers of MMX and SSE, and the frames that their instructions share. */
import { inst } from '../dsl.ts';
import type { Semantics, V128, Val } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import type { OperandSpec } from '../operands.ts';
import { Pq, Qq, r, rw, Vx, Wx } from '../operands.ts';
import '../x87/helpers.ts';

/** Arithmetic posts MXCSR flags and may raise #XM; it writes no register. */
const arithmetic = (returns: 32 | 64 | 128) => ({ returns, faults: true, writes: false }) as const;
const pure = (returns: 32 | 64 | 128) => ({ returns, faults: false, writes: false }) as const;
const stringCompare = (returns: 32 | 128) =>
  ({ returns, faults: false, touches: 'flags' }) as const;

helpers('mxcsr', {
  sseCheck: [[], { faults: true, writes: false }],
  readMxcsr: [[], pure(32)],
  loadMxcsr: [[32], { faults: true }],
});

const vector2 = [[128, 128], arithmetic(128)] as const;
const vector1 = [[128], arithmetic(128)] as const;
const double2 = [[64, 64], arithmetic(64)] as const;
const single2 = [[32, 32], arithmetic(32)] as const;

helpers('sseArithmetic', {
  addPs: vector2,
  subPs: vector2,
  mulPs: vector2,
  divPs: vector2,
  minPs: vector2,
  maxPs: vector2,
  sqrtPs: vector1,
  addPd: vector2,
  subPd: vector2,
  mulPd: vector2,
  divPd: vector2,
  minPd: vector2,
  maxPd: vector2,
  sqrtPd: vector1,
  addSd: double2,
  subSd: double2,
  mulSd: double2,
  divSd: double2,
  minSd: double2,
  maxSd: double2,
  sqrtSd: [[64], arithmetic(64)],
  addSs: single2,
  subSs: single2,
  mulSs: single2,
  divSs: single2,
  minSs: single2,
  maxSs: single2,
  sqrtSs: [[32], arithmetic(32)],
  addSubPs: vector2,
  addSubPd: vector2,
});

helpers('sseRounding', {
  roundSd: [[64, 8], arithmetic(64)],
  roundSs: [[32, 8], arithmetic(32)],
  roundPd: [[128, 8], arithmetic(128)],
  roundPs: [[128, 8], arithmetic(128)],
  dpPs: [[128, 128, 8], arithmetic(128)],
  dpPd: [[128, 128, 8], arithmetic(128)],
  rcpSs: [[32], pure(32)],
  rsqrtSs: [[32], pure(32)],
  rcpPs: [[128], pure(128)],
  rsqrtPs: [[128], pure(128)],
});

helpers('sseCompare', {
  cmpPs: [[128, 128, 8], arithmetic(128)],
  cmpPd: [[128, 128, 8], arithmetic(128)],
  cmpSd: [[64, 64, 8], arithmetic(64)],
  cmpSs: [[32, 32, 8], arithmetic(32)],
  /** (a, b, quiet NaNs are invalid too): image of ZF PF CF. */
  comiSd: [[64, 64, 32], arithmetic(32)],
  comiSs: [[32, 32, 32], arithmetic(32)],
});

helpers('sseConvert', {
  cvtSi2Sd32: [[32], pure(64)],
  cvtSi2Sd64: [[64], arithmetic(64)],
  cvtSi2Ss32: [[32], arithmetic(32)],
  cvtSi2Ss64: [[64], arithmetic(32)],
  cvttSd2Si32: [[64], arithmetic(32)],
  cvttSd2Si64: [[64], arithmetic(64)],
  cvttSs2Si32: [[32], arithmetic(32)],
  cvttSs2Si64: [[32], arithmetic(64)],
  cvtSd2Si32: [[64], arithmetic(32)],
  cvtSd2Si64: [[64], arithmetic(64)],
  cvtSs2Si32: [[32], arithmetic(32)],
  cvtSs2Si64: [[32], arithmetic(64)],
  cvtSs2Sd: [[32], arithmetic(64)],
  cvtSd2Ss: [[64], arithmetic(32)],
  cvtPs2Pd: [[64], arithmetic(128)],
  cvtPd2Ps: vector1,
  cvtDq2Ps: vector1,
  cvtPs2Dq: vector1,
  cvttPs2Dq: vector1,
  cvtPd2Dq: vector1,
  cvttPd2Dq: vector1,
  cvtPd2Pi: [[128], arithmetic(64)],
  cvttPd2Pi: [[128], arithmetic(64)],
  cvtPs2Pi: [[64], arithmetic(64)],
  cvttPs2Pi: [[64], arithmetic(64)],
  cvtPi2Ps: [[64], arithmetic(64)],
});

helpers('sseShuffle', {
  /** (v, immediate): doubleword I of the result is doubleword bits 2I+1:2I of v. */
  shuffleDoublewords: [[128, 8], pure(128)],
  shuffleLowWords: [[128, 8], pure(128)],
  shuffleHighWords: [[128, 8], pure(128)],
  shufPs: [[128, 128, 8], pure(128)],
});

helpers('sseString', {
  /** (segment, rDI, address size, bytes, data, mask): atomic. */
  maskedStore: [[32, 64, 32, 32, 128, 128], { faults: true }],
  psadbw: [[128, 128], pure(128)],
  mpsadbw: [[128, 128, 8], pure(128)],
  phminposuw: [[128], pure(128)],
  /** (crc, value, bytes). */
  crc32: [[32, 64, 32], pure(32)],
  /** These set the flags too. */
  pcmpistri: [[128, 128, 8], stringCompare(32)],
  pcmpistrm: [[128, 128, 8], stringCompare(128)],
  /** (a, b, lengths of a and b sign-extended, immediate). */
  pcmpestri: [[128, 128, 64, 64, 8], stringCompare(32)],
  pcmpestrm: [[128, 128, 64, 64, 8], stringCompare(128)],
});

/** #UD and #NM of SSE, before anything else. */
export const beginSse = (s: Semantics): void => s.callVoid('sseCheck');
/** #UD, #NM and #MF of MMX. */
export const beginMmx = (s: Semantics): void => s.callVoid('mmxCheck');
/** After the last fault: TOP = 0, all registers in use. */
export const enterMmx = (s: Semantics): void => s.callVoid('mmxEnter');

/** A 64-bit MMX value as vector (both halves) and back. */
export const vectorOf = (s: Semantics, value: Val): V128 => s.splat('i64x2', value);
export const halfOf = (s: Semantics, v: V128): Val => s.lane('i64x2', v, 0);
export const zeroVector = (s: Semantics): V128 => s.vectorConst(0n, 0n);

const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] as const;

export type VectorOperation = (s: Semantics, a: V128, b: V128) => V128;

/** XMM instruction V = f(V, W), aligned memory. */
export function sseBinary(name: string, encoding: ReturnType<typeof op>, f: VectorOperation): void {
  inst(name, {
    forms: [form([rw(Vx), r(Wx)], encoding)],
    semantics(s, destination, source) {
      beginSse(s);
      const b = s.readAligned(source);
      s.writeVector(destination, f(s, s.readVector(destination), b));
    },
  });
}

/**
 * 0F xx (MMX) and 66 0F xx (XMM). `pairs`: the operation folds its two operands side by side (packs,
 * horizontal ones), so that MMX does it on both operands in one vector. `mmx`: what MMX does instead.
 */
export function mmxAndSse(
  name: string,
  bytes: readonly number[],
  f: VectorOperation,
  options: {
    readonly pairs?: boolean;
    readonly mmx?: VectorOperation;
    readonly mmxSource?: OperandSpec;
  } = {},
): void {
  sseBinary(name, op(...bytes).p66(), f);
  inst(name, {
    forms: [form([rw(Pq), r(options.mmxSource ?? Qq)], op(...bytes).np())],
    semantics(s, destination, source) {
      beginMmx(s);
      const b = vectorOf(s, s.zeroExtend(s.read(source), 64));
      const a = vectorOf(s, s.read(destination));
      enterMmx(s);
      let result: V128;
      if (options.pairs) {
        const both = s.shuffle(a, b, lowHalves);
        result = f(s, both, both);
      } else result = (options.mmx ?? f)(s, a, b);
      s.write(destination, halfOf(s, result));
    },
  });
}

/** Bytes of a splat-like vector constant. */
export function bytesConst(s: Semantics, bytes: readonly number[]): V128 {
  const half = (from: number): bigint =>
    bytes.slice(from, from + 8).reduceRight((n, byte) => (n << 8n) | BigInt(byte & 0xff), 0n);
  return s.vectorConst(half(0), half(8));
}
