/** Media that are made for a test: a CD-ROM with isolinux, a disk with syslinux, El Torito's emulated drives. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { cached, contentKey, hostTool } from '../guestCache.ts';

const modules = '/usr/lib/syslinux/modules/bios';
export const installer = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64';

/** A menu that waits, with the cursor keys and a title that is looked for. */
const menu = `UI menu.c32
PROMPT 0
MENU TITLE Guesthouse loader test
LABEL first
  MENU LABEL The first entry
  COM32 reboot.c32
LABEL second
  MENU LABEL The second entry
  COM32 reboot.c32
`;
const menuModules = ['menu.c32', 'libutil.c32', 'libcom32.c32', 'ldlinux.c32', 'reboot.c32'];

/** Gives `use` a folder that is deleted afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-media-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An ISO image of a folder, with xorriso's options for what boots. */
export const makeIso = (image: string, folder: string, ...boot: string[]): Promise<string> =>
  hostTool('xorriso', ['-as', 'mkisofs', '-quiet', '-J', '-r', ...boot, '-o', image, folder]);

/** Puts isolinux with its configuration into the folder of a CD-ROM. */
export async function isolinuxFolder(folder: string, config: string): Promise<void> {
  const target = path.join(folder, 'isolinux');
  await mkdir(target, { recursive: true });
  await copyFile('/usr/lib/ISOLINUX/isolinux.bin', path.join(target, 'isolinux.bin'));
  for (const name of menuModules) await copyFile(path.join(modules, name), path.join(target, name));
  await writeFile(path.join(target, 'isolinux.cfg'), config);
}

/** makeIso()'s options for such a folder. */
export const isolinuxBoot = [
  ...['-b', 'isolinux/isolinux.bin', '-c', 'isolinux/boot.cat'],
  ...['-no-emul-boot', '-boot-load-size', '4', '-boot-info-table'],
];

/** A CD-ROM whose isolinux shows the menu. */
export const isolinuxIso = (): Promise<string> =>
  cached(`media/isolinux-${contentKey('1', menu)}.iso`, (image) =>
    inFolder(async (folder) => {
      await isolinuxFolder(folder, menu);
      await makeIso(image, folder, ...isolinuxBoot);
    }),
  );

/** Debian's installer on a CD-ROM; label `text` in text mode, `frame` at 800×600 with 16 bits. */
export async function installerIso(): Promise<string> {
  const config = `PROMPT 1
TIMEOUT 0
LABEL text
  KERNEL /linux
  APPEND initrd=/initrd.gz vga=normal fb=false nomodeset priority=high cryptomgr.notests
LABEL frame
  KERNEL /linux
  APPEND initrd=/initrd.gz vga=788 nomodeset priority=high cryptomgr.notests
`;
  const kernel = await readFile(path.join(installer, 'linux'));
  return cached(`media/installer-${contentKey('1', config, kernel)}.iso`, (image) =>
    inFolder(async (folder) => {
      await isolinuxFolder(folder, config);
      for (const name of ['linux', 'initrd.gz'])
        await copyFile(path.join(installer, name), path.join(folder, name));
      await makeIso(image, folder, ...isolinuxBoot);
    }),
  );
}

/** A FAT16 disk with a partition table and syslinux in its active partition. */
export const syslinuxDisk = (): Promise<string> =>
  cached(`media/syslinux-${contentKey('1', menu)}.img`, async (image) => {
    const startSector = 2048;
    const sectors = 64 * 2048;
    const mbr = new Uint8Array(512);
    mbr.set((await readFile('/usr/lib/syslinux/mbr/mbr.bin')).subarray(0, 440));
    mbr.set([0x80, 0x20, 0x21, 0x00, 0x0e, 0xfe, 0xff, 0xff], 446);
    const view = new DataView(mbr.buffer);
    view.setUint32(454, startSector, true);
    view.setUint32(458, sectors, true);
    view.setUint16(510, 0xaa55, true);
    await writeFile(image, mbr);
    await truncate(image, (startSector + sectors) * 512);
    const offset = startSector * 512;
    await hostTool('/sbin/mkfs.vfat', [
      ...['-F', '16', '-h', String(startSector), `--offset=${startSector}`],
      ...[image, String(sectors / 2)],
    ]);
    await fillFat(image, offset);
    await hostTool('syslinux', ['--offset', String(offset), '--install', image]);
  });

/** A 1.44 MB floppy with syslinux. */
export const syslinuxFloppy = (): Promise<string> =>
  cached(`media/syslinux-floppy-${contentKey('1', menu)}.img`, async (image) => {
    await writeFile(image, '');
    await truncate(image, 2880 * 512);
    await hostTool('/sbin/mkfs.vfat', ['-F', '12', image]);
    await fillFat(image, 0);
    await hostTool('syslinux', ['--install', image]);
  });

async function fillFat(image: string, offset: number): Promise<void> {
  const drive = `${image}@@${offset}`;
  const environment = { ...process.env, MTOOLS_SKIP_CHECK: '1' };
  const copy = (from: string, to: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const args = ['-i', drive, from, `::${to}`];
      execFile('mcopy', args, { env: environment }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  for (const name of menuModules.filter((one) => one !== 'ldlinux.c32'))
    await copy(path.join(modules, name), name);
  await inFolder(async (folder) => {
    const file = path.join(folder, 'syslinux.cfg');
    await writeFile(file, menu);
    await copy(file, 'syslinux.cfg');
  });
}

/** A CD-ROM that boots an image as El Torito's emulated floppy or hard disk. */
export const emulationIso = async (kind: 'floppy' | 'hdd'): Promise<string> => {
  const source = kind === 'floppy' ? await syslinuxFloppy() : await syslinuxDisk();
  return cached(`media/emulated-${kind}-${contentKey('1', path.basename(source))}.iso`, (image) =>
    inFolder(async (folder) => {
      await copyFile(source, path.join(folder, 'boot.img'));
      await makeIso(
        image,
        folder,
        ...['-b', 'boot.img', '-c', 'boot.cat'],
        ...(kind === 'hdd' ? ['-hard-disk-boot'] : []),
      );
    }),
  );
};
