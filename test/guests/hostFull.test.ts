/**
 * The host's file system fills up while a guest writes: the VM pauses with a notice, and when there is space again it
 * goes on as if nothing had happened.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createHostService } from '../../main/manager/hostService.ts';
import { Manager } from '../../main/manager/manager.ts';
import { nodeVmStarter } from '../../main/manager/nodeVmStarter.ts';
import { openHome } from '../../main/manager/home.ts';
import { qemuCheck, qemuImg } from '../framework/storage/qemuImg.ts';
import { busyboxInitramfs, doneMarker } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { checkExt4Disk, makeExt4Disk } from './ext4Disk.ts';

const script = `
mount -t ext4 /dev/vda /mnt || exit 1
head -c 1000000 /dev/urandom > /tmp/data
i=0; while [ $i -lt 30 ]; do cat /tmp/data > /mnt/$i || exit 2; i=$((i+1)); done
sync
echo 3 > /proc/sys/vm/drop_caches
i=0; while [ $i -lt 30 ]; do cmp /tmp/data /mnt/$i || exit 3; i=$((i+1)); done
umount /mnt
dmesg | grep -E 'I/O error|EXT4-fs error' && exit 4
echo ALL-WRITTEN
`;

it.skipIf(process.getuid?.() !== 0)(
  'pauses the VM with a notice, which goes on with a clean file system after space was made',
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-full-'));
    const small = path.join(folder, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small]);
    const home = await openHome({ GUESTHOUSE_HOME: path.join(folder, 'home') });
    const manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
    try {
      await makeExt4Disk(path.join(folder, 'fresh.img'), { sizeMiB: 64 });
      const image = path.join(small, 'disk.qcow2');
      qemuImg('convert', '-f', 'raw', '-O', 'qcow2', path.join(folder, 'fresh.img'), image);
      await writeFile(path.join(small, 'filler'), new Uint8Array(6 << 20));
      const kernel = await debianKernel('cloud-amd64');
      const initrd = await busyboxInitramfs(kernel, { script, unsigned: true });
      const boot = { kernel: kernel.image, initrd, commandLine: 'console=ttyS0' };
      const { id } = await manager.library.create({
        ...{ name: 'full', memoryMiB: 256, boot, disks: [{ path: image }] },
      });
      await manager.session.start(id);
      const now = async () => (await manager.library.list())[0];
      await expect
        .poll(async () => (await now())?.state, { timeout: 300_000, interval: 200 })
        .toBe('paused');
      expect((await now())?.reason).toContain('no space left for the disk image');
      // Trying again does not help yet.
      await manager.session.resume(id);
      await expect
        .poll(async () => (await now())?.state, { timeout: 60_000, interval: 50 })
        .toBe('paused');
      await rm(path.join(small, 'filler'));
      execFileSync('mount', ['-o', 'remount,size=200m', small]);
      await manager.session.resume(id);
      await expect
        .poll(async () => (await now())?.state, { timeout: 300_000, interval: 200 })
        .toBe('poweredOff');
      const output = new TextDecoder().decode(await manager.session.attachSerial(id, 0));
      expect(output).toContain('ALL-WRITTEN');
      expect(output).toContain(`${doneMarker} 0`);
      qemuCheck(image, 'qcow2');
      qemuImg('convert', '-O', 'raw', image, path.join(folder, 'after.img'));
      await checkExt4Disk(path.join(folder, 'after.img'));
    } finally {
      await manager.close();
      execFileSync('umount', ['-l', small]);
      await rm(folder, { recursive: true, force: true });
    }
  },
);
