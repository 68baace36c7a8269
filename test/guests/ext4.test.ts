import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { checkExt4Disk, extractFromExt4, makeExt4Disk } from './ext4Disk.ts';
import { GuestConsole } from './guestConsole.ts';

it('writes 64 MB to an ext4 disk that the host finds clean, with the same content', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-disk-'));
  try {
    const disk = path.join(folder, 'disk.img');
    await makeExt4Disk(disk, { sizeMiB: 128 });
    const kernel = await debianKernel('cloud-amd64');
    await using guest = new GuestConsole([
      ...['--kernel', kernel.image, '--initrd', await busyboxInitramfs(kernel)],
      ...['--append', 'console=ttyS0 quiet', '--disk', `${disk},format=raw`],
    ]);
    await guest.waitForShell(300);
    await guest.run('mount -t ext4 /dev/vda /mnt');
    // Random blocks with a number before each: only the first costs the guest much time.
    await guest.run('dd if=/dev/urandom of=/tmp/block bs=1M count=4', 300);
    await guest.run('for i in $(seq 16); do echo $i; cat /tmp/block; done > /mnt/data', 300);
    await guest.run('cp /tmp/block /mnt/block', 300);
    const sum = await guest.run('sha256sum /tmp/block', 300);
    await guest.run('sync && umount /mnt', 300);
    guest.type('poweroff -f\n');
    expect(await guest.exited).toBe(0);

    await checkExt4Disk(disk);
    const [data, block] = await Promise.all(
      ['data', 'block'].map(async (name) => {
        await extractFromExt4(disk, `/${name}`, path.join(folder, name));
        return readFile(path.join(folder, name));
      }),
    );
    if (data === undefined || block === undefined) throw new Error('unreachable');
    expect(sum.split(' ')[0]).toBe(createHash('sha256').update(block).digest('hex'));
    const numbered = Array.from({ length: 16 }, (_, i) => [Buffer.from(`${i + 1}\n`), block]);
    expect(data.length).toBeGreaterThan(64 * 1024 * 1024);
    expect(data.equals(Buffer.concat(numbered.flat()))).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('refuses to write to a disk that is attached read-only', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-disk-'));
  try {
    const disk = path.join(folder, 'disk.img');
    await makeExt4Disk(disk, { sizeMiB: 16, files: { hello: 'from the host\n' } });
    const before = await readFile(disk);
    const kernel = await debianKernel('cloud-amd64');
    await using guest = new GuestConsole([
      ...['--kernel', kernel.image, '--initrd', await busyboxInitramfs(kernel)],
      ...['--append', 'console=ttyS0 quiet', '--disk', `${disk},readonly`],
    ]);
    await guest.waitForShell(300);
    await guest.run('mount -t ext4 -o ro /dev/vda /mnt');
    expect(await guest.run('cat /mnt/hello')).toBe('from the host');
    await expect(guest.run('dd if=/dev/zero of=/dev/vda bs=512 count=1')).rejects.toThrow();
    guest.type('poweroff -f\n');
    expect(await guest.exited).toBe(0);
    expect(before.equals(await readFile(disk))).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
