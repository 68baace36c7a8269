import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

/** Where what can be made again is kept: in GUESTHOUSE_HOME, or the platform's folder for caches. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const home = environment['GUESTHOUSE_HOME'];
  return home ? join(resolve(home), 'cache') : envPaths('guesthouse', { suffix: '' }).cache;
}

/** The socket of a network that machines share, in a folder for its user only; short, as sockets' paths must be. */
export function networkSocket(kind: string, name: string): { folder: string; path: string } {
  const hash = createHash('sha256')
    .update(`${cacheFolder()} ${kind} ${name}`)
    .digest('hex')
    .slice(0, 24);
  if (process.platform === 'win32')
    return { folder: '', path: `\\\\.\\pipe\\guesthouse-net-${hash}` };
  const folder = join(tmpdir(), `guesthouse-${userInfo().uid}`);
  return { folder, path: join(folder, `net-${hash}.sock`) };
}
