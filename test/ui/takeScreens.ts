/** `npm run screens`: pictures of the main screens, light and dark, at 1280×800, into docs/screens. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { echoKernel } from '../framework/echoKernel.ts';
import { installerMedium } from '../guests/installerMedium.ts';
import { Manager } from './manager.ts';
import { connectBeside, openBrowser, Window } from './window.ts';

/** The bar behind the chosen line of the menu that Debian's installer begins with. */
const menuBar = { x: 480, y: 188, colour: '#719bbf' };

const folder = path.resolve(import.meta.dirname, '../../docs/screens');
mkdirSync(folder, { recursive: true });
const browser = await openBrowser();
const manager = await Manager.start();
try {
  const kernel = path.join(manager.home, 'hello.bin');
  writeFileSync(kernel, echoKernel());
  for (const colorScheme of ['light', 'dark'] as const) {
    await using window = await Window.open(browser, manager.url, { colorScheme });
    const { page } = window;
    const shot = async (name: string): Promise<void> => {
      await page.mouse.move(640, 790);
      await page.waitForTimeout(500);
      await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}.png`) });
    };
    const tool = (name: string): Promise<void> =>
      page.getByRole('navigation', { name: 'Tools' }).getByRole('button', { name }).click();
    if (colorScheme === 'light') {
      for (const name of ['Debian desktop', 'Web server', 'Mail server', 'Old Windows']) {
        await window.button('New').click();
        await window.field('Name').fill(name);
        await window.field('Kernel').fill(kernel);
        await window.inDialog('Add new disk').click();
        await window.inDialog('Create').click();
        await window.machine(name).waitFor();
      }
      await window.select('Mail server');
      await window.machine('Web server').click({ modifiers: ['Control'] });
      await window.machine('Web server').click({ button: 'right' });
      await page.getByRole('menuitem', { name: 'Put into a new group…' }).click();
      await window.field('Name').fill('Servers');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await window.select('Web server');
      await window.start();
      await window.waitForState('Web server', 'Running', 60);
    }
    await window.machine('Web server').waitFor();
    if (colorScheme === 'light') {
      const services = await connectBeside(manager.url);
      const { id } = await services.library.create({
        name: 'Debian installer',
        memoryMiB: 256,
        boot: {},
        cdroms: [{ path: await installerMedium() }],
      });
      await services.session.start(id);
      services.close();
    }
    await window.select('Debian installer');
    await page.getByRole('tab', { name: 'Screen' }).click();
    const shownBy = async (one: Window): Promise<void> => {
      const { x, y, colour } = menuBar;
      for (let tries = 0; (await one.screenPixel(x, y)) !== colour; tries++) {
        if (tries === 240) throw new Error('The installer’s menu does not appear.');
        await one.page.waitForTimeout(500);
      }
    };
    await shownBy(window);
    await shot('screen');
    const popup = page.waitForEvent('popup');
    await window.button('Open in own window').click();
    const own = Window.of(await popup);
    await own.page.setViewportSize({ width: 1280, height: 800 });
    await own.page.getByRole('tab', { name: 'Screen' }).click();
    await shownBy(own);
    await own.page.mouse.move(640, 790);
    await own.page.waitForTimeout(500);
    await own.page.screenshot({ path: path.join(folder, `window-${colorScheme}.png`) });
    await own.page.close();
    await tool('Home');
    await shot('home');
    await window.select('Web server');
    await page.getByRole('tab', { name: 'Details' }).click();
    await shot('details');
    await page.getByRole('tab', { name: 'Activity' }).click();
    await page.waitForTimeout(8000);
    await shot('activity');
    await page.getByRole('tab', { name: 'Logs' }).click();
    await shot('logs');
    await page.getByRole('tab', { name: 'Snapshots' }).click();
    if (colorScheme === 'light') {
      for (const name of ['Fresh', 'Before the upgrade']) {
        await window.button('Take').click();
        await window.field('Name').fill(name);
        await window.inDialog('Take').click();
        await page.getByRole('treeitem', { name, exact: true }).waitFor();
      }
    }
    await page.getByRole('treeitem', { name: 'Fresh', exact: true }).click();
    await shot('snapshots');
    for (const name of ['Media', 'Network', 'Preferences']) {
      await window.select('Web server');
      await tool(name);
      if (name === 'Preferences') await page.getByText('Hardware (KVM): ').waitFor();
      await shot(name.toLowerCase());
    }
    await tool('Home');
    await window.button('Choose a guest…').click();
    await page.getByRole('radio').waitFor();
    await shot('gallery');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await window.button('New').click();
    await window.inDialog('Add new disk').click();
    await shot('new-expert');
    await window.inDialog('Guided mode').click();
    await window.field('Name').fill('Debian server');
    await window.inDialog('Next').click();
    await shot('new');
    await window.inDialog('Expert mode').click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await window.select('Debian desktop');
    await window.button('Settings').click();
    await page.getByRole('tab', { name: 'Storage' }).click();
    await shot('settings');
    await page.getByRole('tab', { name: 'Network' }).click();
    await shot('settings-network');
  }
} finally {
  await browser.close();
  await manager[Symbol.asyncDispose]();
}
