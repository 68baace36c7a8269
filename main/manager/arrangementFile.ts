/** `groups.json` among the VMs' folders: how they are grouped and ordered. Never more than that is lost with it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { UserError } from '../../shared/services/errors.ts';
import {
  arrangementChangeSchema,
  arrangementSchema,
  completed,
  rearranged,
  type Arrangement,
  type ArrangementRequest,
} from '../../shared/vm/arrangement.ts';

const fileSchema = z.strictObject({ version: z.literal(1), items: arrangementSchema });

export class ArrangementFile {
  private readonly path: string;
  constructor(folder: string) {
    this.path = join(folder, 'groups.json');
  }

  /** Every one of the VMs once; a file that is damaged counts as none. */
  async read(vmIds: readonly string[]): Promise<Arrangement> {
    return completed((await this.items()) ?? [], vmIds);
  }

  /** The caller has the library's lock. */
  async change(request: ArrangementRequest, vmIds: readonly string[]): Promise<Arrangement> {
    const items = await this.items();
    if (items === undefined)
      throw new UserError({
        code: 'groups-damaged',
        message: `The file ${this.path} is damaged or of a newer version, so groups cannot be changed.`,
        hint: 'Correct the file, or remove it: then no VM is in a group.',
      });
    const after = rearranged(completed(items, vmIds), arrangementChangeSchema.parse(request));
    await writeFileAtomic(this.path, `${JSON.stringify({ version: 1, items: after }, null, 2)}\n`, {
      mode: 0o600,
    });
    return after;
  }

  private async items(): Promise<Arrangement | undefined> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined);
    if (text === undefined) return [];
    try {
      return fileSchema.parse(JSON.parse(text)).items;
    } catch {
      return undefined;
    }
  }
}
