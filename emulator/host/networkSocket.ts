import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheFolder, runtimeFolder } from './paths.ts';

/** The socket of a network that machines share, in a folder for its user only; short, as sockets' paths must be. */
export function networkSocket(kind: string, name: string): { folder: string; path: string } {
  const hash = createHash('sha256')
    .update(`${cacheFolder()} ${kind} ${name}`)
    .digest('hex')
    .slice(0, 24);
  if (process.platform === 'win32')
    return { folder: '', path: `\\\\.\\pipe\\guesthouse-net-${hash}` };
  const folder = runtimeFolder();
  return { folder, path: join(folder, `net-${hash}.sock`) };
}
