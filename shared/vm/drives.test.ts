import { expect, it } from 'vitest';
import { planDrives, type DriveSet } from './drives.ts';

const drives = (disks: ('virtio' | 'ide' | 'ahci')[], cdroms: ('ide' | 'ahci')[]): DriveSet => ({
  disks: disks.map((where) => ({ interface: where })),
  cdroms: cdroms.map((where) => ({ interface: where })),
  floppies: [],
});

it('a disk is the primary master and a CD-ROM drive the secondary master', () => {
  const { ide, virtio } = planDrives(drives(['virtio', 'ide', 'ide'], ['ide']));
  expect(virtio).toEqual([{ kind: 'disk', index: 0, position: 0 }]);
  expect(ide.map(({ kind, position }) => [kind, position])).toEqual([
    ['disk', 0],
    ['disk', 1],
    ['cdrom', 2],
  ]);
});

it('every place of a controller can be used, and no more', () => {
  const full = planDrives(drives(['ide', 'ide', 'ide'], ['ide']));
  expect(full.ide.map(({ position }) => position).sort()).toEqual([0, 1, 2, 3]);
  expect(() => planDrives(drives(['ide', 'ide', 'ide'], ['ide', 'ide']))).toThrow('4 IDE drives');
  expect(() => planDrives(drives(new Array<'ahci'>(7).fill('ahci'), []))).toThrow('6 AHCI drives');
  expect(() => planDrives({ ...drives([], []), floppies: [{}, {}, {}] })).toThrow(
    '2 floppy drives',
  );
});
