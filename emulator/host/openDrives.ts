/** Opens the images of a machine's drives. */
import { UserError } from '../../shared/services/errors.ts';
import type { MediumDrive } from '../../shared/services/session.ts';
import type { DiskConfig } from '../../shared/vm/config.ts';
import { planDrives } from '../../shared/vm/drives.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import type { BlockBackend } from '../backends/block.ts';
import { MediumSlot } from '../backends/mediumSlot.ts';
import { withPolicies } from './diskPolicies.ts';
import { openDisk } from '../block/file/fileDisk.ts';
import { readAhead } from '../block/readAhead.ts';
import { LayeredDisk } from '../block/layeredDisk.ts';
import { countedDisk, newDiskCounters, type DiskCounters } from './countedDisk.ts';
import type { DriveSpec } from '../machine/drives.ts';

export interface OpenDrives {
  readonly drives: readonly DriveSpec[];
  /** Of all drives together. */
  readonly counters: Readonly<DiskCounters>;
  /** Opens the image of the path, puts it into the drive, and closes what was there. */
  changeMedium(drive: MediumDrive, path: string | null): Promise<void>;
  /** In the order of the request and of later attaching; attach and detach change it. */
  readonly disks: readonly LayeredDisk[];
  /** Opens one more disk, behind the others. */
  attach(disk: DiskConfig): Promise<BlockBackend>;
  /** Forgets the disk, which is closed by the function that comes back. */
  detach(index: number): () => Promise<void>;
  /** Closes every image, also those that were changed for others meanwhile. */
  close(): Promise<void>;
}

/** Rejects with BlockError or UserError, and leaves nothing open then. */
export async function openDrives(
  request: Pick<MachineRequest, 'disks' | 'cdroms' | 'floppies' | 'owner'>,
): Promise<OpenDrives> {
  const plan = planDrives(request);
  const { owner } = request;
  const drives: DriveSpec[] = [];
  const counters = newDiskCounters();
  const disks: LayeredDisk[] = [];
  const close = async (): Promise<void> => {
    for (const drive of drives.splice(0)) {
      await (drive.kind === 'disk' ? drive.backend : drive.slot.medium)?.close();
    }
  };
  const slot = async (path: string | undefined, readOnly: boolean): Promise<MediumSlot> =>
    new MediumSlot(path === undefined ? undefined : await open(path, readOnly));
  const open = async (path: string, readOnly: boolean): Promise<BlockBackend> => {
    const disk = await openDisk({ path, format: 'auto', readOnly, owner });
    return countedDisk(readOnly ? readAhead(disk) : disk, counters);
  };
  const position = (kind: 'disk' | 'cdrom', index: number, where: 'virtio' | 'ide' | 'ahci') =>
    plan[where].find((place) => place.kind === kind && place.index === index)?.position ?? 0;
  const changeMedium: OpenDrives['changeMedium'] = async ({ kind, index }, path) => {
    const found = drives.filter((drive) => drive.kind === kind)[index];
    if (found === undefined || found.kind === 'disk') {
      throw new UserError({
        code: 'no-such-drive',
        message: `This VM has no ${kind === 'cdrom' ? 'CD-ROM' : 'floppy'} drive ${index + 1}.`,
        hint: 'Add one in Settings, Storage, while it is powered off.',
      });
    }
    const readOnly = kind === 'cdrom' || request.floppies[index]?.readOnly === true;
    // A medium that cannot be opened leaves the one that is there.
    const medium = path === null ? undefined : await open(path, readOnly);
    await found.slot.change(medium)?.close();
  };
  const addDisk = async (disk: DiskConfig, place: number): Promise<BlockBackend> => {
    const { path, format, readOnly, allowedFolders: allowed, shareable: shared } = disk;
    const uncached = disk.cache === 'none';
    const image = await openDisk({ path, format, readOnly, allowed, owner, uncached, shared });
    const layered = new LayeredDisk(image);
    disks.push(layered);
    const backend = withPolicies(countedDisk(layered, counters), disk);
    drives.push({ kind: 'disk', interface: disk.interface, position: place, backend });
    return backend;
  };
  const detach: OpenDrives['detach'] = (index) => {
    const [removed] = drives.filter(({ kind }) => kind === 'disk').splice(index, 1);
    disks.splice(index, 1);
    if (removed?.kind !== 'disk') throw new RangeError(`there is no disk ${index}`);
    drives.splice(drives.indexOf(removed), 1);
    return () => removed.backend.close();
  };
  try {
    for (const [index, disk] of request.disks.entries())
      await addDisk(disk, position('disk', index, disk.interface));
    for (const [index, { path, interface: where }] of request.cdroms.entries()) {
      const place = position('cdrom', index, where);
      drives.push({
        ...{ kind: 'cdrom', interface: where, position: place },
        slot: await slot(path, true),
      });
    }
    for (const [index, { path, readOnly }] of request.floppies.entries())
      drives.push({ kind: 'floppy', position: index, slot: await slot(path, readOnly) });
    const attach = (disk: DiskConfig): Promise<BlockBackend> => addDisk(disk, disk.port ?? 0);
    return { drives: [...drives], disks, counters, changeMedium, attach, detach, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}
