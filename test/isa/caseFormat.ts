/**
 * One case of the instruction suite and its outcome, and their binary form as native/oracle.c
 * reads and writes it. Addresses are linear; both sides map the same windows.
 */

export interface Window {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** Same table as in native/oracle.c; what lies around the windows is unmapped. */
export const windows: readonly Window[] = [
  { name: 'code', address: 0x10000000, size: 0x4000, writable: false, executable: true },
  { name: 'writableCode', address: 0x11000000, size: 0x2000, writable: true, executable: true },
  { name: 'data', address: 0x20000000, size: 0x2000, writable: true, executable: false },
  { name: 'readOnly', address: 0x20004000, size: 0x1000, writable: false, executable: false },
  { name: 'stack', address: 0x30000000, size: 0x2000, writable: true, executable: false },
  { name: 'low', address: 0x8000, size: 0x2000, writable: true, executable: false },
  { name: 'high', address: 0x123456780000, size: 0x1000, writable: true, executable: false },
];
export const fsBase = 0x20000100;
export const gsBase = 0x20000200;
/** The leading bytes of an FXSAVE64 image that carry state (SDM 1 §10.5.1). */
export const fxSize = 416;
export const lineSize = 64;
/** Vectors of our own: the case did not end, or reached the host's kernel. */
export const endTimeout = 254;
export const endSystemCall = 253;

export interface Patch {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Case {
  readonly mode: 64 | 32;
  readonly rip: number;
  /** CF PF AF ZF SF TF DF OF; the rest is fixed. */
  readonly flags: number;
  readonly gpr: BigUint64Array;
  readonly fx: Uint8Array | undefined;
  /** Code bytes, and whatever else differs from the memory image. */
  readonly patches: readonly Patch[];
}

export interface Outcome {
  vector: number;
  errorCode: number;
  cr2: bigint;
  rip: bigint;
  flags: number;
  gpr: BigUint64Array;
  /** CS SS DS ES FS GS */
  selectors: Uint16Array;
  fsBase: bigint;
  gsBase: bigint;
  fx: Uint8Array | undefined;
  /** Every 64-byte line of a window that no longer is as in the memory image. */
  lines: Map<number, Uint8Array>;
}

const caseHeader = 8 + 8 + 8 + 128;
const resultHeader = 8 + 4 * 8 + 128 + 16 + 16;
const roundUp = (n: number): number => (n + 7) & ~7;

export function encodedSize(test: Case): number {
  let size = caseHeader + (test.fx ? fxSize : 0);
  for (const patch of test.patches) size += 16 + roundUp(patch.bytes.length);
  return size;
}

export function encodeCase(test: Case, into: Uint8Array, at: number): number {
  const view = new DataView(into.buffer, into.byteOffset + at);
  const size = encodedSize(test);
  view.setUint32(0, size, true);
  view.setUint8(4, test.mode === 32 ? 1 : 0);
  view.setUint8(5, test.fx ? 1 : 0);
  view.setUint16(6, test.patches.length, true);
  view.setBigUint64(8, BigInt(test.rip), true);
  view.setBigUint64(16, BigInt(test.flags), true);
  for (let i = 0; i < 16; i++) view.setBigUint64(24 + i * 8, test.gpr[i] ?? 0n, true);
  let cursor = caseHeader;
  if (test.fx) {
    into.set(test.fx, at + cursor);
    cursor += fxSize;
  }
  for (const patch of test.patches) {
    view.setBigUint64(cursor, BigInt(patch.address), true);
    view.setUint32(cursor + 8, patch.bytes.length, true);
    into.set(patch.bytes, at + cursor + 16);
    cursor += 16 + roundUp(patch.bytes.length);
  }
  return size;
}

export function decodeOutcome(bytes: Uint8Array, at: number): { outcome: Outcome; size: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const size = view.getUint32(0, true);
  const hasFx = view.getUint8(5) !== 0;
  const lineCount = view.getUint16(6, true);
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = view.getBigUint64(40 + i * 8, true);
  const selectors = new Uint16Array(6);
  for (let i = 0; i < 6; i++) selectors[i] = view.getUint16(168 + i * 2, true);
  let cursor = at + resultHeader;
  const fx = hasFx ? bytes.slice(cursor, cursor + fxSize) : undefined;
  if (hasFx) cursor += fxSize;
  const lines = new Map<number, Uint8Array>();
  for (let i = 0; i < lineCount; i++) {
    const address = Number(view.getBigUint64(cursor - at, true));
    lines.set(address, bytes.slice(cursor + 8, cursor + 8 + lineSize));
    cursor += 8 + lineSize;
  }
  return {
    size,
    outcome: {
      vector: view.getUint8(4),
      errorCode: Number(view.getBigUint64(8, true) & 0xffffffffn),
      cr2: view.getBigUint64(16, true),
      rip: view.getBigUint64(24, true),
      flags: Number(view.getBigUint64(32, true) & 0xffffffffn),
      gpr,
      selectors,
      fsBase: view.getBigUint64(184, true),
      gsBase: view.getBigUint64(192, true),
      fx,
      lines,
    },
  };
}

/** What the windows hold before every case: INT3 in code, noise with many small values in data. */
export function memoryImage(): Uint8Array {
  const image = new Uint8Array(windows.reduce((sum, window) => sum + window.size, 0));
  let state = 0x9e3779b9;
  let at = 0;
  for (const window of windows) {
    if (window.executable) image.fill(0xcc, at, at + window.size);
    else
      for (let i = 0; i < window.size; i++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        image[at + i] = (state & 0x700) === 0 ? 0 : (state & 0x700) === 0x100 ? 0xff : state >>> 24;
      }
    at += window.size;
  }
  return image;
}
