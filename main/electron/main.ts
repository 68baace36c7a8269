/** The desktop shell: one window over the services of the manager. Everything else is elsewhere. */
import Store from 'electron-store';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MessageChannelMain,
  net,
  protocol,
  screen,
  session,
} from 'electron';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { serveServices } from '../../shared/rpc/services.ts';
import { openHome } from '../manager/home.ts';
import { openSharedManager, type SharedManager } from '../manager/sharedManager.ts';
import { portChannel, requestPortChannel } from './bridge.ts';
import { closeChoices, closeQuestion, endMachines } from './closeQuestion.ts';
import { electronVmStarter } from './electronVmStarter.ts';
import { portMainChannel } from './portMainChannel.ts';
import {
  appOrigin,
  appScheme,
  assetOf,
  isOwnAddress,
  mayUse,
  pageHeaders,
} from './securityPolicy.ts';
import { minimumSize, placementFrom } from './windowPlacement.ts';

/** out/, where electron-vite puts main/, preload/ and renderer/. */
const built = path.join(import.meta.dirname, '..');

protocol.registerSchemesAsPrivileged([
  { scheme: appScheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
// Before anything can start: no page of this app ever runs outside of the sandbox.
app.enableSandbox();

const home = await openHome();
// One app per library: the lock and the settings lie with it.
app.setPath('userData', path.join(home.folder, 'electron'));
// Not awaited: Electron is ready only after this module has been evaluated.
if (app.requestSingleInstanceLock()) void run();
else app.quit();

async function run(): Promise<void> {
  let manager: SharedManager;
  let closing = false;
  let asking = false;

  app.on('second-instance', () => {
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => {
      if (!isOwnAddress(event.url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });

  await app.whenReady();
  try {
    manager = await openSharedManager(
      home,
      electronVmStarter(path.join(built, 'main/vmProcess.js')),
      'electron',
    );
  } catch (error) {
    dialog.showErrorBox(
      'Guesthouse cannot open its library',
      error instanceof Error ? error.message : String(error),
    );
    return app.quit();
  }

  protocol.handle(appScheme, serveAsset);
  session.defaultSession.setPermissionRequestHandler((contents, permission, decide) =>
    decide(mayUse(permission, contents.getURL())),
  );
  session.defaultSession.setPermissionCheckHandler((_contents, permission, origin) =>
    mayUse(permission, `${origin}/`),
  );
  ipcMain.on(requestPortChannel, (event) => {
    const frame = event.senderFrame;
    if (!frame || frame.parent || !isOwnAddress(frame.url)) return;
    const { port1, port2 } = new MessageChannelMain();
    serveServices(portMainChannel(port1), manager.services);
    frame.postMessage(portChannel, null, [port2]);
  });
  Menu.setApplicationMenu(
    process.platform === 'darwin'
      ? Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }])
      : null,
  );

  const window = openWindow();
  /** The machines are switched off in order, whoever ends the app. */
  const end = async () => {
    if (closing) return;
    closing = true;
    await manager.close().catch(() => undefined);
    app.quit();
  };
  const ask = async () => {
    const question = manager.owner
      ? closeQuestion(await manager.services.library.list())
      : undefined;
    if (question) {
      const { response } = await dialog.showMessageBox(window, {
        type: 'warning',
        ...question,
        buttons: closeChoices.map(([, button]) => button),
        defaultId: 0,
        cancelId: closeChoices.length - 1,
      });
      const [choice] = closeChoices[response]!;
      const why = await endMachines(manager.services, choice);
      if (why !== undefined) {
        if (why !== '') dialog.showErrorBox('Guesthouse stays open', why);
        return;
      }
    }
    await end();
  };
  const askFirst = (event: { preventDefault(): void }) => {
    if (closing) return;
    event.preventDefault();
    if (asking) return;
    asking = true;
    void ask().finally(() => (asking = false));
  };
  window.on('close', askFirst);
  app.on('before-quit', askFirst);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void end());
  app.on('window-all-closed', () => app.quit());
}

function openWindow(): BrowserWindow {
  const store = new Store<{ window?: unknown }>({ name: 'window' });
  const screens = screen.getAllDisplays().map(({ workArea }) => workArea);
  const { maximized, ...bounds } = placementFrom(store.get('window'), screens);
  const window = new BrowserWindow({
    ...bounds,
    minWidth: minimumSize.width,
    minHeight: minimumSize.height,
    title: 'Guesthouse',
    show: false,
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
    store.set('window', { ...window.getNormalBounds(), maximized: window.isMaximized() }),
  );
  void window.loadURL(`${appOrigin}/`);
  return window;
}

async function serveAsset(request: Request): Promise<Response> {
  const asset = assetOf(request.url);
  if (!asset) return new Response('Not found', { status: 404 });
  const file = path.join(built, 'renderer', ...asset.path.split('/'));
  try {
    const { body } = await net.fetch(pathToFileURL(file).href);
    return new Response(body, { headers: { ...pageHeaders, 'Content-Type': asset.type } });
  } catch {
    return new Response('Not found', { status: 404 });
  }
}
