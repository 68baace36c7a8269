/**
 * One manager per library, whoever starts first: the desktop app, a server, or the background
 * process that the CLI starts. It answers on a local socket in the library; the others talk to it
 * there. The socket is the lock: only who can listen is the manager.
 */
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Services } from '../../shared/rpc/serviceContract.ts';
import { connectServices, serveServices, type RemoteServices } from '../../shared/rpc/services.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { HostInfo } from '../../shared/services/host.ts';
import { lockFolder } from './folderLock.ts';
import type { Home } from './home.ts';
import { createHostService, guesthouseVersion } from './hostService.ts';
import { Manager, type TakeScreen } from './manager.ts';
import { pruneCodeCache } from './pruneCodeCache.ts';
import { streamChannel } from './streamChannel.ts';
import type { VmProcessStarter } from './vmProcessStarter.ts';

export interface OwnedManager {
  readonly services: Services;
  readonly takeScreen: TakeScreen;
  /** Processes of other programs that are connected. */
  readonly clientCount: number;
  readonly activeVms: number;
  /** Powers off the VMs and gives the library free. */
  close(): Promise<void>;
}

/** Connects to the library's manager; undefined if there is none. */
export async function connectManager(home: Home): Promise<RemoteServices | undefined> {
  const socket = await tryConnect(home.socketPath);
  if (!socket) return undefined;
  const services = connectServices(streamChannel(socket));
  const { version } = await services.host.info();
  if (version === guesthouseVersion) return services;
  services.close();
  throw new UserError({
    code: 'other-version',
    message: `Guesthouse ${version} is running on this library; this is ${guesthouseVersion}.`,
    hint: 'Close the other one first.',
  });
}

/** Becomes the library's manager; undefined if there is one already. */
export async function ownLibrary(
  home: Home,
  starter: VmProcessStarter,
  shell: HostInfo['shell'],
): Promise<OwnedManager | undefined> {
  // Between finding no listener and listening, nobody else may do the same.
  const release = await lockFolder(home.folder);
  try {
    const other = await tryConnect(home.socketPath);
    if (other) {
      other.destroy();
      return undefined;
    }
    if (process.platform !== 'win32') await rm(home.socketPath, { force: true });
    void pruneCodeCache();
    const manager = new Manager(home, createHostService(shell, home.folder), starter);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      serveServices(streamChannel(socket), manager);
    });
    await listen(server, home.socketPath);
    return {
      services: manager,
      takeScreen: manager.takeScreen,
      get clientCount() {
        return sockets.size;
      },
      get activeVms() {
        return manager.activeCount;
      },
      close: async () => {
        // The VMs go first: who connects meanwhile still hears of them.
        await manager.close();
        server.close();
        for (const socket of sockets) socket.destroy();
      },
    };
  } finally {
    await release();
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else {
        reject(
          new UserError(
            {
              code: 'manager-socket',
              message: `The manager's socket ${path} cannot be used (${error.code ?? error.message}).`,
              hint: 'Check the permissions of the library folder.',
            },
            { cause: error },
          ),
        );
      }
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
