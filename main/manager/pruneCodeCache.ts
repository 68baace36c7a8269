/**
 * Compiled code of the command that no start has used for long: each build leaves some 3 MB (main/cli/main.js), and Node
 * removes none.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../emulator/host/paths.ts';

/** A file that is still in use is made again, at the cost of one slower start a month. */
const keptMs = 30 * 24 * 3600 * 1000;

/** Never rejects: what cannot be removed stays. */
export async function pruneCodeCache(
  folder = join(cacheFolder(), 'code'),
  now = Date.now(),
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const made = await stat(file).catch(() => undefined);
    if (made !== undefined && now - made.mtimeMs > keptMs)
      await rm(file, { force: true }).catch(() => undefined);
  }
}
