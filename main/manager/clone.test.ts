/** New disks, clones and deletion with real images. */
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Task } from '../../shared/services/tasks.ts';
import type { CloneOptions } from '../../shared/services/library.ts';
import { diskTool } from './diskTool.ts';
import { openHome, type Home } from './home.ts';
import { createHostService } from './hostService.ts';
import { Manager } from './manager.ts';
import { nodeVmStarter } from './nodeVmStarter.ts';

let folder: string;
let home: Home;
let manager: Manager;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-clone-'));
  home = await openHome({ GUESTHOUSE_HOME: join(folder, 'home') });
  manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
});
afterEach(async () => {
  await manager.close();
  await rm(folder, { recursive: true, force: true });
});

const diskNames = async (): Promise<string[]> =>
  (await readdir(home.disksFolder).catch(() => []))
    .filter((name) => !name.endsWith('.lock'))
    .sort();

async function clone(id: string, options: CloneOptions): Promise<Task> {
  const ended = new Promise<Task>((resolve) =>
    manager.events.on('tasksChanged', (tasks) => {
      const task = tasks.find(({ state }) => state !== 'running');
      if (task) resolve(task);
    }),
  );
  await manager.library.clone(id, options);
  const task = await ended;
  await manager.tasks.dismiss(task.id);
  return task;
}

it('makes new disks for a VM, and none if the VM cannot be made', async () => {
  const vm = { name: 'a/b', memoryMiB: 64, boot: {} };
  const { id } = await manager.library.create(vm, [
    { sizeMiB: 64 },
    { sizeMiB: 1, format: 'vdi', interface: 'ide' },
  ]);
  expect(await diskNames()).toEqual(['a_b.qcow2', 'a_b.vdi']);
  const { disks } = await manager.library.get(id);
  expect(disks.map(({ interface: where }) => where)).toEqual(['virtio', 'ide']);
  const [info] = await (await diskTool()).diskInfo(disks[0]!);
  expect(info).toMatchObject({ format: 'qcow2', size: 64 * 2 ** 20 });
  await expect(manager.library.create(vm, [{ sizeMiB: 1 }])).rejects.toMatchObject({
    code: 'name-taken',
  });
  await expect(
    manager.library.create({ ...vm, name: 'c', memoryMiB: 1 }, [{ sizeMiB: 1 }]),
  ).rejects.toMatchObject({ code: 'invalid' });
  expect(await diskNames()).toEqual(['a_b.qcow2', 'a_b.vdi']);
});

it('copies a VM with its disks, or links both to what they were', async () => {
  const { id } = await manager.library.create({ name: 'web', memoryMiB: 64, boot: {} }, [
    { sizeMiB: 8, format: 'raw' },
  ]);
  const original = (await manager.library.get(id)).disks[0]!.path;
  const file = await open(original, 'r+');
  await file.write(Buffer.from('what the guest wrote'), 0, 20, 4096);
  await file.close();

  const copied = await clone(id, { name: 'copy', how: 'full' });
  expect(copied).toMatchObject({ kind: 'clone', state: 'done' });
  const copy = await manager.library.get(copied.vmId!);
  expect(copy).toMatchObject({ name: 'copy', memoryMiB: 64 });
  const read = async (path: string): Promise<string> => {
    const copyFile = await open(path, 'r');
    const { buffer } = await copyFile.read(Buffer.alloc(20), 0, 20, 4096);
    await copyFile.close();
    return buffer.toString();
  };
  expect(await read(copy.disks[0]!.path)).toBe('what the guest wrote');

  const linked = await clone(id, { name: 'link', how: 'linked' });
  expect(linked.state).toBe('done');
  const [from, to] = await Promise.all([id, linked.vmId!].map((one) => manager.library.get(one)));
  for (const vm of [from!, to!]) {
    const chain = await (await diskTool()).diskInfo(vm.disks[0]!);
    expect(chain.map(({ path }) => path)).toEqual([vm.disks[0]!.path, original]);
  }

  // What the other one builds on stays when one is deleted with its files.
  expect(await manager.library.deletionFiles(id)).toEqual([
    expect.objectContaining({ path: from!.disks[0]!.path }),
    expect.objectContaining({ path: original, neededBy: 'link' }),
  ]);
  await manager.library.delete(id, 'delete');
  expect(existsSync(original)).toBe(true);
  expect(existsSync(from!.disks[0]!.path)).toBe(false);
  await manager.library.delete(linked.vmId!, 'delete');
  expect(existsSync(original)).toBe(false);
  await manager.library.delete(copied.vmId!);
  expect(await diskNames()).toEqual(['copy.img']);
});

it('says why a clone is not possible, and leaves nothing of a cancelled one', async () => {
  const { id } = await manager.library.create({ name: 'big', memoryMiB: 64, boot: {} }, [
    { sizeMiB: 4096, format: 'raw' },
  ]);
  await expect(manager.library.clone(id, { name: 'Big', how: 'full' })).rejects.toMatchObject({
    code: 'name-taken',
  });
  const ended = new Promise<Task>((resolve) =>
    manager.events.on('tasksChanged', (tasks) => {
      const [task] = tasks;
      if (task && task.state !== 'running') resolve(task);
    }),
  );
  const { id: task } = await manager.library.clone(id, { name: 'half', how: 'full' });
  await manager.tasks.cancel(task);
  expect((await ended).state).toBe('cancelled');
  expect(await diskNames()).toEqual(['big.img']);
  expect((await manager.library.list()).map(({ name }) => name)).toEqual(['big']);

  await rm((await manager.library.get(id)).disks[0]!.path);
  await expect(manager.library.clone(id, { name: 'x', how: 'full' })).rejects.toMatchObject({
    code: 'disk-missing',
  });
});
