/** Where a machine's drives are plugged in, from their order in the configuration. */
import { UserError } from '../services/errors.ts';
import type { CdromConfig, DiskConfig, DriveInterface } from './config.ts';
import { ahciPorts, floppyDrives, ideDrives } from './driveCounts.ts';

/** What matters here of a configuration's drives. */
export interface DriveSet {
  readonly disks: readonly {
    readonly interface: DriveInterface;
    readonly port?: number | undefined;
  }[];
  readonly cdroms: readonly {
    readonly interface: 'ide' | 'ahci';
    readonly port?: number | undefined;
  }[];
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
  const fixed = [...disks, ...cdroms].flatMap((drive) =>
    drive.interface === 'ahci' && drive.port !== undefined ? [drive.port] : [],
  );
  const plug = (
    kind: PlacedDrive['kind'],
    index: number,
    { interface: where, port }: DriveSet['disks'][number],
  ): void => {
    const taken = plan[where];
    if (where === 'ide' && taken.length === ideDrives) throw tooMany(`${ideDrives} IDE drives`);
    if (where === 'ahci' && taken.length === ahciPorts) throw tooMany(`${ahciPorts} AHCI drives`);
    const free = (position: number): boolean => taken.every((drive) => drive.position !== position);
    let position = taken.length;
    if (where === 'ide') position = ideOrder[kind].find(free) ?? 0;
    if (where === 'ahci')
      position =
        port !== undefined && free(port)
          ? port
          : (allAhciPorts.find((one) => free(one) && !fixed.includes(one)) ?? 0);
    taken.push({ kind, index, position });
  };
  disks.forEach((disk, index) => plug('disk', index, disk));
  cdroms.forEach((cdrom, index) => plug('cdrom', index, cdrom));
  return plan;
}

/** The same drives with their SATA ports written down, so that they stay there when others come and go. */
export function withFixedPorts(
  drives: Omit<DriveSet, 'disks' | 'cdroms'> & {
    readonly disks: readonly DiskConfig[];
    readonly cdroms: readonly CdromConfig[];
  },
): { disks: DiskConfig[]; cdroms: CdromConfig[] } {
  const { ahci } = planDrives(drives);
  const fix = <D extends { readonly interface: DriveInterface }>(
    kind: PlacedDrive['kind'],
    list: readonly D[],
  ): D[] =>
    list.map((drive, index) => {
      const place = ahci.find((one) => one.kind === kind && one.index === index);
      return place === undefined ? drive : { ...drive, port: place.position };
    });
  return { disks: fix('disk', drives.disks), cdroms: fix('cdrom', drives.cdroms) };
}

const allAhciPorts = Array.from({ length: ahciPorts }, (_, port) => port);

const tooMany = (limit: string): UserError =>
  new UserError({
    code: 'too-many-drives',
    message: `A machine can have at most ${limit}.`,
    hint: 'Take some out, or attach disks by virtio.',
  });
