/**
 * Linux' own drivers on the classic drives: a disk on IDE and one on AHCI, written and read back, and
 * CD-ROM drives on both, whose content has the hash that it has on the host.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { busyboxInitramfs, doneMarker } from './busyboxInitramfs.ts';
import { debianKernel, type KernelFlavour } from './debianKernel.ts';
import { checkExt4Disk, extractFromExt4, makeExt4Disk } from './ext4Disk.ts';
import { GuestConsole } from './guestConsole.ts';

const modules = ['ata_piix', 'ahci', 'sd_mod', 'sr_mod', 'crc32c_generic', 'ext4'];
/** Disks come in the order of their hosts, which probe side by side: they are told apart by serial. */
const script = `
for d in sda sdb; do
  echo "$d $(cat /sys/block/$d/device/vpd_pg80 | tr -dc 'a-z0-9-')"
  mount -t ext4 /dev/$d /mnt || exit 1
  head -c 3000000 /mnt/data > /mnt/copy
  sync
  echo 3 > /proc/sys/vm/drop_caches
  cmp -n 3000000 /mnt/data /mnt/copy || exit 2
  umount /mnt
done
for r in sr0 sr1; do sha256sum /dev/$r; done
grep -E 'ata_piix|ahci' /proc/interrupts
cat /sys/class/ata_device/dev1.0/xfer_mode /sys/class/ata_device/dev2.0/xfer_mode
`;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function drives(
  flavour: KernelFlavour,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-drives-'));
  try {
    const file = (name: string): string => path.join(folder, name);
    const data = randomBytes(4_000_000);
    const media = [randomBytes(2048 * 700), randomBytes(2048 * 900)];
    for (const name of ['ide.img', 'ahci.img'])
      await makeExt4Disk(file(name), { sizeMiB: 16, files: { data } });
    await Promise.all(media.map((bytes, i) => writeFile(file(`${i}.iso`), bytes)));
    const kernel = await debianKernel(flavour);
    const initramfs = await busyboxInitramfs(kernel, {
      ...{ modules, script, parameters },
      unsigned: true,
    });
    await using guest = new GuestConsole([
      ...['--kernel', kernel.image, '--initrd', initramfs],
      ...['--append', 'console=ttyS0'],
      ...['--disk', `${file('ide.img')},if=ide`, '--disk', `${file('ahci.img')},if=ahci`],
      ...['--cdrom', `${file('0.iso')},if=ide`, '--cdrom', `${file('1.iso')},if=ahci`],
    ]);
    await guest.waitFor(`${doneMarker} 0`, 400);
    expect(await guest.exited).toBe(0);
    const { output } = guest;
    for (const bytes of media) expect(output).toContain(sha256(bytes));
    for (const name of ['ide.img', 'ahci.img']) {
      await checkExt4Disk(file(name));
      await extractFromExt4(file(name), '/copy', file('copy'));
      expect(sha256(await readFile(file('copy'))), name).toBe(sha256(data.subarray(0, 3_000_000)));
    }
    expect(output).not.toMatch(/ata\d.*(exception|failed|error)/i);
    return output;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('64-bit Linux reads and writes disks and reads CD-ROMs by DMA', async () => {
  const output = await drives('amd64');
  expect(output.match(/^XFER_MW_DMA_2$/gm)?.length).toBe(2);
  expect(output).toMatch(/NCQ \(depth 32\)/);
});

it('32-bit Linux does so by PIO', async () => {
  const output = await drives('686', { 'libata.ko': 'force=1:pio4,2:pio4' });
  expect(output.match(/^XFER_PIO_4$/gm)?.length).toBe(2);
});
