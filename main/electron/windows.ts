/** The app's windows: the manager's, and one for each machine that was given its own. */
import Store from 'electron-store';
import { BrowserWindow, screen } from 'electron';
import path from 'node:path';
import type { ShellRequest } from '../../shared/shell/shellRequest.ts';
import { requestChannel } from './bridge.ts';
import { appOrigin } from './securityPolicy.ts';
import { minimumSize, placementFrom, vmWindowSize } from './windowPlacement.ts';

/** out/, where electron-vite puts main/, preload/ and renderer/. */
export const built = path.join(import.meta.dirname, '..');

export class Windows {
  readonly #store = new Store<Record<string, unknown>>({ name: 'window' });
  readonly #ofVms = new Map<string, BrowserWindow>();
  readonly #mayClose = new WeakSet<BrowserWindow>();
  #manager: BrowserWindow | undefined;
  /** What the manager's page could not be told yet: it is told when it asks for its services. */
  #waiting: ShellRequest[] = [];

  get manager(): BrowserWindow | undefined {
    return this.#manager;
  }

  openManager(): BrowserWindow {
    const window = this.#open('window', `${appOrigin}/`);
    this.#manager = window;
    window.on('closed', () => (this.#manager = undefined));
    return window;
  }

  showManager(): void {
    const window = this.#manager ?? this.openManager();
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }

  openVm(vmId: string): void {
    const there = this.#ofVms.get(vmId);
    if (there) {
      if (there.isMinimized()) there.restore();
      return there.focus();
    }
    const window = this.#open(`vm-${vmId}`, `${appOrigin}/?vm=${vmId}`, vmWindowSize);
    this.#ofVms.set(vmId, window);
    window.on('close', (event) => {
      if (this.#mayClose.has(window) || window.webContents.isCrashed()) return;
      // The page asks what shall become of the machine, and then closes the window.
      event.preventDefault();
      this.ask(window, { kind: 'close' });
    });
    window.on('closed', () => this.#ofVms.delete(vmId));
  }

  close(window: BrowserWindow): void {
    this.#mayClose.add(window);
    window.close();
  }

  /** Without a question: the app ends. */
  closeAll(): void {
    for (const window of BrowserWindow.getAllWindows()) this.close(window);
  }

  ask(window: BrowserWindow, request: ShellRequest): void {
    window.webContents.send(requestChannel, request);
  }

  /** Tells the manager's page, as soon as there is one that hears. */
  askManager(request: ShellRequest): void {
    this.showManager();
    const contents = this.#manager!.webContents;
    if (contents.isLoading()) this.#waiting.push(request);
    else this.ask(this.#manager!, request);
  }

  /** The page of `window` runs and hears. */
  ready(window: BrowserWindow): void {
    if (window !== this.#manager) return;
    for (const request of this.#waiting.splice(0)) this.ask(window, request);
  }

  #open(key: string, address: string, usual?: { width: number; height: number }): BrowserWindow {
    const screens = screen.getAllDisplays().map(({ workArea }) => workArea);
    const { maximized, ...bounds } = placementFrom(this.#store.get(key), screens, usual);
    const window = new BrowserWindow({
      ...bounds,
      minWidth: minimumSize.width,
      minHeight: minimumSize.height,
      title: 'Guesthouse',
      show: false,
      ...(process.platform === 'linux' && { icon: path.join(built, 'main/icon.png') }),
      webPreferences: {
        preload: path.join(built, 'preload/preload.cjs'),
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webviewTag: false,
        spellcheck: false,
      },
    });
    if (maximized) window.maximize();
    window.once('ready-to-show', () => window.show());
    window.on('close', () =>
      this.#store.set(key, { ...window.getNormalBounds(), maximized: window.isMaximized() }),
    );
    void window.loadURL(address);
    return window;
  }
}
