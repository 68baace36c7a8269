/** Preferences: chosen in one window, kept with the library, told to every window; German as a whole. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { probeKvm } from '../../emulator/host/probeKvm.ts';
import { kvmVerdict } from '../../shared/vm/kvmFinding.ts';
import { echoKernel } from '../framework/echoKernel.ts';
import { describeWindow } from './describeWindow.ts';
import { screenshotPath, Window } from './window.ts';

describeWindow('preferences', (parts) => {
  test('are kept with the library and hold in every window', async () => {
    await using window = await Window.open(parts.browser, parts.manager.url);
    await using other = await Window.open(parts.browser, parts.manager.url);
    const { page } = window;
    const kept = () =>
      JSON.parse(readFileSync(path.join(parts.manager.home, 'preferences.json'), 'utf8')) as object;
    const choose = async (what: string, option: string) => {
      await page.getByRole('combobox', { name: what }).click();
      await page.getByRole('option', { name: option }).click();
    };
    const theme = (one: Window) =>
      one.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    await page
      .getByRole('navigation', { name: 'Tools' })
      .getByRole('button', { name: 'Preferences' })
      .click();
    await page.getByRole('heading', { name: 'Preferences' }).waitFor();
    // What "doctor" says, of this very machine.
    const kvm = page.getByRole('group', { name: 'Hardware (KVM)' });
    const { reason, remedy } = kvmVerdict(await probeKvm());
    await kvm.getByText(reason.replace(/, at .*/, '')).waitFor();
    if (remedy !== undefined) await kvm.getByText(`What to do: ${remedy}`).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('preferences-light') });
    await choose('Theme', 'Dark');
    await expect.poll(() => theme(window)).toBe('dark');
    await expect.poll(() => theme(other)).toBe('dark');
    expect(await window.accessibilityProblems()).toEqual([]);
    await choose('Host key', 'Scroll Lock');
    await page.getByRole('textbox', { name: 'Debian mirror' }).fill('ftp://example.org');
    await page.keyboard.press('Enter');
    await page.getByText('An address that begins with http:// or https://').waitFor();
    await page.getByRole('textbox', { name: 'Debian mirror' }).fill('http://127.0.0.1:9/debian/');
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Folder for new disks' }).fill('relative');
    await page.keyboard.press('Enter');
    await page.getByText('"relative" is not an absolute path.').waitFor();
    await page.getByRole('textbox', { name: 'Folder for new disks' }).fill(parts.manager.home);
    await page.keyboard.press('Enter');
    await expect.poll(kept).toEqual({
      ...{ theme: 'dark', hostKey: 'ScrollLock', disksFolder: parts.manager.home },
      debianMirror: 'http://127.0.0.1:9/debian',
    });

    // A guest cannot be built from a mirror that does not answer; the reason and the way out are told.
    await page
      .getByRole('navigation', { name: 'Tools' })
      .getByRole('button', { name: 'Home' })
      .click();
    await window.button('Choose a guest…').click();
    await window.inDialog('Build').click();
    await page.getByText(/127\.0\.0\.1:9.* cannot be fetched \(/).waitFor();
    await page.getByText(/choose another mirror in the preferences/).waitFor();

    // German: the whole window, the other one too, and what the services say.
    await page
      .getByRole('navigation', { name: 'Tools' })
      .getByRole('button', { name: 'Preferences' })
      .click();
    await choose('Language', 'Deutsch');
    await page.getByRole('heading', { name: 'Voreinstellungen' }).waitFor();
    await other.button('Gast auswählen…').waitFor();
    await page.getByText(/127\.0\.0\.1:9.* lässt sich nicht holen \(/).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    expect(await window.overflows()).toEqual([]);
    await page.screenshot({ path: screenshotPath('preferences-german') });
    const kernel = path.join(parts.manager.home, 'echo.bin');
    writeFileSync(kernel, echoKernel());
    for (const attempt of ['first', 'second']) {
      await window.button('Neu').click();
      await window.field('Name').fill('Echo');
      await window.field('Kernel').fill(kernel);
      await window.inDialog('Anlegen').click();
      if (attempt === 'first') await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    await page.getByText('Es gibt schon eine VM namens „Echo“.').waitFor();
    await window.leaveDialog();

    // As by default again.
    await page.getByRole('navigation', { name: 'Werkzeuge' }).getByText('Optionen').click();
    await choose('Sprache', 'Wie das System');
    await page.getByRole('heading', { name: 'Preferences' }).waitFor();
    await choose('Theme', 'Like the system');
    await expect.poll(() => theme(other)).toBe('light');
  });
});
