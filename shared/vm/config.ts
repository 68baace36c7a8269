import { z } from 'zod';

/** Version of the configuration file's shape. Raise with a migration in configMigrations.ts. */
export const configVersion = 1;

export const engineSchema = z.enum(['interpreter', 'translator', 'kvm']);

export const diskSchema = z.strictObject({
  /** Absolute host path of the image. */
  path: z.string().min(1),
  format: z.literal('raw').default('raw'),
  readOnly: z.boolean().default(false),
});

export const bootSchema = z.strictObject({
  /** Absolute host path of a bzImage, vmlinux or Multiboot ELF. */
  kernel: z.string().min(1),
  initrd: z.string().min(1).optional(),
  commandLine: z.string().max(2047).default(''),
});

export const vmConfigSchema = z.strictObject({
  version: z.literal(configVersion),
  id: z.uuid(),
  name: z.string().trim().min(1).max(100),
  description: z.string().max(10_000).default(''),
  memoryMiB: z.int().min(16).max(3584),
  cpus: z.int().min(1).max(8).default(1),
  cpuModel: z.enum(['guesthouse-v2', 'host-like']).default('guesthouse-v2'),
  engine: engineSchema.default('translator'),
  boot: bootSchema,
  disks: z.array(diskSchema).max(16).default([]),
  createdAt: z.iso.datetime(),
});
export type VmConfig = z.infer<typeof vmConfigSchema>;
export type DiskConfig = z.infer<typeof diskSchema>;
export type BootConfig = z.infer<typeof bootSchema>;

export const newVmSchema = vmConfigSchema.omit({ version: true, id: true, createdAt: true });
export type NewVm = z.input<typeof newVmSchema>;
export const vmChangesSchema = newVmSchema.partial();
export type VmChanges = z.input<typeof vmChangesSchema>;
