/** Boot loaders and programs on Debian's ready-made media, from the medium alone to their screen. */
import { expect, it } from 'vitest';
import { ScreenGuest } from './screenGuest.ts';

const rescue = '/usr/lib/grub-rescue/grub-rescue';

/** GRUB's menu has no entry worth booting: its command line. */
async function grubPrompt(guest: ScreenGuest): Promise<void> {
  await guest.waitFor(/GNU GRUB {2}version[^]*`c' for a command-line/, 60);
  await guest.type('c');
  await guest.waitFor(/^grub> *$/m, 20);
}

it.each([
  ['a CD-ROM', { cdroms: [{ path: `${rescue}-cdrom.iso` }] }, '(cd) (cd,msdos1)'],
  [
    'a CD-ROM on AHCI',
    { cdroms: [{ path: `${rescue}-cdrom.iso`, interface: 'ahci' as const }] },
    '(cd) (cd,msdos1)',
  ],
  ['a floppy', { floppies: [{ path: `${rescue}-floppy.img`, readOnly: true }] }, '(fd0)'],
  ['a disk', { disks: [{ path: `${rescue}-usb.img`, readOnly: true }] }, '(hd0) (hd0,msdos1)'],
  [
    'an IDE disk beside a floppy and a CD-ROM',
    {
      disks: [{ path: `${rescue}-usb.img`, readOnly: true, interface: 'ide' as const }],
      floppies: [{ path: `${rescue}-floppy.img`, readOnly: true }],
      cdroms: [{ path: `${rescue}-cdrom.iso` }],
    },
    '(hd0) (hd0,msdos1) (fd0)',
  ],
])('GRUB on %s comes to its prompt and lists the drives', async (_, drives, listed) => {
  await using guest = await ScreenGuest.start(drives);
  await grubPrompt(guest);
  await guest.type('ls<ret>');
  const shown = await guest.waitFor(/grub> ls\n[^]*\ngrub> *$/, 30);
  expect(shown).toContain(`\n${listed}`);
});

it.each(['x64', 'ia32'])('Memtest86+ %s finds no error in its first tests', async (build) => {
  await using guest = await ScreenGuest.start({
    memoryMiB: 48,
    cdroms: [{ path: `/usr/lib/memtest86+/memtest86+${build}.iso` }],
  });
  const shown = await guest.waitFor(/Test #[4-9]/, 120);
  expect(shown).toMatch(/Memory +: +48MB/);
  expect(shown).toMatch(/Errors: 0$/m);
});

it('iPXE starts from its CD-ROM, finds no network and hands back', async () => {
  await using guest = await ScreenGuest.start({ cdroms: [{ path: '/usr/lib/ipxe/ipxe.iso' }] });
  const shown = await guest.waitFor('Nothing could be booted', 60);
  expect(shown).toMatch(/iPXE initialising devices\.\.\.ok/);
  expect(shown).toContain('No more network devices');
  expect(shown).toContain('CD-ROM drive 1: the boot program gave up.');
});
