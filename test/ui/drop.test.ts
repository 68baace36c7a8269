/** Files dropped onto the window: Debian's installer becomes a machine whose menu is gone through. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { decode } from 'fast-png';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installerMedium } from '../guests/installerMedium.ts';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, Window } from './window.ts';

const shots = path.resolve('.cache/ui-screenshots');
/** For what a guest does, on a busy machine. */
const guestMs = 120_000;
/** From the boot loader to the installer's first question: a minute and a half on two cores of their own. */
const installerMs = 500_000;
/** Pixels from line to line of the console. */
const textLine = 16;

describe.skipIf(!hasChromium)('files dropped onto the window', () => {
  let browser: Browser;
  let manager: Manager;
  let installer: string;

  beforeAll(async () => {
    installer = await installerMedium();
    browser = await openBrowser();
    manager = await Manager.start();
    mkdirSync(shots, { recursive: true });
  });
  afterAll(async () => {
    await browser?.close();
    await manager?.[Symbol.asyncDispose]();
  });

  test('an ISO becomes a machine that shows the installer, whose menus take keys', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    await window.drop([installer]);
    const dialog = page.getByRole('dialog');
    await dialog.getByText('ISO image, labelled “Debian 12.0.0 amd64 n”').waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: path.join(shots, 'dropped.png') });
    await window.inDialog('Continue').click();
    await expect
      .poll(() => window.field('Name').inputValue(), { timeout: 60_000 })
      .toBe('Debian 12.0.0');
    const copy = path.join(manager.home, 'media', path.basename(installer));
    expect(await window.field('CD-ROM 1').inputValue()).toBe(copy);
    await page.screenshot({ path: path.join(shots, 'dropped-new.png') });
    await window.inDialog('Create').click();
    await window.waitForState('Debian 12.0.0', 'Powered Off');
    expect(readFileSync(copy).equals(readFileSync(installer))).toBe(true);

    await window.start();
    await window.waitForState('Debian 12.0.0', 'Running');
    // The keyboard is at the screen already: its boot loader is no serial console.
    await expect.poll(() => window.focused(), { timeout: guestMs }).toContain('Screen of Debian');
    /** The bar behind the menu's chosen line. */
    const bar = '#719bbf';
    const chosen = async (y: number) => (await window.screenPixel(480, y)) === bar;
    await expect.poll(() => chosen(188), { timeout: guestMs }).toBe(true);
    await page.screenshot({ path: path.join(shots, 'installer-menu.png') });
    expect(await chosen(208)).toBe(false);
    // The loader throws away keys that come while it draws.
    /** Pressed again while the line at `from` is chosen (by default any other one). */
    const pressUntilChosen = (key: string, y: number, from?: number) =>
      expect
        .poll(
          async () => {
            if (await chosen(y)) return true;
            if (from === undefined || (await chosen(from))) await page.keyboard.press(key);
            // Past it, because a slow one came too: back to where it began.
            else if (key === 'ArrowDown') await page.keyboard.press('Home');
            await page.waitForTimeout(1000);
            return chosen(y);
          },
          { timeout: guestMs },
        )
        .toBe(true);
    await pressUntilChosen('End', 240);
    await pressUntilChosen('Home', 188);
    await pressUntilChosen('ArrowDown', 208, 188);
    expect(await chosen(188)).toBe(false);
    // The menu of "Advanced options" begins with its first line, "Back".
    await pressUntilChosen('Enter', 188, 208);
    await page.screenshot({ path: path.join(shots, 'installer-advanced.png') });

    const sameAsGuest = async (): Promise<boolean> => {
      const waiting = page.waitForEvent('download');
      await window.button('Save a screenshot (Right Ctrl+E)').click();
      const saved = decode(readFileSync(await (await waiting).path()));
      const guest = await window.guestFrame(manager.url, 'Debian 12.0.0');
      expect([saved.width, saved.height]).toEqual([guest.width, guest.height]);
      return sameColours(saved, guest.pixels);
    };
    // Once the loader has drawn all of it.
    await expect.poll(sameAsGuest, { timeout: guestMs, interval: 1000 }).toBe(true);
    expect(await window.accessibilityProblems()).toEqual([]);

    // Back, and on to the installer itself, whose kernel takes the screen over by a driver of its own.
    const canvas = page.locator('canvas[aria-label^="Screen of"]');
    await canvas.focus();
    await pressUntilChosen('Enter', 208, 188);
    await pressUntilChosen('Home', 188);
    await expect
      .poll(
        async () => {
          if (await chosen(188)) await page.keyboard.press('Enter');
          await page.waitForTimeout(3000);
          return chosen(188);
        },
        { timeout: guestMs },
      )
      .toBe(false);
    await expect.poll(() => redBar(canvas), { timeout: installerMs, interval: 1000 }).not.toBe(-1);
    await page.waitForTimeout(2000);
    await page.screenshot({ path: path.join(shots, 'installer-language.png') });
    const asked = await redBar(canvas);
    // What was typed before the installer listened is lost, perhaps: again, if nothing has moved for long.
    await expect
      .poll(
        async () => {
          await page.keyboard.press('ArrowDown');
          for (let i = 0; i < 30 && (await redBar(canvas)) === asked; i++)
            await page.waitForTimeout(500);
          return redBar(canvas);
        },
        { timeout: guestMs },
      )
      .toBe(asked + textLine);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => redBar(canvas), { timeout: guestMs }).toBe(asked - textLine);
    await expect.poll(sameAsGuest, { timeout: guestMs, interval: 1000 }).toBe(true);
    await window.powerOff();
    await window.waitForState('Debian 12.0.0', 'Powered Off');
  });

  test('files are told apart by their content and go to the machine they are dropped on', async () => {
    await using window = await Window.open(browser, manager.url);
    const { page } = window;
    const letter = path.join(manager.home, 'letter.iso');
    writeFileSync(letter, 'Dear guest,\nthis is no disk.\n');
    const floppy = path.join(manager.home, 'boot.bin');
    const bytes = new Uint8Array(1440 * 1024);
    bytes.set([0x55, 0xaa], 510);
    writeFileSync(floppy, bytes);
    await window.drop([letter, floppy], window.machine('Debian 12.0.0'));
    const dialog = page.getByRole('dialog');
    await dialog.getByText('It is text, not a disk.').waitFor();
    await dialog.getByText('Floppy image').waitFor();
    await page.screenshot({ path: path.join(shots, 'dropped-several.png') });
    await window.inDialog('Attach').click();
    await dialog.waitFor({ state: 'detached' });
    const storage = page.getByRole('region', { name: 'Storage' });
    await storage.getByText(path.join(manager.home, 'media', 'boot.bin')).waitFor();
    expect(readdirSync(path.join(manager.home, 'media'))).not.toContain('letter.iso');

    // Nothing usable: nothing is copied, and one can only leave.
    await window.drop([letter]);
    await dialog.getByText('None of them can be used in a machine.').waitFor();
    expect(await window.inDialog('Continue').isDisabled()).toBe(true);
    await window.inDialog('Cancel').click();
    await dialog.waitFor({ state: 'detached' });
  });
});

/** The first line of pixels of the bar behind the installer's chosen language; -1 while there is none. */
function redBar(screen: Locator): Promise<number> {
  return screen.evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement)
      .getContext('2d')!
      .getImageData(0, 0, width, height);
    for (let y = 0; y < height; y++) {
      let red = 0;
      for (let at = 4 * y * width; at < 4 * (y + 1) * width; at += 4)
        if (data[at]! > 150 && data[at + 1] === 0 && data[at + 2] === 0) red++;
      if (red > width / 4) return y;
    }
    return -1;
  });
}

function sameColours(
  picture: { readonly data: ArrayLike<number>; readonly channels: number },
  rgba: Uint8Array,
): boolean {
  const { data, channels } = picture;
  for (let pixel = 0; pixel < rgba.length / 4; pixel++)
    for (let i = 0; i < 3; i++)
      if (data[pixel * channels + i] !== rgba[pixel * 4 + i]) return false;
  return true;
}
