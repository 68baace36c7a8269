import type { NewDiskRequest, NewVm, VmChanges, VmConfig } from '../vm/config.ts';
import type { Task } from './tasks.ts';
import type { Arrangement, ArrangementRequest } from '../vm/arrangement.ts';
import type { EngineInUse } from '../vm/engines.ts';
import type { VmState } from '../vm/lifecycle.ts';

export interface VmSummary {
  readonly id: string;
  readonly name: string;
  readonly state: VmState;
  /** What it runs on, while it runs. */
  readonly engine?: EngineInUse;
  /** Why it was aborted or could not start, for people. */
  readonly reason?: string;
  readonly hint?: string;
  /** A VM whose file cannot be used (corrupt, from a newer version): listed, with the reason, never touched. */
  readonly unusable?: boolean;
}

/** A piece of a VM's log. */
export interface LogPart {
  /** Whole lines; each begins with its time (ISO 8601). */
  readonly text: string;
  /** Where the next piece begins. */
  readonly end: number;
  /** The log was begun anew since: what was read before is no longer part of it. */
  readonly restarted: boolean;
}

export interface LibraryEvents {
  /** The whole list, after any change of list or state. */
  listChanged(vms: VmSummary[]): void;
  /** The whole arrangement, after any change of it; before `listChanged` if both have changed. */
  arrangementChanged(arrangement: Arrangement): void;
}

export interface CloneOptions {
  readonly name: string;
  /**
   * 'full' copies the disks. 'linked' makes two images that build on each disk as it is now: one for the clone,
   * one that its origin writes to from now on.
   */
  readonly how: 'full' | 'linked';
}

/** A disk image of a VM that is to be deleted. */
export interface DeletionFile {
  readonly path: string;
  readonly size: number;
  /** A VM that needs it too, so that it stays. */
  readonly neededBy?: string;
}

/** VMs on disk. Every method rejects with UserError. */
export interface LibraryService {
  list(): Promise<VmSummary[]>;
  /** Groups and order: every VM stands in it once. */
  arrangement(): Promise<Arrangement>;
  arrange(change: ArrangementRequest): Promise<Arrangement>;
  get(id: string): Promise<VmConfig>;
  /** `newDisks` are made in the folder for disks and become the VM's last disks. */
  create(vm: NewVm, newDisks?: NewDiskRequest[]): Promise<VmSummary>;
  /** The task that makes the clone. */
  clone(id: string, options: CloneOptions): Promise<Task>;
  modify(id: string, changes: VmChanges): Promise<VmConfig>;
  /** What could be removed with the VM. */
  deletionFiles(id: string): Promise<DeletionFile[]>;
  /** Removes the VM's own folder, and with `files` its disk images, but for those that other VMs need. */
  delete(id: string, files?: 'keep' | 'delete'): Promise<void>;
  /** The VM's log from a place on, by 0 from its start or, if it is long, its last half megabyte. */
  readLog(id: string, from: number): Promise<LogPart>;
}
