/** The soak in a bounded form; test/soak/main.ts runs it for minutes in a Debian guest. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

it('memory is flat while a guest writes, runs and overwrites code', async () => {
  const program = path.resolve(import.meta.dirname, '../soak/main.ts');
  const soak = spawn(process.execPath, [program, '--churn', '25']);
  let output = '';
  for (const stream of [soak.stdout, soak.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => soak.on('exit', resolve));
  expect(code, output).toBe(0);
  const made = Number(/"regionsMade":(\d+)/.exec(output)?.[1]);
  const live = Number(/"regionsLive":(\d+)/.exec(output)?.[1]);
  // Each of the guest's functions was translated more than once, or nothing was seen.
  expect(made).toBeGreaterThan(2 * live);
});
