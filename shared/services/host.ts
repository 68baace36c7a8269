import type { KvmFinding } from '../vm/kvmFinding.ts';
import type { Medium } from '../media/recogniseMedium.ts';

export interface HostInfo {
  readonly version: string;
  readonly shell: 'electron' | 'server';
  /** Where the library is, for people. */
  readonly libraryFolder: string;
  readonly memoryMiB: number;
  readonly processors: number;
}
export interface FolderEntry {
  readonly name: string;
  readonly path: string;
  readonly kind: 'folder' | 'file';
  readonly size?: number;
}

export interface FileInspection {
  readonly size: number;
  readonly medium: Medium;
}

/** The machine the manager runs on. */
export interface HostService {
  info(): Promise<HostInfo>;
  /** Lists a folder for the file chooser of the browser UI; '' is the home folder. */
  listFolder(path: string): Promise<{ path: string; parent?: string; entries: FolderEntry[] }>;
  /** What a file is, by its content. */
  inspectFile(path: string): Promise<FileInspection>;
  /** Tries whether machines can run on KVM here, some tenths of a second at most. The translator runs everywhere. */
  probeKvm(): Promise<KvmFinding>;
}
