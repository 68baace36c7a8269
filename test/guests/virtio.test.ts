import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { busyboxInitramfs, defaultModules } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { checkExt4Disk, makeExt4Disk } from './ext4Disk.ts';
import { GuestConsole } from './guestConsole.ts';

it("Linux finds its virtio devices, and a trim gives the disk's space back to the host", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-virtio-'));
  try {
    const disk = path.join(folder, 'disk.img');
    const odd = path.join(folder, 'odd.img');
    await makeExt4Disk(disk, { sizeMiB: 64 });
    await writeFile(odd, 'ends within a sector');
    await truncate(odd, 1_000_000);
    const kernel = await debianKernel('cloud-amd64');
    const modules = [...defaultModules, 'virtio_rng', 'virtio_balloon'];
    const initramfs = await busyboxInitramfs(kernel, { modules });
    await using guest = new GuestConsole([
      ...['--kernel', kernel.image, '--initrd', initramfs],
      ...['--append', 'console=ttyS0 quiet', '--disk', disk, '--disk', `${odd},readonly`],
    ]);
    await guest.waitForShell(300);

    const drivers = await guest.run('ls -d /sys/bus/virtio/drivers/*/virtio* | cut -d/ -f6 | sort');
    expect(drivers.split('\n')).toEqual([
      'virtio_balloon',
      'virtio_blk',
      'virtio_blk',
      'virtio_rng',
    ]);
    expect(await guest.run('grep -c virtio /proc/interrupts')).not.toBe('0');
    expect(await guest.run('cat /sys/block/vda/serial')).toBe('guesthouse-0');
    expect(await guest.run('cat /sys/block/vdb/size')).toBe('1954');
    expect(await guest.run('cat /sys/block/vdb/ro')).toBe('1');
    expect(await guest.run('head -c 20 /dev/vdb')).toBe('ends within a sector');
    expect(await guest.run('cat /sys/class/misc/hw_random/rng_current')).toMatch(/^virtio_rng/);
    expect(await guest.run('head -c 4096 /dev/hwrng | wc -c')).toBe('4096');

    await guest.run('mount -t ext4 /dev/vda /mnt');
    await guest.run('dd if=/dev/urandom of=/mnt/data bs=1M count=16 conv=fsync', 300);
    const full = (await stat(disk)).blocks;
    await guest.run('rm /mnt/data && sync && fstrim /mnt', 120);
    await guest.run('umount /mnt', 120);
    if (process.platform === 'linux')
      expect((await stat(disk)).blocks).toBeLessThan(full - (15 << 20) / 512);
    guest.type('poweroff -f\n');
    expect(await guest.exited).toBe(0);
    await checkExt4Disk(disk);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
