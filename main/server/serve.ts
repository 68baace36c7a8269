/** The headless server as a whole: manager, web server, and their end. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import open from 'open';
import { UserError } from '../../shared/services/errors.ts';
import { windowFolder } from '../manager/engineEntry.ts';
import { openHome } from '../manager/home.ts';
import { nodeVmStarter } from '../manager/nodeVmStarter.ts';
import { openSharedManager } from '../manager/sharedManager.ts';
import { readTlsCertificate, type TlsFiles } from './tlsCertificate.ts';
import { startWebServer, type WebServer, type WebServerOptions } from './webServer.ts';

export const defaultPort = 8734;

export interface ServeOptions {
  /** Absent: the default port, or any free one if that is in use. 0: any free one. */
  readonly port?: number;
  /** IP address to listen on, by default 127.0.0.1. */
  readonly address?: string;
  /** Absent: plain HTTP, on the loopback interface only. */
  readonly tls?: TlsFiles;
  /** Open the window in the user's browser. */
  readonly open: boolean;
}

/** Serves until SIGINT or SIGTERM; resolves when everything is closed. Rejects with UserError. */
export async function serve(options: ServeOptions): Promise<void> {
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve(signal));
    }
  });
  await checkWindowIsBuilt();
  const tls = options.tls && (await readTlsCertificate(options.tls));
  const home = await openHome();
  const manager = await openSharedManager(home, nodeVmStarter(), 'server');
  try {
    const server = await startOnPort(
      {
        ...{ services: manager.services, takeScreen: manager.takeScreen },
        ...{ windowFolder, mediaFolder: home.mediaFolder },
        ...(options.address === undefined ? {} : { address: options.address }),
        ...(tls === undefined ? {} : { tls }),
      },
      options.port,
    );
    process.stdout.write(
      `Guesthouse is at ${server.url}\n` +
        'Whoever has this address controls the VMs. Press Ctrl-C to end.\n',
    );
    if (options.open) openBrowser(server.url);
    await stopped;
    process.stdout.write(manager.owner ? 'Powering off the VMs and ending.\n' : 'Ending.\n');
    await server.close();
  } finally {
    await manager.close();
  }
}

async function startOnPort(
  options: Omit<WebServerOptions, 'port'>,
  port: number | undefined,
): Promise<WebServer> {
  try {
    return await startWebServer({ ...options, port: port ?? defaultPort });
  } catch (error) {
    if (port !== undefined || !(error instanceof UserError) || error.code !== 'port-busy') {
      throw error;
    }
    process.stdout.write(`Port ${defaultPort} is in use; taking a free one.\n`);
    return startWebServer({ ...options, port: 0 });
  }
}

async function checkWindowIsBuilt(): Promise<void> {
  try {
    await access(join(windowFolder, 'index.html'));
  } catch {
    throw new UserError({
      code: 'window-missing',
      message: 'The window is not built: out/renderer does not exist.',
      hint: 'Start it with "npm start", which builds what is missing.',
    });
  }
}

/** A machine without a browser is no error: the address has been printed. */
function openBrowser(url: string): void {
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) {
    return;
  }
  open(url).then(
    (child) => child.on('error', () => undefined),
    () => undefined,
  );
}
