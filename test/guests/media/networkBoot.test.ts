/** Booting over the network, from the TFTP server that is built in. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ScreenGuest } from './screenGuest.ts';

const installer = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64';
const mac = '52:54:00:12:34:56';

async function withBootFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-tftp-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function installerFolder(bootFolder: string): Promise<void> {
  await copyFile(`${installer}/pxelinux.0`, path.join(bootFolder, 'pxelinux.0'));
  await copyFile(`${installer}/boot-screens/ldlinux.c32`, path.join(bootFolder, 'ldlinux.c32'));
  await copyFile(`${installer}/linux`, path.join(bootFolder, 'linux'));
  await copyFile(`${installer}/initrd.gz`, path.join(bootFolder, 'initrd.gz'));
  await mkdir(path.join(bootFolder, 'pxelinux.cfg'));
  await writeFile(
    path.join(bootFolder, 'pxelinux.cfg/default'),
    'default install\nlabel install\n  kernel linux\n  append initrd=initrd.gz vga=normal fb=false nomodeset priority=high cryptomgr.notests quiet\n',
  );
}

it('iPXE starts PXELINUX through its e1000 driver', { timeout: 300_000 }, () =>
  withBootFolder(async (bootFolder) => {
    await installerFolder(bootFolder);
    await writeFile(
      path.join(bootFolder, 'pxelinux.cfg/default'),
      'say PXELINUX has read its configuration\nprompt 1\ndefault none\n',
    );
    await using guest = await ScreenGuest.start({
      cdroms: [{ path: '/usr/lib/ipxe/ipxe.iso' }],
      adapters: [
        { model: 'e1000', mac, network: { mode: 'user', bootFolder, bootFile: 'pxelinux.0' } },
      ],
    });
    await guest.waitFor(/iPXE 1\.[^]*pxelinux\.0\.* ok/, 200);
    await guest.waitFor(/PXELINUX has read its configuration[^]*boot:/, 60);
  }),
);

it("the BIOS starts Debian's installer by PXELINUX over virtio-net", { timeout: 600_000 }, () =>
  withBootFolder(async (bootFolder) => {
    await installerFolder(bootFolder);
    await using guest = await ScreenGuest.start({
      memoryMiB: 1024,
      boot: { order: 'n' },
      adapters: [
        { model: 'virtio', mac, network: { mode: 'user', bootFolder, bootFile: 'pxelinux.0' } },
      ],
    });
    await guest.waitFor(
      /Network adapter 1: address 10\.0\.2\.15, pxelinux\.0 from 10\.0\.2\.2/,
      60,
    );
    await guest.waitFor(/Select a language[^]*English/, 400);
    expect(guest.end).toBeUndefined();
  }),
);

it('the BIOS loads iPXE, which goes on by UNDI with its own script', { timeout: 300_000 }, () =>
  withBootFolder(async (bootFolder) => {
    await copyFile('/usr/lib/ipxe/undionly.kpxe', path.join(bootFolder, 'undionly.kpxe'));
    await copyFile(`${installer}/linux`, path.join(bootFolder, 'linux'));
    await writeFile(
      path.join(bootFolder, 'boot.ipxe'),
      '#!ipxe\nimgfetch linux\necho got by ${net0/chip} from ${next-server}\nsleep 600\n',
    );
    const network = {
      mode: 'user',
      bootFolder,
      bootFile: 'undionly.kpxe',
      ipxeFile: 'boot.ipxe',
    } as const;
    await using guest = await ScreenGuest.start({
      boot: { order: 'n' },
      adapters: [{ model: 'e1000', mac, network }],
    });
    await guest.waitFor(/iPXE 1\.[^]*boot\.ipxe\.* ok/, 100);
    await guest.waitFor(/linux\.\.\.[^]* ok[^]*got by undionly from 10\.0\.2\.2/, 100);
  }),
);

it('the BIOS says why the network cannot be booted from', { timeout: 120_000 }, async () => {
  await using guest = await ScreenGuest.start({
    boot: { order: 'n' },
    adapters: [
      { model: 'e1000', mac, network: { mode: 'user' } },
      { model: 'virtio', mac: '52:54:00:12:34:57', connected: false, network: { mode: 'user' } },
    ],
  });
  await guest.waitFor(
    /Network adapter 1: address 10\.0\.2\.15, but no file to boot is offered/,
    60,
  );
  await guest.waitFor(/Network adapter 2: its cable is not connected/, 60);
});

it('UEFI loads iPXE over virtio-net, which goes on with its own script', { timeout: 600_000 }, () =>
  withBootFolder(async (bootFolder) => {
    await copyFile('/usr/lib/ipxe/ipxe.efi', path.join(bootFolder, 'ipxe.efi'));
    await copyFile(`${installer}/linux`, path.join(bootFolder, 'linux'));
    await writeFile(
      path.join(bootFolder, 'boot.ipxe'),
      '#!ipxe\nkernel linux\necho got by ${net0/chip} from ${next-server}\nsleep 600\n',
    );
    const network = {
      mode: 'user',
      bootFolder,
      bootFile: 'ipxe.efi',
      ipxeFile: 'boot.ipxe',
    } as const;
    await using guest = await ScreenGuest.start({
      boot: { firmware: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd' } },
      adapters: [{ model: 'virtio', mac, network }],
    });
    await guest.waitForSerial(/NBP file downloaded successfully/, 200);
    await guest.waitForSerial(/iPXE initialising devices[^]*boot\.ipxe\.* ok/, 200);
    await guest.waitForSerial(/linux\.\.\.[^]* ok[^]*got by SNP from 10\.0\.2\.2/, 200);
  }),
);
