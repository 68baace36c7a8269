/**
 * Each kind of setting is changed in the window, and Debian's kernel tells what became of it in the machine; then the
 * host's disk is full, and a disk image has gone. About a minute.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RemoteServices } from '../../shared/rpc/services.ts';
import { busyboxInitramfs, shellPrompt } from '../guests/busyboxInitramfs.ts';
import { debianKernel } from '../guests/debianKernel.ts';
import { describeWindow } from './describeWindow.ts';
import { connectBeside, screenshotPath, Window } from './window.ts';

const bootSeconds = 240;
const prompt = new RegExp(`^${shellPrompt}\\s*$`, 'm');
/** A file system that is soon full takes root to mount. */
const canMount = process.getuid?.() === 0;

describeWindow('settings', (parts) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-settings-'));
  const small = path.join(folder, 'small');
  const plain = path.join(folder, 'plain.img');
  const full = path.join(small, 'full.img');
  let services: RemoteServices;
  let id: string;

  beforeAll(async () => {
    mkdirSync(small);
    if (canMount) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
    for (const file of [plain, full]) {
      writeFileSync(file, '');
      truncateSync(file, 32 << 20);
    }
    const kernel = await debianKernel('cloud-amd64');
    services = await connectBeside(parts.manager.url);
    const made = await services.library.create({
      name: 'guest',
      memoryMiB: 512,
      boot: {
        kernel: kernel.image,
        initrd: await busyboxInitramfs(kernel, { modules: ['virtio_pci', 'virtio_blk'] }),
        commandLine: 'console=ttyS0',
      },
    });
    id = made.id;
    await services.library.create({ name: 'other', memoryMiB: 16, boot: {}, cdroms: [{}] });
  });
  afterAll(() => {
    services?.close();
    if (canMount) execFileSync('umount', ['-l', small]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('reach the machine, each kind of them, and a host without space pauses it', async () => {
    await using window = await Window.open(parts.browser, parts.manager.url);
    const { page } = window;
    const tab = (name: string) => page.getByRole('dialog').getByRole('tab', { name }).click();
    const choose = async (what: string, choice: string) => {
      await page.getByRole('combobox', { name: what, exact: true }).click();
      await page.getByRole('option', { name: choice, exact: true }).click();
    };
    await window.select('guest');
    await window.button('Settings').click();
    await window.field('Description').fill('Of the test.');
    await tab('System');
    await window.field('Memory').fill('192');
    await choose('CPU model', 'Like the host’s');
    await window.field('Execution cap').fill('3');
    await page.getByText('Enter a whole number from 5 to 100.').waitFor();
    await window.field('Execution cap').fill('90');
    await choose('CPU model', 'Guesthouse (x86-64-v2)');
    await choose('Engine', 'Hardware (KVM)');
    await page
      .getByText('Not for KVM, whose CPU speculates. Choose for example “Like the host’s”.')
      .waitFor();
    await choose('CPU model', 'Like the host’s');
    await choose('Engine', 'Automatic');
    await tab('Boot');
    await window.field('Kernel command line').fill('console=ttyS0 told.by=settings');
    await tab('Display');
    await choose('Graphics card', 'None');
    await tab('Storage');
    await window.inDialog('Add disk').click();
    await window.field('Disk 1').fill(plain);
    await page.getByLabel('Read-only').first().check();
    await window.button('Cache and limits of Disk 1').click();
    await page.getByRole('combobox', { name: 'Host cache of Disk 1: Write back' }).click();
    await page.getByRole('option', { name: 'Write through', exact: true }).click();
    await page.getByLabel('Operations a second at most').fill('0');
    await page.getByLabel('MiB a second at most').fill('2.5');
    await window.inDialog('OK').click();
    await page.getByText('Too little to work with').waitFor();
    await page.screenshot({ path: screenshotPath('settings-disk') });
    await page.getByLabel('Operations a second at most').fill('');
    await page.getByLabel('Zeroes that the guest writes take no room').check();
    await window.inDialog('Add disk').click();
    await window.field('Disk 2').fill(full);
    await window.inDialog('Add disk').click();
    await window.field('Disk 3').fill(plain);
    await window.inDialog('OK').click();
    await page.getByText('This image is already disk 1.').waitFor();
    await window.button('Remove disk 3').click();
    await window.inDialog('Add CD-ROM drive').click();
    await page.getByRole('combobox', { name: 'Interface of CD-ROM 1: IDE' }).click();
    await page.getByRole('option', { name: 'AHCI', exact: true }).click();
    await window.inDialog('Add floppy drive').click();
    await tab('Network');
    await window.inDialog('Add adapter').click();
    const second = page.getByRole('region', { name: 'Adapter 2' });
    await second.getByRole('combobox', { name: 'Attached to' }).click();
    await page.getByRole('option', { name: 'Internal network' }).click();
    await second.getByLabel('Name of the network').fill('no spaces');
    await second.getByLabel('MAC address').fill('53:54:00:00:00:02');
    await tab('Storage');
    await window.inDialog('OK').click();
    await second.getByText('at most 32 of them').waitFor();
    await second.getByText('the second digit is even').waitFor();
    await page.screenshot({ path: screenshotPath('settings-network') });
    expect(await window.accessibilityProblems()).toEqual([]);
    await second.getByLabel('Name of the network').fill('lab');
    await second.getByLabel('MAC address').fill('52:54:00:00:00:02');
    await second.getByLabel('Cable plugged in').uncheck();
    // A name that another machine has.
    await tab('General');
    await window.enterTakenName('other');
    await window.field('Name').fill('guest');
    await window.inDialog('OK').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await services.library.get(id)).toMatchObject({
      description: 'Of the test.',
      memoryMiB: 192,
      ...{ cpuModel: 'host-like', cpuCap: 90 },
      boot: { commandLine: 'console=ttyS0 told.by=settings' },
      display: { card: 'none' },
      disks: [
        {
          ...{ path: plain, readOnly: true },
          ...{ cache: 'writethrough', detectZeroes: true },
          limits: { bytesPerSecond: 2.5 * 2 ** 20 },
        },
        { path: full, readOnly: false },
      ],
      cdroms: [{ interface: 'ahci' }],
      floppies: [{}],
      adapters: [
        { model: 'virtio', network: { mode: 'user' } },
        {
          mac: '52:54:00:00:00:02',
          connected: false,
          network: { mode: 'internal', name: 'lab' },
        },
      ],
    });
    await window.select('other');
    await window.button('Settings').click();
    await tab('Boot');
    await window.button('Try CD-ROM earlier').click();
    await page.getByLabel('Wait for F12, which opens the boot menu').check();
    await window.inDialog('OK').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const others = (await services.library.list()).find(({ name }) => name === 'other')!;
    expect((await services.library.get(others.id)).boot).toMatchObject({
      order: 'dca',
      menu: true,
    });

    await window.select('guest');
    await page
      .getByRole('navigation', { name: 'Tools' })
      .getByRole('button', { name: 'Network' })
      .click();
    await page
      .getByRole('region', { name: 'Adapter 1' })
      .getByRole('combobox', { name: 'Adapter type' })
      .click();
    await page.getByRole('option', { name: 'Intel 82540EM (e1000)' }).click();
    await expect
      .poll(async () => (await services.library.get(id)).adapters[0]?.model)
      .toBe('e1000');

    await window.select('guest');
    await window.start();
    await window.waitForConsole(prompt, bootSeconds);
    await window.type('clear; head -1 /proc/meminfo; cat /proc/cmdline /sys/block/vd*/ro');
    // Less what the kernel keeps for itself.
    await window.waitForConsole(/MemTotal: +1[5-9]\d{4} kB/, 30);
    await window.waitForConsole(/console=ttyS0 told\.by=settings/, 30);
    await window.waitForConsole(/^1\s+0$/m, 30);
    await window.type(
      'clear; cat /sys/bus/pci/devices/*/class /sys/bus/pci/devices/*/device; echo all',
    );
    await window.waitForConsole(/^all$/m, 30);
    const devices = await window.consoleText();
    // An AHCI controller and the e1000, but no display.
    expect(devices).toContain('0x010601');
    expect(devices).toContain('0x100e');
    expect(devices).not.toContain('0x0300');

    if (!canMount) return;
    await window.type(
      'clear; dd if=/dev/urandom of=/dev/vdb bs=1M count=16 oflag=direct; echo wr""itten',
    );
    await window.waitForState('guest', 'Paused', 60);
    await page
      .getByText(/no space left|full/i)
      .first()
      .waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('no-space') });
    execFileSync('mount', ['-o', 'remount,size=64m', small]);
    await window.button('Resume').click();
    await window.waitForState('guest', 'Running');
    await window.waitForConsole(/^written$/m, 60);
    await window.powerOff();
    await window.waitForState('guest', 'Powered Off');

    // A disk image that has gone since.
    rmSync(full);
    await window.start();
    await window.page.getByRole('group', { name: '“guest” could not be started' }).waitFor();
    await window.notice(new RegExp(full)).first().waitFor();
    await page
      .getByRole('navigation', { name: 'Tools' })
      .getByRole('button', { name: 'Media' })
      .click();
    await page.getByText('Missing').waitFor();
    await page.screenshot({ path: screenshotPath('vanished') });
  });
});
