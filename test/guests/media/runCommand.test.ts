/** `guesthouse run` with drives, as a process: keys typed, screenshots, the text of the screen at the end. */
import { execFile, execFileSync } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { inFolder } from './loaderMedia.ts';

const fromSources = path.resolve(import.meta.dirname, '../../../main/cli/main.js');
const built = path.resolve(import.meta.dirname, '../../../out/main/guesthouse.js');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const runOn = (command: string, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [command, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    child.stdin?.end();
  });
const run = (...args: string[]): Promise<Outcome> => runOn(fromSources, 'run', ...args);

it('types keys, takes screenshots and prints the screen when the guest powers off', async () => {
  await inFolder(async (folder) => {
    const [early, late] = [path.join(folder, 'early.png'), path.join(folder, 'late.png')];
    const outcome = await run(
      ...['--cdrom', '/usr/lib/grub-rescue/grub-rescue-cdrom.iso', '--boot', 'fdc'],
      ...['--floppy', 'none', '--serial', 'none', '--max-seconds', '120'],
      // The BIOS keeps what comes before GRUB reads it.
      ...['--sendkeys', 'c@2', '--sendkeys', 'halt<ret>@4'],
      ...['--screenshot', `${early}@1`, '--screenshot', late, '--screen-text'],
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/GNU GRUB {2}version[^]*grub> halt\n/);
    for (const file of [early, late]) {
      const { width, height, data } = decode(await readFile(file));
      expect([width, height]).toEqual([720, 400]);
      expect(data.some((value) => value > 100)).toBe(true);
    }
    expect((await readFile(early)).equals(await readFile(late))).toBe(false);
  });
});

it.each([
  ['from its sources', fromSources],
  ['as it is built', built],
])('ends when the screen shows what it is told to wait for, %s', async (_, command) => {
  await inFolder(async (folder) => {
    const picture = path.join(folder, 'end.png');
    const outcome = await runOn(
      ...([command, 'run'] as const),
      ...['--cdrom', '/usr/lib/grub-rescue/grub-rescue-cdrom.iso', '--serial', 'none'],
      ...['--until-screen', 'GNU GRUB  version', '--screenshot', picture, '--max-seconds', '120'],
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^ +GNU GRUB {2}version [^\n]*\n$/);
    expect(decode(await readFile(picture))).toMatchObject({ width: 720, height: 400 });
  });
});

it('prints the screen when the time is over, and says when there is none', async () => {
  await inFolder(async (folder) => {
    const disk = path.join(folder, 'blank.img');
    await writeFile(disk, '');
    await truncate(disk, 1 << 20);
    const drives = ['--disk', `${disk},if=ahci`, '--vga', 'virtio', '--max-seconds', '3'];
    const outcome = await run(...drives, '--screen-text');
    expect(outcome.code).toBe(124);
    expect(outcome.stdout).toContain('Nothing could be booted');
    expect(outcome.stderr).toContain('the machine ran longer than 3 s');
    const without = await run('--disk', disk, '--vga', 'none', '--screen-text');
    expect(without).toMatchObject({ code: 64, stdout: '' });
    expect(without.stderr).toContain('--until-screen need a graphics card');
  });
});

it('works on the library as it is built', async () => {
  await inFolder(async (folder) => {
    const env = { ...process.env, GUESTHOUSE_HOME: folder };
    const guesthouse = (...args: string[]): string =>
      execFileSync(process.execPath, [built, ...args], { env, encoding: 'utf8' });
    guesthouse('create', 'small', '--cdrom', '/usr/lib/grub-rescue/grub-rescue-cdrom.iso');
    guesthouse('start', 'small');
    expect(JSON.parse(guesthouse('list', '--json'))).toMatchObject([
      { name: 'small', state: 'running' },
    ]);
    guesthouse('stop', 'small', '--force');
  });
});
