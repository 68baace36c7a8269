/**
 * Whether the desktop shell can be shown here, and how to start it. Looks at files only: importing
 * the electron package would download its binary.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export type ElectronShell =
  | { readonly binary: string }
  /** Why it cannot be used, for people. */
  | { readonly reason: string };

const defaultRoot = path.resolve(import.meta.dirname, '../..');

export function findElectron(
  root = defaultRoot,
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  isRoot = process.getuid?.() === 0,
): ElectronShell {
  const folder = path.join(root, 'node_modules/electron');
  const pathFile = path.join(folder, 'path.txt');
  const dist = environment.ELECTRON_OVERRIDE_DIST_PATH ?? path.join(folder, 'dist');
  // As the electron package does: path.txt names the executable that its installation unpacked.
  const name = existsSync(pathFile)
    ? readFileSync(pathFile, 'utf8').trim()
    : environment.ELECTRON_OVERRIDE_DIST_PATH
      ? 'electron'
      : undefined;
  const binary = name === undefined ? undefined : path.join(dist, name);
  if (binary === undefined || !existsSync(binary))
    return { reason: 'Electron’s program is not installed (“npx install-electron” fetches it)' };
  if (platform === 'linux' && !environment.DISPLAY && !environment.WAYLAND_DISPLAY)
    return { reason: 'there is no display' };
  if (platform === 'linux' && isRoot)
    return { reason: 'Electron’s sandbox does not work for root' };
  return { binary };
}

/** Starts the built app (out/); it ends when its window is closed. */
export function startElectron(binary: string, root = defaultRoot): ChildProcess {
  const { ELECTRON_RUN_AS_NODE: _notAsNode, ...env } = process.env;
  return spawn(binary, [root], { stdio: 'inherit', env });
}
