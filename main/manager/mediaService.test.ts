import { mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDisk, diskInfo } from '../../emulator/host/diskTool.ts';
import type { Task } from '../../shared/services/tasks.ts';
import {
  contentOf,
  firstDisk,
  hash,
  openLibrary,
  scribble,
  type Library,
} from '../../test/framework/storage/snapshotWorkload.ts';
import { Random } from '../../test/framework/storage/random.ts';

let folder: string;
let library: Library;
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-media-'));
  library = await openLibrary(folder);
});
afterEach(async () => {
  await library.manager.close();
  rmSync(folder, { recursive: true, force: true });
});

test('an image with holes takes what is allocated of it', async () => {
  const sparse = path.join(folder, 'home', 'disks', 'sparse.img');
  mkdirSync(path.dirname(sparse), { recursive: true });
  writeFileSync(sparse, new Uint8Array(65536).fill(1));
  truncateSync(sparse, 1 << 30);
  const media = await library.manager.media.list();
  const { fileSize, storedSize } = media.find((one) => one.path === sparse)!;
  expect(fileSize).toBe(1 << 30);
  expect(storedSize).toBeGreaterThanOrEqual(65536);
  expect(storedSize).toBeLessThan(1 << 20);
});

test('an image that snapshots use is neither resized nor removed, and can be followed to another folder', async () => {
  const { manager, id, image } = library;
  const random = new Random(1);
  const first = hash(await scribble(library, random));
  const { id: snapshot } = await manager.snapshots.take(id, { name: 'one' });
  const second = hash(await scribble(library, random));
  const media = await manager.media.list();
  expect(media.find((one) => one.path === image)?.users).toMatchObject([{ vmId: id }]);
  await expect(manager.media.resize(image, 8)).rejects.toMatchObject({ code: 'has-snapshots' });
  await expect(manager.media.remove(image)).rejects.toMatchObject({ code: 'in-use' });

  const place = path.join(folder, 'elsewhere', 'renamed.img');
  mkdirSync(path.dirname(place));
  renameSync(image, place);
  await manager.media.relocate(image, place);
  const now = firstDisk(await manager.library.get(id));
  expect(hash(await contentOf(now))).toBe(second);
  await manager.snapshots.restore(id, snapshot);
  expect(hash(await contentOf(firstDisk(await manager.library.get(id))))).toBe(first);
  await manager.snapshots.delete(id, snapshot);
  const left = firstDisk(await manager.library.get(id));
  expect(left.path).toBe(place);
  expect(hash(await contentOf(left))).toBe(first);
});

test('an enlargement is a task; cancelled, the disk has its old size', async () => {
  const { manager, home } = library;
  mkdirSync(home.disksFolder, { recursive: true });
  const [base, top] = ['base.img', 'top.qcow2'].map((name) => path.join(home.disksFolder, name));
  await createDisk({ path: base!, format: 'raw', size: 1 << 30 });
  const backing = { path: base!, format: 'raw', allowedFolders: [] } as const;
  await createDisk({ path: top!, format: 'qcow2', size: 1 << 20, backing });
  const ended = (id: string): Promise<Task> =>
    new Promise((resolve) => {
      manager.events.on('tasksChanged', (tasks) => {
        const task = tasks.find((one) => one.id === id && one.state !== 'running');
        if (task !== undefined) resolve(task);
      });
    });
  const sizeNow = async (): Promise<number | undefined> =>
    (await diskInfo({ path: top!, format: 'qcow2', allowedFolders: [] }))[0]?.size;

  // It has opened no file before the next turn of the event loop, so this comes before its first step.
  const first = await manager.media.resize(top!, 512);
  const firstEnded = ended(first.id);
  await manager.tasks.cancel(first.id);
  expect(await firstEnded).toMatchObject({ kind: 'resize', subject: top, state: 'cancelled' });
  expect(await sizeNow()).toBe(1 << 20);
  const second = await manager.media.resize(top!, 512);
  expect(await ended(second.id)).toMatchObject({ state: 'done', done: 511 << 20 });
  expect(await sizeNow()).toBe(512 << 20);
  await expect(manager.media.resize(top!, 1)).rejects.toMatchObject({ code: 'would-shrink' });
});

test('the list of media is read while one is converted, and does not get in its way', async () => {
  const { manager, home } = library;
  mkdirSync(home.disksFolder, { recursive: true });
  const source = path.join(home.disksFolder, 'source.qcow2');
  await createDisk({ path: source, format: 'qcow2', size: 1 << 30 });
  for (let i = 0; i < 5; i++) {
    const { id, subject } = await manager.media.convert(source, 'raw');
    const now = async (): Promise<Task> =>
      (await manager.tasks.list()).find((one) => one.id === id)!;
    while ((await now()).state === 'running') await manager.media.list();
    expect(await now()).toMatchObject({ state: 'done' });
    rmSync(subject);
  }
});
