/** SeaBIOS and OVMF, Debian's builds, in the place of our own BIOS: they boot the same media. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ScreenGuest } from './screenGuest.ts';
import { uefiIso } from './uefiMedia.ts';

const seabios = { firmware: { code: '/usr/share/seabios/bios-256k.bin' } };
const ovmfCode = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const guid = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
const rescue = '/usr/lib/grub-rescue/grub-rescue';

describe('SeaBIOS', () => {
  it.each([
    ['a CD-ROM', { cdroms: [{ path: `${rescue}-cdrom.iso` }] }, '(cd)'],
    [
      'a CD-ROM on AHCI',
      { cdroms: [{ path: `${rescue}-cdrom.iso`, interface: 'ahci' as const }] },
      '(cd)',
    ],
    ['a floppy', { floppies: [{ path: `${rescue}-floppy.img`, readOnly: true }] }, '(fd0)'],
    ['a virtio disk', { disks: [{ path: `${rescue}-usb.img`, readOnly: true }] }, '(hd0)'],
    [
      'an IDE disk, with the virtio graphics card',
      {
        disks: [{ path: `${rescue}-usb.img`, readOnly: true, interface: 'ide' as const }],
        display: { card: 'virtio' as const },
      },
      '(hd0)',
    ],
    [
      'an AHCI disk',
      { disks: [{ path: `${rescue}-usb.img`, readOnly: true, interface: 'ahci' as const }] },
      '(hd0)',
    ],
  ])('boots GRUB from %s', async (_, drives, listed) => {
    await using guest = await ScreenGuest.start({ ...drives, boot: seabios });
    await guest.waitFor(/GNU GRUB {2}version[^]*`c' for a command-line/, 90);
    await guest.type('c');
    await guest.waitFor(/^grub> *$/m, 30);
    await guest.type('ls<ret>');
    expect(await guest.waitFor(/grub> ls\n[^]*\ngrub> *$/, 30)).toContain(`\n${listed}`);
  });

  it('boots in the order that is wanted, and has a menu', async () => {
    await using guest = await ScreenGuest.start({
      cdroms: [{ path: '/usr/lib/memtest86+/memtest86+x64.iso' }],
      disks: [{ path: `${rescue}-usb.img`, readOnly: true, interface: 'ide' }],
      boot: { ...seabios, order: 'dc', menu: true },
    });
    await guest.waitFor(/Press ESC for boot menu/, 60);
    await guest.type('<esc>');
    const menu = await guest.waitFor(/1\. [^]*\n2\. .*/, 30);
    expect(menu).toMatch(/1\. DVD\/CD \[.*Guesthouse CD-ROM.*\n2\. .*Guesthouse/);
    await guest.type('1');
    await guest.waitFor(/Memtest86\+/, 90);
  });

  it('boots the 32-bit Memtest86+, which finds no error in its first tests', async () => {
    await using guest = await ScreenGuest.start({
      memoryMiB: 48,
      cdroms: [{ path: '/usr/lib/memtest86+/memtest86+ia32.iso' }],
      boot: seabios,
    });
    expect(await guest.waitFor(/Test #[4-9]/, 120)).toMatch(/Errors: 0$/m);
  });

  it('runs iPXE, which hands back', async () => {
    await using guest = await ScreenGuest.start({
      cdroms: [{ path: '/usr/lib/ipxe/ipxe.iso' }],
      boot: seabios,
    });
    const shown = await guest.waitFor(/No bootable device/, 90);
    expect(shown).toMatch(/iPXE/);
  });
});

describe('OVMF', () => {
  it('comes to its shell on screen and serial line, and keeps variables for the next start', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-ovmf-'));
    try {
      const variables = path.join(folder, 'vars.fd');
      const boot = { firmware: { code: ovmfCode, variables } };
      const template = await readFile('/usr/share/OVMF/OVMF_VARS_4M.fd');
      {
        await using guest = await ScreenGuest.start({ boot });
        await guest.waitForSerial(/Shell> /, 300);
        const { width, height, rgb } = guest.picture();
        expect([width, height]).toEqual([1024, 768]);
        expect(rgb.some((value) => value > 100)).toBe(true);
        guest.serial.text = '';
        await guest.type(`setvar Kept -guid ${guid} -nv -bs =L"told"<ret>`);
        await guest.waitForSerial(/Shell> /, 60);
        expect(guest.serial.text).not.toContain('Unable');
        await guest.type('reset -s<ret>');
        expect(await guest.waitForEnd(60)).toEqual({ kind: 'powerOff' });
      }
      expect(await readFile('/usr/share/OVMF/OVMF_VARS_4M.fd')).toEqual(template);
      expect((await readFile(variables)).equals(template)).toBe(false);
      await using again = await ScreenGuest.start({ boot });
      await again.waitForSerial(/Shell> /, 300);
      await again.type(`setvar Kept -guid ${guid}<ret>`);
      // "told" in UTF-16, as the shell dumps it.
      await again.waitForSerial(/74 00 6F 00 6C 00 64 00/, 60);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('boots iPXE from a CD-ROM by UEFI, with the virtio graphics card', async () => {
    await using guest = await ScreenGuest.start({
      cdroms: [{ path: '/usr/lib/ipxe/ipxe.iso' }],
      display: { card: 'virtio' },
      boot: { firmware: { code: ovmfCode } },
    });
    await guest.waitForSerial(/iPXE initialising devices/, 300);
    expect(guest.picture().width).toBeGreaterThan(640);
  });

  it('boots GRUB from a CD-ROM by UEFI, which starts Linux', async () => {
    await using guest = await startUefi(256);
    await guest.type('l');
    await guest.waitForSerial(/GUEST-DONE 0/, 120);
    // A variable of the firmware's, read by Linux at run time: which entry was booted.
    expect(guest.serial.text).toMatch(/EFI 64 bits\s+BootCurrent-8be4df61-/);
    expect(await guest.waitForEnd(60)).toEqual({ kind: 'powerOff' });
  });

  it('runs Memtest86+ by UEFI, which finds no error in its first tests', async () => {
    await using guest = await startUefi(128);
    await guest.type('m');
    await guest.waitForSerial(/#[4-9] +\[/, 120);
    expect(guest.serial.text).toMatch(/Errors: 0/);
    expect(guest.serial.text).not.toMatch(/Errors: [1-9]/);
    const { width, height } = guest.picture();
    expect([width, height]).toEqual([640, 480]);
  });
});

/** OVMF with GRUB's menu from the CD-ROM. */
async function startUefi(memoryMiB: number): Promise<ScreenGuest> {
  const guest = await ScreenGuest.start({
    memoryMiB,
    cdroms: [{ path: await uefiIso() }],
    boot: { firmware: { code: ovmfCode } },
  });
  await guest.waitForSerial(/Memtest86\+/, 200);
  guest.serial.text = '';
  return guest;
}
