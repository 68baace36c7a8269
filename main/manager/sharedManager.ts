/**
 * Services for a window's shell (server, Electron): of a manager in this process, or, while another
 * program has the library, of that one. If it goes, this process takes over.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EventHub } from '../../shared/rpc/eventHub.ts';
import {
  forwardEvents,
  serviceContract,
  type ServiceMap,
  type Services,
} from '../../shared/rpc/serviceContract.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { HostInfo } from '../../shared/services/host.ts';
import type { Home } from './home.ts';
import { createHostService } from './hostService.ts';
import type { TakeScreen } from './manager.ts';
import { connectManager, ownLibrary, type OwnedManager } from './openManager.ts';
import type { VmProcessStarter } from './vmProcessStarter.ts';

export interface SharedManager {
  readonly services: Services;
  /** False while the VMs are another program's. */
  readonly takeScreen: TakeScreen;
  /** Whether the VMs run under this process, and end with it. */
  readonly owner: boolean;
  close(): Promise<void>;
}

interface Source {
  readonly services: Services;
  readonly owned: OwnedManager | undefined;
  readonly lost: Promise<unknown>;
  readonly disconnect: () => void;
}

export async function openSharedManager(
  home: Home,
  starter: VmProcessStarter,
  shell: HostInfo['shell'],
): Promise<SharedManager> {
  const hub = new EventHub();
  let closed = false;
  let current: Promise<Source>;
  let owner: OwnedManager | undefined;

  const open = async (): Promise<Source> => {
    for (let attempt = 0; ; attempt++) {
      const owned = await ownLibrary(home, starter, shell);
      if (owned) {
        const lost = new Promise(() => undefined);
        return { services: owned.services, owned, lost, disconnect: () => undefined };
      }
      // It may have closed in between: then the library is free again.
      const remote = await connectManager(home);
      if (remote) {
        const disconnect = (): void => remote.close();
        return { services: remote, owned: undefined, lost: remote.closed, disconnect };
      }
      if (attempt === 20) {
        throw new UserError({
          code: 'no-manager',
          message: 'The manager of the library does not answer.',
          hint: 'Try again in a moment.',
        });
      }
      await delay(100);
    }
  };
  const follow = async (): Promise<void> => {
    const source = await current;
    owner = source.owned;
    forwardEvents(source.services.events, hub);
    void source.lost.then(() => takeOver());
  };
  const takeOver = async (): Promise<void> => {
    while (!closed) {
      try {
        current = open();
        await follow();
        const { library } = (await current).services;
        hub.emit('arrangementChanged', await library.arrangement());
        hub.emit('listChanged', await library.list());
        return;
      } catch {
        // Calls meanwhile are rejected with the reason.
        await delay(1000);
      }
    }
  };
  current = open();
  await follow();

  const forward = <S extends keyof ServiceMap>(service: S): ServiceMap[S] =>
    Object.fromEntries(
      Object.keys(serviceContract[service]).map((method) => [
        method,
        async (...args: unknown[]) => {
          const target = (await current).services[service] as unknown as Record<
            string,
            (...args: unknown[]) => unknown
          >;
          return target[method]?.(...args);
        },
      ]),
    ) as unknown as ServiceMap[S];

  return {
    services: {
      library: forward('library'),
      session: forward('session'),
      tasks: forward('tasks'),
      media: forward('media'),
      gallery: forward('gallery'),
      preferences: forward('preferences'),
      transfer: forward('transfer'),
      snapshots: forward('snapshots'),
      // About this process's own machine and shell.
      host: {
        ...createHostService(shell, home.folder),
        probeKvm: () => forward('host').probeKvm(),
      },
      events: hub,
    },
    takeScreen: (id, handover, socket) => owner?.takeScreen(id, handover, socket) ?? false,
    get owner() {
      return owner !== undefined;
    },
    close: async () => {
      closed = true;
      const source = await current.catch(() => undefined);
      source?.disconnect();
      await source?.owned?.close();
    },
  };
}
