import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDisk } from '../block/file/fileDisk.ts';
import { MemoryDisk } from '../block/memoryDisk.ts';
import { RateLimit, withPolicies } from './diskPolicies.ts';

/** What was asked of a disk, in order. */
function recorded(): { disk: MemoryDisk; log: string[] } {
  const disk = new MemoryDisk(1 << 20);
  const log: string[] = [];
  const own = disk as unknown as Record<string, (...args: never[]) => Promise<void>>;
  for (const name of ['read', 'write', 'flush', 'writeZeroes', 'discard']) {
    const before = own[name]?.bind(disk);
    own[name] = async (...args) => {
      log.push(name);
      await before?.(...args);
    };
  }
  return { disk, log };
}

test('without policies a disk is used as it is', () => {
  const { disk } = recorded();
  expect(withPolicies(disk, { cache: 'writeback' })).toBe(disk);
});

test('with writethrough every write is durable when it ends', async () => {
  const { disk, log } = recorded();
  await withPolicies(disk, { cache: 'writethrough' }).write(0, [new Uint8Array(512).fill(1)]);
  expect(log).toEqual(['write', 'flush']);
});

test('zeroes that are written become a hole if they are to be noticed', async () => {
  const { disk, log } = recorded();
  const noticing = withPolicies(disk, { detectZeroes: true });
  await noticing.write(0, [new Uint8Array(512), new Uint8Array(4096)]);
  await noticing.write(0, [new Uint8Array(512), new Uint8Array(512).fill(1)]);
  expect(log).toEqual(['writeZeroes', 'write']);
});

test('limits hold requests up to a number and to bytes a second', async () => {
  const { disk } = recorded();
  const slow = withPolicies(disk, { limits: { iops: 100 } });
  const start = performance.now();
  await Promise.all(Array.from({ length: 50 }, () => slow.read(0, [new Uint8Array(512)])));
  // Half a second, of which a tenth was saved up.
  expect(performance.now() - start).toBeGreaterThan(380);
  const narrow = new RateLimit(1_000_000);
  const before = performance.now();
  await Promise.all([narrow.take(200_000), narrow.take(200_000)]);
  const took = performance.now() - before;
  expect(took).toBeGreaterThan(280);
  expect(took).toBeLessThan(2000);
});

test('a disk without host caching leaves its file out of the host cache after a flush', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-cache-'));
  try {
    const image = path.join(folder, 'disk.img');
    writeFileSync(image, new Uint8Array(4 << 20).fill(1));
    const disk = await openDisk({ path: image, format: 'raw', readOnly: false, uncached: true });
    await disk.write(0, [new Uint8Array(4 << 20).fill(2)]);
    await disk.flush();
    await disk.close();
    expect(statSync(image).size).toBe(4 << 20);
    if (process.platform !== 'linux') return;
    const cached = Number(execFileSync('fincore', ['-nbo', 'RES', image], { encoding: 'utf8' }));
    expect(cached).toBeLessThan(1 << 20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
