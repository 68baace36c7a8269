/** Snapshots with real images and processes: nothing is lost, whatever comes in whatever order. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { echoKernel, echoKernelKeys } from '../../test/framework/echoKernel.ts';
import { diaryDisk, diaryOf } from '../../test/framework/storage/diarySector.ts';
import { Random } from '../../test/framework/storage/random.ts';
import {
  configsOf,
  contentOf,
  diskSize,
  firstDisk,
  hash,
  openLibrary,
  presentDisk,
  scribble,
  type Library,
} from '../../test/framework/storage/snapshotWorkload.ts';

let folder: string;
let library: Library;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'guesthouse-snapshots-'));
  library = await openLibrary(folder);
}, 120_000);
afterEach(async () => {
  await library.manager.close();
  await rm(folder, { recursive: true, force: true });
}, 120_000);

const vmFolder = (): string => path.join(library.home.vmsFolder, library.id);

async function expectContents(contents: ReadonlyMap<string, string>, every = 1): Promise<void> {
  for (const [index, [id, config]] of [...configsOf(library)].entries())
    if (index % every === 0)
      expect(hash(await contentOf(firstDisk(config))), id).toBe(contents.get(id));
}

describe('snapshots of a VM that is off', () => {
  it('are a chain of forty, and then a tree, whose contents are always right', async () => {
    const { manager, id } = library;
    const random = new Random(7);
    const contents = new Map<string, string>();
    const take = async (): Promise<void> => {
      const content = hash(await scribble(library, random));
      const taken = await manager.snapshots.take(id, { name: `s${contents.size}` });
      contents.set(taken.id, content);
    };
    for (let i = 0; i < 40; i++) await take();
    let { snapshots } = await manager.snapshots.list(id);
    expect(snapshots).toHaveLength(40);
    expect(snapshots.every((one, i) => one.parent === snapshots[i - 1]?.id)).toBe(true);
    await expectContents(contents, 9);
    for (let i = 0; i < 24; i++) {
      ({ snapshots } = await manager.snapshots.list(id));
      const some = snapshots[random.below(snapshots.length)];
      if (some === undefined) break;
      if (i % 3 === 0) {
        await manager.snapshots.restore(id, some.id);
        expect(hash(await contentOf(await presentDisk(library)))).toBe(contents.get(some.id));
        expect((await manager.snapshots.list(id)).current).toBe(some.id);
        await take();
      } else {
        const before = hash(await contentOf(await presentDisk(library)));
        await manager.snapshots.delete(id, some.id);
        expect(hash(await contentOf(await presentDisk(library)))).toBe(before);
      }
    }
    await expectContents(contents, 3);
    // Once all are gone, everything is in the image that the user attached.
    const last = hash(await scribble(library, random));
    for (const one of (await manager.snapshots.list(id)).snapshots)
      await manager.snapshots.delete(id, one.id);
    expect((await presentDisk(library)).path).toBe(library.image);
    expect((await presentDisk(library)).format).toBe('raw');
    expect(hash(await readFile(library.image))).toBe(last);
    expect(await readdir(path.join(vmFolder(), 'disks'))).toEqual([]);
    await manager.library.delete(id);
  }, 600_000);

  it('can be renamed and described, keep the VM from being deleted, and are refused by name', async () => {
    const { manager, id } = library;
    const { id: first } = await manager.snapshots.take(id, { name: 'fresh', description: 'new' });
    await manager.snapshots.change(id, first, { name: 'clean' });
    const { snapshots, current } = await manager.snapshots.list(id);
    expect(snapshots).toMatchObject([{ name: 'clean', description: 'new', withState: false }]);
    expect(current).toBe(first);
    await expect(manager.library.delete(id)).rejects.toMatchObject({ code: 'has-snapshots' });
    await expect(
      manager.snapshots.restore(id, '00000000-0000-4000-8000-000000000000'),
    ).rejects.toMatchObject({ code: 'no-such-snapshot' });
    await manager.snapshots.delete(id, first);
    await manager.library.delete(id);
  });

  it('survive a manager that is killed at any moment', async () => {
    await library.manager.close();
    const random = new Random(11);
    const program = path.resolve(
      import.meta.dirname,
      '../../test/framework/storage/snapshotWorkload.ts',
    );
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [program, folder, String(round)], { stdio: 'pipe' });
      await once(child.stdout, 'data');
      await wait(50 + random.below(800));
      child.kill('SIGKILL');
      await once(child, 'close');
      // It would count as held for ten seconds.
      await rm(`${vmFolder()}.lock`, { recursive: true, force: true });
      library = await openLibrary(folder);
      const { manager, id } = library;
      // Opening for a change finishes what was begun.
      const { id: taken } = await manager.snapshots.take(id, { name: 'after' });
      const journal = (await readFile(path.join(folder, 'journal'), 'utf8').catch(() => '')).split(
        '\n',
      );
      const present = hash(await contentOf(await presentDisk(library)));
      if (journal.length > 2) expect(journal.slice(-3)).toContain(present);
      await manager.snapshots.change(id, taken, { description: present });
      const { snapshots } = await manager.snapshots.list(id);
      const configs = configsOf(library);
      for (const one of snapshots) {
        const config = configs.get(one.id);
        if (config === undefined) throw new Error('unreachable');
        expect(hash(await contentOf(firstDisk(config))), one.name).toBe(one.description);
      }
      await manager.close();
    }
  }, 600_000);
});

describe('snapshots of a VM that runs', () => {
  it('are a chain of a hundred; whatever is deleted, disk and memory of the others belong together', async () => {
    const { manager, id, image } = library;
    await writeFile(image, diaryDisk(diskSize));
    await manager.library.modify(id, { boot: {} });
    const random = new Random(19);
    let sent = 0;
    const says = async (text: string): Promise<void> => {
      const heard = async (): Promise<string> =>
        Buffer.from(await manager.session.attachSerial(id, 0)).toString('latin1');
      await expect.poll(heard, { interval: 5 }).toMatch(new RegExp(`${text}$`));
    };
    const write = async (): Promise<number> => {
      const byte = 0x41 + (sent++ % 26);
      await manager.session.sendSerial(id, 0, Uint8Array.of(byte));
      await says(String.fromCharCode(byte));
      return byte;
    };
    await manager.session.start(id);
    await says('\\.');
    const diaries = new Map<string, ReturnType<typeof diaryOf>>();
    for (let count = 1; count <= 100; count++) {
      const byte = await write();
      const taken = await manager.snapshots.take(id, { name: `s${count}` });
      diaries.set(taken.id, { byte, count });
      // What that sets free is merged when the VM is off.
      if (count % 10 === 0) {
        const some = [...diaries.keys()][random.below(diaries.size)]!;
        await manager.snapshots.delete(id, some);
        diaries.delete(some);
      }
    }
    await manager.session.stop(id, 'powerOff');
    const { snapshots } = await manager.snapshots.list(id);
    expect(snapshots.map((one) => one.id)).toEqual([...diaries.keys()]);
    expect(snapshots.every((one, i) => one.parent === snapshots[i - 1]?.id)).toBe(true);
    for (let round = 0; round < 4; round++) {
      const [some, other] = [0, 0].map(() => [...diaries.keys()][random.below(diaries.size)]!);
      const diary = diaries.get(some!)!;
      await manager.snapshots.restore(id, some!);
      expect(diaryOf(await contentOf(await presentDisk(library)))).toEqual(diary);
      await manager.session.start(id);
      // The count is the memory's.
      const byte = await write();
      await manager.session.stop(id, 'powerOff');
      const after = diaryOf(await contentOf(await presentDisk(library)));
      expect(after).toEqual({ byte, count: diary.count + 1 });
      await manager.snapshots.delete(id, other!);
      diaries.delete(other!);
      expect(diaryOf(await contentOf(await presentDisk(library)))).toEqual(after);
    }
    for (const [index, [snapshot, config]] of [...configsOf(library)].entries())
      if (index % 9 === 0)
        expect(diaryOf(await contentOf(firstDisk(config)))).toEqual(diaries.get(snapshot));
  }, 600_000);
});

describe('a running VM', () => {
  let id: string;
  const text = async (): Promise<string> =>
    new TextDecoder().decode(await library.manager.session.attachSerial(id, 0));
  const stateOf = async (): Promise<string | undefined> =>
    (await library.manager.library.list()).find((vm) => vm.id === id)?.state;
  const echoes = async (word: string): Promise<void> => {
    await library.manager.session.sendSerial(id, 0, new TextEncoder().encode(word));
    await expect.poll(text).toContain(word);
  };
  beforeEach(async () => {
    ({ id } = library);
    const kernel = path.join(folder, 'echo.bin');
    await writeFile(kernel, echoKernel());
    await library.manager.library.modify(id, { boot: { kernel } });
    await library.manager.session.start(id);
    await expect.poll(text).toContain('ready');
  }, 300_000);

  it('goes on while a snapshot is taken, and again from there after a restore', async () => {
    const { manager } = library;
    const taken = await manager.snapshots.take(id, { name: 'live' });
    expect(taken.withState).toBe(true);
    await echoes('still there');
    await expect(manager.snapshots.restore(id, taken.id)).rejects.toMatchObject({
      code: 'running',
    });
    await manager.session.sendSerial(id, 0, Uint8Array.of(echoKernelKeys.powerOff));
    await expect.poll(stateOf).toBe('poweredOff');
    await manager.snapshots.restore(id, taken.id);
    expect(await stateOf()).toBe('saved');
    await manager.session.start(id);
    await echoes('from the snapshot');
    expect(await text()).not.toContain('ready');
    await manager.session.stop(id, 'powerOff');
    // The state was for one start; the snapshot still has it.
    expect(await stateOf()).toBe('poweredOff');
    await manager.snapshots.restore(id, taken.id);
    expect(await stateOf()).toBe('saved');
    await manager.snapshots.delete(id, taken.id);
    expect(await stateOf()).toBe('saved');
    await manager.session.start(id);
    await echoes('still saved');
  });

  it('is saved and goes on, or its state is discarded', async () => {
    const { manager } = library;
    await manager.snapshots.saveState(id);
    expect(await stateOf()).toBe('saved');
    const [saved = ''] = await readdir(path.join(vmFolder(), 'saved'));
    const screenshot = await readFile(path.join(vmFolder(), 'saved', saved, 'screenshot.png'));
    expect(screenshot.subarray(1, 4).toString()).toBe('PNG');
    await expect(manager.library.modify(id, { memoryMiB: 32 })).rejects.toMatchObject({
      code: 'saved',
    });
    await manager.session.start(id);
    await echoes('back');
    expect(await text()).not.toContain('ready');
    await manager.snapshots.saveState(id);
    await manager.snapshots.discardState(id);
    expect(await stateOf()).toBe('poweredOff');
    expect(await readdir(path.join(vmFolder(), 'saved'))).toEqual([]);
    await manager.session.start(id);
    await expect.poll(text).toContain('ready');
  });
});
