import { z } from 'zod';
import { UserError } from '../services/errors.ts';
import { configVersion, vmConfigSchema, type VmConfig } from './config.ts';

/** Turns the data of version n (the key) into the shape of version n + 1. Pure; never edit an old one. */
export type Migrations = Readonly<
  Record<number, (data: Readonly<Record<string, unknown>>) => Record<string, unknown>>
>;

export const configMigrations: Migrations = {
  // Disks had no interface: all were virtio, as is the default. There were no other drives.
  1: (data) => ({ ...data, cdroms: [], floppies: [] }),
  // Firmware was always our own, and there was no virtio graphics card.
  2: (data) => ({ ...data }),
  // There was no network: a guest does not find new hardware after an update.
  3: (data) => ({ ...data, adapters: [] }),
};

const versioned = z.looseObject({ version: z.int().min(1) });

/** Brings data up to `target`. Throws UserError: 'config-corrupt' or 'config-newer'. */
export function migrate(
  data: unknown,
  migrations: Migrations,
  target: number,
): Record<string, unknown> {
  const parsed = versioned.safeParse(data);
  if (!parsed.success) {
    throw new UserError({
      code: 'config-corrupt',
      message: 'The configuration has no version number.',
      hint: 'Restore the file from a backup, or delete the VM.',
    });
  }
  let current: Record<string, unknown> = parsed.data;
  let version = parsed.data.version;
  if (version > target) {
    throw new UserError({
      code: 'config-newer',
      message: `The configuration is from a newer Guesthouse (version ${version}; this one knows ${target}).`,
      hint: 'Update Guesthouse to use this VM.',
    });
  }
  for (; version < target; version++) {
    const step = migrations[version];
    if (!step) {
      throw new UserError({
        code: 'config-corrupt',
        message: `Version ${version} of the configuration is unknown.`,
        hint: 'Restore the file from a backup, or delete the VM.',
      });
    }
    current = { ...step(current), version: version + 1 };
  }
  return current;
}

/** Reads a configuration of any known version. Throws UserError as `migrate` does. */
export function parseVmConfig(data: unknown): VmConfig {
  const parsed = vmConfigSchema.safeParse(migrate(data, configMigrations, configVersion));
  if (parsed.success) return parsed.data;
  throw new UserError({
    code: 'config-corrupt',
    message: `The configuration is damaged: ${describeIssue(parsed.error)}.`,
    hint: 'Correct the file, restore it from a backup, or delete the VM.',
  });
}

/** The first problem in one phrase: "boot.kernel is missing". */
export function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  const where = issue?.path.map(String).join('.') ?? '';
  return `${where === '' ? 'it' : where} ${issue === undefined ? 'is not valid' : what(issue)}`;
}

/** zod's own words are for programmers. */
function what(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string') return 'is empty';
      return `must be at least ${issue.minimum}`;
    case 'too_big': {
      const things = issue.origin === 'string' ? 'characters' : 'entries';
      return issue.origin === 'string' || issue.origin === 'array'
        ? `can have at most ${issue.maximum} ${things}`
        : `must be at most ${issue.maximum}`;
    }
    case 'invalid_type':
      return `is missing or is not of the type ${issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'unrecognized_keys':
      return `has an unknown entry ${issue.keys.join(', ')}`;
    default:
      return `is not valid (${issue.message})`;
  }
}
