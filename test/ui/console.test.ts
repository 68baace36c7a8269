/** The window with real guests: Debian's stock cloud kernel and a busybox shell. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxInitramfs, shellPrompt } from '../guests/busyboxInitramfs.ts';
import { debianKernel, type DebianKernel } from '../guests/debianKernel.ts';
import { makeExt4Disk } from '../guests/ext4Disk.ts';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, Window } from './window.ts';

/** Seconds for a boot to the shell, with two guests on a busy machine. */
const bootSeconds = 240;
const prompt = new RegExp(`^${shellPrompt}\\s*$`, 'm');

describe.skipIf(!hasChromium)('the window with a running guest', () => {
  let browser: Browser;
  let manager: Manager;
  let kernel: DebianKernel;
  let initrd: string;

  beforeAll(async () => {
    kernel = await debianKernel('cloud-amd64');
    initrd = await busyboxInitramfs(kernel);
    browser = await openBrowser();
    manager = await Manager.start();
  });
  afterAll(async () => {
    await browser?.close();
    await manager?.[Symbol.asyncDispose]();
  });

  const machine = (name: string) => ({
    name,
    kernel: kernel.image,
    initrd,
    commandLine: 'console=ttyS0',
    memoryMiB: 256,
  });

  /** The process of a machine, found as an administrator would find it. */
  const processOf = (name: string): number => {
    const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
    const line = lines.find((one) => one.includes('vmProcess') && one.trim().endsWith(` ${name}`));
    if (!line) throw new Error(`No process of ${name}:\n${lines.join('\n')}`);
    return Number.parseInt(line, 10);
  };

  test('takes a newcomer from an empty list to an answer of the guest, and off again', async () => {
    const disk = path.join(manager.home, 'disk.img');
    await makeExt4Disk(disk, { sizeMiB: 16 });
    await using window = await Window.open(browser, manager.url);
    await window.button('Create your first machine').waitFor();
    await window.create({ ...machine('debian'), disks: [{ path: disk }] });
    await window.start();
    await window.waitForState('debian', 'Running');
    // The keyboard is in the console already.
    await window.waitForConsole(prompt, bootSeconds);
    await window.type('uname -a');
    await window.waitForConsole(
      new RegExp(`^Linux guest ${kernel.release} .* x86_64 GNU/Linux`, 'm'),
      60,
    );
    const folder = path.resolve('.cache/ui-screenshots');
    mkdirSync(folder, { recursive: true });
    await window.page.screenshot({ path: path.join(folder, 'newcomer.png') });

    // Keys that a browser or the window might keep for themselves reach the guest.
    await window.type('echo go; cat');
    // The shell has given the terminal back to line mode then.
    await window.waitForConsole(/^go\s*$/m, 60);
    await window.type('miaow');
    await window.waitForConsole(/^miaow\s+miaow/m, 60);
    await window.page.keyboard.press('Control+c');
    await window.waitForConsole(/\^C\s+guest#\s*$/, 60);
    await window.type('ls -d /dev/vd*');
    await window.waitForConsole(/^\/dev\/vda\s*$/m, 30);

    await window.button('Pause').click();
    await window.waitForState('debian', 'Paused');
    await window.button('Resume').click();
    await window.waitForState('debian', 'Running');
    await window.page.locator('.xterm-helper-textarea').focus();
    await window.type('echo still $((40 + 2))');
    await window.waitForConsole(/^still 42/m, 60);

    // A page loaded anew shows what came before.
    await window.page.reload();
    await window.select('debian');
    await window.page.getByRole('tab', { name: 'Console' }).click();
    await window.waitForConsole(/^still 42/m, 30);

    // The keyboard leaves the console by its host key.
    await expect.poll(() => window.focused()).toContain('textarea');
    await window.page.keyboard.press('ControlRight');
    expect(await window.focused()).toBe('tab Console');

    // What cannot be changed in a running machine says so.
    await window.button('Settings').click();
    await window.page.getByRole('tab', { name: 'Boot' }).click();
    await window.page.getByText(/can be changed when “debian” is powered off/).waitFor();
    expect(await window.field('Kernel').isDisabled()).toBe(true);
    await window.leaveDialog();

    await window.powerOff();
    await window.waitForState('debian', 'Powered Off');
    expect(await window.consoleText()).toMatch(/still 42/);
  });

  test('shows Aborted with the reason when a process is killed, while another guest runs on', async () => {
    await using window = await Window.open(browser, manager.url);
    await window.create(machine('victim'));
    await window.start();
    await window.create(machine('survivor'));
    await window.start();
    await window.waitForConsole(prompt, bootSeconds);
    process.kill(processOf('victim'), 'SIGKILL');
    await window.waitForState('victim', 'Aborted');
    await window.notice(/SIGKILL/).waitFor();
    await window.waitForState('survivor', 'Running');
    await window.page.locator('.xterm-helper-textarea').focus();
    await window.type('echo alive $((6 * 7))');
    await window.waitForConsole(/^alive 42/m, 60);

    // It can be started again.
    await window.select('victim');
    await window.page.getByRole('tab', { name: 'Details' }).click();
    await window.page.getByText('The machine was aborted').waitFor();
    await window.start();
    await window.waitForState('victim', 'Running');
    await window.powerOff();
    await window.waitForState('victim', 'Powered Off');
  });

  test('says that a disk is in use by another machine', async () => {
    const disk = path.join(manager.home, 'shared.img');
    await makeExt4Disk(disk, { sizeMiB: 16 });
    await using window = await Window.open(browser, manager.url);
    await window.create({ ...machine('first'), disks: [{ path: disk }] });
    await window.start();
    await window.waitForState('first', 'Running');
    await window.create({ ...machine('second'), disks: [{ path: disk }] });
    await window.start();
    const notice = window.page.getByRole('group', { name: '“second” could not be started' });
    await notice.getByText(disk).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.waitForState('second', 'Powered Off');
    await window.select('first');
    await window.powerOff();
    await window.waitForState('first', 'Powered Off');
  });
});
