/** Disks in the window: made, attached, enlarged, converted with progress and cancel, found again; damage explained. About 15 s. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDisk } from '../../emulator/block/file/fileDisk.ts';
import { echoKernel } from '../framework/echoKernel.ts';
import { describeWindow } from './describeWindow.ts';
import { connectBeside, screenshotPath, Window } from './window.ts';

describeWindow('media', (parts) => {
  test('are made, attached, enlarged, converted, found again and deleted; what is wrong with one is said', async () => {
    const { home } = parts.manager;
    const file = (name: string): string => path.join(home, name);
    const disks = (): string[] =>
      readdirSync(file('disks'))
        .filter((name) => !name.includes('.lock'))
        .sort();
    writeFileSync(file('echo.bin'), echoKernel());
    await using window = await Window.open(parts.browser, parts.manager.url);
    const { page } = window;
    const media = () =>
      page
        .getByRole('navigation', { name: 'Tools' })
        .getByRole('button', { name: 'Media' })
        .click();
    const row = (name: string) => page.getByRole('row').filter({ hasText: name });

    await media();
    await window.button('New disk').click();
    await window.field('Name').fill('data');
    await window.field('Size').fill('0.01');
    await window.inDialog('Create').click();
    await row('data.qcow2').waitFor();
    const data = file('disks/data.qcow2');

    // Attached, and in use while the machine runs.
    await window.create({ name: 'user', kernel: file('echo.bin'), disks: [{ path: data }] });
    await window.start();
    // Whoever goes elsewhere while it starts stays there.
    await media();
    await window.waitForState('user', 'Running', 60);
    await row('data.qcow2').getByText('In use by a running machine').waitFor();

    // Locked for another, which is told by whom.
    await window.create({ name: 'second', kernel: file('echo.bin'), disks: [{ path: data }] });
    await window.start();
    const locked = page.getByRole('group', { name: '“second” could not be started' });
    await locked.getByText(/data\.qcow2 is in use by the VM "user"/).waitFor();
    await locked.getByText(/attach the disk read-only/).waitFor();
    await locked.getByRole('button', { name: /^Dismiss/ }).click();
    const services = await connectBeside(parts.manager.url);
    const idOf = async (name: string): Promise<string> =>
      (await services.library.list()).find((vm) => vm.name === name)!.id;
    await services.library.delete(await idOf('second'));
    await window.machine('second').waitFor({ state: 'detached' });
    await window.select('user');
    await window.powerOff();
    await window.waitForState('user', 'Powered Off');

    // Enlarged; smaller is refused with the reason.
    await media();
    await window.button('Enlarge data.qcow2').click();
    await window.field('Size').fill('0.001');
    await window.inDialog('Enlarge').click();
    await page
      .getByRole('dialog')
      .getByText(/would cut off its end/)
      .waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.field('Size').fill('0.5');
    await window.inDialog('Enlarge').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const taskOf = (name: string | RegExp) => page.getByRole('group', { name: new RegExp(name) });
    const dismiss = (name: string | RegExp) =>
      taskOf(name)
        .getByRole('button', { name: /^Dismiss/ })
        .click();
    await dismiss('data.qcow2 was enlarged');
    await row('data.qcow2').getByText('512 MiB').waitFor();
    const disk = await openDisk({ path: data, format: 'qcow2', readOnly: true });
    expect(disk.size).toBe(512 << 20);
    await disk.close();

    // Also beyond the table of its image.
    const full = file('disks/full.vdi');
    execFileSync('qemu-img', ['create', '-q', '-f', 'vdi', full, '128M']);
    await window.select('user');
    await media();
    await window.button('Enlarge full.vdi').click();
    await window.field('Size').fill('20');
    await window.inDialog('Enlarge').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await dismiss('full.vdi was enlarged');
    await row('full.vdi').getByText('20 GiB').waitFor();
    execFileSync('qemu-img', ['check', '-q', '-f', 'vdi', full]);
    rmSync(full);

    // Locked by another process: who has it is said, here and at the start, and it waits for its turn.
    await window.button('Enlarge data.qcow2').click();
    await window.field('Size').fill('1');
    // Not before: the list says it too, and offers nothing, as soon as it is read again.
    const held = await openDisk({
      ...{ path: data, format: 'qcow2', readOnly: false, owner: 'the backup of tonight' },
    });
    const holder = `in use by the backup of tonight (process ${process.pid})`;
    await window.inDialog('Enlarge').click();
    await page.getByRole('dialog').getByText(holder).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('media-locked') });
    await window.inDialog('Cancel').click();
    await window.select('user');
    await window.start();
    const failed = page.getByRole('group', { name: '“user” could not be started' });
    await failed.getByText(holder).waitFor();
    await failed.getByRole('button', { name: /^Dismiss/ }).click();
    await held.close();
    await window.start();
    await window.waitForState('user', 'Running', 60);
    await window.powerOff();
    await window.waitForState('user', 'Powered Off');

    // Cancelled on the way, after minutes of reading holes or hiding them: nothing is left of a copy, and an enlarged disk is as it was.
    const [large, small] = [file('disks/large.vhd'), file('disks/small.qcow2')];
    execFileSync('qemu-img', [
      ...['create', '-q', '-f', 'vpc', '-o', 'subformat=fixed,force_size=on', large, '1T'],
    ]);
    execFileSync('qemu-img', [
      ...['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4096', '-b', large, '-F', 'vpc'],
      ...[small, '1M'],
    ]);
    await window.select('user');
    await media();
    const cancelled = async (running: RegExp, ended: RegExp): Promise<void> => {
      await expect
        .poll(() => page.getByRole('progressbar', { name: running }).getAttribute('aria-valuenow'))
        .not.toBeNull();
      const task = page.getByRole('group', { name: running });
      await task.getByRole('button', { name: 'Cancel' }).click();
      await dismiss(ended);
    };
    await window.button('Convert large.vhd').click();
    await window.inDialog('Convert').click();
    await cancelled(/^Converting to .*large/, /large.* was cancelled/);
    expect(disks()).toEqual(['data.qcow2', 'large.vhd', 'small.qcow2']);
    await window.button('Enlarge small.qcow2').click();
    await window.field('Size').fill('1000');
    await window.inDialog('Enlarge').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await cancelled(/^Enlarging .*small/, /small.* has its old size/);
    await row('small.qcow2').getByText('1 MiB').waitFor();
    execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', small]);
    const same = await openDisk({ path: small, format: 'qcow2', readOnly: true });
    expect(same.size).toBe(1 << 20);
    await same.close();
    rmSync(small);
    rmSync(large);
    await window.button('Convert data.qcow2').click();
    await window.inDialog('Convert').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // Or what the task says.
    await expect
      .poll(async () => (await row('data.img').isVisible()) || taskOf('data.img').allInnerTexts(), {
        timeout: 60_000,
      })
      .toBe(true);

    // Missing: it is said at the start and here, and it is found again.
    renameSync(data, file('moved.qcow2'));
    await window.select('user');
    await window.start();
    await failed.getByText(data).first().waitFor();
    await failed.getByRole('button', { name: /^Dismiss/ }).click();
    await media();
    await row('data.qcow2').getByText('Missing').waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('media-missing') });
    await window.button('Locate data.qcow2').click();
    await window.field('Folder').fill(home);
    await window.field('Folder').press('Enter');
    await page.getByRole('option', { name: 'moved.qcow2' }).first().dblclick();
    await row('moved.qcow2').getByRole('button', { name: 'user' }).waitFor();

    // Building on an image in another folder: nothing is opened before it is allowed, which is remembered.
    const elsewhere = `${home}-elsewhere`;
    mkdirSync(elsewhere);
    onTestFinished(() => rmSync(elsewhere, { recursive: true }));
    const below = path.join(elsewhere, 'base.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', below, '1M']);
    rmSync(file('moved.qcow2'));
    const overlay = ['create', '-q', '-f', 'qcow2', '-b', below, '-F', 'qcow2'];
    execFileSync('qemu-img', [...overlay, file('moved.qcow2')]);
    await window.select('user');
    await window.start();
    const question = page.getByRole('alertdialog');
    await question.getByText(below).waitFor();
    await question.getByText(elsewhere, { exact: true }).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await question.getByRole('button', { name: 'Cancel' }).click();
    await window.waitForState('user', 'Powered Off');
    await window.start();
    await question.getByRole('button', { name: 'Allow' }).click();
    await window.waitForState('user', 'Running', 60);
    await window.powerOff();
    await window.waitForState('user', 'Powered Off');
    await window.start();
    await window.waitForState('user', 'Running', 60);
    await window.powerOff();
    await window.waitForState('user', 'Powered Off');

    // A running machine with a SATA drive takes another disk, and gives it back.
    const id = await idOf('user');
    await services.library.modify(id, { cdroms: [{ interface: 'ahci' }] });
    await window.start();
    await window.waitForState('user', 'Running', 60);
    await page.getByRole('tab', { name: 'Details' }).click();
    await window.button('Attach a disk…').click();
    const chooser = page.getByRole('textbox', { name: 'Folder' });
    await chooser.fill(path.join(home, 'disks'));
    await chooser.press('Enter');
    await page.getByRole('option', { name: 'data.img' }).first().dblclick();
    const detach = window.button('Detach Disk 2');
    await detach.waitFor();
    expect((await services.library.get(id)).disks[1]).toMatchObject({
      ...{ path: file('disks/data.img'), interface: 'ahci', port: 1 },
    });
    expect(await window.accessibilityProblems()).toEqual([]);
    await detach.click();
    await question.getByRole('button', { name: 'Detach' }).click();
    await detach.waitFor({ state: 'detached' });
    expect((await services.library.get(id)).disks).toHaveLength(1);
    services.close();
    await window.powerOff();
    await window.waitForState('user', 'Powered Off');

    // Damaged: the same.
    writeFileSync(
      file('moved.qcow2'),
      Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(4096)]),
    );
    await window.select('user');
    await window.start();
    await failed
      .getByText(/moved\.qcow2/)
      .first()
      .waitFor();
    await media();
    await row('moved.qcow2').getByText(/QCOW2/).waitFor();

    await window.button('Delete data.img').click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await row('data.img').waitFor({ state: 'detached' });
    expect(existsSync(file('disks/data.img'))).toBe(false);
  });
});
