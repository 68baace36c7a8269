/** A machine in a window of its own: menus, status bar, host key, and how it is closed. About a minute. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RemoteServices } from '../../shared/rpc/services.ts';
import { describeWindow } from './describeWindow.ts';
import { buildPaintKernel, pattern, pixel } from './paintKernel.ts';
import { connectBeside, screenshotPath, Window } from './window.ts';

describeWindow('a machine in a window of its own', (parts) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-own-'));
  const iso = path.join(folder, 'tools.iso');
  let services: RemoteServices;
  let id: string;

  beforeAll(async () => {
    const kernel = path.join(folder, 'paint');
    buildPaintKernel(kernel);
    writeFileSync(iso, new Uint8Array(64 * 2048));
    services = await connectBeside(parts.manager.url);
    const made = await services.library.create({
      name: 'paint',
      memoryMiB: 32,
      boot: { kernel },
      cdroms: [{}],
      adapters: [{}],
    });
    id = made.id;
  });
  afterAll(() => {
    services?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const state = async () => (await services.library.list()).find((vm) => vm.id === id)?.state;

  /** The manager's window, and the machine's, with the running machine's screen. */
  async function opened(
    options: Parameters<typeof Window.open>[2] = {},
  ): Promise<{ manager: Window; own: Window; page: Page }> {
    const manager = await Window.open(parts.browser, parts.manager.url, options);
    await manager.select('paint');
    if ((await state()) !== 'running') {
      await services.session.start(id);
      await manager.waitForState('paint', 'Running');
    }
    const popup = manager.page.waitForEvent('popup');
    await manager.button('Open in own window').click();
    const page = await popup;
    const own = Window.of(page);
    await page.setViewportSize({ width: 1024, height: 800 });
    await page.getByRole('tab', { name: 'Screen' }).click();
    await expect
      .poll(() => pixel(page, 1000, 700), { timeout: 30_000 })
      .toEqual(pattern(1000, 700));
    return { manager, own, page };
  }
  const close = async ({ manager, own }: { manager: Window; own: Window }) => {
    await manager[Symbol.asyncDispose]();
    expect(own.faults).toEqual([]);
  };

  for (const colorScheme of ['light', 'dark'] as const)
    test(`is accessible and whole, ${colorScheme}`, async () => {
      const { manager, own, page } = await opened({ colorScheme });
      expect(await page.title()).toBe('paint [Running] – Guesthouse');
      // The token came with the opener's session, not in the address.
      expect(page.url()).toMatch(new RegExp(`/\\?vm=${id}$`));
      expect(await own.accessibilityProblems()).toEqual([]);
      expect(await own.overflows()).toEqual([]);
      await page.screenshot({ path: screenshotPath(`own-window-${colorScheme}`) });
      await page.getByRole('menuitem', { name: 'Machine', exact: true }).click();
      await page.getByRole('menuitem', { name: /^Take a snapshot/ }).waitFor();
      expect(await own.accessibilityProblems()).toEqual([]);
      await page.screenshot({ path: screenshotPath(`own-window-menu-${colorScheme}`) });
      await page.keyboard.press('Escape');
      await page.locator('canvas').focus();
      await page.keyboard.press('ControlRight+KeyQ');
      await page.getByRole('dialog', { name: 'Close the window of “paint”?' }).waitFor();
      expect(await own.accessibilityProblems()).toEqual([]);
      await page.screenshot({ path: screenshotPath(`own-window-close-${colorScheme}`) });
      await close({ manager, own });
    });

  test('its menus are walked with arrows, and say keys and reasons', async () => {
    const { manager, own, page } = await opened({ deviceScaleFactor: 1.5 });
    await page.locator('canvas').focus();
    await page.keyboard.press('ControlRight');
    expect(await own.focused()).toBe('tab Screen');
    await page.keyboard.press('Shift+Tab');
    expect(await own.focused()).toBe('menuitem File');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    const menu = page.getByRole('menu', { name: 'Machine' });
    await menu.getByText('Right Ctrl+T').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('menuitemcheckbox', { name: 'Fit to the window' }).waitFor();
    await page.screenshot({ path: screenshotPath('own-window-menu-150') });
    await page.keyboard.press('Escape');
    await page.getByRole('menuitem', { name: 'Help' }).click();
    await page.getByRole('menuitem', { name: 'Keys…' }).click();
    await page.getByRole('dialog').getByText('Right Ctrl+Del').waitFor();
    await page.screenshot({ path: screenshotPath('own-window-keys-150') });
    await close({ manager, own });
  });

  test('the status bar changes media and cables of the running machine', async () => {
    const { manager, own, page } = await opened();
    await page.getByRole('button', { name: 'CD-ROMs and floppies' }).click();
    await page.getByRole('menuitem', { name: 'CD-ROM 1: insert an image…' }).click();
    await own.field('Folder').fill(folder);
    await own.field('Folder').press('Enter');
    await page.getByRole('dialog').getByText('tools.iso').dblclick();
    await expect.poll(async () => (await services.library.get(id)).cdroms[0]?.path).toBe(iso);
    await page.getByRole('button', { name: 'CD-ROMs and floppies' }).hover();
    await page.getByRole('tooltip').getByText('CD-ROM 1: tools.iso').waitFor();
    await page.getByRole('menuitem', { name: 'Devices' }).click();
    await page.getByRole('menuitem', { name: 'CD-ROM 1: eject tools.iso' }).click();
    await expect.poll(async () => (await services.library.get(id)).cdroms[0]?.path).toBeUndefined();

    const connected = async () => (await services.session.networkStatus(id))[0]?.connected;
    expect(await connected()).toBe(true);
    await page.getByRole('button', { name: 'Network', exact: true }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Adapter 1: cable plugged in' }).click();
    await expect.poll(connected).toBe(false);
    await close({ manager, own });
  });

  test('the status bar moves the running machine between engines, or says why not', async () => {
    const { manager, own, page } = await opened();
    const engineOf = async (vm: string) =>
      (await services.library.list()).find((one) => one.id === vm)?.engine?.name;
    const move = async (where: Page, engine: string): Promise<void> => {
      await where.getByRole('button', { name: /^Engine: / }).click();
      await where.getByRole('menuitemcheckbox', { name: `Go on with: ${engine}` }).click();
    };
    await move(page, 'Hardware (KVM)');
    await own.notice(/does not speculate/).waitFor();
    expect(await engineOf(id)).toBe('translator');
    const { kind } = await services.host.probeKvm();
    if (kind === 'ready' || kind === 'interpreted') {
      const { id: moved } = await services.library.create({
        ...{ name: 'moved', memoryMiB: 32, engine: 'kvm', cpuModel: 'host-like', boot: {} },
      });
      await services.session.start(moved);
      await manager.select('moved');
      await manager.page.getByRole('tab', { name: 'Screen' }).click();
      for (const [word, name] of [
        ['Translator', 'translator'],
        ['Hardware (KVM)', 'kvm'],
      ] as const) {
        await move(manager.page, word);
        await expect.poll(() => engineOf(moved), { timeout: 30_000 }).toBe(name);
      }
      await services.session.stop(moved, 'powerOff');
    }
    await close({ manager, own });
  });

  test('the host key commands it, on its screen and its console', async () => {
    const { manager, own, page } = await opened();
    await page.locator('canvas').focus();
    await page.keyboard.press('ControlRight+KeyP');
    await expect.poll(() => page.title()).toContain('[Paused]');
    await page.keyboard.press('ControlRight+KeyP');
    await expect.poll(() => page.title()).toContain('[Running]');
    await page.keyboard.press('ControlRight+KeyT');
    await own.field('Name').fill('by key');
    await own.field('Name').press('Enter');
    await expect
      .poll(async () => (await services.snapshots.list(id)).snapshots.map(({ name }) => name), {
        timeout: 30_000,
      })
      .toEqual(['by key']);
    await page.getByRole('tab', { name: 'Console' }).click();
    await page.locator('.xterm').waitFor();
    await page.keyboard.press('ControlRight+KeyR');
    const dialog = page.getByRole('alertdialog', { name: 'Reset “paint”?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.xterm textarea').focus();
    await page.keyboard.press('ControlRight');
    expect(await own.focused()).toBe('tab Console');
    await close({ manager, own });
  });

  test('closing it leaves the machine running, saves it or powers it off', async () => {
    const first = await opened();
    const choose = async ({ page }: { page: Page }, way: string) => {
      await page.locator('canvas').focus();
      await page.keyboard.press('ControlRight+KeyQ');
      await page.getByRole('radio', { name: new RegExp(`^${way}`) }).check();
      const gone = page.waitForEvent('close');
      await page.getByRole('dialog').getByRole('button', { name: 'OK' }).click();
      await gone;
    };
    await choose(first, 'Keep it running');
    expect(await state()).toBe('running');
    await close(first);
    const second = await opened();
    await choose(second, 'Save the state');
    await expect.poll(state).toBe('saved');
    await close(second);
    const third = await opened();
    await choose(third, 'Power off');
    await expect.poll(state).toBe('poweredOff');
    await close(third);
  });
});
