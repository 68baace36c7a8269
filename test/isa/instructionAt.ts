/** Which instruction of a case an address belongs to. */
import type { GeneratedCase } from './generator/generateCase.ts';

export interface Located {
  readonly name: string;
  readonly prefixes: readonly number[];
  /** From the opcode on. */
  readonly bytes: Uint8Array;
}

const prefixBytes = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** The instruction of the case that begins at `rip`, if one does. */
export function instructionAt(generated: GeneratedCase, rip: bigint): Located | undefined {
  const start = Number(rip) - generated.test.rip;
  const name = generated.names[generated.starts.indexOf(start)];
  if (name === undefined) return undefined;
  let at = start;
  while (prefixBytes.has(generated.code[at] ?? 0)) at++;
  const prefixes = [...generated.code.slice(start, at)];
  if (generated.test.mode === 64 && ((generated.code[at] ?? 0) & 0xf0) === 0x40) at++;
  return { name, prefixes, bytes: generated.code.slice(at) };
}
