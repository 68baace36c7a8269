/**
 * Ring-0 behaviour: two kernels try descriptors, transfers between privilege levels, task switches, virtual-8086 mode,
 * paging and debug registers, and print what happened. QEMU's TCG prints the same, but for what it is known not
 * to check; that part ("strict") holds expectations from the manual and reports mismatches by itself.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runOnCore } from './systemGuest.ts';
import { hasOracle, missingTools, runOnOracle, withKernel } from './systemKernels.ts';

/** Lines of our output that the oracle has no part in. */
const isOurs = (line: string): boolean => line.startsWith('strict');

/** TCG reports reserved bits (RSVD, bit 3) without P, bit 0, which RSVD implies (SDM 3A §4.7). */
const withPresent = (line: string): string =>
  line.replace(/ e=([0-9a-f]+) cr2=/, (_, code: string) => {
    const value = Number.parseInt(code, 16);
    return ` e=${(value & 8 ? value | 1 : value).toString(16)} cr2=`;
  });

/** TCG reports faults of a new task's segments at the old task's instruction. */
const withoutTaskAddress = (line: string): string =>
  /^(bad ds|system es) /.test(line) ? line.replace(/ ip=[0-9a-f]+/, '') : line;

const comparable = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => !isOurs(line))
    .map((line) => withoutTaskAddress(withPresent(line)));

const reason = missingTools();

describe.skipIf(reason !== undefined)('the system side of the CPU', () => {
  const runs = [
    ['system32', 'interpreted', undefined],
    ['system64', 'interpreted', undefined],
    ['system32', 'translated', 1],
    ['system64', 'translated', 1],
  ] as const;
  for (const [kernel, how, translateAfter] of runs) {
    it(
      `behaves in ${kernel}, ${how}, as the manual and the oracle say`,
      { timeout: 120_000 },
      () => {
        withKernel(kernel, (file, folder) => {
          const { output, end } = runOnCore(readFileSync(file), translateAfter);
          expect(end).toBe('exit');
          const lines = output.split('\n');
          expect(lines.filter((line) => line.startsWith('strict mismatch'))).toEqual([]);
          expect(lines).toContain('strict done');
          if (!hasOracle()) return;
          const ours = comparable(output);
          const theirs = comparable(runOnOracle(file, folder));
          const differences = theirs.flatMap((line, i) =>
            line === ours[i] ? [] : [`oracle: ${line}`, `  ours: ${ours[i] ?? 'nothing'}`],
          );
          expect(differences.slice(0, 40)).toEqual([]);
          expect(ours.length).toBe(theirs.length);
          expect(ours.length).toBeGreaterThan(10_000);
        });
      },
    );
  }
});
