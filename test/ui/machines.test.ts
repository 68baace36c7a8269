/** Machines made by the wizard with new disks, cloned and deleted; media changed while Debian's loader runs. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoKernel } from '../framework/echoKernel.ts';
import { installerMedium } from '../guests/installerMedium.ts';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, screenshotPath, Window } from './window.ts';

const guestMs = 120_000;

describe.skipIf(!hasChromium)('machines', () => {
  let browser: Browser;
  let manager: Manager;
  let installer: string;
  const disks = (): string[] =>
    readdirSync(path.join(manager.home, 'disks'))
      .filter((name) => !name.endsWith('.lock'))
      .sort();

  beforeAll(async () => {
    installer = await installerMedium();
    browser = await openBrowser();
    manager = await Manager.start();
  });
  afterAll(async () => {
    await browser?.close();
    await manager?.[Symbol.asyncDispose]();
  });

  test('are made with new disks, cloned in both ways, and deleted with and without files', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    const kernel = path.join(manager.home, 'echo.bin');
    writeFileSync(kernel, echoKernel());
    await window.button('New').click();
    await page.getByRole('dialog').waitFor();
    await page.getByRole('combobox', { name: 'Template' }).click();
    await page.getByRole('option', { name: 'Linux without a desktop' }).click();
    await window.field('Name').fill('server');
    expect(await window.field('Memory').inputValue()).toBe('1024');
    await window.field('New disk 1').fill('nothing');
    await page.getByText('Enter the size in GiB, at most 16384.').waitFor();
    await window.inDialog('Create').click();
    await expect.poll(() => window.focused()).toContain('New disk 1');
    await window.field('New disk 1').fill('0,5');
    await window.field('Kernel').fill(kernel);
    await window.inDialog('Add new disk').click();
    await window.field('New disk 2').fill('0.01');
    await page
      .getByRole('combobox', { name: /^Format/ })
      .nth(1)
      .click();
    await page.getByRole('option', { name: 'VDI' }).click();
    await page.screenshot({ path: screenshotPath('wizard-light') });
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.inDialog('Create').click();
    await window.waitForState('server', 'Powered Off');
    expect(disks()).toEqual(['server.qcow2', 'server.vdi']);

    // A name that is taken is told, and no disk is left behind.
    await window.button('New').click();
    await window.field('Name').fill('Server');
    await window.inDialog('Add new disk').click();
    await window.inDialog('Create').click();
    await page
      .getByRole('dialog')
      .getByText(/named "Server" already/)
      .waitFor();
    expect(disks()).toHaveLength(2);
    await window.leaveDialog();

    // Cloned by keyboard; what is wrong with the name is said there.
    await page.keyboard.press('Control+o');
    await expect.poll(() => window.field('Name').inputValue()).toBe('server clone');
    await page.keyboard.type('server');
    await page.keyboard.press('Enter');
    await page
      .getByRole('dialog')
      .getByText(/named "server" already/)
      .waitFor();
    await window.field('Name').fill('copy');
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('clone-light') });
    expect(await window.focused()).toContain('Name');
    await page.keyboard.press('Enter');
    await window.waitForState('copy', 'Powered Off', 60);
    const task = page.getByRole('group', { name: '“copy” was cloned' });
    await task.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('heading', { name: 'copy' }).waitFor();
    await task.getByRole('button', { name: /^Dismiss/ }).click();
    await task.waitFor({ state: 'detached' });
    await window.select('server');
    await window.button('Clone').click();
    await page.getByRole('radio', { name: /^Linked clone/ }).check();
    await window.field('Name').fill('link');
    await window.inDialog('Clone').click();
    await window.waitForState('link', 'Powered Off', 60);
    // Both run at the same time on the disks that they share.
    for (const name of ['server', 'link']) {
      await window.select(name);
      await window.start();
      await window.waitForState(name, 'Running', 60);
      expect(await window.button('Clone').getAttribute('aria-disabled')).toBe('true');
    }
    for (const name of ['server', 'link']) {
      await window.select(name);
      await window.powerOff();
      await window.waitForState(name, 'Powered Off');
    }

    const dialog = page.getByRole('alertdialog');
    await window.select('server');
    await window.button('Delete').click();
    await dialog
      .getByText(/stays: “link” needs it/)
      .first()
      .waitFor();
    await dialog.getByRole('checkbox').check();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('delete-light') });
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await window.machine('server').waitFor({ state: 'detached' });
    expect(disks()).toEqual([
      'copy.qcow2',
      'copy.vdi',
      'link-2.qcow2',
      'link.qcow2',
      'server.qcow2',
      'server.vdi',
    ]);
    await window.select('copy');
    await window.button('Delete').click();
    await dialog.getByRole('checkbox').waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await window.machine('copy').waitFor({ state: 'detached' });
    expect(existsSync(path.join(manager.home, 'disks', 'copy.qcow2'))).toBe(true);
  });

  test('take another medium while they run', async () => {
    await using window = await Window.open(browser, manager.url, { locale: 'de-DE' });
    const { page } = window;
    await window.button('Neu').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('tray');
    await window.inDialog('CD-ROM-Laufwerk hinzufügen').click();
    await window.inDialog('Anlegen').click();
    await window.button('Starten').first().click();
    await window.waitForState('tray', 'Läuft', 60);
    const bar = (): Promise<boolean> =>
      window.screenPixel(480, 188).then((colour) => colour === '#719bbf');

    const storage = page.getByRole('region', { name: 'Massenspeicher' });
    const reset = async (): Promise<void> => {
      await window.button('Neustart').click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'Neustart' }).click();
      await page.getByRole('tab', { name: 'Bildschirm' }).click();
    };
    await page.getByRole('tab', { name: 'Einzelheiten' }).click();
    await storage.getByRole('button', { name: /Medium von CD-ROM 1/ }).click();
    await page.getByRole('menuitem', { name: 'Ein Abbild einlegen …' }).click();
    await expect.poll(() => window.focused()).toMatch(/^(group|listbox) Dateien$/);
    await window.field('Ordner').fill(path.dirname(installer));
    await window.field('Ordner').press('Enter');
    await page
      .getByRole('option', { name: path.basename(installer) })
      .first()
      .dblclick();
    await storage.getByText(installer).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await reset();
    await expect.poll(bar, { timeout: guestMs }).toBe(true);

    await page.getByRole('tab', { name: 'Einzelheiten' }).click();
    await storage.getByRole('button', { name: /Medium von CD-ROM 1/ }).click();
    await page.getByRole('menuitem', { name: 'Auswerfen' }).click();
    await storage.getByText(/^Leer/).waitFor();
    await reset();
    // The firmware finds nothing to boot any more.
    await expect.poll(bar, { timeout: guestMs }).toBe(false);
    // What cannot be changed now says why.
    await page.getByRole('tab', { name: 'Einzelheiten' }).click();
    await window.button('Ändern').click();
    await page.getByRole('tab', { name: 'Massenspeicher' }).click();
    await page.getByText(/Daraus ist die laufende Maschine gebaut/).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
  });
});
