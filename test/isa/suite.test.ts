/** The instruction suite as CI runs it; see main.ts for its options. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const runs = [
  { cases: 2_000_000, engine: 'interpreter' },
  // Each case compiles a module of its own.
  { cases: 60_000, engine: 'translator' },
];

const isPossible = process.platform === 'linux' && process.arch === 'x64';

test.skipIf(!isPossible).each(runs)(
  "$cases random cases end as on this machine's own CPU, $engine",
  { timeout: 20 * 60_000 },
  async ({ cases, engine }) => {
    const program = fileURLToPath(new URL('main.ts', import.meta.url));
    const options = ['--cases', String(cases), '--seed', '1', '--engine', engine];
    const suite = spawn(process.execPath, [program, ...options]);
    let output = '';
    for (const stream of [suite.stdout, suite.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const code = await new Promise<number | null>((resolve) => suite.on('exit', resolve));
    expect(code, output).toBe(0);
    expect(output).toContain(`${cases} cases`);
  },
);
