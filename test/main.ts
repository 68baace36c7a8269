/**
 * `npm test`: everything that must hold, in the order in which a failure is cheapest to find.
 * Ends with a line "N passed, N failed, N skipped".
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { installPrerequisites } from './framework/prerequisites.ts';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);
mkdirSync('.cache', { recursive: true });

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}
const total: Counts = { passed: 0, failed: 0, skipped: 0 };

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;

/** A step that passes or fails as a whole. */
function step(name: string, command: string, args: string[]): boolean {
  const start = performance.now();
  process.stdout.write(`\n== ${name}\n`);
  const ok = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  process.stdout.write(`== ${name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(start)}\n`);
  total[ok ? 'passed' : 'failed']++;
  return ok;
}

/** A vitest project; its tests are counted one by one. */
function suite(project: string): void {
  const start = performance.now();
  const report = path.join('.cache', `vitest-${project}.json`);
  rmSync(report, { force: true });
  process.stdout.write(`\n== ${project} tests\n`);
  const result = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
    total.passed += counts.numPassedTests ?? 0;
    total.failed += counts.numFailedTests ?? 0;
    total.skipped += (counts.numPendingTests ?? 0) + (counts.numTodoTests ?? 0);
    if (result.status !== 0 && !counts.numFailedTests) total.failed++;
  } catch {
    total.failed++;
  }
  process.stdout.write(
    `== ${project}: ${result.status === 0 ? 'passed' : 'FAILED'} in ${seconds(start)}\n`,
  );
}

const began = performance.now();
const { missing, reason } = installPrerequisites();
if (missing.length > 0)
  process.stdout.write(
    `Missing Debian packages (${reason}): ${missing.join(' ')}. Tests that need them skip.\n`,
  );

const npm = (script: string): boolean => step(script, 'npm', ['run', '-s', script]);
npm('check:types');
npm('check:lint');
npm('check:format');
if (npm('build')) for (const project of ['unit', 'isa', 'guests', 'ui']) suite(project);

process.stdout.write(`\nAll of it took ${seconds(began)}.\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
