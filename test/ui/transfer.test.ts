/** A machine exported as an appliance, and the appliance dropped onto the window and imported again. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeWindow } from './describeWindow.ts';
import { connectBeside, screenshotPath, Window } from './window.ts';

describeWindow('appliances', (parts) => {
  test('are written from a machine and become one again; what is no appliance is said so', async () => {
    await using window = await Window.open(parts.browser, parts.manager.url);
    const { page } = window;
    await window.button('New').click();
    await window.field('Name').fill('server');
    await window.inDialog('Add new disk').click();
    await window.inDialog('Create').click();
    await window.machine('server').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Export…' }).click();
    await window.inDialog('Export').click();
    await page.getByText('Give the file a path.').waitFor();
    const file = path.join(parts.manager.home, 'server.ova');
    await window.field('New file').fill(file);
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('export-light') });
    await window.inDialog('Export').click();
    await page.getByRole('group', { name: `${file} was written` }).waitFor({ timeout: 60_000 });
    expect(existsSync(file)).toBe(true);

    await window.drop([file]);
    await page.getByText('Appliance (OVA)').waitFor();
    await window.inDialog('Continue').click();
    await page.getByText(/^1024 MiB of memory, CPUs: 1, disks: 1/).waitFor();
    await window.field('Name').fill('server again');
    await page.screenshot({ path: screenshotPath('import-light') });
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.inDialog('Import').click();
    await page.getByRole('group', { name: '“server again” was imported' }).waitFor();
    await window.select('server again');
    await page
      .getByText(/server again.*\.(qcow2|vmdk)/)
      .first()
      .waitFor();
    await window.start();
    await window.waitForState('server again', 'Running', 60);
    // A bundle shows what its screen showed when its state was saved.
    const services = await connectBeside(parts.manager.url);
    const again = (await services.library.list()).find(({ name }) => name === 'server again');
    await services.snapshots.saveState(again!.id);
    const bundle = path.join(parts.manager.home, 'server.guesthouse');
    await services.transfer.export(again!.id, bundle);
    await page.getByRole('group', { name: `${bundle} was written` }).waitFor({ timeout: 60_000 });
    services.close();

    await page
      .getByRole('navigation', { name: 'Tools' })
      .getByRole('button', { name: 'Home' })
      .click();
    await window.button('Import an appliance…').click();
    await window.field('Appliance').fill(bundle);
    const screen = page.getByRole('img', { name: 'Screen when its state was saved' });
    await screen.waitFor();
    await expect
      .poll(() => screen.evaluate((image) => (image as HTMLImageElement).naturalWidth))
      .toBeGreaterThan(600);
    expect(await window.accessibilityProblems()).toEqual([]);
    await page.screenshot({ path: screenshotPath('import-bundle') });
    const other = path.join(parts.manager.home, 'text.ova');
    writeFileSync(other, 'no appliance');
    await window.field('Appliance').fill(other);
    await page
      .getByText(/text\.ova/)
      .first()
      .waitFor();
    expect(await window.inDialog('Import').isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
  });
});
