/** Disks that are attached to a VM and detached from it, also while it runs: then by hot plug of SATA ports. */
import { UserError } from '../../shared/services/errors.ts';
import type { DiskConfig, VmChanges, VmConfig } from '../../shared/vm/config.ts';
import { planDrives, withFixedPorts } from '../../shared/vm/drives.ts';
import { isNbdAddress } from '../../shared/vm/nbdAddress.ts';
import { inspectFile } from './hostService.ts';
import type { VmSession } from './vmSession.ts';

export interface DiskChange {
  exclusively(change: (config: VmConfig) => Promise<void>): Promise<void>;
  /** The VM's session if it runs. */
  session(): VmSession | undefined;
  modify(changes: VmChanges): Promise<void>;
}

/** Rejects with UserError; the VM is as before then. */
export function attachDisk(
  { exclusively, session, modify }: DiskChange,
  disk: DiskConfig,
): Promise<void> {
  return exclusively(async (config) => {
    if (!isNbdAddress(disk.path)) await inspectFile(disk.path);
    const { port: _port, ...anywhere } = disk;
    const running = session();
    if (running === undefined) {
      planDrives({ ...config, disks: [...config.disks, anywhere] });
      return modify({ disks: [...config.disks, anywhere] });
    }
    if (disk.interface !== 'ahci') throw sataOnly('attached');
    // The drives that are there stay at their ports at the next start too.
    const before = withFixedPorts(config);
    const { disks, cdroms } = withFixedPorts({
      ...{ ...config, ...before },
      disks: [...before.disks, anywhere],
    });
    const added = disks.at(-1)!;
    await running.attachDisk(added);
    try {
      await modify({ disks, cdroms });
    } catch (error) {
      await running.detachDisk(disks.length - 1, added.port!).catch(() => undefined);
      throw error;
    }
  });
}

/** Rejects with UserError. */
export function detachDisk(
  { exclusively, session, modify }: DiskChange,
  index: number,
): Promise<void> {
  return exclusively(async (config) => {
    const disk = config.disks[index];
    if (disk === undefined)
      throw new UserError({
        code: 'no-such-disk',
        message: `"${config.name}" has no disk ${index + 1}.`,
        hint: 'Count them in Settings, Storage.',
      });
    const running = session();
    const others = (disks: readonly DiskConfig[]): DiskConfig[] =>
      disks.filter((_, at) => at !== index);
    if (running === undefined) return modify({ disks: others(config.disks) });
    if (disk.interface !== 'ahci') throw sataOnly('detached');
    const { disks, cdroms } = withFixedPorts(config);
    // Written down first: a disk that is pulled out is not the VM's any more, whatever comes between.
    await modify({ disks: others(disks), cdroms });
    await running.detachDisk(index, disks[index]!.port!);
  });
}

const sataOnly = (done: 'attached' | 'detached'): UserError =>
  new UserError({
    code: 'sata-only',
    message:
      done === 'attached'
        ? 'Only SATA disks can be attached while a VM runs.'
        : 'Only SATA disks can be detached while a VM runs.',
    hint: 'Power the VM off first, or use a SATA disk.',
  });
