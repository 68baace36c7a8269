import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BlockError } from '../../backends/block.ts';
import { openDisk } from './fileDisk.ts';

let folder: string;
let image: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-disk-'));
  image = path.join(folder, 'disk.img');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const raw = (readOnly = false, file = image) =>
  openDisk({ path: file, format: 'raw', readOnly, owner: 'the VM "test"' });
const failure = async (work: Promise<unknown>): Promise<BlockError> => {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(BlockError);
  return error as BlockError;
};
const pattern = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff);

describe('a raw disk', () => {
  test('scatters reads and gathers writes at their offsets', async () => {
    writeFileSync(image, new Uint8Array(1 << 20));
    const disk = await raw();
    expect(disk.size).toBe(1 << 20);
    const [a, b] = [pattern(512, 1), pattern(4096, 2)];
    await disk.write(1024, [a, b]);
    await disk.flush();
    const [c, d] = [new Uint8Array(1024), new Uint8Array(3584)];
    await disk.read(1024, [c, d]);
    expect(Buffer.concat([c, d])).toEqual(Buffer.concat([a, b]));
    await disk.close();
    expect(readFileSync(image).subarray(1024, 1024 + 4608)).toEqual(Buffer.concat([a, b]));
  });

  test('takes many overlapping requests and more buffers than one call of the host takes', async () => {
    writeFileSync(image, new Uint8Array(8 << 20));
    const disk = await raw();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        disk.write(
          i << 20,
          Array.from({ length: 2048 }, () => pattern(512, i)),
        ),
      ),
    );
    const whole = new Uint8Array(8 << 20);
    await disk.read(0, [whole]);
    for (let i = 0; i < 8; i++)
      expect(whole.subarray((i << 20) + 512 * 2047, (i + 1) << 20)).toEqual(pattern(512, i));
    await disk.close();
  });

  test('fills up a last sector that the file has only in part', async () => {
    writeFileSync(image, pattern(700, 3));
    const disk = await raw();
    expect(disk.size).toBe(1024);
    const sector = new Uint8Array(512).fill(0xaa);
    await disk.read(512, [sector]);
    expect(sector.subarray(0, 188)).toEqual(pattern(700, 3).subarray(512));
    expect(sector.subarray(188).every((byte) => byte === 0)).toBe(true);
    await disk.close();
    expect(statSync(image).size).toBe(700);
  });

  test('discards and zeroes ranges, giving space back where the host can', async () => {
    writeFileSync(image, new Uint8Array(4 << 20).fill(0x55));
    const disk = await raw();
    const before = statSync(image).blocks;
    await disk.discard?.(1 << 20, 1 << 20);
    await disk.writeZeroes?.(2 << 20, 4096);
    const range = new Uint8Array(8192);
    await disk.read(2 << 20, [range]);
    expect(range.subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
    expect(range.subarray(4096).every((byte) => byte === 0x55)).toBe(true);
    if (process.platform === 'linux') expect(statSync(image).blocks).toBeLessThan(before);
    expect(statSync(image).size).toBe(4 << 20);
    await disk.close();
  });

  test('refuses writes when it is read-only and accesses beyond its end', async () => {
    writeFileSync(image, new Uint8Array(4096));
    const disk = await raw(true);
    expect((await failure(disk.write(0, [new Uint8Array(512)]))).code).toBe('read-only');
    expect((await failure(disk.read(4096, [new Uint8Array(512)]))).code).toBe('io');
    await disk.close();
  });

  test('zeroes what the file no longer has', async () => {
    writeFileSync(image, new Uint8Array(4096).fill(1));
    const disk = await raw(true);
    truncateSync(image, 1024);
    const whole = new Uint8Array(4096).fill(2);
    await disk.read(0, [whole]);
    expect(whole.subarray(0, 1024).every((byte) => byte === 1)).toBe(true);
    expect(whole.subarray(1024).every((byte) => byte === 0)).toBe(true);
    await disk.close();
  });
});

describe('opening an image', () => {
  test('names the file that is missing, a folder, empty or of another format', async () => {
    expect(await failure(raw())).toMatchObject({
      code: 'missing',
      message: `The disk image ${image} does not exist.`,
    });
    expect((await failure(raw(true, folder))).message).toBe(
      `${folder} is a folder, not a disk image.`,
    );
    expect((await failure(raw(false, folder))).message).toBe(
      `${folder} is a folder, not a disk image.`,
    );
    writeFileSync(image, '');
    expect((await failure(raw())).message).toContain('is empty');
    writeFileSync(image, Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(1020)]));
    const detected = openDisk({ path: image, format: 'auto', readOnly: false });
    expect((await failure(detected)).message).toContain('unknown version 0');
    // Nothing stays behind of the attempts.
    expect(readdirSync(folder)).toEqual(['disk.img']);
  });
});

describe('locks', () => {
  beforeEach(() => writeFileSync(image, new Uint8Array(4096)));

  test('one writer shuts out writers and readers until it closes', async () => {
    const first = await raw();
    expect(await failure(raw())).toMatchObject({
      code: 'locked',
      message: `The disk image ${image} is in use by the VM "test" (process ${process.pid}).`,
    });
    expect((await failure(raw(true))).code).toBe('locked');
    await first.close();
    const second = await raw();
    await second.close();
    expect(readdirSync(folder)).toEqual(['disk.img']);
  });

  test('readers share an image and shut out a writer', async () => {
    const readers = await Promise.all([raw(true), raw(true)]);
    expect((await failure(raw())).code).toBe('locked');
    await readers[0].close();
    expect((await failure(raw())).code).toBe('locked');
    await readers[1].close();
    await (await raw()).close();
  });

  test('those that share an image write to it together, and shut out all others', async () => {
    const shared = () => openDisk({ path: image, format: 'raw', readOnly: false, shared: true });
    const [one, other] = await Promise.all([shared(), shared()]);
    await one.write(512, [new Uint8Array(512).fill(7)]);
    const read = new Uint8Array(512);
    await other.read(512, [read]);
    expect(read).toEqual(new Uint8Array(512).fill(7));
    expect((await failure(raw())).code).toBe('locked');
    expect((await failure(raw(true))).code).toBe('locked');
    await one.close();
    expect((await failure(raw())).code).toBe('locked');
    await other.close();
    const reader = await raw(true);
    expect((await failure(shared())).code).toBe('locked');
    await reader.close();
    const writer = await raw();
    expect((await failure(shared())).code).toBe('locked');
    await writer.close();
    expect(readdirSync(folder)).toEqual(['disk.img']);
  });

  test('of many that open at once exactly one gets it', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => raw()));
    const won = results.filter((r) => r.status === 'fulfilled');
    expect(won).toHaveLength(1);
    await won[0]?.value.close();
  });

  test('a writer waits for who only looks', async () => {
    const reader = await raw(true);
    const writer = raw();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await reader.close();
    await (await writer).close();
  });

  test('a lock left behind by a dead process is cleared', async () => {
    const script = `
      const { openDisk } = await import(${JSON.stringify(path.join(import.meta.dirname, 'fileDisk.ts'))});
      await openDisk({ path: ${JSON.stringify(image)}, format: 'raw', readOnly: false, owner: 'the VM "crashed"' });
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(child.signal).toBe('SIGKILL');
    expect(existsSync(`${image}.lock`)).toBe(true);
    await (await raw()).close();
    expect(readdirSync(folder)).toEqual(['disk.img']);
  });

  test('a process number that was used again is not taken for the holder', async () => {
    const first = await raw();
    const lock = JSON.parse(readFileSync(`${image}.lock`, 'utf8')) as { started: string };
    await first.close();
    if (lock.started === '') return;
    writeFileSync(`${image}.lock`, JSON.stringify({ ...lock, started: 'another boot 1' }));
    await (await raw()).close();
  });

  test('a lock of another host or program is respected and named', async () => {
    writeFileSync(
      `${image}.lock`,
      JSON.stringify({ pid: 1, host: 'elsewhere', started: '', owner: 'the VM "far"' }),
    );
    expect((await failure(raw())).message).toContain(
      'in use by the VM "far" on the host elsewhere',
    );
    writeFileSync(`${image}.lock`, 'something else');
    expect((await failure(raw())).message).toContain('lock file of another program');
  });
});
