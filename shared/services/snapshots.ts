/** Snapshots of VMs and saved states. */

export interface SnapshotInfo {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** The snapshot that it was taken after. */
  readonly parent?: string | undefined;
  /** ISO 8601. */
  readonly takenAt: string;
  /** With RAM and devices: a VM that was running goes on from it. */
  readonly withState: boolean;
}

export interface SnapshotTree {
  /** Parents before their children. */
  readonly snapshots: readonly SnapshotInfo[];
  /** The one that the VM's present state comes after. */
  readonly current?: string | undefined;
}

export interface SnapshotText {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
}

/** Every method rejects with UserError, and leaves the VM as it was then. */
export interface SnapshotService {
  list(vmId: string): Promise<SnapshotTree>;
  /** Disks, settings and, of a running VM, its state; it goes on meanwhile. */
  take(
    vmId: string,
    text: { readonly name: string; readonly description?: string | undefined },
  ): Promise<SnapshotInfo>;
  /** Makes the VM what it was; what it is now is lost unless a snapshot has it. Not while it runs. */
  restore(vmId: string, snapshotId: string): Promise<void>;
  /** Forgets a snapshot; what others and the VM need of it is merged into them once the VM is off. */
  delete(vmId: string, snapshotId: string): Promise<void>;
  /** Renames or describes it. */
  change(vmId: string, snapshotId: string, text: SnapshotText): Promise<void>;
  /** Saves a running VM's state and ends it: the next start goes on from there. */
  saveState(vmId: string): Promise<void>;
  /** Forgets it, as if the plug had been pulled. */
  discardState(vmId: string): Promise<void>;
}
