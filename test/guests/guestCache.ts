/**
 * The cache of guest files: `.cache/guests` of this checkout, or GUESTHOUSE_GUEST_CACHE. Entries are
 * named by what they are made of and appear by rename, so that several test processes can share it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Guests cannot be had on this machine; the message says why. Tests skip with it. */
export class GuestsUnavailable extends Error {
  override name = 'GuestsUnavailable';
}

export const guestCache =
  process.env.GUESTHOUSE_GUEST_CACHE ?? path.resolve(import.meta.dirname, '../../.cache/guests');

export const contentKey = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
};

/** Returns `<cache>/<name>`, made by `build` (a file or folder at the given path) if it is not there. */
export async function cached(
  name: string,
  build: (target: string) => Promise<void>,
): Promise<string> {
  const final = path.join(guestCache, name);
  if (existsSync(final)) return final;
  await mkdir(path.dirname(final), { recursive: true });
  const scratch = await mkdtemp(path.join(guestCache, 'new-'));
  try {
    const target = path.join(scratch, path.basename(name));
    await build(target);
    await rename(target, final).catch((error: unknown) => {
      // Another process was quicker with the same content.
      if (!existsSync(final)) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return final;
}

const execute = promisify(execFile);

/** Runs a host tool and returns its output; GuestsUnavailable if the tool is not installed. */
export async function hostTool(
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<string> {
  try {
    const { stdout } = await execute(command, args, { ...options, maxBuffer: 64 << 20 });
    return stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new GuestsUnavailable(`Guests need the program ${command}, which is not installed.`);
    throw error;
  }
}
