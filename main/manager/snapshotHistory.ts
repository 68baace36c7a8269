/**
 * What a VM's folder keeps about its snapshots: `snapshots.json`, replaced atomically. A change that also touches
 * vm.json lies there whole as `pending` first and is done again by whoever finds it, so that it happens or does not.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../shared/services/errors.ts';
import { diskSchema, type VmConfig } from '../../shared/vm/config.ts';
import { parseVmConfig } from '../../shared/vm/configMigrations.ts';
import { writeLibraryFile } from './libraryFile.ts';

const config = z.unknown().transform((data): VmConfig => parseVmConfig(data));

const snapshotSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  parent: z.uuid().optional(),
  takenAt: z.iso.datetime(),
  /** The settings then; its disks are the images that must not change any more. */
  config,
  /** `snapshots/<id>` holds RAM and devices. */
  withState: z.boolean(),
  /** It holds the firmware's variables. */
  withVariables: z.boolean(),
});
export type Snapshot = z.output<typeof snapshotSchema>;

const historySchema = z.object({
  version: z.literal(1),
  /** Parents before their children. */
  snapshots: z.array(snapshotSchema).default([]),
  current: z.uuid().optional(),
  /** Disks as they were before layers were put on them. */
  originals: z.array(diskSchema).default([]),
  saved: z
    .object({
      /** In the VM's folder. */
      folder: z.string().regex(/^(saved|snapshots)\/[\w-]+$/),
      /** Paths of the disks that it belongs to. */
      disks: z.array(z.string()),
    })
    .optional(),
  /** Layers of ours that nothing needs any more, unless another layer builds on them. */
  discarded: z.array(z.string()).default([]),
  /** Settings that vm.json is to have, and firmware variables to put back. */
  pending: z.object({ config, variables: z.string().optional() }).optional(),
});
export type SnapshotHistory = z.output<typeof historySchema>;

const fileOf = (folder: string): string => join(folder, 'snapshots.json');

/** Rejects with UserError if the file cannot be used; it is never touched then. */
export async function readHistory(folder: string): Promise<SnapshotHistory> {
  const path = fileOf(folder);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return historySchema.parse({ version: 1 });
    throw unusable(path, error);
  }
  try {
    return historySchema.parse(JSON.parse(text));
  } catch (error) {
    throw unusable(path, error);
  }
}

export function writeHistory(folder: string, history: SnapshotHistory): Promise<void> {
  return writeLibraryFile(fileOf(folder), history);
}

const unusable = (path: string, error: unknown): UserError =>
  new UserError(
    {
      code: 'snapshots-unusable',
      message: `${path}: The record of the snapshots cannot be used.`,
      hint: 'Restore the file from a backup. The disks are as they were.',
    },
    { cause: error },
  );
