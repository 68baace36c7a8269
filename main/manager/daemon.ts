/**
 * The background manager that the CLI starts when nobody manages the library. It lives while a VM
 * runs or somebody is connected, and a little longer.
 */
import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import type { RemoteServices } from '../../shared/rpc/services.ts';
import { UserError } from '../../shared/services/errors.ts';
import { openHome, type Home } from './home.ts';
import { nodeVmStarter } from './nodeVmStarter.ts';
import { connectManager, ownLibrary } from './openManager.ts';

const idleMs = 5000;
const startMs = 15_000;

/** Connects to the library's manager, starting one in the background if there is none. */
export async function connectOrStartManager(home: Home): Promise<RemoteServices> {
  const running = await connectManager(home);
  if (running) return running;
  const logPath = join(home.folder, 'daemon.log');
  const log = openSync(logPath, 'a', 0o600);
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    detached: true,
    stdio: ['ignore', 'ignore', log],
    env: { ...process.env, GUESTHOUSE_HOME: home.folder },
    windowsHide: true,
  });
  closeSync(log);
  let ended = false;
  child.on('exit', () => (ended = true));
  child.on('error', () => (ended = true));
  child.unref();
  for (const end = Date.now() + startMs; Date.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const services = await connectManager(home);
    if (services) return services;
    // Ended because another one was faster, or because it could not start.
    if (ended && Date.now() > end - startMs + 3000) break;
  }
  throw new UserError({
    code: 'no-manager',
    message: 'The background process that runs the VMs could not be started.',
    hint: `See ${logPath}.`,
  });
}

async function main(): Promise<void> {
  const log = pino({ name: 'guesthouse' }, pino.destination({ dest: 2, sync: true }));
  const home = await openHome();
  const manager = await ownLibrary(home, nodeVmStarter(), 'server');
  if (!manager) return;
  log.info({ home: home.folder }, 'managing the library');
  let idleSince = Date.now();
  const stop = async (why: string): Promise<never> => {
    log.info(why);
    await manager.close();
    process.exit(0);
  };
  setInterval(() => {
    if (manager.clientCount > 0 || manager.activeVms > 0) idleSince = Date.now();
    else if (Date.now() - idleSince > idleMs) void stop('idle: ending');
  }, 500);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => void stop(signal));
  }
}

if (import.meta.main) await main();
