/**
 * The desktop shell as far as it goes without Electron's binary: the bundles it starts run, and the
 * window works over a message port like the one its preload script hands over.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openHome } from '../../main/manager/home.ts';
import { nodeVmStarter } from '../../main/manager/nodeVmStarter.ts';
import { openSharedManager, type SharedManager } from '../../main/manager/sharedManager.ts';
import { ChannelEvents } from '../../shared/rpc/channel.ts';
import { decodeMessage, encodeMessage } from '../../shared/rpc/messageCodec.ts';
import { serveServices } from '../../shared/rpc/services.ts';
import { debianKernel } from '../guests/debianKernel.ts';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser, Window } from './window.ts';

const root = path.resolve(import.meta.dirname, '../..');
const vmProcess = path.join(root, 'out/main/vmProcess.js');

describe.skipIf(!hasChromium)('the desktop shell', () => {
  let browser: Browser;
  let pages: Manager;
  let manager: SharedManager;
  let folder: string;

  beforeAll(async () => {
    // Quick, and certainly not older than what it is made from.
    execFileSync(
      process.execPath,
      [
        'node_modules/electron-vite/bin/electron-vite.js',
        'build',
        '--config',
        'electron.config.ts',
      ],
      { cwd: root, stdio: 'pipe' },
    );
    folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-shell-'));
    const home = await openHome({ GUESTHOUSE_HOME: folder });
    // The bundled VM process, which is what the app starts.
    manager = await openSharedManager(home, nodeVmStarter(vmProcess), 'electron');
    pages = await Manager.start();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await manager?.close();
    await pages?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the window finds its port and runs a machine of the bundled VM process', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    // The port's other end: this process stands for Electron's main process.
    const events = new ChannelEvents();
    await page.exposeFunction('shellPost', (text: string) => {
      events.deliver(decodeMessage(Buffer.from(text, 'base64')));
    });
    await page.exposeFunction('shellRequest', () => {
      serveServices(
        {
          post: (message) =>
            void page
              .evaluate(
                (text) => {
                  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
                  (globalThis as unknown as { shellDeliver(bytes: Uint8Array): void }).shellDeliver(
                    bytes,
                  );
                },
                Buffer.from(encodeMessage(message)).toString('base64'),
              )
              .catch(() => undefined),
          onMessage: (listener) => events.onMessage(listener),
          onClose: (listener) => events.onClose(listener),
          close: () => undefined,
        },
        manager.services,
      );
    });
    // Playwright's functions carry JSON only; the page's end of the port gets real messages.
    const codec = await buildCodec();
    await page.addInitScript(`${codec}
      localStorage.setItem('guesthouse.newMachine', 'expert');
      globalThis.guesthouse = {
        requestPort() {
          const { port1, port2 } = new MessageChannel();
          globalThis.shellRequest().then(() => {
            port1.onmessage = ({ data }) => {
              let text = '';
              for (const byte of codec.encodeMessage(data)) text += String.fromCharCode(byte);
              globalThis.shellPost(btoa(text));
            };
            globalThis.shellDeliver = (bytes) => port1.postMessage(codec.decodeMessage(bytes));
            window.postMessage('guesthouse:port', location.origin, [port2]);
          });
        },
        onRequest(listener) {
          globalThis.shellAsk = listener;
          return () => {};
        },
        openVm: (vmId) => (globalThis.openedVm = vmId),
      };`);
    const kernel = await debianKernel('cloud-amd64');
    const window = Window.of(page);
    await page.goto(`${new URL(pages.url).origin}/`);
    await page.getByText('Ctrl+N').waitFor();
    await window.create({ name: 'bundled', kernel: kernel.image, memoryMiB: 256 });
    await window.start();
    await window.waitForState('bundled', 'Running', 60);
    await window.waitForConsole(/Linux version|x86|BIOS|ACPI/, 120);
    await window.powerOff();
    await window.waitForState('bundled', 'Powered Off');

    const ask = (request: unknown) =>
      page.evaluate((sent) => {
        (globalThis as unknown as { shellAsk(request: unknown): void }).shellAsk(sent);
      }, request);
    // Files that were opened with the app, by their paths on the manager's machine.
    await ask({ kind: 'openFiles', paths: [kernel.image, '/nowhere/gone.iso'] });
    const dialog = page.getByRole('dialog', { name: '2 dropped files' });
    await dialog.getByText('Kernel', { exact: true }).waitFor();
    await dialog.getByText('It cannot be read; is it a folder?').waitFor();
    await window.inDialog('Continue').click();
    await expect.poll(() => window.field('Kernel').inputValue()).toBe(kernel.image);
    await window.inDialog('Cancel').click();
    // Nothing is heard that has another shape.
    await ask({ kind: 'command', command: 'format' });
    await ask({ kind: 'command', command: 'preferences' });
    await page.getByRole('heading', { name: 'Preferences' }).waitFor();
    await window.select('bundled');
    await window.button('Open in own window').click();
    const [vm] = await manager.services.library.list();
    expect(
      await page.evaluate(() => (globalThis as unknown as { openedVm: string }).openedVm),
    ).toBe(vm!.id);
    await context.close();
    expect(window.faults).toEqual([]);
  });
});

/** shared/rpc/messageCodec.ts as a script for the page: `codec`. */
async function buildCodec(): Promise<string> {
  const { build } = await import('vite');
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: {
        entry: path.join(root, 'shared/rpc/messageCodec.ts'),
        formats: ['iife'],
        name: 'codec',
      },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (!output || !('output' in output)) throw new Error('vite gave no output');
  return output.output[0].code;
}
