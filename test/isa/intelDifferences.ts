/**
 * Where Intel's CPUs (seen on Sapphire Rapids) and ours end a case differently, and the SDM allows both or Intel's own
 * CPU does not do what it says. Our engine does in these what AMD's do, so nothing of this applies on AMD. Each rule names
 * its reason and takes over no more of the CPU's outcome than that reason covers. What could spread into later
 * instructions is kept out by generator/expectations.ts instead.
 */
import { lineSize, memoryImage, windows } from './caseFormat.ts';
import type { Outcome } from './caseFormat.ts';
import type { GeneratedCase } from './generator/generateCase.ts';
import { instructionAt, type Located } from './instructionAt.ts';

const [debug, boundRange, stackFault, generalProtection, pageFault] = [1, 5, 12, 13, 14];
const statusFlags = 0x8d5;
const resumeFlag = 0x10000;
const [RSI, RDI, RSP] = [6, 7, 4];
const pageSize = 0x1000n;
const image = memoryImage();

/** #SS, #GP, #PF */
const isAccessFault = (vector: number): boolean => vector >= stackFault && vector <= pageFault;
const topOf = (fx: Uint8Array): number => ((fx[3] ?? 0) >> 3) & 7;
const hasErrorSummary = (fx: Uint8Array | undefined): boolean => ((fx?.[2] ?? 0) & 0x80) !== 0;

const unmasks = (fx: Uint8Array | undefined): boolean => ((fx?.[0] ?? 0) & 0x3f) !== 0x3f;

const isSegmentPop = ({ name, bytes: [first = 0, second = 0] }: Located): boolean =>
  name === 'POP' &&
  (first === 0x0f ? second === 0xa1 || second === 0xa9 : [0x07, 0x17, 0x1f].includes(first));

const isRepeated = ({ prefixes }: Located): boolean =>
  prefixes.includes(0xf2) || prefixes.includes(0xf3);

/** Our outcome with what Intel may do otherwise taken from the CPU's; undefined if the two cannot be compared. */
export function asIntel(
  generated: GeneratedCase,
  expected: Outcome,
  actual: Outcome,
): Outcome | undefined {
  const located = instructionAt(generated, actual.rip);
  const outcome: Outcome = {
    ...actual,
    gpr: actual.gpr.slice(),
    fx: actual.fx?.slice(),
    lines: new Map(actual.lines),
  };
  ended(generated, expected, outcome);
  if (!located) return outcome;
  const { name } = located;

  // Of an unmasked x87 exception and a fault of the memory operand, which are of one class in the order of SDM 3A §6.9,
  // the x87's is found first: the store completes without access, the exception waits for the next x87 instruction.
  // In a sequence FNCLEX or FXRSTOR may have cleared it again.
  const wentOn = generated.names.length > 1 && expected.rip !== actual.rip;
  if (
    /^F(STP?|ISTP?|ISTTP|BSTP)$/.test(name) &&
    isAccessFault(actual.vector) &&
    (hasErrorSummary(expected.fx) || (wentOn && unmasks(actual.fx))) &&
    !hasErrorSummary(actual.fx)
  )
    return undefined;
  // Of the slot of a segment register only the selector is read: what lies in the next page is not missed.
  if (
    isSegmentPop(located) &&
    actual.vector === pageFault &&
    actual.cr2 % pageSize === 0n &&
    (expected.vector !== pageFault || expected.rip !== actual.rip)
  )
    return undefined;
  if (/^(CMPS|SCAS|MOVS|STOS|LODS|INS|OUTS)$/.test(name) && isRepeated(located))
    repeatedString(name, expected, outcome);
  if (expected.vector !== actual.vector) return otherVector(generated, located, expected, outcome);

  // The return address is pushed before the new RIP is found not to be canonical; RSP is as before.
  if (name === 'CALL' && generated.test.mode === 64 && actual.vector === generalProtection)
    takeBytes(expected, outcome, (actual.gpr[RSP] ?? 0n) - 8n, 8);
  // The part of the ten bytes before the page that is missing is stored.
  if (
    (name === 'FSTP' || name === 'FBSTP') &&
    actual.vector === pageFault &&
    expected.cr2 % pageSize === 0n
  )
    takeBytes(expected, outcome, expected.cr2 - 10n, 10);
  // An MMX store that faults has set TOP to 0 already, as it does when it completes.
  if (/^(MOVD|MOVQ|MOVNTQ)$/.test(name) && isAccessFault(actual.vector)) {
    if (expected.fx && outcome.fx && topOf(expected.fx) === 0) clearTop(outcome.fx);
  }
  return outcome;
}

/** A case that has run to its end, too. */
function ended(generated: GeneratedCase, expected: Outcome, outcome: Outcome): void {
  const first = instructionAt(generated, BigInt(generated.test.rip));
  if (!first || generated.names.length !== 1) return;
  // With 32-bit addresses the upper halves of RSI and RDI are cleared even if no iteration is done or completed.
  if (generated.test.mode === 64 && isRepeated(first) && first.prefixes.includes(0x67)) {
    for (const register of [RSI, RDI]) {
      const low = (outcome.gpr[register] ?? 0n) & 0xffffffffn;
      if (expected.gpr[register] === low) outcome.gpr[register] = low;
    }
  }
  // Each lane is summed in an order of its own, so that another of several NaNs comes out.
  if (/^DPP[SD]$/.test(first.name) && expected.fx && outcome.fx)
    takeNans(first.name === 'DPPS' ? 4 : 8, expected.fx, outcome.fx);
}

function repeatedString(name: string, expected: Outcome, outcome: Outcome): void {
  const take = (mask: number): void => {
    outcome.flags = (outcome.flags & ~mask) | (expected.flags & mask);
  };
  if (outcome.vector !== expected.vector) return;
  // A trap between iterations pushes RF set (SDM 3B §17.3.1.1), AMD's and ours clear.
  if (outcome.vector === debug) take(resumeFlag);
  // Flags are those from before the instruction (SDM 2B, REP), on AMD and ours those of the last iteration.
  if (/^(CMPS|SCAS)$/.test(name) && (outcome.vector === debug || isAccessFault(outcome.vector)))
    take(statusFlags);
}

/** Faults that only one of the two finds, or finds first. */
function otherVector(
  { test }: GeneratedCase,
  { name }: Located,
  expected: Outcome,
  outcome: Outcome,
): Outcome {
  const accepted = (): Outcome => ({
    ...outcome,
    vector: expected.vector,
    errorCode: expected.errorCode,
    cr2: expected.cr2,
  });
  // An access beyond the limit of a segment of 4 GiB may wrap around instead (SDM 3A §5.3).
  const wraps = expected.cr2 >= 0xffffff00n || expected.cr2 === 0n;
  if (
    test.mode === 32 &&
    wraps &&
    expected.vector === pageFault &&
    (outcome.vector === stackFault || outcome.vector === generalProtection)
  )
    return accepted();
  // The lower bound is compared before the upper one is read.
  if (name === 'BOUND' && expected.vector === boundRange && outcome.vector === pageFault)
    return accepted();
  // Of the slot only the selector is read.
  return outcome;
}

/** The line at `address` after the case. */
function lineAt({ lines }: Outcome, address: number): Uint8Array | undefined {
  const changed = lines.get(address);
  if (changed) return changed;
  let offset = 0;
  for (const { address: start, size } of windows) {
    if (address >= start && address < start + size)
      return image.subarray(offset + address - start, offset + address - start + lineSize);
    offset += size;
  }
  return undefined;
}

function takeBytes(from: Outcome, into: Outcome, address: bigint, count: number): void {
  for (let at = Number(address); at < Number(address) + count; at++) {
    const line = at - (at % lineSize);
    const theirs = lineAt(from, line);
    const ours = lineAt(into, line);
    if (!theirs || !ours) continue;
    const mixed = ours.slice();
    mixed[at - line] = theirs[at - line] ?? 0;
    if (Buffer.compare(mixed, theirs) !== 0 || from.lines.has(line)) into.lines.set(line, mixed);
    else into.lines.delete(line);
  }
}

/** The registers of an FXSAVE image are counted from TOP. */
function clearTop(fx: Uint8Array): void {
  const top = topOf(fx);
  const before = fx.slice(32, 160);
  fx[3] = (fx[3] ?? 0) & ~0x38;
  for (let i = 0; i < 8; i++) {
    const from = ((i - top) & 7) * 16;
    fx.set(before.subarray(from, from + 16), 32 + i * 16);
  }
}

function takeNans(bytes: 4 | 8, from: Uint8Array, into: Uint8Array): void {
  const views = [from, into].map((fx) => new DataView(fx.buffer, fx.byteOffset));
  for (let at = 160; at < 416; at += bytes) {
    const areNans = views.every((view) =>
      Number.isNaN(bytes === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true)),
    );
    if (areNans) into.set(from.subarray(at, at + bytes), at);
  }
}
