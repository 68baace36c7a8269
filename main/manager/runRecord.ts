import { appendFile, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import type { LogPart } from '../../shared/services/library.ts';
import type { VmCondition } from './vmSession.ts';

const recordSchema = z.object({
  state: z.enum(['active', 'aborted']),
  reason: z.string().optional(),
  hint: z.string().optional(),
});

const maxLogBytes = 1 << 20;
const maxLogPart = 1 << 19;

/**
 * What outlives a manager about a VM's last run: `run.json` in its folder while it runs and after
 * it was aborted, and `vm.log`. Neither is needed: failures to write are not the user's concern.
 */
export class RunRecord {
  private readonly folder: string;
  private writing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The condition that a manager finds when no VM process of its own is there. */
  async read(): Promise<VmCondition> {
    const text = await readFile(join(this.folder, 'run.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return { state: 'poweredOff' };
    try {
      const { state, reason, hint } = recordSchema.parse(JSON.parse(text));
      if (state === 'active') {
        return {
          state: 'aborted',
          reason: 'Guesthouse itself ended unexpectedly while this VM was running.',
          hint: 'Start the VM again. What the guest had not written to its disks is lost.',
        };
      }
      return {
        state: 'aborted',
        ...(reason === undefined ? {} : { reason }),
        ...(hint === undefined ? {} : { hint }),
      };
    } catch {
      return { state: 'poweredOff' };
    }
  }

  /** Resolves when the record is on disk. Records are written in order. */
  write({ state, reason, hint }: VmCondition): Promise<void> {
    const path = join(this.folder, 'run.json');
    return this.inOrder(async () => {
      if (state === 'poweredOff') await rm(path, { force: true });
      else {
        const record = { state: state === 'aborted' ? 'aborted' : 'active', reason, hint };
        await writeFileAtomic(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
      }
    });
  }

  log(line: string): void {
    const path = join(this.folder, 'vm.log');
    void this.inOrder(async () => {
      const size = await stat(path).then(
        (status) => status.size,
        () => 0,
      );
      if (size > maxLogBytes) await rename(path, `${path}.1`);
      await appendFile(path, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
    });
  }

  /** See LibraryService.readLog. A VM that never ran has an empty one. */
  async readLog(from: number): Promise<LogPart> {
    let file;
    try {
      file = await open(join(this.folder, 'vm.log'), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        return { text: '', end: 0, restarted: from > 0 };
      throw error;
    }
    await using log = file;
    const { size } = await log.stat();
    const restarted = from > size;
    const start = restarted || from === 0 ? Math.max(0, size - maxLogPart) : from;
    const bytes = Buffer.alloc(Math.min(maxLogPart, size - start));
    const { bytesRead } = await log.read(bytes, 0, bytes.length, start);
    // A line that is being written is left for the next time, one that was cut off is left out.
    const last = bytes.lastIndexOf(0x0a, bytesRead - 1) + 1;
    const first = start > 0 && start !== from ? bytes.indexOf(0x0a) + 1 : 0;
    return { text: bytes.toString('utf8', first, last), end: start + last, restarted };
  }

  /** Resolves when everything asked for so far is on disk. */
  settled(): Promise<void> {
    return this.writing;
  }

  private inOrder(work: () => Promise<void>): Promise<void> {
    this.writing = this.writing.then(work).catch(() => undefined);
    return this.writing;
  }
}
