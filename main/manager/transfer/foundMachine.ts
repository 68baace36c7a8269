/** A machine as a file of another program describes it, in our terms. */
import { UserError } from '../../../shared/services/errors.ts';
import { mostCoreMemoryMiB } from '../../../shared/vm/config.ts';
import type { AdapterConfig } from '../../../shared/vm/network.ts';

export interface FoundMachine {
  readonly name: string;
  readonly description: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly uefi: boolean;
  readonly disks: readonly FoundDisk[];
  readonly cdroms: readonly { readonly path?: string; readonly interface: 'ide' | 'ahci' }[];
  readonly floppies: number;
  readonly adapters: readonly (Pick<AdapterConfig, 'model'> & { readonly mac?: string })[];
  /** What is other here, for people. */
  readonly notes: readonly string[];
}

export interface FoundDisk {
  /** Absolute, or the name of a member of the archive. */
  readonly path: string;
  readonly interface: 'virtio' | 'ide' | 'ahci';
  /** gzip around the image. */
  readonly compressed?: boolean;
  /** Of the disk, in bytes, if the file says. */
  readonly size?: number;
  /** Where images may lie that it builds on. */
  readonly allowedFolders: readonly string[];
}

export const damaged = (path: string, what: string): UserError =>
  new UserError({
    code: 'import-unusable',
    message: `${path} cannot be imported: ${what}.`,
    hint: 'Export it again where it comes from.',
  });

/** Imported machines have at least 16 MiB and what all engines run, and as many CPUs as their engine runs. */
export function fitted(
  memoryMiB: number,
  cpus: number,
  mostCpus: number,
): { readonly memoryMiB: number; readonly cpus: number; readonly notes: string[] } {
  const notes: string[] = [];
  const memory = Math.max(16, Math.min(mostCoreMemoryMiB, Math.round(memoryMiB)));
  if (memory !== memoryMiB) notes.push(`It gets ${memory} MiB of memory instead of ${memoryMiB}.`);
  const count = Math.max(1, Math.min(mostCpus, cpus));
  if (count !== cpus) notes.push(`It gets ${count} CPU instead of ${cpus}.`);
  return { memoryMiB: memory, cpus: count, notes };
}
