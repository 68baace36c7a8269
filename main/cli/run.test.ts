/** `guesthouse run` as a process: exit codes, and its serial port on stdin and stdout. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoKernel, echoKernelKeys } from '../../test/framework/echoKernel.ts';

const script = fileURLToPath(new URL('main.js', import.meta.url));
let folder: string;
let kernel: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-run-'));
  kernel = join(folder, 'echo.bin');
  await writeFile(kernel, echoKernel());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the echo kernel; once it is ready, types `keys`. */
function run(keys: string, ...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [
    script,
    ...['run', '--kernel', kernel, '--memory', '16', '--max-seconds', '30', ...args],
  ]);
  let stdout = '';
  let stderr = '';
  let typed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (typed || !stdout.includes('ready')) return;
    typed = true;
    child.stdin.write(keys);
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

const key = (code: number): string => String.fromCharCode(code);

describe('guesthouse run', () => {
  it('joins stdin and stdout to the serial port and ends with 0 on power-off', async () => {
    const outcome = await run(`echo this${key(echoKernelKeys.powerOff)}`);
    expect(outcome).toEqual({ code: 0, stdout: 'ready\r\necho this', stderr: '' });
  });

  it('ends with (value << 1) | 1 on debug exit if it was asked for', async () => {
    expect((await run(key(echoKernelKeys.debugExit), '--debug-exit')).code).toBe(7);
    const without = await run(key(echoKernelKeys.debugExit) + key(echoKernelKeys.powerOff));
    expect(without.code).toBe(0);
  });

  it('ends with 70 and one line on a triple fault', async () => {
    const outcome = await run(key(echoKernelKeys.tripleFault));
    expect(outcome.code).toBe(70);
    expect(outcome.stderr).toMatch(/^guesthouse: the guest crashed: .*triple fault.*\n$/);
  });

  it('ends with 124 when the time is over', async () => {
    expect((await run('', '--max-seconds', '1')).code).toBe(124);
  });

  it('ends when nobody reads its output any more', async () => {
    const child = spawn(process.execPath, [script, 'run', '--kernel', kernel, '--memory', '16']);
    child.stdout.once('data', () => {
      child.stdout.destroy();
      child.stdin.write('into the void');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(141);
  });

  it('leaves stdout alone with --serial none, and prints counters with --stats', async () => {
    const outcome = await run('', '--serial', 'none', '--max-seconds', '1', '--stats');
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(/^\w.*: \d+$/m);
  });
});
