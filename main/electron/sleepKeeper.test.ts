import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { echoKernel } from '../../test/framework/echoKernel.ts';
import { openHome } from '../manager/home.ts';
import { createHostService } from '../manager/hostService.ts';
import { Manager } from '../manager/manager.ts';
import { nodeVmStarter } from '../manager/nodeVmStarter.ts';
import { SleepKeeper } from './sleepKeeper.ts';

test('machines sleep and wake with the computer; one that a person paused stays paused', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'guesthouse-sleep-'));
  const home = await openHome({ GUESTHOUSE_HOME: folder });
  const manager = new Manager(home, createHostService('electron', folder), nodeVmStarter());
  try {
    const kernel = path.join(folder, 'echo.bin');
    await writeFile(kernel, echoKernel());
    const made = [];
    for (const name of ['runs', 'paused', 'off'])
      made.push((await manager.library.create({ name, memoryMiB: 16, boot: { kernel } })).id);
    const [runs, paused] = made as [string, string, string];
    await manager.session.start(runs);
    await manager.session.start(paused);
    await manager.session.pause(paused);
    const states = async () =>
      Object.fromEntries((await manager.library.list()).map(({ name, state }) => [name, state]));
    const runningMs = async () => (await manager.session.counters(runs)).runningMs ?? 0;

    const keeper = new SleepKeeper(manager);
    await keeper.suspend();
    expect(await states()).toEqual({ runs: 'paused', paused: 'paused', off: 'poweredOff' });
    const before = await runningMs();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await runningMs()).toBe(before);
    await keeper.resume();
    expect(await states()).toEqual({ runs: 'running', paused: 'paused', off: 'poweredOff' });
    // It wakes while it falls asleep: the order holds.
    const asleep = keeper.suspend();
    await keeper.resume();
    await asleep;
    expect((await states()).runs).toBe('running');
    // Waking without a sleep changes nothing.
    await keeper.resume();
    expect((await states()).paused).toBe('paused');
  } finally {
    await manager.close();
    await rm(folder, { recursive: true, force: true });
  }
});
