/** Snapshots of a running Debian guest in the window: taken, branched, restored, described, deleted; its state saved. */
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { busyboxInitramfs, shellPrompt } from '../guests/busyboxInitramfs.ts';
import { debianKernel, type DebianKernel } from '../guests/debianKernel.ts';
import { makeExt4Disk } from '../guests/ext4Disk.ts';
import { describeWindow } from './describeWindow.ts';
import { screenshotPath, Window } from './window.ts';

const bootSeconds = 240;
const prompt = new RegExp(`^${shellPrompt}\\s*$`, 'm');

describeWindow('snapshots', (parts) => {
  let kernel: DebianKernel;
  let initrd: string;

  beforeAll(async () => {
    kernel = await debianKernel('cloud-amd64');
    initrd = await busyboxInitramfs(kernel);
  });
  test('of a running guest bring back its memory and disk, branch, and are described and deleted', async () => {
    const disk = path.join(parts.manager.home, 'disk.img');
    await makeExt4Disk(disk, { sizeMiB: 16 });
    await using window = await Window.open(parts.browser, parts.manager.url);
    const { page } = window;
    const row = (name: string) => page.getByRole('treeitem', { name, exact: true });
    const outline = () => page.getByRole('tree', { name: 'Snapshots of “debian”' });
    const gone = (name: string) => page.getByRole(name as 'dialog').waitFor({ state: 'detached' });
    const tab = (name: string) => page.getByRole('tab', { name }).click();
    const take = async (name: string, description = '') => {
      await window.button('Take').click();
      await window.field('Name').fill(name);
      if (description !== '') await window.field('Description').fill(description);
      await window.inDialog('Take').click();
      await row(name).waitFor({ timeout: 120_000 });
    };
    await window.create({
      ...{ name: 'debian', kernel: kernel.image, initrd, commandLine: 'console=ttyS0' },
      ...{ memoryMiB: 128, disks: [{ path: disk }] },
    });
    await tab('Snapshots');
    await page.getByText('There are no snapshots of “debian”.').waitFor();
    await window.start();
    await window.waitForConsole(prompt, bootSeconds);
    await window.type('mount /dev/vda /mnt; echo one > /mnt/file; sync; x=before');
    await tab('Snapshots');
    await take('First', 'With a file\nand a variable');
    await row('First').click();
    await page.getByText('With a file').waitFor();
    await page.getByText('with memory: the machine goes on from there').waitFor();

    // What came after goes when the first is restored; it is kept as a branch of its own.
    await tab('Console');
    await window.type('echo two > /mnt/file; sync; x=after');
    await tab('Snapshots');
    await row('First').click();
    // Not while it runs: the button says why.
    expect(await window.button('Restore').getAttribute('aria-disabled')).toBe('true');
    await window.button('Stop').click();
    await page.getByRole('menuitem', { name: /^Save the state/ }).click();
    await window.waitForState('debian', 'Saved', 120);
    await window.button('Restore').click();
    expect(await page.getByRole('checkbox').isChecked()).toBe(true);
    await page.getByRole('alertdialog').getByRole('button', { name: 'Restore' }).click();
    await row('Before restoring First').waitFor({ timeout: 120_000 });
    await gone('progressbar');
    await window.start();
    await window.waitForState('debian', 'Running', 60);
    await window.type('');
    await window.type('cat /mnt/file; echo it is $x');
    await window.waitForConsole(/one\s+it is before/, 60);
    await window.powerOff();
    await window.waitForState('debian', 'Powered Off', 60);

    await tab('Snapshots');
    await take('Branch');
    const levels = await outline()
      .getByRole('treeitem')
      .evaluateAll((items) => items.map((i) => `${i.ariaLevel} ${i.textContent}`));
    expect(levels).toEqual(['1 First', '2 Before restoring First', '2 Branch', '3 Current state']);
    // By the keyboard: to the branch, renamed and described.
    await row('Current state').click();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('F2');
    await window.field('Name').fill('Side');
    await window.field('Description').fill('Another way');
    await window.inDialog('OK').click();
    await row('Side').waitFor();
    await page.getByText('Another way').waitFor();
    await page.screenshot({ path: screenshotPath('snapshots-light') });
    expect(await window.accessibilityProblems()).toEqual([]);
    expect(await window.overflows()).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: screenshotPath('snapshots-dark') });
    expect(await window.accessibilityProblems()).toEqual([]);

    // The other branch: its memory and disk.
    await row('Before restoring First').click();
    await window.button('Restore').click();
    await page.getByRole('checkbox').uncheck();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Restore' }).click();
    await window.waitForState('debian', 'Saved', 60);
    await gone('progressbar');
    await window.start();
    await window.waitForState('debian', 'Running', 60);
    await window.type('');
    await window.type('cat /mnt/file; echo it is $x');
    await window.waitForConsole(/two\s+it is after/, 60);
    await window.powerOff();
    await window.waitForState('debian', 'Powered Off', 60);

    // Deleted, all of them; a saved state that is not wanted is discarded.
    await tab('Snapshots');
    for (const name of ['Side', 'Before restoring First', 'First']) {
      await row(name).click();
      await page.keyboard.press('Delete');
      await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await row(name).waitFor({ state: 'detached', timeout: 120_000 });
      await gone('progressbar');
    }
    await page.getByText('There are no snapshots of “debian”.').waitFor();
  });
});
