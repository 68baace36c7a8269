import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cachedKernel } from './kernelCache.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kernels-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (n: number): Uint8Array => Uint8Array.of(n);
const unpacked = (n: number) => () => Promise.resolve(Uint8Array.of(n, n));
/** The cache is filled and cleared behind the caller: this kernel is in it, with so many in all. */
const kept = (kernel: number, count: number): Promise<void> =>
  expect
    .poll(async () => {
      const names = await readdir(folder);
      return [
        names.includes(createHash('sha256').update(file(kernel)).digest('hex')),
        names.length,
      ];
    })
    .toEqual([true, count]);

it('unpacks a kernel once', async () => {
  expect(await cachedKernel(file(1), unpacked(1), folder)).toEqual(Uint8Array.of(1, 1));
  await kept(1, 1);
  const again = vi.fn(unpacked(9));
  expect(new Uint8Array((await cachedKernel(file(1), again, folder))!)).toEqual(
    Uint8Array.of(1, 1),
  );
  expect(again).not.toHaveBeenCalled();
});

it('keeps the four last used ones', async () => {
  for (let n = 0; n < 6; n++) {
    await cachedKernel(file(n), unpacked(n), folder);
    await kept(n, Math.min(n + 1, 4));
  }
  const first = vi.fn(unpacked(0));
  await cachedKernel(file(0), first, folder);
  expect(first).toHaveBeenCalled();
});

it('does without a folder that cannot be used', async () => {
  const blocked = path.join(folder, 'file');
  await writeFile(blocked, '');
  expect(await cachedKernel(file(1), unpacked(1), path.join(blocked, 'kernels'))).toEqual(
    Uint8Array.of(1, 1),
  );
});
