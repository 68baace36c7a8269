/** The window in headless Chromium, driven as a person would. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import {
  chromium,
  type Browser,
  type BrowserContextOptions,
  type Locator,
  type Page,
} from 'playwright-core';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { authenticate, serverSocketPath } from '../../shared/rpc/serverHandshake.ts';
import { connectServices, type RemoteServices } from '../../shared/rpc/services.ts';
import type { WebSocketLike } from '../../shared/rpc/webSocketChannel.ts';
import type { FramePart } from '../../shared/vm/frames.ts';

export const chromiumPath = '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

export const chromiumArguments = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where tests leave pictures for people to look at. */
export function screenshotPath(name: string): string {
  const folder = path.resolve(import.meta.dirname, '../../.cache/ui-screenshots');
  mkdirSync(folder, { recursive: true });
  return path.join(folder, `${name}.png`);
}

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: chromiumArguments,
  });
}

export interface NewMachine {
  readonly name: string;
  readonly kernel: string;
  readonly initrd?: string;
  readonly commandLine?: string;
  readonly memoryMiB?: number;
  readonly disks?: readonly { readonly path: string; readonly readOnly?: boolean }[];
}

/** The services of the manager at `url`, beside any window. */
export async function connectBeside(url: string): Promise<RemoteServices> {
  const { origin, hash } = new URL(url);
  const address = origin.replace('http', 'ws') + serverSocketPath;
  const socket = new WebSocket(address, { allowSynchronousEvents: false });
  const token = hash.replace('#token=', '');
  return connectServices(await authenticate(socket as unknown as WebSocketLike, token));
}

export class Window implements AsyncDisposable {
  readonly page: Page;
  /** Errors of scripts and of the content security policy; a test fails that leaves some. */
  readonly faults: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      // The browser itself complains about refused sockets while a server is away.
      if (message.type() === 'error' && !/WebSocket|ERR_CONNECTION/.test(message.text()))
        this.faults.push(message.text());
    });
  }

  /** A page that the test has prepared itself. */
  static of(page: Page): Window {
    return new Window(page);
  }

  /** The form for a new machine is the one-page one, unless `guided`. */
  static async open(
    browser: Browser,
    url: string,
    { guided = false, ...options }: BrowserContextOptions & { guided?: boolean } = {},
  ) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      ...options,
    });
    context.setDefaultTimeout(30_000);
    if (!guided)
      await context.addInitScript(() => localStorage.setItem('guesthouse.newMachine', 'expert'));
    const window = new Window(await context.newPage());
    await window.page.goto(url);
    return window;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    expect(this.faults).toEqual([]);
  }

  button(name: string) {
    return this.page.getByRole('button', { name, exact: true });
  }
  /** In the dialog on top. */
  inDialog(name: string) {
    return this.page.getByRole('dialog').last().getByRole('button', { name, exact: true });
  }
  /** Gives the machine of the dialog a name that another has, and waits for being told. */
  async enterTakenName(name: string): Promise<void> {
    await this.field('Name').fill(name);
    await this.inDialog('OK').click();
    await this.page
      .getByRole('dialog')
      .getByText(new RegExp(`named "${name}" already`))
      .waitFor();
  }

  field(name: string | RegExp) {
    return this.page.getByRole('dialog').last().getByRole('textbox', { name, exact: true });
  }
  /** Escape, once the dialog has the keyboard; until none is left. */
  async leaveDialog(): Promise<void> {
    const dialogs = this.page.locator('.MuiDialog-root');
    await dialogs.and(this.page.locator(':focus-within')).first().waitFor();
    await this.page.keyboard.press('Escape');
    await dialogs.first().waitFor({ state: 'detached' });
  }
  machine(name: string) {
    return this.page.getByRole('treeitem', { name: new RegExp(`^${name} `) });
  }
  notice(text: string | RegExp) {
    return this.page.getByRole('region', { name: 'Notifications' }).getByText(text);
  }

  async create(machine: NewMachine): Promise<void> {
    await this.button('New').click();
    await this.field('Name').fill(machine.name);
    await this.field('Kernel').fill(machine.kernel);
    if (machine.initrd) await this.field('Initial RAM disk (initrd)').fill(machine.initrd);
    if (machine.commandLine !== undefined)
      await this.field('Kernel command line').fill(machine.commandLine);
    if (machine.memoryMiB) await this.field('Memory').fill(String(machine.memoryMiB));
    for (const [index, disk] of (machine.disks ?? []).entries()) {
      await this.inDialog('Add disk').click();
      await this.field(`Disk ${index + 1}`).fill(disk.path);
      if (disk.readOnly) await this.page.getByLabel('Read-only').nth(index).check();
    }
    await this.inDialog('Create').click();
    await this.page.getByRole('dialog').waitFor({ state: 'detached' });
    await this.machine(machine.name).waitFor();
  }

  /** Drops files of this machine onto an element, by default the window's main part. */
  async drop(files: readonly string[], onto: Locator = this.page.getByRole('main')): Promise<void> {
    // A page gets files from a person only; an input that one chose them in has them.
    await this.page.evaluate(() => {
      const input = document.createElement('input');
      input.type = 'file';
      input.multiple = true;
      input.id = 'files-to-drop';
      input.style.display = 'none';
      document.body.append(input);
    });
    await this.page.locator('#files-to-drop').setInputFiles([...files]);
    await onto.evaluate((element) => {
      const input = document.querySelector<HTMLInputElement>('#files-to-drop')!;
      const dataTransfer = new DataTransfer();
      for (const file of input.files ?? []) dataTransfer.items.add(file);
      input.remove();
      for (const kind of ['dragenter', 'dragover', 'drop'])
        element.dispatchEvent(
          new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }),
        );
    });
  }

  /** A pixel of the guest's picture on the canvas, as #rrggbb; '' while there is none. */
  async screenPixel(x: number, y: number): Promise<string> {
    const canvas = this.page
      .getByLabel(/^(Screen of|Bildschirm von) /)
      .and(this.page.locator('canvas'));
    return canvas.evaluate(
      (element, [px = 0, py = 0]) => {
        const context = (element as HTMLCanvasElement).getContext('2d');
        const rgb = [...(context?.getImageData(px, py, 1, 1).data ?? [])].slice(0, 3);
        return `#${rgb.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
      },
      [x, y],
    );
  }

  /** The whole picture of a machine's screen, asked for beside the window. */
  async guestFrame(url: string, name: string): Promise<FramePart> {
    const services = await connectBeside(url);
    try {
      const vm = (await services.library.list()).find((one) => one.name === name);
      const { parts, width, height } = await services.session.nextFrame(vm!.id, randomUUID());
      const [whole] = parts;
      expect([whole?.width, whole?.height]).toEqual([width, height]);
      return whole!;
    } finally {
      services.close();
    }
  }

  async select(name: string): Promise<void> {
    await this.machine(name).click();
  }

  async waitForState(name: string, state: string, seconds = 60): Promise<void> {
    await this.page
      .getByRole('treeitem', { name: `${name} ${state}`, exact: true })
      .waitFor({ timeout: seconds * 1000 });
  }

  async start(): Promise<void> {
    await this.button('Start').first().click();
  }

  async powerOff(): Promise<void> {
    await this.button('Stop').click();
    await this.page.getByRole('menuitem', { name: /^Power off/ }).click();
    await this.page.getByRole('alertdialog').getByRole('button', { name: 'Power off' }).click();
  }

  /** The rows of the terminal that are on the screen. */
  async consoleText(): Promise<string> {
    const text = await this.page.locator('.xterm-rows').innerText();
    return text.replaceAll('\u00a0', ' ');
  }

  async waitForConsole(pattern: RegExp, seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    let text = '';
    while (Date.now() < end) {
      text = await this.consoleText();
      if (pattern.test(text)) return;
      await this.page.waitForTimeout(200);
    }
    throw new Error(`No ${pattern} on the console within ${seconds} s. It shows:\n${text}`);
  }

  /** Types into the console like a person, who sees where the keyboard is; Enter ends the line. */
  async type(line: string): Promise<void> {
    await this.page.locator('.xterm textarea:focus').waitFor({ state: 'attached' });
    await this.page.keyboard.type(line);
    await this.page.keyboard.press('Enter');
  }

  /** What has the keyboard: its role and name, as a screen reader would say. */
  async focused(): Promise<string> {
    return this.page.evaluate(() => {
      const element = document.activeElement;
      const role = element?.getAttribute('role') ?? element?.tagName.toLowerCase() ?? '';
      const label =
        element?.getAttribute('aria-label') ??
        (element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined) ??
        element?.textContent ??
        '';
      return `${role} ${label.trim()}`;
    });
  }

  /** Half-way through a transition colours and places are of no use to a test. */
  async transitionsEnd(): Promise<void> {
    await this.page.evaluate(async () => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const running = () =>
        document
          .getAnimations()
          .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
          .filter(({ playState }) => playState === 'running');
      const end = performance.now() + 2000;
      // One may begin where another ends.
      for (let quiet = 0; quiet < 3 && performance.now() < end; quiet++) {
        await frame();
        if (running().length > 0) quiet = 0;
      }
    });
  }

  /** Violations of WCAG 2 A and AA that axe-core finds, as `rule: elements`. */
  async accessibilityProblems(): Promise<string[]> {
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    await this.transitionsEnd();
    await this.page.evaluate(await readFile(axe, 'utf8'));
    return this.page.evaluate(async () => {
      interface Axe {
        run(options: object): Promise<{
          violations: { id: string; nodes: { target: string[]; failureSummary?: string }[] }[];
        }>;
      }
      const { axe } = globalThis as unknown as { axe: Axe };
      const { violations } = await axe.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],
      });
      return violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join('; ')}`,
      );
    });
  }

  /** Whether anything is cut off at the right or makes the page scroll. */
  async overflows(): Promise<string[]> {
    return this.page.evaluate(() => {
      const found: string[] = [];
      if (document.documentElement.scrollWidth > innerWidth) found.push('the page is too wide');
      if (document.documentElement.scrollHeight > innerHeight) found.push('the page is too high');
      for (const element of document.querySelectorAll('button, [role="tab"], [role="treeitem"]')) {
        const box = element.getBoundingClientRect();
        if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1))
          found.push(element.textContent || element.getAttribute('aria-label') || 'an element');
      }
      return found;
    });
  }
}
