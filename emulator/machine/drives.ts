/** The drives of a machine: what is plugged in where, and what firmware can boot from. */
import type { BlockBackend } from '../backends/block.ts';
import { floppyDriveType } from '../backends/floppyFormat.ts';
import type { MediumSlot } from '../backends/mediumSlot.ts';
import type { BootDrive } from '../firmware/bios/biosMachine.ts';

export type DriveSpec =
  | {
      readonly kind: 'disk';
      readonly interface: 'virtio' | 'ide' | 'ahci';
      /** As PlacedDrive's in shared/vm/drives.ts. */
      readonly position: number;
      readonly backend: BlockBackend;
    }
  | {
      readonly kind: 'cdrom';
      readonly interface: 'ide' | 'ahci';
      readonly position: number;
      readonly slot: MediumSlot;
    }
  | {
      readonly kind: 'floppy';
      /** 0 is A. */
      readonly position: number;
      readonly slot: MediumSlot;
    };

/** A virtio disk for tests and tools that need no more. */
export const virtioDisk = (backend: BlockBackend, position = 0): DriveSpec => ({
  kind: 'disk',
  interface: 'virtio',
  position,
  backend,
});

const interfaceNames = { virtio: 'Virtio', ide: 'IDE', ahci: 'AHCI' } as const;

/** In the order of the drive numbers that a BIOS gives: of each kind as configured. */
export function bootDrives(drives: readonly DriveSpec[]): BootDrive[] {
  const counts = { disk: 0, cdrom: 0, floppy: 0 };
  return drives.map((drive): BootDrive => {
    const number = ++counts[drive.kind];
    if (drive.kind === 'disk') {
      const { backend } = drive;
      return { kind: 'hdd', name: `${interfaceNames[drive.interface]} disk ${number}`, backend };
    }
    const { slot } = drive;
    const [kind, name] =
      drive.kind === 'cdrom'
        ? (['cdrom', `CD-ROM drive ${number}`] as const)
        : (['floppy', `Floppy drive ${drive.position === 0 ? 'A' : 'B'}`] as const);
    return {
      kind,
      name,
      get backend() {
        return slot.medium;
      },
    };
  });
}

/** CMOS types of drives A and B, 0 for none: told by what is in them when the machine is built. */
export function floppyTypes(drives: readonly DriveSpec[]): readonly [number, number] {
  const type = (position: number): number => {
    const drive = drives.find((one) => one.kind === 'floppy' && one.position === position);
    if (drive?.kind !== 'floppy') return 0;
    const medium = drive.slot.medium;
    return floppyDriveType(medium && Math.ceil(medium.size / 512));
  };
  return [type(0), type(1)];
}
