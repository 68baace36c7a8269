import type { VmConfig, NewVm, VmChanges } from '../vm/config.ts';
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

export interface LibraryEvents {
  /** The whole list, after any change of list or state. */
  listChanged(vms: VmSummary[]): void;
}

/** VMs on disk. Every method rejects with UserError. */
export interface LibraryService {
  list(): Promise<VmSummary[]>;
  get(id: string): Promise<VmConfig>;
  create(vm: NewVm): Promise<VmSummary>;
  modify(id: string, changes: VmChanges): Promise<VmConfig>;
  /** Removes the VM's own folder; disks elsewhere are left. */
  delete(id: string): Promise<void>;
}
