/** `guesthouse log`, `screenshot` and `type` with a machine that runs in the background. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { echoKernel } from '../../test/framework/echoKernel.ts';
import { runCli } from './testing/runCli.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'guesthouse-cli-screen-'));
});
afterAll(async () => {
  await guesthouse('stop', 'echo', '--force').catch(() => undefined);
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

const guesthouse = (...args: string[]) => runCli(home, ...args);

test('a machine’s log is printed, its screen saved, and its keyboard typed on', async () => {
  const kernel = join(home, 'echo.bin');
  await writeFile(kernel, echoKernel());
  await guesthouse('create', 'echo', '--kernel', kernel, '--memory', '16');
  // Off, it has no screen.
  expect((await guesthouse('screenshot', 'echo', join(home, 'off.png'))).code).toBe(1);
  expect((await guesthouse('start', 'echo')).stderr).toBe('');
  const picture = join(home, 'screen.png');
  const saved = await guesthouse('screenshot', 'echo', picture, '--json');
  expect(JSON.parse(saved.stdout)).toMatchObject({ path: picture, width: 720, height: 400 });
  const { width, height } = decode(await readFile(picture));
  expect([width, height]).toEqual([720, 400]);
  // Nothing is overwritten.
  const again = await guesthouse('screenshot', 'echo', picture);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('already')]);
  const typed = await guesthouse('type', 'echo', 'ls<ret><ctrl-alt-delete>', '--json');
  expect(JSON.parse(typed.stdout)).toMatchObject({ strokes: 4 });
  const wrong = await guesthouse('type', 'echo', '<nokey>');
  expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining('nokey')]);
  const lines = (await guesthouse('log', 'echo', '--json')).stdout.trimEnd().split('\n');
  const times = lines.map((line) => (JSON.parse(line) as { time: string }).time);
  expect(times.length).toBeGreaterThan(0);
  for (const time of times) expect(Number.isNaN(Date.parse(time))).toBe(false);
  expect((await guesthouse('log', 'echo')).stdout.split('\n')).toHaveLength(lines.length + 1);
});
