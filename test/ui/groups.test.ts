/** The list of machines: groups, order, several at once, search. With real machines of the echo kernel. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoKernel } from '../framework/echoKernel.ts';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, screenshotPath, Window } from './window.ts';

describe.skipIf(!hasChromium)('the list of machines', () => {
  let browser: Browser;
  let manager: Manager;
  let kernel: string;

  beforeAll(async () => {
    browser = await openBrowser();
    manager = await Manager.start();
    const files = path.join(manager.home, 'files');
    mkdirSync(files);
    kernel = path.join(files, 'echo.bin');
    writeFileSync(kernel, echoKernel());
  });
  afterAll(async () => {
    await browser?.close();
    await manager?.[Symbol.asyncDispose]();
  });

  /** "a [work: b]", as the list shows it. */
  const shown = (window: Window): Promise<string[]> =>
    window.page
      .getByRole('treeitem')
      .evaluateAll((rows) =>
        rows
          .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
          .map(
            (row) =>
              '-'.repeat(Number(row.getAttribute('aria-level')) - 1) +
              (row.querySelector('p')?.textContent ?? ''),
          ),
      );

  test('groups machines, nests, orders and finds them, and acts on many', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    const { keyboard } = page;
    for (const name of ['alpha', 'beta', 'gamma', 'delta'])
      await window.create({ name, kernel, memoryMiB: 16 });
    const tree = page.getByRole('tree', { name: 'Machines' });
    await expect.poll(() => shown(window)).toEqual(['alpha', 'beta', 'delta', 'gamma']);

    // Two are chosen by mouse and go into a group.
    await window.select('beta');
    await window.machine('gamma').click({ modifiers: ['Control'] });
    await page.getByRole('heading', { name: '2 machines selected' }).waitFor();
    expect(await window.button('Settings').getAttribute('aria-disabled')).toBe('true');
    await window.machine('gamma').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Put into a new group…' }).click();
    await window.field('Name').fill('servers');
    await keyboard.press('Enter');
    await expect
      .poll(() => shown(window))
      .toEqual(['alpha', 'servers', '-beta', '-gamma', 'delta']);

    // A group in the group, by the group's menu; a name that is taken is told where it stands.
    const servers = page.getByRole('treeitem', { name: /^servers/ });
    await servers.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'New group inside…' }).click();
    await window.field('Name').fill('old');
    await keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await servers.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'New group inside…' }).click();
    await window.field('Name').fill('Old');
    await keyboard.press('Enter');
    await page
      .getByRole('dialog')
      .getByText(/named "Old" in the same place/)
      .waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.leaveDialog();

    // By drag and drop: into a group, and before a machine.
    await window.machine('delta').dragTo(page.getByRole('treeitem', { name: /^old/ }));
    await expect
      .poll(() => shown(window))
      .toEqual(['alpha', 'servers', '-beta', '-gamma', '-old', '--delta']);
    await window.select('gamma');
    await window
      .machine('gamma')
      .dragTo(window.machine('alpha'), { targetPosition: { x: 60, y: 4 } });
    await expect
      .poll(() => shown(window))
      .toEqual(['gamma', 'alpha', 'servers', '-beta', '-old', '--delta']);

    // The same by keys: down, into the group, out of it, rename, close.
    await window.select('gamma');
    await tree.focus();
    await keyboard.press('Alt+ArrowDown');
    await expect.poll(async () => (await shown(window)).slice(0, 2)).toEqual(['alpha', 'gamma']);
    await keyboard.press('Alt+ArrowRight');
    await expect.poll(async () => (await shown(window)).at(-1)).toBe('-gamma');
    await keyboard.press('Alt+ArrowLeft');
    await expect.poll(async () => (await shown(window)).at(-1)).toBe('gamma');
    await keyboard.press('F2');
    await keyboard.type('gamma two');
    await keyboard.press('Enter');
    await window.machine('gamma two').waitFor();
    await tree.focus();
    await keyboard.press('ArrowUp');
    for (let i = 0; i < 4; i++) await keyboard.press('ArrowLeft');
    await expect.poll(() => shown(window)).toEqual(['alpha', 'servers', 'gamma two']);
    await keyboard.press('ArrowRight');
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('groups-light') });

    // Search opens what is closed.
    await page.getByRole('searchbox', { name: 'Search machines' }).fill('ELT');
    await expect.poll(() => shown(window)).toEqual(['servers', '-old', '--delta']);
    await page.getByRole('searchbox').fill('nobody');
    await page.getByText('No machine’s name has “nobody”.').waitFor();
    await keyboard.press('Escape');
    await expect.poll(async () => (await shown(window)).length).toBe(5);

    await page.getByRole('treeitem', { name: /^old/ }).dblclick();
    await expect.poll(async () => (await shown(window)).length).toBe(6);

    // All machines at once: started, powered off after one question, deleted.
    await window.select('alpha');
    await tree.focus();
    await keyboard.press('Control+a');
    await page.getByRole('heading', { name: '4 machines selected' }).waitFor();
    await window.start();
    for (const name of ['alpha', 'beta', 'delta', 'gamma two'])
      await window.waitForState(name, 'Running', 60);
    await window.button('Stop').click();
    await page.getByRole('menuitem', { name: /^Power off/ }).click();
    await page.getByRole('alertdialog').getByText('Power off 4 machines?').waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.getByRole('alertdialog').getByRole('button', { name: 'Power off' }).click();
    for (const name of ['alpha', 'beta', 'delta', 'gamma two'])
      await window.waitForState(name, 'Powered Off');

    // The manager has it on disk: another window shows the same.
    await using other = await Window.open(browser, manager.url, { colorScheme: 'dark' });
    await expect
      .poll(() => shown(other), { timeout: 15_000 })
      .toEqual(['alpha', 'servers', '-beta', '-old', '--delta', 'gamma two']);
    await other.page.getByRole('button', { name: 'Home' }).click();
    await other.page.getByRole('heading', { name: 'Another guest?' }).waitFor();
    await other.page.screenshot({ path: screenshotPath('home-dark') });
    expect(await other.accessibilityProblems()).toEqual([]);

    await page.getByRole('treeitem', { name: /^servers/ }).click({ button: 'right' });
    await page.getByRole('menuitem', { name: /^Dissolve the group/ }).click();
    await expect.poll(() => shown(other)).toEqual(['alpha', 'beta', 'old', '-delta', 'gamma two']);
    await page.getByRole('treeitem', { name: /^old/ }).click();
    await window.button('Delete').click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await expect.poll(() => shown(window)).toEqual(['alpha', 'beta', 'old', 'gamma two']);
  });
});
