import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

/** Where what can be made again is kept: in GUESTHOUSE_HOME, or the platform's folder for caches. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const home = environment['GUESTHOUSE_HOME'];
  return home ? join(resolve(home), 'cache') : envPaths('guesthouse', { suffix: '' }).cache;
}

/** Of this user's processes while they run: sockets, and what they tell each other. Not made here. */
export const runtimeFolder = (): string => join(tmpdir(), `guesthouse-${userInfo().uid}`);
