import { z } from 'zod';
import { cpuModels } from './cpuModels.ts';
import { adapterSchema, mostAdapters } from './network.ts';
import { diskFormats } from './diskFormats.ts';
import { engineChoices } from './engines.ts';
import { ahciPorts } from './driveCounts.ts';

/** Version of the configuration file's shape. Raise with a migration in configMigrations.ts. */
export const configVersion = 4;

/** What KVM runs (V8's largest memory is 16 GiB), and what all engines do: the core's addresses have 32 bits. */
export const mostMemoryMiB = 15360;
export const mostCoreMemoryMiB = 3584;

export const engineSchema = z.enum(engineChoices);

export const diskInterfaces = ['virtio', 'ide', 'ahci'] as const;
export type DriveInterface = (typeof diskInterfaces)[number];

export const diskCaches = ['writeback', 'writethrough', 'none'] as const;

/** Of reads and writes together. */
export const diskLimitsSchema = z.strictObject({
  bytesPerSecond: z.int().min(4096).optional(),
  iops: z.int().min(1).optional(),
});

/** Of a SATA drive: its port, where it has to stay at it because others were attached or detached while the VM ran. */
const ahciPortSchema = z
  .int()
  .min(0)
  .max(ahciPorts - 1)
  .optional();

export const diskSchema = z.strictObject({
  /** Absolute host path of the image, or the address of an NBD export (nbd://…, nbd+unix://…). */
  path: z.string().min(1),
  format: z.enum(diskFormats).default('auto'),
  /** Absolute folders, besides its own, where the images may lie that this one builds on. */
  allowedFolders: z.array(z.string().min(1)).max(20).default([]),
  readOnly: z.boolean().default(false),
  interface: z.enum(diskInterfaces).default('virtio'),
  port: ahciPortSchema,
  /**
   * 'writeback' (by default): a write ends when the host has it, a flush makes it durable. 'writethrough': every write
   * is durable when it ends. 'none': as writeback, but the host keeps nothing of the image in its cache.
   */
  cache: z.enum(diskCaches).optional(),
  /** Zeroes that are written take no room. */
  detectZeroes: z.boolean().optional(),
  /** Others that have it so may use the image at the same time; it is raw, every write is durable, and snapshots leave it out. */
  shareable: z.boolean().optional(),
  limits: diskLimitsSchema.optional(),
});

/** An empty image to be made for a new VM. */
export const newDiskSchema = z.strictObject({
  /** Up to 16 TiB. */
  sizeMiB: z
    .int()
    .min(1)
    .max(16 * 2 ** 20),
  format: z.enum(['raw', 'qcow2', 'vdi', 'vmdk', 'vhd', 'vhdx']).default('qcow2'),
  interface: z.enum(diskInterfaces).default('virtio'),
});
export type NewDisk = z.output<typeof newDiskSchema>;
export type NewDiskRequest = z.input<typeof newDiskSchema>;

/** A CD-ROM drive; without a path it is empty. */
export const cdromSchema = z.strictObject({
  /** Absolute host path of an ISO image. */
  path: z.string().min(1).optional(),
  interface: z.enum(['ide', 'ahci']).default('ide'),
  port: ahciPortSchema,
});

/** A floppy drive; without a path it is empty. */
export const floppySchema = z.strictObject({
  /** Absolute host path of a raw image of 160 KiB to 2.88 MB. */
  path: z.string().min(1).optional(),
  readOnly: z.boolean().default(false),
});

/** Graphics cards: 'std' is a VGA with the Bochs VBE extension, 'virtio' one that is a virtio GPU as well. */
export const graphicsCards = ['std', 'virtio', 'none'] as const;

export const displaySchema = z.strictObject({ card: z.enum(graphicsCards).default('std') });

/** Firmware in the place of our BIOS: SeaBIOS, OVMF. */
export const firmwareSchema = z.strictObject({
  /** Absolute host path of the ROM image. */
  code: z.string().min(1),
  /** What a VM's UEFI variables are first copied from; by default what lies beside OVMF_CODE*.fd. */
  template: z.string().min(1).optional(),
});

export const bootSchema = z.strictObject({
  /** Absolute host path of a bzImage, vmlinux or Multiboot ELF; without one the firmware boots from the drives. */
  kernel: z.string().min(1).optional(),
  initrd: z.string().min(1).optional(),
  commandLine: z.string().max(2047).default(''),
  /** Drives in the order they are tried: c disks, d CD-ROMs, a floppies, n the network. */
  order: z
    .string()
    .regex(/^(?:([acdn])(?!.*\1))+$/)
    .default('cda'),
  /** Our own BIOS without it; not together with a kernel. */
  firmware: firmwareSchema.optional(),
  /** The firmware waits for F12, which opens its boot menu. */
  menu: z.boolean().default(false),
});

export const vmConfigSchema = z.strictObject({
  version: z.literal(configVersion),
  id: z.uuid(),
  name: z.string().trim().min(1).max(100),
  description: z.string().max(10_000).default(''),
  memoryMiB: z.int().min(16).max(mostMemoryMiB),
  cpus: z.int().min(1).max(8).default(1),
  cpuModel: z.enum(cpuModels).default('guesthouse-v2'),
  engine: engineSchema.default('translator'),
  /** Percent of a host CPU that each virtual one may take. */
  cpuCap: z.int().min(5).max(100).default(100),
  boot: bootSchema,
  disks: z.array(diskSchema).max(16).default([]),
  /** planDrives() of drives.ts says how many drives of each kind fit. */
  cdroms: z.array(cdromSchema).max(8).default([]),
  floppies: z.array(floppySchema).max(2).default([]),
  display: displaySchema.prefault({}),
  adapters: z.array(adapterSchema).max(mostAdapters).prefault([{}]),
  createdAt: z.iso.datetime(),
});
export type VmConfig = z.infer<typeof vmConfigSchema>;
export type DiskConfig = z.infer<typeof diskSchema>;
export type CdromConfig = z.infer<typeof cdromSchema>;
export type FloppyConfig = z.infer<typeof floppySchema>;
export type BootConfig = z.infer<typeof bootSchema>;

export const newVmSchema = vmConfigSchema.omit({ version: true, id: true, createdAt: true });
export type NewVm = z.input<typeof newVmSchema>;
/** What is not given stays as it is: `partial()` alone would give back each default in the place of what a VM has. */
export const vmChangesSchema = z
  .strictObject(newVmSchema.shape)
  .extend({
    description: newVmSchema.shape.description.unwrap(),
    cpus: newVmSchema.shape.cpus.unwrap(),
    cpuModel: newVmSchema.shape.cpuModel.unwrap(),
    engine: newVmSchema.shape.engine.unwrap(),
    cpuCap: newVmSchema.shape.cpuCap.unwrap(),
    disks: newVmSchema.shape.disks.unwrap(),
    cdroms: newVmSchema.shape.cdroms.unwrap(),
    floppies: newVmSchema.shape.floppies.unwrap(),
    display: newVmSchema.shape.display.unwrap(),
    adapters: newVmSchema.shape.adapters.unwrap(),
  })
  .partial();
export type VmChanges = z.input<typeof vmChangesSchema>;
