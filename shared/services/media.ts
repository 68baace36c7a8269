import type { DiskFormat } from '../vm/diskTool.ts';
import type { Task } from './tasks.ts';

export interface MediumUser {
  readonly vmId: string;
  readonly name: string;
  readonly live: boolean;
}

/** A file that a VM uses, or that lies in the library's folders for disks and media. */
export interface MediumEntry {
  readonly path: string;
  readonly as: 'disk' | 'cdrom' | 'floppy';
  /** Bytes of the file; absent if there is no such file. */
  readonly fileSize?: number;
  /** Bytes that it takes of the host's storage: fewer where it has holes. */
  readonly storedSize?: number;
  /** An export of an NBD server, which is not looked at. */
  readonly remote?: true;
  /** Of a disk image that can be read. */
  readonly format?: DiskFormat;
  readonly diskSize?: number;
  /** The image that it builds on. */
  readonly backing?: string;
  /** Why it cannot be read. */
  readonly problem?: string;
  /** VMs whose drive it is in, and those whose disk builds on it. */
  readonly users: readonly MediumUser[];
}

/** Images without a machine. Every method rejects with UserError; nothing that is there is overwritten. */
export interface MediaService {
  list(): Promise<MediumEntry[]>;
  /** An empty disk in the library's folder for disks. */
  create(name: string, sizeMiB: number, format: DiskFormat): Promise<{ path: string }>;
  /** A copy in another format beside the original; returns the task. */
  convert(path: string, format: DiskFormat): Promise<Task>;
  /** Makes a disk larger; returns the task. */
  resize(path: string, sizeMiB: number): Promise<Task>;
  /** The file is elsewhere now: all VMs that use it are changed. */
  relocate(path: string, to: string): Promise<void>;
  /** Deletes a file that no VM uses. */
  remove(path: string): Promise<void>;
}
