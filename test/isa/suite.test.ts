/** The instruction suite as CI runs it; see main.ts for its options. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const cases = 2_000_000;

const isPossible = process.platform === 'linux' && process.arch === 'x64';

test.skipIf(!isPossible)(
  `${cases} random cases end as on this machine's own CPU`,
  { timeout: 20 * 60_000 },
  async () => {
    const program = fileURLToPath(new URL('main.ts', import.meta.url));
    const suite = spawn(process.execPath, [program, '--cases', String(cases), '--seed', '1']);
    let output = '';
    for (const stream of [suite.stdout, suite.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const code = await new Promise<number | null>((resolve) => suite.on('exit', resolve));
    expect(code, output).toBe(0);
    expect(output).toContain(`${cases} cases`);
  },
);
