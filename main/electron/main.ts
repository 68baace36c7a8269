/** The desktop shell over the services of the manager. What it decides is in files of their own, tested without Electron. */
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MessageChannelMain,
  net,
  powerMonitor,
  protocol,
  session,
  Tray,
} from 'electron';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { serveServices } from '../../shared/rpc/services.ts';
import { openHome } from '../manager/home.ts';
import { openSharedManager, type SharedManager } from '../manager/sharedManager.ts';
import { messageChannel, portChannel } from './bridge.ts';
import { closeChoices, closeQuestion, endMachines } from './closeQuestion.ts';
import { electronVmStarter } from './electronVmStarter.ts';
import { macMenu, trayMenu, trayTip } from './nativeMenus.ts';
import { openedFiles } from './openedFiles.ts';
import { portMainChannel } from './portMainChannel.ts';
import { appScheme, assetOf, isOwnAddress, mayUse, pageHeaders } from './securityPolicy.ts';
import { shellTexts, type ShellTexts } from './shellTexts.ts';
import { SleepKeeper } from './sleepKeeper.ts';
import { heardMessage } from './windowMessage.ts';
import { built, Windows } from './windows.ts';

protocol.registerSchemesAsPrivileged([
  { scheme: appScheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
// Before anything can start: no page of this app ever runs outside of the sandbox.
app.enableSandbox();

/** The program and, unpackaged, the app's folder. */
const ownArguments = app.isPackaged ? 1 : 2;
const home = await openHome();
// One app per library: the lock and the settings lie with it.
app.setPath('userData', path.join(home.folder, 'electron'));
/** macOS tells of files by an event, also before the app is ready. */
const opened: string[] = openedFiles(process.argv, process.cwd(), ownArguments);
let openFiles = (paths: string[]): void => void opened.push(...paths);
app.on('open-file', (event, file) => {
  event.preventDefault();
  openFiles([file]);
});
// Not awaited: Electron is ready only after this module has been evaluated.
if (app.requestSingleInstanceLock()) void run();
else app.quit();

async function run(): Promise<void> {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => {
      if (!isOwnAddress(event.url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });

  await app.whenReady();
  const system = app.getLocale();
  let texts = shellTexts(undefined, system);
  let manager: SharedManager;
  try {
    manager = await openSharedManager(
      home,
      electronVmStarter(path.join(built, 'main/vmProcess.js')),
      'electron',
    );
  } catch (error) {
    dialog.showErrorBox(
      texts.libraryFailed,
      error instanceof Error ? error.message : String(error),
    );
    return app.quit();
  }
  const { services } = manager;
  texts = shellTexts((await services.preferences.get().catch(() => undefined))?.language, system);

  protocol.handle(appScheme, serveAsset);
  session.defaultSession.setPermissionRequestHandler((contents, permission, decide) =>
    decide(mayUse(permission, contents.getURL())),
  );
  session.defaultSession.setPermissionCheckHandler((_contents, permission, origin) =>
    mayUse(permission, `${origin}/`),
  );

  const windows = new Windows();
  const tray = openTray();
  listenToPages(windows, manager);
  keepAsleep(manager);

  openFiles = (paths) => {
    if (paths.length > 0) windows.askManager({ kind: 'openFiles', paths });
  };
  app.on('second-instance', (_event, args, workingFolder) => {
    windows.showManager();
    openFiles(openedFiles(args, workingFolder, ownArguments));
  });
  app.on('activate', () => windows.showManager());

  const showMenus = async (): Promise<void> => {
    Menu.setApplicationMenu(
      process.platform === 'darwin'
        ? Menu.buildFromTemplate(
            macMenu(texts.menu, (command) => windows.askManager({ kind: 'command', command })),
          )
        : null,
    );
    if (!tray) return;
    const vms = await services.library.list().catch(() => []);
    tray.setToolTip(trayTip(vms, texts.tray));
    tray.setContextMenu(
      Menu.buildFromTemplate(
        trayMenu(vms, texts.tray, {
          showManager: () => windows.showManager(),
          showVm: (vmId) => windows.openVm(vmId),
          act: (what, vmId) => {
            const acts = {
              pause: () => services.session.pause(vmId),
              resume: () => services.session.resume(vmId),
              shutDown: () => services.session.stop(vmId, 'acpi'),
            };
            acts[what]().catch((error: Error) => dialog.showErrorBox(app.name, error.message));
          },
          quit: () => app.quit(),
        }),
      ),
    );
  };
  tray?.on('click', () => windows.showManager());
  services.events.on('listChanged', () => void showMenus());
  services.events.on('preferencesChanged', ({ language }) => {
    texts = shellTexts(language, system);
    void showMenus();
  });
  await showMenus();
  guardQuit(windows, manager, tray !== undefined, () => texts);
  if (opened.length > 0) openFiles(opened.splice(0));
}

/** undefined where the desktop has none. */
function openTray(): Tray | undefined {
  try {
    return new Tray(path.join(built, 'main/tray.png'));
  } catch {
    return undefined;
  }
}

function listenToPages(windows: Windows, manager: SharedManager): void {
  ipcMain.on(messageChannel, (event, sent: unknown) => {
    const message = heardMessage(event.senderFrame, sent);
    const window = BrowserWindow.fromWebContents(event.sender);
    if (!message || !window) return;
    switch (message.kind) {
      case 'requestPort': {
        const { port1, port2 } = new MessageChannelMain();
        serveServices(portMainChannel(port1), manager.services);
        event.senderFrame?.postMessage(portChannel, null, [port2]);
        return windows.ready(window);
      }
      case 'openVm':
        return windows.openVm(message.vmId);
      case 'closeWindow':
        return windows.close(window);
      case 'showManager':
        return windows.showManager();
    }
  });
}

function keepAsleep(manager: SharedManager): void {
  const keeper = new SleepKeeper(manager.services);
  powerMonitor.on('suspend', () => void keeper.suspend());
  powerMonitor.on('resume', () => void keeper.resume());
}

/** The machines are switched off in order, whoever ends the app; a person is asked before. */
function guardQuit(
  windows: Windows,
  manager: SharedManager,
  hasTray: boolean,
  texts: () => ShellTexts,
): void {
  let closing = false;
  let asking = false;
  const background = hasTray || process.platform === 'darwin';
  const end = async () => {
    if (closing) return;
    closing = true;
    await manager.close().catch(() => undefined);
    windows.closeAll();
    app.quit();
  };
  const ask = async (window: BrowserWindow | undefined) => {
    const question = manager.owner
      ? closeQuestion(await manager.services.library.list(), texts())
      : undefined;
    if (question) {
      const choices = closeChoices(background && window !== undefined);
      const options = {
        type: 'warning' as const,
        ...question,
        buttons: choices.map((choice) => texts().close[choice]),
        defaultId: 0,
        cancelId: choices.length - 1,
      };
      const { response } = await (window
        ? dialog.showMessageBox(window, options)
        : dialog.showMessageBox(options));
      const choice = choices[response]!;
      if (choice === 'background') return window?.hide();
      const why = await endMachines(manager.services, choice, texts());
      if (why !== undefined) {
        if (why !== '') dialog.showErrorBox(texts().staysOpen, why);
        return;
      }
    }
    await end();
  };
  const askFirst = (event: { preventDefault(): void }, window?: BrowserWindow) => {
    if (closing) return;
    event.preventDefault();
    if (asking) return;
    asking = true;
    void ask(window).finally(() => (asking = false));
  };
  const window = windows.openManager();
  window.on('close', (event) => askFirst(event, window));
  app.on('before-quit', (event) => askFirst(event));
  // The computer is switched off: nobody can be asked, and nothing shall be lost.
  powerMonitor.on('shutdown', () => {
    void endMachines(manager.services, 'saveStates', texts()).then(end, end);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void end());
  app.on('window-all-closed', () => app.quit());
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
