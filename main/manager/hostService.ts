import { open, readdir, stat } from 'node:fs/promises';
import { availableParallelism, homedir, totalmem } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { inspectMedium } from '../../shared/media/recogniseMedium.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { FolderEntry, HostInfo, HostService } from '../../shared/services/host.ts';

export const guesthouseVersion = '0.1.0';

/** What needs no process of a VM. */
export type HostFiles = Omit<HostService, 'probeKvm'>;

export function createHostService(shell: HostInfo['shell'], libraryFolder: string): HostFiles {
  return {
    info: () =>
      Promise.resolve({
        version: guesthouseVersion,
        shell,
        libraryFolder,
        memoryMiB: Math.floor(totalmem() / 2 ** 20),
        processors: availableParallelism(),
      }),
    listFolder,
    inspectFile,
  };
}

const listFolder: HostService['listFolder'] = async (path) => {
  const folder = path === '' ? homedir() : resolve(path);
  if (path !== '') checkAbsolute(path);
  let found;
  try {
    found = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw describeFolderProblem(folder, error);
  }
  const entries = await Promise.all(
    found.map(async ({ name }): Promise<FolderEntry | undefined> => {
      const entryPath = join(folder, name);
      // Links count as what they lead to; broken ones and devices are left out.
      const status = await stat(entryPath).catch(() => undefined);
      if (status?.isDirectory()) return { name, path: entryPath, kind: 'folder' };
      if (status?.isFile()) return { name, path: entryPath, kind: 'file', size: status.size };
      return undefined;
    }),
  );
  const parent = dirname(folder);
  return {
    path: folder,
    ...(parent === folder ? {} : { parent }),
    entries: entries
      .filter((entry) => entry !== undefined)
      .sort((a, b) =>
        a.kind === b.kind ? a.name.localeCompare(b.name) : a.kind === 'folder' ? -1 : 1,
      ),
  };
};

function checkAbsolute(path: string): void {
  if (isAbsolute(path)) return;
  throw new UserError({
    code: 'invalid',
    message: `"${path}" is not an absolute path.`,
    hint: 'Give the whole path.',
  });
}

export const inspectFile: HostService['inspectFile'] = async (path) => {
  checkAbsolute(path);
  // Opening a pipe or a terminal would wait for its other end.
  const status = await stat(path).catch((error: unknown) => {
    throw describeFileProblem(path, error);
  });
  if (!status.isFile()) {
    const what = status.isDirectory() ? 'is a folder' : 'is not a file';
    throw new UserError({
      ...{ code: 'file', message: `${path} ${what}.`, hint: 'Choose a file.' },
    });
  }
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const medium = await inspectMedium(size, async (offset, length) => {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    });
    return { size, medium };
  } catch (error) {
    throw describeFileProblem(path, error);
  }
};

function describeFileProblem(path: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  const how =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'EACCES' || code === 'EPERM'
        ? 'may not be read by you'
        : `cannot be read (${String(code ?? error)})`;
  return new UserError(
    { code: 'file', message: `The file ${path} ${how}.`, hint: 'Choose another file.' },
    { cause: error },
  );
}

function describeFolderProblem(folder: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  const how =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'ENOTDIR'
        ? 'is a file'
        : code === 'EACCES' || code === 'EPERM'
          ? 'may not be read by you'
          : `cannot be read (${String(code ?? error)})`;
  return new UserError(
    { code: 'folder', message: `The folder ${folder} ${how}.`, hint: 'Choose another folder.' },
    { cause: error },
  );
}
