/** Linux' floppy driver finds the drives and reads and writes disks of two formats by DMA. */
import { randomBytes, createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { busyboxInitramfs, doneMarker } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { GuestConsole } from './guestConsole.ts';

const script = `
dmesg | grep -i -E 'fdc|floppy'
for d in fd0 fd1; do sha256sum /dev/$d; done
dd if=/dev/fd1 of=/dev/fd0 bs=18k count=3 seek=10 conv=notrunc,fsync || exit 1
grep -E 'floppy' /proc/interrupts /proc/dma
`;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it('Linux reads and writes floppies', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-floppy-'));
  try {
    const file = (name: string): string => path.join(folder, name);
    const media = [randomBytes(2880 * 512), randomBytes(1440 * 512)] as const;
    await writeFile(file('a.img'), media[0]);
    await writeFile(file('b.img'), media[1]);
    const kernel = await debianKernel('amd64');
    const initramfs = await busyboxInitramfs(kernel, { modules: ['floppy'], script });
    await using guest = new GuestConsole([
      ...['--kernel', kernel.image, '--initrd', initramfs, '--append', 'console=ttyS0'],
      ...['--floppy', file('a.img'), '--floppy', file('b.img')],
    ]);
    await guest.waitFor(`${doneMarker} 0`, 400);
    expect(await guest.exited).toBe(0);
    const { output } = guest;
    expect(output).toMatch(/fd0 is 1\.44M, fd1 is 1\.44M/);
    expect(output).toMatch(/FDC 0 is a post-1991 82077/);
    for (const bytes of media) expect(output).toContain(sha256(bytes));
    const written = await readFile(file('a.img'));
    const copied = media[1].subarray(0, 3 * 18 * 1024);
    expect(sha256(written.subarray(180 * 1024, 234 * 1024))).toBe(sha256(copied));
    expect(sha256(written.subarray(234 * 1024))).toBe(sha256(media[0].subarray(234 * 1024)));
    expect(output).not.toMatch(/floppy.*(error|timeout)|I\/O error/i);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
