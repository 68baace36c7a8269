import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { UserError } from '../../shared/services/errors.ts';

/** Where a manager keeps everything. */
export interface Home {
  readonly folder: string;
  readonly vmsFolder: string;
  /** Images that were given to the library; made when the first is. */
  readonly mediaFolder: string;
  /** Disks that are made here; made when the first is. */
  readonly disksFolder: string;
  /** Unix socket or named pipe on which the library's manager answers. */
  readonly socketPath: string;
}

/** Unix socket paths are limited to about 104 bytes on macOS, 108 on Linux. */
const maxSocketPath = 100;

/** GUESTHOUSE_HOME, or the platform's folder for application data. Creates it, for its user only. */
export async function openHome(environment: NodeJS.ProcessEnv = process.env): Promise<Home> {
  const chosen = environment['GUESTHOUSE_HOME'];
  const folder = resolve(chosen ? chosen : envPaths('guesthouse', { suffix: '' }).data);
  const vmsFolder = join(folder, 'vms');
  await makeFolder(vmsFolder);
  return {
    folder,
    vmsFolder,
    mediaFolder: join(folder, 'media'),
    disksFolder: join(folder, 'disks'),
    socketPath: await socketPath(folder),
  };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UserError(
      {
        code: 'library-folder',
        message: `The folder ${path} for the VMs cannot be made (${String((error as NodeJS.ErrnoException).code ?? error)}).`,
        hint: 'Check its permissions, or name another folder in the variable GUESTHOUSE_HOME.',
      },
      { cause: error },
    );
  }
}

async function socketPath(folder: string): Promise<string> {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 24);
  if (process.platform === 'win32') return `\\\\.\\pipe\\guesthouse-${hash}`;
  const inside = join(folder, 'manager.sock');
  if (Buffer.byteLength(inside) <= maxSocketPath) return inside;
  const shared = join(tmpdir(), `guesthouse-${userInfo().uid}`);
  await mkdir(shared, { recursive: true, mode: 0o700 });
  return join(shared, `${hash}.sock`);
}
