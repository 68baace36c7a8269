/**
 * Locks of image files across processes: one writer, many readers, or many writers that have agreed to share. A lock is a small file beside
 * the image that names its holder; it is taken by exclusive creation, and one whose process is gone
 * (crash, power cut) is cleared by the next that comes. Locks of other hosts (network folders)
 * cannot be checked and hold until they are removed.
 */
import { readFileSync } from 'node:fs';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isProcessAlive } from '../../../shared/vm/processAlive.ts';
import { BlockError } from '../../backends/block.ts';

export interface ImageLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells the process from a later one with the same number. */
  readonly started: string;
  readonly owner: string;
}

let counter = 0;

/** How long a writer waits for a reader, and how often it looks. */
const readerWaitMs = 1000;
const readerLookMs = 20;

export type LockKind = 'writer' | 'reader' | 'sharing';

export async function lockImage(
  image: string,
  { kind, owner }: { readonly kind: LockKind; readonly owner: string },
): Promise<ImageLock> {
  const self: Holder = {
    pid: process.pid,
    host: os.hostname(),
    started: processStart(process.pid) ?? '',
    owner,
  };
  const writerFile = `${image}.lock`;
  const ownFile =
    kind === 'writer' ? writerFile : `${image}.${kind}-${process.pid}-${++counter}.lock`;
  const content = JSON.stringify(self);
  let created = false;
  try {
    for (let attempt = 0; !created; attempt++) {
      try {
        await createWhole(ownFile, content);
        created = true;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EEXIST') {
          // A folder that takes no files, such as a mounted CD: then nobody can write there either.
          if (kind === 'reader' && (code === 'EACCES' || code === 'EPERM' || code === 'EROFS'))
            break;
          throw new BlockError(
            code === 'ENOSPC' ? 'no-space' : 'permission',
            `The disk image ${image} cannot be locked: its folder takes no new file (${code}).`,
            { cause: error },
          );
        }
        if (attempt === 5) throw new BlockError('locked', `The disk image ${image} is in use.`);
        await clearOrThrow(ownFile, image);
      }
    }
    // Both sides create first and look second, so of two that meet at least one sees the other.
    const others = [
      ...(kind === 'writer' ? [] : [writerFile]),
      ...(kind === 'sharing' ? [] : await lockFiles(image, 'sharing')),
    ];
    for (const other of others) await clearOrThrow(other, image);
    if (kind !== 'reader')
      for (const other of await lockFiles(image, 'reader')) await awaitReader(other, image);
  } catch (error) {
    if (created) await rm(ownFile, { force: true });
    throw error;
  }
  return {
    release: async () => {
      if (created) await rm(ownFile, { force: true });
      created = false;
      // They do not mind each other, so that nobody else may ever come to clear those of crashes.
      if (kind !== 'writer')
        for (const other of await lockFiles(image, kind).catch(() => []))
          await clearOrThrow(other, image).catch(() => undefined);
    },
  };
}

/** Creates the file with its content in one step, so that nobody sees an empty lock. Rejects with EEXIST. */
async function createWhole(file: string, content: string): Promise<void> {
  const scratch = `${file}.new-${process.pid}-${++counter}`;
  await writeFile(scratch, content, { flag: 'wx' });
  try {
    await link(scratch, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // A file system without hard links, such as exFAT.
    await writeFile(file, content, { flag: 'wx' });
  } finally {
    await rm(scratch, { force: true });
  }
}

async function lockFiles(image: string, kind: 'reader' | 'sharing'): Promise<string[]> {
  const folder = path.dirname(image);
  const prefix = `${path.basename(image)}.${kind}-`;
  const names = await readdir(folder);
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith('.lock'))
    .map((name) => path.join(folder, name));
}

/** As `clearOrThrow`: but who only looks at an image, as the list of media does, is soon done. */
async function awaitReader(lockFile: string, image: string): Promise<void> {
  for (let waited = 0; ; waited += readerLookMs) {
    try {
      return await clearOrThrow(lockFile, image);
    } catch (error) {
      if (waited >= readerWaitMs) throw error;
      await delay(readerLookMs);
    }
  }
}

/** Removes the lock if its holder is gone; throws BlockError 'locked' if it is not. */
async function clearOrThrow(lockFile: string, image: string): Promise<void> {
  const content = await readFile(lockFile, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const holder = parseHolder(content);
  if (holder === undefined) {
    throw new BlockError(
      'locked',
      `The disk image ${image} has a lock file of another program: ${lockFile}. Remove it if nothing uses the image.`,
    );
  }
  if (holder.host !== os.hostname())
    throw new BlockError(
      'locked',
      `The disk image ${image} is in use by ${holder.owner} on the host ${holder.host}; if that is no longer so, remove ${lockFile}.`,
    );
  if (isAlive(holder))
    throw new BlockError(
      'locked',
      `The disk image ${image} is in use by ${holder.owner} (process ${holder.pid}).`,
    );
  // Moved away first: of two that clear the same lock, one must not remove the other's new one.
  const aside = `${lockFile}.stale-${process.pid}-${++counter}`;
  try {
    await rename(lockFile, aside);
  } catch {
    return;
  }
  const moved = await readFile(aside, 'utf8').catch(() => content);
  if (moved !== content) await link(aside, lockFile).catch(() => undefined);
  await rm(aside, { force: true });
}

function parseHolder(content: string): Holder | undefined {
  try {
    const { pid, host, started, owner } = JSON.parse(content) as Partial<Holder>;
    return typeof pid === 'number' &&
      typeof host === 'string' &&
      typeof started === 'string' &&
      typeof owner === 'string'
      ? { pid, host, started, owner }
      : undefined;
  } catch {
    return undefined;
  }
}

/** That process, not a later one with its number. */
function isAlive(holder: Holder): boolean {
  if (!isProcessAlive(holder.pid)) return false;
  const started = processStart(holder.pid);
  return started === undefined || holder.started === '' || started === holder.started;
}

/** Boot and start time of a process where the host tells (Linux: proc_pid_stat(5), field 22). */
function processStart(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    // Counted from field 3, which follows the name in parentheses.
    return `${boot} ${fields[19]}`;
  } catch {
    return undefined;
  }
}
