/** Disks that grow beyond the tables of their images, judged by qemu-img. Sparse files of the host; a few seconds. */
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  qemuCheck,
  qemuCompare,
  qemuFormat,
  qemuImg,
  run,
} from '../../test/framework/storage/qemuImg.ts';
import { checkDisk, convertDisk, createDisk, diskInfo, resizeDisk } from './diskTool.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-grow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [MiB, GiB] = [2 ** 20, 2 ** 30];

interface Growth {
  readonly name: string;
  readonly format: 'vdi' | 'vhdx' | 'vmdk';
  /** Bytes: by which qemu-img or we make it, and to which it grows, step by step. */
  readonly size: number;
  readonly steps: readonly number[];
  /** Options of qemu-img create; without them we make it. */
  readonly options?: readonly string[];
  readonly blockSize?: number;
}

const growths: readonly Growth[] = [
  // 128 entries are one sector of the map, and the data follows at once.
  {
    name: 'a VDI of qemu-img with a full map',
    ...{ format: 'vdi', size: 128 * MiB, options: [] },
    steps: [129 * MiB, 3 * GiB, 200 * GiB],
  },
  {
    name: 'a VDI beyond the MiB in front of its data',
    ...{ format: 'vdi', size: GiB },
    steps: [300 * GiB],
  },
  {
    name: 'a VHDX of qemu-img',
    ...{ format: 'vhdx', size: 100 * GiB, options: ['-o', 'block_size=1M'] },
    steps: [127 * GiB, 200 * GiB, 1500 * GiB],
  },
  {
    name: 'a VHDX of ours',
    ...{ format: 'vhdx', size: GiB, blockSize: MiB },
    steps: [300 * GiB],
  },
  {
    name: 'a VMDK of qemu-img',
    ...{ format: 'vmdk', size: 30 * MiB, options: [] },
    steps: [31 * MiB, 33 * MiB, 4 * GiB + 512, 7 * GiB],
  },
  {
    name: 'a VMDK of ours',
    ...{ format: 'vmdk', size: 4 * GiB },
    steps: [9 * GiB],
  },
];

test('an enlargement that is cancelled leaves the old size, and nothing of the image below ever shows', async () => {
  const base = path.join(folder, 'base.img');
  await createDisk({ path: base, format: 'raw', size: GiB });
  const top = { path: path.join(folder, 'top.qcow2'), format: 'qcow2' } as const;
  const backing = { path: base, format: 'raw', allowedFolders: [] } as const;
  await createDisk({ ...top, size: 64 * MiB, backing });
  const source = { ...top, allowedFolders: [] };
  const stop = new AbortController();
  const told: number[] = [];
  const progress = (done: number): void => {
    told.push(done);
    stop.abort();
  };
  await expect(
    resizeDisk(source, GiB, { shrink: false, watch: { signal: stop.signal, progress } }),
  ).rejects.toMatchObject({ code: 'disk-cancelled' });
  expect(told).toEqual([64 * MiB]);
  expect((await diskInfo(source))[0]?.size).toBe(64 * MiB);
  await resizeDisk(source, GiB, { shrink: false, dryRun: true });
  expect((await diskInfo(source))[0]?.size).toBe(64 * MiB);
  expect(await checkDisk(source, { repair: false })).toMatchObject({
    errorCount: 0,
    leakedBytes: 0,
  });
});

describe.for(growths)('$name', ({ format, size, steps, options, blockSize }) => {
  test(
    'grows, keeps what it held, and takes writes at its new end',
    { timeout: 120_000 },
    async () => {
      const [image, model] = ['image', 'model'].map((name) => path.join(folder, name));
      if (image === undefined || model === undefined) throw new Error('no paths');
      rmSync(image, { force: true });
      rmSync(model, { force: true });
      if (options === undefined)
        await createDisk({ path: image, format, size, clusterSize: blockSize });
      else qemuImg('create', '-q', '-f', qemuFormat(format), ...options, image, String(size));
      qemuImg('create', '-q', '-f', 'raw', model, String(size));
      const disk = { path: image, format, allowedFolders: [] };
      let pattern = 1;
      const written: string[] = [];
      /** The same bytes in both: at the start, in the middle, at the end. */
      const write = (bytes: number): void => {
        for (const at of [pattern * MiB, bytes / 2, bytes - 8192]) {
          const place = Math.floor(at / 512) * 512;
          const command = `write -P ${pattern} ${place} 8k`;
          written.push(`read -P ${pattern++} ${place} 8k`);
          run('qemu-io', '-f', qemuFormat(format), '-c', command, image);
          run('qemu-io', '-f', 'raw', '-c', command, model);
        }
      };
      const compare = (): void => {
        // QEMU reads all of a VHDX to compare it, holes too.
        if (format !== 'vhdx') qemuCompare(image, format, model);
        else run('qemu-io', '-f', format, ...written.flatMap((each) => ['-c', each]), image);
      };
      write(size);
      for (const step of steps) {
        await resizeDisk(disk, step, { shrink: false });
        truncateSync(model, step);
        expect((await diskInfo(disk))[0]?.size).toBe(step);
        expect(await checkDisk(disk, { repair: false })).toMatchObject({ errors: [] });
        qemuCheck(image, format);
        compare();
        write(step);
        expect(await checkDisk(disk, { repair: false })).toMatchObject({ errors: [] });
        compare();
      }
    },
  );
});

test('a fixed VDI and a fixed VHDX grow with all their blocks in place', async () => {
  for (const format of ['vdi', 'vhdx'] as const) {
    const image = path.join(folder, `fixed.${format}`);
    const source = path.join(folder, `source.${format}`);
    qemuImg('create', '-q', '-f', 'raw', source, '20M');
    run('qemu-io', '-f', 'raw', '-c', 'write -P 7 3M 9M', source);
    await convertDisk(
      { path: source, format: 'raw', allowedFolders: [] },
      { path: image, format, fixed: true },
    );
    const disk = { path: image, format, allowedFolders: [] };
    await resizeDisk(disk, 61 * MiB, { shrink: false });
    truncateSync(source, 61 * MiB);
    qemuCompare(image, format, source);
    expect((await diskInfo(disk))[0]).toMatchObject({ variant: 'fixed', size: 61 * MiB });
    qemuCheck(image, format);
  }
});
