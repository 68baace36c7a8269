/** The window in headless Chromium, driven as a person would. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { expect } from 'vitest';

export const chromiumPath = '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
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

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      ...options,
    });
    context.setDefaultTimeout(30_000);
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
  field(name: string | RegExp) {
    return this.page.getByRole('dialog').last().getByRole('textbox', { name, exact: true });
  }
  machine(name: string) {
    return this.page.getByRole('option', { name: new RegExp(`^${name} `) });
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
      await this.field(new RegExp(`^Disk ${index + 1} `)).fill(disk.path);
      if (disk.readOnly) await this.page.getByLabel('Read-only').nth(index).check();
    }
    await this.inDialog('Create').click();
    await this.page.getByRole('dialog').waitFor({ state: 'detached' });
    await this.machine(machine.name).waitFor();
  }

  async select(name: string): Promise<void> {
    await this.machine(name).click();
  }

  async waitForState(name: string, state: string, seconds = 15): Promise<void> {
    await this.page
      .getByRole('option', { name: `${name} ${state}`, exact: true })
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

  /** Types like a person; Enter ends the line. */
  async type(line: string): Promise<void> {
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

  /** Violations of WCAG 2 A and AA that axe-core finds, as `rule: elements`. */
  async accessibilityProblems(): Promise<string[]> {
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    // Transitions would be measured half-way.
    await this.page.waitForTimeout(500);
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
      for (const element of document.querySelectorAll('button, [role="tab"], [role="option"]')) {
        const box = element.getBoundingClientRect();
        if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1))
          found.push(element.textContent || element.getAttribute('aria-label') || 'an element');
      }
      return found;
    });
  }
}
