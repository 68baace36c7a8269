/** A Debian system boots from its disk by GRUB in the MBR, on each kind of disk, to a login on the VGA console. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copyOfDebianDisk } from './debianDisk.ts';
import { ScreenGuest } from './screenGuest.ts';

it.each(['virtio', 'ide', 'ahci'] as const)(
  'Debian starts from a %s disk',
  { timeout: 1_000_000 },
  async (where) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-debian-'));
    try {
      const disk = path.join(folder, 'debian.img');
      await copyOfDebianDisk(disk);
      await using guest = await ScreenGuest.start({
        memoryMiB: 512,
        disks: [{ path: disk, interface: where }],
      });
      await guest.waitFor(/Debian GNU\/Linux 12 guest tty1\s+guest login:/, 400);
      await guest.type('root<ret>');
      await guest.waitFor(/root@guest:~# *$/, 120);
      await guest.type('clear; systemctl is-system-running --wait; findmnt -no SOURCE /<ret>');
      const shown = await guest.waitFor(/\/dev\/\w+\s+root@guest:~# *$/, 120);
      expect(shown).toContain('running\n');
      expect(shown).toContain(where === 'virtio' ? '/dev/vda1' : '/dev/sda1');
      await guest.type('poweroff<ret>');
      expect(await guest.waitForEnd(120)).toEqual({ kind: 'powerOff' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
