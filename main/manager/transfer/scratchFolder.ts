/** Folders in which an import gathers what it needs. Those of processes that have ended without removing them go. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from '../../../shared/vm/processAlive.ts';

const named = /^\.import-(\d+)-/;

/** A new one in `parent`; the caller removes it. */
export async function makeScratch(parent: string): Promise<string> {
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = Number(named.exec(name)?.[1] ?? NaN);
    if (pid > 0 && !isProcessAlive(pid))
      await rm(join(parent, name), { recursive: true, force: true });
  }
  const scratch = join(parent, `.import-${process.pid}-${randomUUID()}`);
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  return scratch;
}
