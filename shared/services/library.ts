import type { VmConfig, NewVm, VmChanges } from '../vm/config.ts';
import type { Arrangement, ArrangementRequest } from '../vm/arrangement.ts';
import type { VmState } from '../vm/lifecycle.ts';

export interface VmSummary {
  readonly id: string;
  readonly name: string;
  readonly state: VmState;
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

/** VMs on disk. Every method rejects with UserError. */
export interface LibraryService {
  list(): Promise<VmSummary[]>;
  /** Groups and order: every VM stands in it once. */
  arrangement(): Promise<Arrangement>;
  arrange(change: ArrangementRequest): Promise<Arrangement>;
  get(id: string): Promise<VmConfig>;
  create(vm: NewVm): Promise<VmSummary>;
  modify(id: string, changes: VmChanges): Promise<VmConfig>;
  /** Removes the VM's own folder; disks elsewhere are left. */
  delete(id: string): Promise<void>;
  /** The VM's log from a place on, by 0 from its start or, if it is long, its last half megabyte. */
  readLog(id: string, from: number): Promise<LogPart>;
}
