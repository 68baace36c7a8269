/** What the BIOS says when a medium cannot be booted, its boot menu, and how soon it hands over. */
import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { inFolder, isolinuxIso, makeIso, syslinuxDisk } from './loaderMedia.ts';
import { ScreenGuest } from './screenGuest.ts';

/** Writes a changed copy of a medium. */
async function changed(
  target: string,
  source: string,
  change: (bytes: Buffer) => Buffer,
): Promise<string> {
  await writeFile(target, change(await readFile(source)));
  return target;
}

const le32 = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at);

it.each([
  ['a short file', (iso: Buffer) => iso.subarray(0, 10_240), 'too short for a CD-ROM image'],
  [
    'no volume descriptor',
    (iso: Buffer) => iso.fill(0xa5, 16 * 2048, 17 * 2048),
    'not an ISO 9660 image, or a damaged one: no volume descriptor',
  ],
  [
    'a damaged boot catalogue',
    (iso: Buffer) =>
      iso.fill(
        0x11,
        le32(iso, 17 * 2048 + 0x47) * 2048 + 4,
        le32(iso, 17 * 2048 + 0x47) * 2048 + 8,
      ),
    'the boot catalogue is damaged',
  ],
  [
    'its end cut off',
    (iso: Buffer) => iso.subarray(0, 19 * 2048),
    'the image is cut off: it names sectors behind its end',
  ],
])('a corrupt ISO with %s is named as such', async (_, damage, message) => {
  await inFolder(async (folder) => {
    const iso = await changed(path.join(folder, 'bad.iso'), await isolinuxIso(), damage);
    await using guest = await ScreenGuest.start({ cdroms: [{ path: iso }] });
    const shown = await guest.waitFor('press a key to try again', 20);
    expect(shown).toContain(`CD-ROM drive 1: ${message}.`);
    expect(shown).toContain('Nothing could be booted.');
  });
});

it('every drive that was tried is listed with the reason', async () => {
  await inFolder(async (folder) => {
    const file = (name: string): string => path.join(folder, name);
    await writeFile(file('blank.img'), '');
    await truncate(file('blank.img'), 1 << 20);
    await changed(file('data.img'), await syslinuxDisk(), (bytes) => bytes.fill(0, 510, 512));
    await writeFile(file('hello.txt'), 'no boot image');
    await makeIso(file('data.iso'), folder);
    await using guest = await ScreenGuest.start({
      disks: [
        { path: file('blank.img'), interface: 'ide' },
        { path: file('data.img'), interface: 'ahci' },
      ],
      cdroms: [{ path: file('data.iso') }, {}],
      floppies: [{}],
    });
    const shown = await guest.waitFor('press a key to try again', 20);
    expect(shown.split('\n')).toEqual([
      'Guesthouse BIOS, 128 MiB of memory',
      '',
      'IDE disk 1: the first sector is blank.',
      'AHCI disk 2: no boot sector (its last bytes are not 55 AA).',
      'CD-ROM drive 1: no boot record on the disc: it holds data only.',
      'CD-ROM drive 2: the drive is empty.',
      'Floppy drive A: the drive is empty.',
      '',
      'Nothing could be booted.',
      'Insert or choose another medium, then press a key to try again.',
    ]);
  });
});

it('a machine without drives says so', async () => {
  await using guest = await ScreenGuest.start({});
  await guest.waitFor(
    'There is no drive to boot from, and the network is not in the boot order.',
    20,
  );
});

it('F12 opens the boot menu, whose digits choose a drive', async () => {
  await using guest = await ScreenGuest.start({
    boot: { menu: true },
    disks: [{ path: await syslinuxDisk(), readOnly: true }],
    cdroms: [{ path: await isolinuxIso() }],
    floppies: [{}],
  });
  await guest.waitFor('F12: boot menu', 20);
  await guest.type('<f12>');
  const shown = await guest.waitFor(/3 {2}Floppy drive A/, 20);
  expect(shown).toMatch(/Boot from:\n {2}1 {2}Virtio disk 1\n {2}2 {2}CD-ROM drive 1\n/);
  await guest.type('2');
  await guest.waitFor('Guesthouse loader test', 60);
});

it('the boot program starts less than 100 ms after power-on', async () => {
  await inFolder(async (folder) => {
    const sector = new Uint8Array(512);
    sector.set([0xb0, 0x01, 0xe6, 0xf4, 0xf4]); // mov al,1; out 0f4h,al; hlt
    sector.set([0x55, 0xaa], 510);
    const disk = path.join(folder, 'boot.img');
    await writeFile(disk, sector);
    const times: number[] = [];
    for (let i = 0; i < 7; i++) {
      await using guest = await ScreenGuest.start({
        ...{ debugExit: true, memoryMiB: 512 },
        disks: [{ path: disk, interface: 'ide', readOnly: true }],
      });
      const start = performance.now();
      expect(await guest.machine.ended).toEqual({ kind: 'debugExit', value: 1 });
      times.push(performance.now() - start);
    }
    process.stdout.write(
      `power-on to the boot program: ${times.map((ms) => ms.toFixed(1)).join(' ')} ms\n`,
    );
    // Others may use the CPUs as well.
    expect(Math.min(...times)).toBeLessThan(100);
  });
});
