/**
 * Guests on images of every format: one Debian kernel with a disk of each, made by qemu-img, a QCOW2 overlay
 * over a compressed QCOW2, and an export of an NBD server. It copies files on all of them; afterwards qemu-img finds every image in order, e2fsck
 * every file system, and the files have the hashes that they have on the host.
 */
import { createHash, randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { qemuCheck, qemuFormat, qemuImg } from '../framework/storage/qemuImg.ts';
import { busyboxInitramfs, doneMarker, readyMarker } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { checkExt4Disk, extractFromExt4, makeExt4Disk } from './ext4Disk.ts';
import { GuestConsole } from './guestConsole.ts';

/** Each disk's label is its format: virtio disks come in order, but nothing here relies on that. */
const script = `
for d in /sys/block/vd*; do
  d=\${d##*/}
  mount -t ext4 /dev/$d /mnt || exit 1
  for i in 1 2 3; do cat /mnt/data > /mnt/copy$i || exit 2; done
  rm /mnt/copy2; sync
  echo 3 > /proc/sys/vm/drop_caches
  cmp /mnt/data /mnt/copy3 || exit 3
  umount /mnt
done
`;

const formats = ['qcow2', 'vdi', 'vhd', 'vhdx', 'vmdk'] as const;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it('a guest writes to disks of every format, which stay in order and are locked meanwhile', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-formats-'));
  let server: ChildProcess | undefined;
  try {
    const file = (name: string): string => path.join(folder, name);
    const data = randomBytes(2_000_000);
    await makeExt4Disk(file('raw.img'), { sizeMiB: 16, files: { data } });
    const convert = (format: string, target: string, ...options: string[]): string =>
      qemuImg(
        ...['convert', '-f', 'raw', '-O', qemuFormat(format), ...options],
        ...[file('raw.img'), file(target)],
      );
    for (const format of formats)
      convert(format, `a.${format}`, ...(format === 'vhd' ? ['-o', 'force_size=on'] : []));
    convert('qcow2', 'base.qcow2', '-c');
    qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      'base.qcow2',
      '-F',
      'qcow2',
      file('overlay.qcow2'),
    );
    await copyFile(file('raw.img'), file('nbd.img'));
    const socket = file('nbd.sock');
    server = spawn('nbdkit', ['-f', '-U', socket, 'file', file('nbd.img')], { stdio: 'ignore' });
    await expect.poll(() => existsSync(socket)).toBe(true);
    const base = await readFile(file('base.qcow2'));
    const images = [
      ...formats.map((format) => [format, `a.${format}`]),
      ['qcow2', 'overlay.qcow2'],
    ];

    const kernel = await debianKernel('cloud-amd64');
    const initramfs = await busyboxInitramfs(kernel, { script, unsigned: true });
    const disks = [
      ...images.flatMap(([, name]) => ['--disk', file(String(name))]),
      ...['--disk', `nbd+unix:///?socket=${socket}`],
    ];
    const boot = ['--kernel', kernel.image, '--initrd', initramfs, '--append', 'console=ttyS0'];
    await using guest = new GuestConsole([...boot, ...disks]);
    await guest.waitFor(readyMarker, 300);
    await using second = new GuestConsole([...boot, '--disk', file('a.vmdk')]);
    expect(await second.exited).toBe(64);
    expect(second.errors).toContain(`a.vmdk is in use by`);
    await guest.waitFor(`${doneMarker} 0`, 400);
    expect(await guest.exited).toBe(0);

    for (const [format, name] of [...images, ['raw', 'nbd.img']] as [string, string][]) {
      if (format !== 'raw') qemuCheck(file(name), format);
      qemuImg('convert', '-f', qemuFormat(format), '-O', 'raw', file(name), file('result.img'));
      await checkExt4Disk(file('result.img'));
      for (const copy of ['copy1', 'copy3']) {
        await extractFromExt4(file('result.img'), `/${copy}`, file('copy'));
        expect(sha256(await readFile(file('copy'))), `${name} ${copy}`).toBe(sha256(data));
      }
    }
    expect(base.equals(await readFile(file('base.qcow2'))), 'the backing image').toBe(true);
    expect((await readdir(folder)).filter((name) => name.includes('.lock'))).toEqual([]);
  } finally {
    server?.kill();
    await rm(folder, { recursive: true, force: true });
  }
});
