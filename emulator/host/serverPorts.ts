/**
 * Ports of this user's Guesthouse servers, which guests must not reach even where the host's loopback is open to them: a
 * file a port, with the process that listens, in a folder that all processes of the user know.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtimeFolder } from './paths.ts';

const fileOf = (port: number): string => join(runtimeFolder(), `server-${port}`);

/** Says that this process listens at the port, until what it returns is called. */
export function claimServerPort(port: number): () => void {
  mkdirSync(runtimeFolder(), { recursive: true, mode: 0o700 });
  writeFileSync(fileOf(port), String(process.pid), { mode: 0o600 });
  return () => rmSync(fileOf(port), { force: true });
}

export function serverHasPort(port: number): boolean {
  try {
    const pid = Number(readFileSync(fileOf(port), 'latin1'));
    // Left behind by a process that was killed?
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
