/** axe-core on every screen and dialog, light and dark; pictures of the dialogs at 150 %. About a minute and a half. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { echoKernel } from '../framework/echoKernel.ts';
import { describeWindow } from './describeWindow.ts';
import { connectBeside, screenshotPath, Window } from './window.ts';

describeWindow('every screen and dialog', (parts) => {
  for (const colorScheme of ['light', 'dark'] as const)
    test(`is accessible and whole, ${colorScheme}`, async () => {
      const services = await connectBeside(parts.manager.url);
      const kernel = path.join(parts.manager.home, 'echo.bin');
      writeFileSync(kernel, echoKernel());
      const name = `${colorScheme} machine`;
      const { id } = await services.library.create({
        name,
        memoryMiB: 16,
        boot: { kernel },
        cdroms: [{}],
      });
      await services.snapshots.take(id, { name: 'a snapshot' });
      await services.session.start(id);
      await using window = await Window.open(parts.browser, parts.manager.url, {
        colorScheme,
        deviceScaleFactor: 1.5,
      });
      const { page } = window;
      const problems: Record<string, string[]> = {};
      const look = async (what: string) => {
        problems[what] = [...(await window.accessibilityProblems()), ...(await window.overflows())];
        const picture = `150-${what.toLowerCase().replaceAll(/\W+/g, '-')}-${colorScheme}`;
        await page.screenshot({ path: screenshotPath(picture) });
      };
      const rail = page.getByRole('navigation', { name: 'Tools' });
      for (const one of ['Home', 'Media', 'Network', 'Activity', 'Preferences']) {
        await rail.getByRole('button', { name: one }).click();
        await look(one);
      }
      await window.select(name);
      const tabs = page.getByRole('tablist', { name: 'Views of the machine' });
      for (const one of ['Details', 'Screen', 'Console', 'Snapshots', 'Logs', 'Activity']) {
        await tabs.getByRole('tab', { name: one, exact: true }).click();
        await look(`tab ${one}`);
      }

      await tabs.getByRole('tab', { name: 'Snapshots' }).click();
      await page.getByRole('button', { name: 'Take' }).click();
      await look('dialog snapshot');
      await window.leaveDialog();
      await page.getByRole('button', { name: 'Reset' }).click();
      await look('dialog confirm');
      await window.leaveDialog();
      await services.session.stop(id, 'powerOff');
      await window.waitForState(name, 'Powered Off');
      await window.button('New').click();
      await window.inDialog('Create').click();
      await look('dialog new with problems');
      await window.inDialog('Choose Kernel').click();
      await look('dialog file chooser');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog', { name: 'Choose Kernel' }).waitFor({ state: 'detached' });
      await window.leaveDialog();
      await window.button('Settings').click();
      for (const one of ['General', 'System', 'Boot', 'Display', 'Storage']) {
        await page.getByRole('dialog').getByRole('tab', { name: one }).click();
        await look(`settings ${one}`);
      }
      await window.leaveDialog();
      await window.button('Clone').click();
      await look('dialog clone');
      await window.leaveDialog();
      await tabs.getByRole('tab', { name: 'Details' }).click();
      await window.button('Delete').click();
      await look('dialog delete');
      await window.leaveDialog();
      await window.machine(name).click({ button: 'right' });
      await look('menu machine');
      await page.getByRole('menuitem', { name: 'Export…' }).click();
      await look('dialog export');
      await window.leaveDialog();
      await rail.getByRole('button', { name: 'Home' }).click();
      await window.button('Import an appliance…').click();
      await look('dialog import');
      await window.leaveDialog();
      await window.button('Choose a guest…').click();
      await page.getByRole('radio', { name: /^Debian/ }).waitFor();
      await look('dialog gallery');
      await window.leaveDialog();
      await window.drop([kernel]);
      await page
        .getByText(/starts with|Kernel/)
        .first()
        .waitFor();
      await look('dialog dropped');
      await window.leaveDialog();
      services.close();
      expect(Object.entries(problems).filter(([, found]) => found.length > 0)).toEqual([]);
    });
});
