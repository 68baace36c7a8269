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
/** Said again at the end, where whoever reads only the last lines of a log sees it. */
const failures: string[] = [];

/** What of vitest's JSON report is looked at here. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

function failuresOf(report: Report): string[] {
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === 'failed');
    const file = path.relative(root, name);
    if (failed.length === 0) return status === 'failed' ? [`${file}: ${message}`] : [];
    return failed.map((one) => `${file}: ${one.fullName}\n${one.failureMessages.join('\n')}`);
  });
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;

/** A step that passes or fails as a whole. */
function step(name: string, command: string, args: string[]): boolean {
  const start = performance.now();
  process.stdout.write(`\n== ${name}\n`);
  const ok = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  process.stdout.write(`== ${name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(start)}\n`);
  total[ok ? 'passed' : 'failed']++;
  if (!ok) failures.push(name);
  return ok;
}

/** A vitest project; its tests are counted one by one. */
function suite(project: string): void {
  const start = performance.now();
  const report = path.join('.cache', `vitest-${project.replace(' ', '-')}.json`);
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
    const counts = JSON.parse(readFileSync(report, 'utf8')) as Report;
    total.passed += counts.numPassedTests;
    total.failed += counts.numFailedTests;
    total.skipped += counts.numPendingTests + counts.numTodoTests;
    failures.push(...failuresOf(counts));
    if (result.status !== 0 && counts.numFailedTests === 0) {
      total.failed++;
      failures.push(`${project}: errors outside of tests, see above`);
    }
  } catch {
    total.failed++;
    failures.push(`${project}: vitest left no report`);
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
if (npm('build'))
  for (const project of ['unit', 'isa', 'guests', 'measured guests', 'ui']) suite(project);

for (const failure of failures) process.stdout.write(`\nFailed: ${failure}\n`);
process.stdout.write(`\nAll of it took ${seconds(began)}.\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
