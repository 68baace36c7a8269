/**
 * The instruction suite: random cases for every form that runs in ring 3, our engine against this
 * machine's CPU. `node test/isa/main.ts [--seed N] [--cases N] [--only REGEXP] [--case N] [--show N]
 * [--workers N] [--engine interpreter|translator]`. Exit code 1 if anything differs but what generator/exclusions.ts lists.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { buildOracle } from './nativeOracle.ts';
import type { Difference, RangeResult } from './runRange.ts';
import { buildKernel } from './suiteGuest.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '2000000' },
    only: { type: 'string' },
    case: { type: 'string' },
    show: { type: 'string', default: '5' },
    engine: { type: 'string', default: 'interpreter' },
    workers: { type: 'string', default: String(Math.min(4, availableParallelism())) },
  },
});
const seed = Number(options.seed);
const onlyCase = options.case === undefined ? undefined : Number(options.case);
const total = onlyCase === undefined ? Number(options.cases) : 1;
const first = onlyCase ?? 0;
const chunk = 10_000;

export interface WorkerRequest {
  readonly first: number;
  readonly count: number;
}
export interface WorkerSetup {
  readonly seed: number;
  readonly only: string | undefined;
  /** Each case is translated on its first run and counted on its second. */
  readonly translate: boolean;
}

if (process.arch !== 'x64' || process.platform !== 'linux') {
  process.stdout.write('isa: skipped, the oracle is the CPU of an x86-64 Linux machine\n');
  process.exit(0);
}
buildOracle();
buildKernel();

const started = performance.now();
let next = first;
let done = 0;
const differences: Difference[] = [];
const vectors = new Map<number, number>();

function runWorker(): Promise<void> {
  return new Promise((resolve, reject) => {
    const workerData: WorkerSetup = {
      seed,
      only: options.only,
      translate: options.engine === 'translator',
    };
    const file = fileURLToPath(new URL('suiteWorker.ts', import.meta.url));
    const worker = new Worker(file, { workerData });
    const request = (): void => {
      const count = Math.min(chunk, first + total - next);
      if (count <= 0) {
        worker.postMessage(undefined);
        resolve();
        return;
      }
      worker.postMessage({ first: next, count } satisfies WorkerRequest);
      next += count;
    };
    worker.on('message', (result: RangeResult) => {
      done += result.cases;
      differences.push(...result.differences);
      for (const [vector, count] of result.vectors) {
        vectors.set(vector, (vectors.get(vector) ?? 0) + count);
      }
      if (process.stderr.isTTY)
        process.stderr.write(`\r${done} cases, ${differences.length} differ`);
      request();
    });
    worker.on('error', reject);
    request();
  });
}

await Promise.all(
  Array.from({ length: Math.min(Number(options.workers), Math.ceil(total / chunk)) }, runWorker),
);

const seconds = (performance.now() - started) / 1000;
const groups = Map.groupBy(differences, (d) => d.title);
for (const [title, list] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
  const kinds = Map.groupBy(list, (d) => d.kinds);
  const largest = [...kinds].sort((a, b) => b[1].length - a[1].length).slice(0, 3);
  const text = largest.map(([kind, found]) => `${kind} (${found.length})`).join('; ');
  process.stdout.write(`${title}: ${list.length}: ${text}\n`);
}
const shown = differences
  .sort(
    (a, b) =>
      Number(a.title === 'sequence') - Number(b.title === 'sequence') || a.number - b.number,
  )
  .slice(0, Number(options.show));
for (const { text } of shown) process.stdout.write(`\n${text}\n`);
const ends = [...vectors].sort((a, b) => a[0] - b[0]).map(([v, n]) => `${v}: ${n}`);
process.stdout.write(
  `isa: seed ${seed}, ${done} cases in ${seconds.toFixed(0)} s, ${differences.length} differ` +
    ` (ends by vector ${ends.join(', ')})\n`,
);
process.exitCode = differences.length ? 1 : 0;
