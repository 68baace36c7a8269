import type { Task } from './tasks.ts';

/** What an import would make. */
export interface ImportPreview {
  readonly kind: 'ova' | 'ovf' | 'vbox' | 'bundle';
  readonly name: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly disks: number;
  /** Bytes of the disks, as far as the file says. */
  readonly size?: number;
  /** What will be other than in the file, for people. */
  readonly notes: readonly string[];
  /** PNG: what the screen showed when the state of a bundle was saved. */
  readonly screenshot?: Uint8Array;
}

/**
 * VMs from and to files: appliances (.ova, .ovf), machines of VirtualBox (.vbox), and bundles of our own
 * (.guesthouse), which also hold a saved state. Every method rejects with UserError; nothing that is there is
 * overwritten, and the files that an import reads stay as they are.
 */
export interface TransferService {
  preview(path: string): Promise<ImportPreview>;
  /** The task that makes the VM (`vmId`), whose disks are copies in the library's folder. */
  import(path: string, options: { readonly name?: string | undefined }): Promise<Task>;
  /** The task that writes a VM that is off to a new file, as its name ends: .ova, .ovf or .guesthouse. */
  export(vmId: string, path: string): Promise<Task>;
}
