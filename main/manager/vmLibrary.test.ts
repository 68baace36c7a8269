import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VmLibrary } from './vmLibrary.ts';

let folder: string;
let library: VmLibrary;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-library-'));
  library = new VmLibrary(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const debian = { name: 'Debian', memoryMiB: 512, boot: { kernel: '/boot/vmlinuz' } };

describe('the library on disk', () => {
  it('creates, reads, modifies and deletes', async () => {
    const created = await library.create(debian);
    expect(await library.get(created.id)).toEqual(created);
    const changed = await library.modify(created.id, { memoryMiB: 1024 });
    expect(changed).toMatchObject({
      name: 'Debian',
      memoryMiB: 1024,
      createdAt: created.createdAt,
    });
    await expect(new VmLibrary(folder).get(created.id)).resolves.toEqual(changed);
    await library.delete(created.id);
    expect(await library.list()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps other settings when one is modified', async () => {
    const created = await library.create({
      ...debian,
      description: 'mine',
      disks: [{ path: '/d' }],
    });
    expect(await library.modify(created.id, { name: 'Renamed' })).toEqual({
      ...created,
      name: 'Renamed',
    });
  });

  it('refuses a taken name, a relative path and an identifier that leads elsewhere', async () => {
    await library.create(debian);
    await expect(library.create({ ...debian, name: 'debian' })).rejects.toMatchObject({
      code: 'name-taken',
    });
    await expect(
      library.create({ ...debian, name: 'x', boot: { kernel: 'vmlinuz' } }),
    ).rejects.toMatchObject({ message: expect.stringContaining('absolute') });
    await expect(library.delete('../..')).rejects.toMatchObject({ code: 'no-such-vm' });
  });

  it('lists what it cannot use, says why, and leaves the file as it is', async () => {
    const newer = JSON.stringify({ version: 99, name: 'From the future', shape: 'unknown' });
    await mkdir(join(folder, 'future'));
    await writeFile(join(folder, 'future', 'vm.json'), newer);
    await mkdir(join(folder, 'broken'));
    await writeFile(join(folder, 'broken', 'vm.json'), '{"version": 1,');
    const entries = await library.list();
    expect(entries.map((entry) => entry.name)).toEqual(['broken', 'From the future']);
    expect(entries[0]?.problem?.message).toContain('damaged');
    expect(entries[1]?.problem).toMatchObject({ code: 'config-newer' });
    await expect(library.modify('future', { name: 'x' })).rejects.toMatchObject({
      code: 'config-newer',
    });
    expect(await readFile(join(folder, 'future', 'vm.json'), 'utf8')).toBe(newer);
  });

  it('loses no change when processes change it at the same time', async () => {
    const url = new URL('vmLibrary.ts', import.meta.url).href;
    const script = (name: string): string => `
      const { VmLibrary } = await import(${JSON.stringify(url)});
      const library = new VmLibrary(${JSON.stringify(folder)});
      for (let i = 0; i < 5; i++)
        await library.create({ name: '${name}' + i, memoryMiB: 64, boot: { kernel: '/k' } });
      const taken = await library.create({ name: 'one', memoryMiB: 64, boot: { kernel: '/k' } })
        .then(() => 'mine', (error) => error.code);
      console.log(taken);`;
    const runs = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        promisify(execFile)(process.execPath, ['--input-type=module', '-e', script(name)]),
      ),
    );
    const results = runs.map((run) => run.stdout.trim()).sort();
    expect(results).toEqual(['mine', 'name-taken', 'name-taken']);
    expect(await library.list()).toHaveLength(16);
  });
});
