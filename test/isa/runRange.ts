/** Runs a range of case numbers on the real CPU and on our engine and collects what differs. */
import type { Outcome } from './caseFormat.ts';
import { compareOutcomes, registerNames } from './compareOutcomes.ts';
import type { CaseGenerator, GeneratedCase } from './generator/generateCase.ts';
import type { NativeOracle } from './nativeOracle.ts';
import type { SuiteGuest } from './suiteGuest.ts';
import { endFailure } from './suiteGuest.ts';

export interface Difference {
  readonly number: number;
  /** The instruction, or 'sequence'. */
  readonly title: string;
  /** First words of each difference, to group by. */
  readonly kinds: string;
  readonly text: string;
}

export interface RangeResult {
  readonly cases: number;
  readonly differences: readonly Difference[];
  /** How the cases ended on the real CPU: vector → count. */
  readonly vectors: ReadonlyMap<number, number>;
}

const batchSize = 1000;

export async function runRange(
  generator: CaseGenerator,
  oracle: NativeOracle,
  guest: SuiteGuest,
  first: number,
  count: number,
): Promise<RangeResult> {
  const differences: Difference[] = [];
  const vectors = new Map<number, number>();
  for (let start = first; start < first + count; start += batchSize) {
    const length = Math.min(batchSize, first + count - start);
    const cases = Array.from({ length }, (_, i) => generator.generate(start + i));
    const tests = cases.map((c) => c.test);
    // The oracle works in its own process while ours runs here.
    const expected = oracle.run(tests);
    const actual = guest.run(tests);
    const outcomes = await expected;
    outcomes.forEach((outcome, i) => {
      const generated = cases[i];
      const ours = actual[i];
      if (!generated || !ours) return;
      vectors.set(outcome.vector, (vectors.get(outcome.vector) ?? 0) + 1);
      const found = compareOutcomes(generated, outcome, ours);
      if (found.length === 0) return;
      if (ours.vector === endFailure) found.push(`engine: ${guest.lastFailure}`);
      differences.push({
        number: generated.number,
        title: generated.names.length === 1 ? (generated.names[0] ?? '') : 'sequence',
        kinds: found.map((line) => line.split(':')[0]).join(' '),
        text: describe(generated, outcome, ours, found),
      });
    });
  }
  return { cases: count, differences, vectors };
}

function describe(
  { number, names, code, test, undefinedEver }: GeneratedCase,
  expected: Outcome,
  actual: Outcome,
  found: readonly string[],
): string {
  const registers = [...test.gpr].map((v, i) => `${registerNames[i]}=${v.toString(16)}`).join(' ');
  const patches = test.patches
    .slice(1)
    .map((p) => `${p.address.toString(16)}: ${Buffer.from(p.bytes).toString('hex')}`);
  return [
    `case ${number}, ${test.mode}-bit: ${names.join(', ')}`,
    `  code ${Buffer.from(code).toString('hex')} at ${test.rip.toString(16)}`,
    `  flags ${test.flags.toString(16)} ${registers}`,
    ...patches.map((line) => `  memory ${line}`),
    ...(test.fx ? [`  fx ${Buffer.from(test.fx).toString('hex')}`] : []),
    `  vectors: CPU ${expected.vector}, ours ${actual.vector}; undefined flags ${undefinedEver.toString(16)}`,
    ...found.map((line) => `    ${line}`),
  ].join('\n');
}
