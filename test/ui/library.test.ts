import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, screenshotPath, Window } from './window.ts';

describe.skipIf(!hasChromium)('the window', () => {
  let browser: Browser;
  let manager: Manager;
  /** A folder of the test with a file that is no kernel. */
  let files: string;
  let notKernel: string;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });
  beforeEach(async () => {
    manager = await Manager.start();
    files = path.join(manager.home, 'files');
    mkdirSync(files);
    notKernel = path.join(files, 'letter.txt');
    writeFileSync(notKernel, 'Dear guest, this is not a kernel.\n'.repeat(100));
    return () => manager[Symbol.asyncDispose]();
  });

  test('leads a newcomer to the first machine and says what is missing', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    expect(new URL(page.url()).hash).toBe('');
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.button('Create your first machine').click();
    await window.inDialog('Create').click();
    await page.getByText('Give the machine a name.').waitFor();
    await page
      .getByText('Choose a kernel to boot, or give the machine a drive to boot from.')
      .waitFor();
    await expect.poll(() => window.focused()).toContain('Name');
    await window.field('Name').fill('first');
    await window.field('Memory').fill('8');
    await page.getByText('At least 16 MiB are needed.').waitFor();
    await window.field('CPUs').fill('2');
    await page.getByText('Several CPUs need hardware assistance; this engine runs one.').waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.field('Memory').fill('64');
    await window.field('CPUs').fill('1');

    // The file chooser, by mouse.
    await window.field('Kernel').fill(`${files}/nothing`);
    await window.inDialog('Choose Kernel').click();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.getByRole('option', { name: 'letter.txt' }).dblclick();
    await page.getByText('3.32 KiB').waitFor();
    await window.inDialog('Create').click();
    await window.waitForState('first', 'Powered Off');
    await page.getByRole('region', { name: 'Boot' }).getByText(notKernel).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
  });

  test.each(['light', 'dark'] as const)(
    'guides through a new machine, one question after the other, in %s',
    async (colorScheme) => {
      await using window = await Window.open(browser, manager.url, { colorScheme, guided: true });
      const { page } = window;
      const iso = '/usr/lib/grub-rescue/grub-rescue-cdrom.iso';
      const isLooked = async (): Promise<void> => {
        await page.screenshot({ path: screenshotPath(`guide-${await step()}-${colorScheme}`) });
        expect(await window.accessibilityProblems()).toEqual([]);
        expect(await window.overflows()).toEqual([]);
      };
      const step = async () =>
        (await page.locator('[aria-current="step"]').textContent())!.replace(/^\d+/, '');
      await window.button('New').click();
      await expect.poll(() => window.focused()).toContain('Install medium');
      await window.inDialog('Next').click();
      await page.getByText('Give the machine a name.').waitFor();
      await window.field('Install medium or disk image').fill(notKernel);
      await page.keyboard.press('Tab');
      await page.getByText('It is text, not a disk.').waitFor();
      await window.field('Install medium or disk image').fill(iso);
      await page.keyboard.press('Tab');
      await page.getByText(/MiB · ISO image/).waitFor();
      await expect.poll(() => window.field('Name').inputValue()).toBe('grub-rescue-cdrom');
      const name = `guided ${colorScheme}`;
      await window.field('Name').fill(name);
      await isLooked();
      await window.inDialog('Next').click();

      await window.field('Memory').fill('8');
      await window.inDialog('Next').click();
      await page.getByText('At least 16 MiB are needed.').waitFor();
      await window.field('Memory').fill('64');
      await page.getByRole('combobox', { name: 'Firmware' }).click();
      await page.getByRole('option', { name: 'A firmware file (UEFI)' }).click();
      await window.inDialog('Next').click();
      await page.getByText('Choose a firmware file.').waitFor();
      await isLooked();
      await page.getByRole('combobox', { name: 'Firmware' }).click();
      await page.getByRole('option', { name: 'BIOS, built in' }).click();
      await window.inDialog('Next').click();

      await window.field('New disk 1').fill('none');
      await window.inDialog('Next').click();
      expect(await step()).toBe('Hard disk');
      await window.field('New disk 1').fill('1');
      await isLooked();
      await window.inDialog('Next').click();
      await page.getByRole('dialog').getByText('1 GiB, QCOW2').waitFor();
      await isLooked();
      // Back and forth, and over to the one page: nothing is forgotten.
      await window.inDialog('Back').click();
      await window.inDialog('Back').click();
      expect(await window.field('Memory').inputValue()).toBe('64');
      await window.inDialog('Expert mode').click();
      expect(await window.field('CD-ROM 1').inputValue()).toBe(iso);
      await window.inDialog('Guided mode').click();
      await window.inDialog('Next').click();
      await window.inDialog('Next').click();
      await window.inDialog('Create').click();
      await window.waitForState(name, 'Powered Off');
      const storage = page.getByRole('region', { name: 'Storage' });
      await storage.getByText(iso).waitFor();
      await storage.getByText(`${name}.qcow2`).waitFor();

      // A medium that was dropped brings its disk, too: one that any system knows, as this one is not recognised.
      await window.drop([iso]);
      await window.inDialog('Continue').click();
      await window.inDialog('Next').click();
      await window.inDialog('Next').click();
      await page.getByRole('combobox', { name: /New disk 1: IDE$/ }).waitFor();
    },
  );

  test('changes and deletes machines', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    await window.create({ name: 'one', kernel: notKernel });
    await window.create({
      name: 'two',
      kernel: notKernel,
      disks: [{ path: '/d', readOnly: true }],
    });
    await page.getByRole('region', { name: 'Storage' }).getByText('Read-only').waitFor();

    await page.getByRole('button', { name: 'Change General' }).click();
    await window.enterTakenName('one');
    await window.field('Name').fill('second');
    await window.page.getByRole('tab', { name: 'System' }).click();
    await window.inDialog('Help').click();
    await page.getByText(/Memory and processors are what the guest finds/).waitFor();
    await window.field('Memory').fill('77');
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.inDialog('OK').click();
    await window.waitForState('second', 'Powered Off');
    await page.getByText('77 MiB').waitFor();

    // By the context menu of the list, which says why something cannot be done.
    await window.machine('one').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Start' }).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    // Its keys do not reach the list behind it, where Enter would start the machine.
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('one – Settings').waitFor();
    await window.leaveDialog();
    expect(
      await page.getByRole('region', { name: 'Notifications' }).getByRole('group').count(),
    ).toBe(0);
    await window.select('second');

    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await window.machine('second').waitFor({ state: 'detached' });
    expect(await window.machine('one').getAttribute('aria-selected')).toBe('true');
  });

  test('says of each start that fails what happened, why, and what to do', async () => {
    await using window = await Window.open(browser, manager.url);
    const gone = path.join(files, 'gone');
    const disk = path.join(files, 'disk.img');
    writeFileSync(disk, new Uint8Array(1 << 20));
    writeFileSync(`${disk}.lock`, 'something else');
    await window.create({ name: 'no kernel', kernel: gone });
    await window.start();
    await window.notice(`${gone}`).waitFor();
    await window.create({ name: 'no such disk', kernel: notKernel, disks: [{ path: gone }] });
    await window.start();
    await window.page.getByRole('group', { name: '“no such disk” could not be started' }).waitFor();
    await window.create({ name: 'wrong kernel', kernel: notKernel });
    await window.start();
    await window.notice(/not a kernel/).waitFor();
    await window.create({ name: 'locked disk', kernel: notKernel, disks: [{ path: disk }] });
    await window.start();
    await window.page.getByRole('group', { name: '“locked disk” could not be started' }).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    // They stay until dismissed.
    const notices = window.page.getByRole('region', { name: 'Notifications' }).getByRole('group');
    expect(await notices.count()).toBe(4);
    await window.button('Dismiss all 4').click();
    await expect.poll(() => notices.count()).toBe(0);
    for (const name of ['no kernel', 'no such disk', 'wrong kernel', 'locked disk'])
      await window.waitForState(name, 'Powered Off');
  });

  test('lists a machine from a newer version with the reason and leaves its file alone', async () => {
    const folder = path.join(manager.home, 'vms', 'future');
    mkdirSync(folder);
    const file = path.join(folder, 'vm.json');
    const content = JSON.stringify({ version: 999, name: 'from the future', wings: 2 });
    writeFileSync(file, content);
    await using window = await Window.open(browser, manager.url);
    await window.machine('from the future').or(window.machine('future')).click();
    await window.page.getByText('This machine cannot be used').waitFor();
    await window.page.getByText(/999/).waitFor();
    expect(await window.button('Start').getAttribute('aria-disabled')).toBe('true');
    expect(await window.button('Settings').getAttribute('aria-disabled')).toBe('true');
    expect(await window.accessibilityProblems()).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  test('speaks the system’s language, and shows what a machine’s log has', async () => {
    await using window = await Window.open(browser, manager.url, {
      ...{ colorScheme: 'dark', locale: 'de-DE' },
    });
    const { page } = window;
    await window.button('Neu').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('probe');
    await page.getByRole('textbox', { name: 'Kernel', exact: true }).fill(notKernel);
    await window.button('Anlegen').click();
    await window.button('Starten').first().click();
    await page.getByRole('group', { name: '„probe“ ließ sich nicht starten' }).waitFor();
    await page.getByRole('tab', { name: 'Protokoll' }).click();
    await page.getByRole('log').getByText('Process ended: exit code 0.').waitFor();
    await page.getByRole('searchbox', { name: 'Suchen', exact: true }).fill('STATE: starting');
    await page.getByText('1 Zeile', { exact: true }).waitFor();
    expect(await page.getByRole('log').locator('mark').allTextContents()).toEqual([
      'State: starting',
    ]);
    const follow = page.getByRole('switch', { name: 'Mitlaufen' });
    expect(await follow.isChecked()).toBe(true);
    const saved = page.waitForEvent('download');
    await window.button('Sichern …').click();
    const log = readFileSync(await (await saved).path(), 'utf8');
    expect(log).toMatch(/State: starting\n(.*\n)*.*Process ended: exit code 0\.\n/);
    expect(await window.accessibilityProblems()).toEqual([]);
    expect(await window.overflows()).toEqual([]);
  });

  test('says why a button is off', async () => {
    await using window = await Window.open(browser, manager.url);
    await window.create({ name: 'idle', kernel: notKernel });
    await window.button('Pause').hover();
    await window.page.getByRole('tooltip', { name: '“idle” is powered off' }).waitFor();
    await window.button('Pause').click({ force: true });
    expect(await window.notice(/./).count()).toBe(0);
  });

  test('can be used by keyboard alone', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    const { keyboard } = page;
    await window.button('Create your first machine').waitFor();
    await keyboard.press('Alt+n');
    await expect.poll(() => window.focused()).toContain('Name');
    await keyboard.type('by keys');
    for (let i = 0; i < 40 && (await window.focused()) !== 'input Kernel'; i++)
      await keyboard.press('Tab');
    expect(await window.focused()).toBe('input Kernel');
    await keyboard.type(`${files}/x`);
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    // The list has the keyboard, and what is in it has come.
    await expect.poll(() => window.focused()).toBe('listbox Files');
    await keyboard.press('l');
    await keyboard.press('Enter');
    await page.getByText('3.32 KiB').waitFor();
    await expect.poll(() => window.focused()).toContain('Choose Kernel');
    await keyboard.press('Shift+Tab');
    await keyboard.press('Enter');
    await window.waitForState('by keys', 'Powered Off');
    await page.getByRole('dialog').waitFor({ state: 'detached' });

    // Ctrl+A is "Add", and in a field it selects what is there.
    await keyboard.press('Control+a');
    await page.getByRole('dialog', { name: 'Import an appliance' }).waitFor();
    await keyboard.type('abc');
    await keyboard.press('Control+a');
    await keyboard.type('x');
    expect(await window.field('Appliance').inputValue()).toBe('x');
    await window.leaveDialog();

    await keyboard.press('Control+s');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(1);
    await window.leaveDialog();
    for (let i = 0; i < 30 && !(await window.focused()).startsWith('tree'); i++)
      await keyboard.press('Tab');
    expect(await window.focused()).toContain('tree Machines');
    await keyboard.press('Delete');
    await page.getByRole('alertdialog').waitFor();
    await expect.poll(() => window.focused()).toContain('Cancel');
    await window.leaveDialog();
    // Enter starts it; the letter is refused, and the notice can be reached and dismissed.
    await keyboard.press('Enter');
    const failure = page.getByRole('group', { name: '“by keys” could not be started' });
    await failure.waitFor();
    for (let i = 0; i < 30 && !(await window.focused()).includes('Dismiss'); i++)
      await keyboard.press('Tab');
    await keyboard.press('Enter');
    await failure.waitFor({ state: 'detached' });
  });

  test('shows that the manager has gone and that an old address is of no use', async () => {
    const window = await Window.open(browser, manager.url);
    await window.create({ name: 'one', kernel: notKernel });
    await manager.stop();
    await window.page.getByText(/The connection to the machine manager was lost/).waitFor();
    expect(await window.button('New').getAttribute('aria-disabled')).toBe('true');
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.page.context().close();

    await using another = await Manager.start(manager.home);
    await using stranger = await Window.open(browser, `${new URL(another.url).origin}/`);
    await stranger.page.getByText('This address has no access token').waitFor();
    await using guesser = await Window.open(browser, `${new URL(another.url).origin}/#token=guess`);
    await guesser.page.getByText('The access token is not valid any more').waitFor();
  });

  test.each([
    ['light', 1280, 800, 1],
    ['dark', 1280, 800, 1],
    ['light', 1024, 700, 1],
    ['light', 853, 533, 1.5],
    ['dark', 853, 533, 1.5],
    ['light', 640, 400, 2],
  ] as const)(
    'fits in %s at %i×%i and a scale of %f',
    async (colorScheme, width, height, scale) => {
      await using window = await Window.open(browser, manager.url, {
        colorScheme,
        viewport: { width, height },
        deviceScaleFactor: scale,
      });
      await window.create({
        name: 'a machine with a rather long name that must be cut off somewhere',
        kernel: notKernel,
        disks: [
          { path: `${files}/a/very/long/path/that/goes/on/and/on/for/quite/a/while/disk.img` },
        ],
      });
      await window.create({ name: 'short', kernel: notKernel });
      await window.start();
      await window.page.getByRole('group', { name: '“short” could not be started' }).waitFor();
      const shot = async (name: string) => {
        const folder = path.resolve('.cache/ui-screenshots');
        mkdirSync(folder, { recursive: true });
        await window.page.screenshot({
          path: path.join(folder, `${name}-${colorScheme}-${width}x${height}.png`),
        });
      };
      await shot('details');
      expect(await window.overflows()).toEqual([]);
      expect(await window.accessibilityProblems()).toEqual([]);
      await window.page.getByRole('tab', { name: 'Console' }).click();
      await shot('console');
      expect(await window.overflows()).toEqual([]);
      await window.button('Settings').click();
      await window.page.getByRole('tab', { name: 'Storage' }).click();
      await window.transitionsEnd();
      await shot('settings');
      expect(await window.overflows()).toEqual([]);
      await window.leaveDialog();
      await window.button('New').click();
      await window.transitionsEnd();
      await shot('new');
      expect(await window.overflows()).toEqual([]);
    },
  );
});
