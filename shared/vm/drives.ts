/** Where a machine's drives are plugged in, from their order in the configuration. */
import { UserError } from '../services/errors.ts';
import type { DriveInterface } from './config.ts';

/** Two channels of two drives (PIIX3). */
export const ideDrives = 4;
/** Ports of the AHCI controller (ICH9). */
export const ahciPorts = 6;
/** Drives of the floppy controller. */
export const floppyDrives = 2;

/** What matters here of a configuration's drives. */
export interface DriveSet {
  readonly disks: readonly { readonly interface: DriveInterface }[];
  readonly cdroms: readonly { readonly interface: 'ide' | 'ahci' }[];
  readonly floppies: readonly unknown[];
}

export interface PlacedDrive {
  readonly kind: 'disk' | 'cdrom';
  /** Index in `disks` or `cdroms`. */
  readonly index: number;
  /** IDE: 0 primary master .. 3 secondary slave; AHCI: the port; virtio: the order. */
  readonly position: number;
}

export type DrivePlan = Readonly<Record<DriveInterface, readonly PlacedDrive[]>>;

/** A CD-ROM drive is the secondary master where it can be, as PCs have it. */
const ideOrder = { disk: [0, 1, 3, 2], cdrom: [2, 3, 1, 0] } as const;

/** Throws UserError (code 'too-many-drives') if the controllers do not have enough places. */
export function planDrives({ disks, cdroms, floppies }: DriveSet): DrivePlan {
  if (floppies.length > floppyDrives) throw tooMany(`${floppyDrives} floppy drives`);
  const plan = { virtio: [] as PlacedDrive[], ide: [] as PlacedDrive[], ahci: [] as PlacedDrive[] };
  const plug = (kind: PlacedDrive['kind'], index: number, where: DriveInterface): void => {
    const taken = plan[where];
    if (where === 'ide' && taken.length === ideDrives) throw tooMany(`${ideDrives} IDE drives`);
    if (where === 'ahci' && taken.length === ahciPorts) throw tooMany(`${ahciPorts} AHCI drives`);
    const free = (position: number): boolean => taken.every((drive) => drive.position !== position);
    const position = where === 'ide' ? (ideOrder[kind].find(free) ?? 0) : taken.length;
    taken.push({ kind, index, position });
  };
  disks.forEach((disk, index) => plug('disk', index, disk.interface));
  cdroms.forEach((cdrom, index) => plug('cdrom', index, cdrom.interface));
  return plan;
}

const tooMany = (limit: string): UserError =>
  new UserError({
    code: 'too-many-drives',
    message: `A machine can have at most ${limit}.`,
    hint: 'Take some out, or attach disks by virtio.',
  });
