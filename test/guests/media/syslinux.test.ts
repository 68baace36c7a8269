/** Syslinux from a CD-ROM, a disk, a floppy, and drives that El Torito emulates; by our BIOS and by SeaBIOS. */
import { describe, expect, it } from 'vitest';
import { emulationIso, isolinuxIso, syslinuxDisk, syslinuxFloppy } from './loaderMedia.ts';
import { ScreenGuest } from './screenGuest.ts';

const firmwares = [
  ['our BIOS', {}],
  ['SeaBIOS', { firmware: { code: '/usr/share/seabios/bios-256k.bin' } }],
] as const;

describe.each(firmwares)('by %s', (_name, boot) => {
  it.each([
    ['a CD-ROM', async () => ({ cdroms: [{ path: await isolinuxIso() }] })],
    ['a disk', async () => ({ disks: [{ path: await syslinuxDisk(), readOnly: true }] })],
    ['a floppy', async () => ({ floppies: [{ path: await syslinuxFloppy(), readOnly: true }] })],
    [
      'a floppy that a CD-ROM emulates',
      async () => ({ cdroms: [{ path: await emulationIso('floppy') }] }),
    ],
    [
      'a disk that a CD-ROM emulates',
      async () => ({ cdroms: [{ path: await emulationIso('hdd') }] }),
    ],
  ] as const)('Syslinux on %s shows its menu, and Ctrl-Alt-Del starts again', async (_, media) => {
    await using guest = await ScreenGuest.start({ ...(await media()), memoryMiB: 64, boot });
    const shown = await guest.waitFor(/Guesthouse loader test[^]*The second entry/, 60);
    expect(shown).toContain('The first entry');
    await guest.type('<down><tab>');
    await guest.waitFor(/> \.com32 reboot\.c32/, 20);
    await guest.type('<ctrl-alt-delete>');
    await guest.waitFor((text) => !text.includes('reboot.c32'), 20);
    await guest.waitFor(/Guesthouse loader test[^]*The second entry/, 60);
  });
});
