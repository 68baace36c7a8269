import type { VmLibrary } from '../vmLibrary.ts';

/** Where imported VMs and their files go. */
export interface ImportTarget {
  readonly disksFolder: string;
  readonly mediaFolder: string;
  readonly vms: VmLibrary;
}
