import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHome, type Home } from './home.ts';
import { nodeVmStarter } from './nodeVmStarter.ts';
import { connectManager, ownLibrary, type OwnedManager } from './openManager.ts';
import { openSharedManager, type SharedManager } from './sharedManager.ts';

let folder: string;
let home: Home;
const open: (OwnedManager | SharedManager)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-open-'));
  home = await openHome({ GUESTHOUSE_HOME: folder });
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  await rm(folder, { recursive: true, force: true });
});

const vm = { name: 'x', memoryMiB: 64, boot: { kernel: '/k' } };

describe('one manager per library', () => {
  it('is the one that came first; others connect to it', async () => {
    expect(await connectManager(home)).toBeUndefined();
    const claims = await Promise.all(
      [1, 2, 3].map(() => ownLibrary(home, nodeVmStarter(), 'server')),
    );
    const owners = claims.filter((claim) => claim !== undefined);
    open.push(...owners);
    expect(owners).toHaveLength(1);
    const client = await connectManager(home);
    const created = await client?.library.create(vm);
    expect(await owners[0]?.services.library.list()).toContainEqual(created);
    client?.close();
  });

  it('takes over a socket that a killed one left behind', async () => {
    await writeFile(home.socketPath, '');
    const owned = await ownLibrary(home, nodeVmStarter(), 'server');
    if (owned) open.push(owned);
    expect(owned).toBeDefined();
  });

  it('is replaced by a window’s shell that was connected when it ends', async () => {
    const first = await openSharedManager(home, nodeVmStarter(), 'server');
    const second = await openSharedManager(home, nodeVmStarter(), 'server');
    open.push(second);
    expect([first.owner, second.owner]).toEqual([true, false]);
    const names: string[][] = [];
    second.services.events.on('listChanged', (vms) => names.push(vms.map((one) => one.name)));
    await first.services.library.create(vm);
    await expect.poll(() => names.at(-1)).toEqual(['x']);
    await first.close();
    await expect.poll(() => second.owner).toBe(true);
    expect(await second.services.library.list()).toHaveLength(1);
  });

  it('answers where the path of the library is too long for a socket', async () => {
    const deep = await openHome({ GUESTHOUSE_HOME: join(folder, 'd'.repeat(120)) });
    const owned = await ownLibrary(deep, nodeVmStarter(), 'server');
    if (owned) open.push(owned);
    const client = await connectManager(deep);
    expect(await client?.library.list()).toEqual([]);
    client?.close();
  });
});
