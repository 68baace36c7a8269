/** Pages of the tools rail: network and activity, with a machine that runs. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoKernel } from '../framework/echoKernel.ts';
import { freePort } from '../framework/freePort.ts';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, screenshotPath, Window } from './window.ts';

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Rules, the line's conditions and a capture, of a machine that runs. */
async function changeLine(ui: Page, files: string): Promise<void> {
  const to = ui.getByRole('textbox', { name: 'Name, address or prefix' });
  await to.fill('no name');
  await ui.getByRole('button', { name: 'Add rule' }).click();
  await ui.getByText(/A firewall rule is wrong: .* Write a name as/).waitFor();
  await to.fill('*.example.org');
  await ui.keyboard.press('Enter');
  await ui.getByText('deny *.example.org').waitFor();
  await to.fill('any');
  const ports = ui.getByRole('textbox', { name: 'Ports' });
  await ports.fill('80-8');
  await ui.getByRole('button', { name: 'Add rule' }).click();
  await ui.getByText('Ports as 443 or 8000-8080').waitFor();
  await ports.fill('8000-8080');
  await ui.keyboard.press('Enter');
  await ui.getByText('deny any :8000-8080').waitFor();
  await ui.getByRole('textbox', { name: 'Loss (%)' }).fill('lots');
  await ui.getByRole('button', { name: 'Apply' }).click();
  await ui.getByText('A number that makes sense here, or nothing.').waitFor();
  await ui.getByRole('textbox', { name: 'Loss (%)' }).fill('2');
  await ui.getByRole('textbox', { name: 'Rate (Mbit/s)' }).fill('1.5');
  await ui.getByRole('button', { name: 'Apply' }).click();
  await ui.getByText('A number that makes sense here, or nothing.').waitFor({ state: 'detached' });
  const capture = path.join(files, 'window.pcapng');
  await ui.getByRole('textbox', { name: 'New capture file (pcapng)' }).fill(capture);
  await ui.getByRole('button', { name: 'Start capture' }).click();
  await ui.getByText(`Capturing to ${capture}`).waitFor();
  await ui.getByRole('button', { name: 'Stop capture' }).click();
  await ui.getByRole('button', { name: 'Start capture' }).waitFor();
  expect(existsSync(capture)).toBe(true);
  expect(await ui.getByRole('textbox', { name: 'Rate (Mbit/s)' }).inputValue()).toBe('1.5');
}

describe.skipIf(!hasChromium)('the pages of the tools rail', () => {
  let browser: Browser;
  let manager: Manager;
  let files: string;

  beforeAll(async () => {
    browser = await openBrowser();
    manager = await Manager.start();
    files = path.join(manager.home, 'files');
    mkdirSync(files);
    writeFileSync(path.join(files, 'echo.bin'), echoKernel());
    writeFileSync(path.join(files, 'data.img'), new Uint8Array(1 << 20));
  });
  afterAll(async () => {
    await browser?.close();
    await manager?.[Symbol.asyncDispose]();
  });
  const page = (window: Window, name: string) =>
    window.page.getByRole('navigation', { name: 'Tools' }).getByRole('button', { name }).click();

  test('show what machines do, and which ports lead to them', async () => {
    await using window = await Window.open(browser, manager.url);
    const ui = window.page;
    const kernel = path.join(files, 'echo.bin');
    const data = path.join(files, 'data.img');
    await window.create({ name: 'echo', kernel, memoryMiB: 16, disks: [{ path: data }] });

    // Network: a port is forwarded while the machine is off, wrong ones are told of where they stand.
    const port = await freePort();
    await ui.getByRole('region', { name: 'Network' }).getByText('virtio · NAT').waitFor();
    await window.button('Change Network').click();
    await ui.getByRole('heading', { name: 'Network', level: 1 }).waitFor();
    const network = ui.getByRole('main');
    await network.getByRole('button', { name: 'Add', exact: true }).click();
    await ui.getByText('A port is a number from 1 to 65535.').first().waitFor();
    await ui.getByRole('textbox', { name: 'Port here' }).fill(String(port));
    await ui.getByRole('textbox', { name: 'Port of the guest' }).fill('22');
    await ui.keyboard.press('Enter');
    const forwarded = `TCP 127.0.0.1:${port} → guest:22`;
    await ui.getByText(forwarded).waitFor();
    await ui.getByRole('button', { name: 'Add adapter' }).click();
    await ui.getByRole('region', { name: 'Adapter 2' }).waitFor();
    await ui.getByRole('button', { name: 'Remove adapter 2' }).click();
    await ui.getByRole('region', { name: 'Adapter 2' }).waitFor({ state: 'detached' });
    expect(await window.accessibilityProblems()).toEqual([]);
    expect(await answers(port)).toBe(false);

    // Attached to another network, and to a bridge that is not there: what is missing is said when it starts.
    const attach = async (to: string): Promise<void> => {
      await ui.getByRole('combobox', { name: 'Attached to' }).click();
      await ui.getByRole('option', { name: to, exact: true }).click();
    };
    await attach('bridge of this computer');
    await ui.getByRole('textbox', { name: 'Bridge' }).fill('no bridge');
    await ui.getByText(/^Letters, digits/).waitFor();
    await ui.getByRole('textbox', { name: 'Bridge' }).fill('nobridge');
    await ui.getByRole('textbox', { name: 'Bridge' }).blur();
    await ui.getByText(/“nobridge”/).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await window.select('echo');
    await window.start();
    await ui
      .getByText(/has no bridge nobridge|no \/dev\/net\/tun|may not/)
      .first()
      .waitFor();
    await page(window, 'Network');
    await attach('NAT');
    await ui.getByRole('textbox', { name: 'Port here' }).fill(String(port));
    await ui.getByRole('textbox', { name: 'Port of the guest' }).fill('22');
    await ui.keyboard.press('Enter');
    await ui.getByText(forwarded).waitFor();

    await window.select('echo');
    await window.button('Ways to start').click();
    expect(await window.accessibilityProblems()).toEqual([]);
    await ui.getByRole('menuitem', { name: /^Headless start/ }).click();
    await window.waitForState('echo', 'Running', 60);
    await ui.getByRole('tab', { name: 'Details', selected: true }).waitFor();
    await expect.poll(() => answers(port)).toBe(true);
    await page(window, 'Network');
    await ui.getByText(/changes count at once/).waitFor();
    await ui.getByText(forwarded).waitFor();
    await changeLine(ui, files);
    // A port that another program has: said where it was asked for, and what there is stays.
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', () => resolve()));
    const busyPort = String((busy.address() as AddressInfo).port);
    await ui.getByRole('textbox', { name: 'Port here' }).fill(busyPort);
    await ui.getByRole('textbox', { name: 'Port of the guest' }).fill('80');
    await ui.keyboard.press('Enter');
    await ui.getByText(/Another program uses TCP port .* Choose another host port/).waitFor();
    busy.close();
    await ui.screenshot({ path: screenshotPath('network-light') });
    expect(await window.accessibilityProblems()).toEqual([]);
    {
      await using dark = await Window.open(browser, manager.url, { colorScheme: 'dark' });
      await page(dark, 'Network');
      await dark.page.getByText('deny *.example.org').waitFor();
      expect(await dark.accessibilityProblems()).toEqual([]);
    }
    await ui.getByRole('button', { name: `Close ${forwarded}` }).click();
    await ui.getByText('No port of this computer leads to the guest.').waitFor();
    await expect.poll(() => answers(port)).toBe(false);
    await ui.getByRole('switch', { name: 'Cable plugged in' }).click();
    await expect.poll(() => ui.getByRole('switch').isChecked()).toBe(false);

    // Activity: of one machine and of all.
    await window.select('echo');
    await ui.getByRole('tab', { name: 'Activity' }).click();
    await ui
      .getByRole('region', { name: 'CPU' })
      .getByText(/its process \d/)
      .waitFor();
    await ui
      .getByRole('region', { name: 'Memory' })
      .getByText(/[KMG]iB/)
      .first()
      .waitFor();
    await ui
      .getByRole('region', { name: 'Counters' })
      .getByText('Instructions', { exact: true })
      .waitFor();
    await ui.screenshot({ path: screenshotPath('activity-light') });
    expect(await window.accessibilityProblems()).toEqual([]);
    expect(await window.overflows()).toEqual([]);
    await page(window, 'Activity');
    await ui.getByRole('row', { name: /echo/ }).getByText(/\d %/).waitFor();
    expect(await window.accessibilityProblems()).toEqual([]);
    await ui.getByRole('row', { name: /echo/ }).getByRole('button', { name: 'echo' }).click();
    await ui.getByRole('region', { name: 'CPU' }).waitFor();
  });
});
