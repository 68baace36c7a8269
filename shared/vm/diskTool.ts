/** What can be done to disk images without a machine: the contract of emulator/host/diskTool.ts. */
import type { diskFormats } from './diskFormats.ts';

export type DiskFormatChoice = (typeof diskFormats)[number];
export type DiskFormat = Exclude<DiskFormatChoice, 'auto'>;

/** An image that is there. */
export interface DiskSource {
  /** Absolute host path. */
  readonly path: string;
  readonly format: DiskFormatChoice;
  /** Folders besides its own where images may lie that it builds on. */
  readonly allowedFolders: readonly string[];
  /** Id or name of an internal snapshot, which is then read. */
  readonly snapshot?: string | undefined;
}

export interface DiskLayout {
  /** All room is set aside now, where the format knows such a kind. */
  readonly fixed?: boolean | undefined;
  /** Bytes: clusters of QCOW2, blocks of the others. */
  readonly clusterSize?: number | undefined;
  readonly qcow2Version?: 2 | 3 | undefined;
  readonly lazyRefcounts?: boolean | undefined;
  readonly subclusters?: boolean | undefined;
  readonly compression?: 'zlib' | 'zstd' | undefined;
  /** QCOW2 with compressed clusters, or a stream-optimized VMDK, as appliances have it: only read afterwards. For convertDisk. */
  readonly compressed?: boolean | undefined;
}

export interface NewDisk extends DiskLayout {
  readonly path: string;
  readonly format: DiskFormat;
  /** Bytes; with a backing image its size by default. With both and a format that is named the backing image is not opened. */
  readonly size?: number | undefined;
  readonly backing?: DiskSource | undefined;
  /** A copy may still be in the host's cache when it is done. For convertDisk, without `compressed`. */
  readonly unflushed?: boolean | undefined;
}

export interface DiskInfo {
  readonly path: string;
  readonly format: DiskFormat;
  readonly variant: string;
  readonly size: number;
  readonly allocated: number;
  readonly clusterSize?: number;
  readonly backing?: { readonly name: string; readonly format?: DiskFormat | undefined };
  readonly snapshots: readonly {
    readonly id: string;
    readonly name: string;
    readonly size: number;
    readonly takenAt: number;
    readonly stateSize: number;
  }[];
  readonly extents?: readonly string[];
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface DiskCheck {
  readonly errors: readonly string[];
  readonly errorCount: number;
  readonly leakedBytes: number;
  readonly repaired: readonly string[];
}

export interface DiskLayer {
  readonly format: DiskFormat;
  /** Of the disk, in bytes. */
  readonly size: number;
  readonly backing?: string;
}

export interface Watch {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the disk that are done. */
  progress?(done: number, total: number): void;
}

/** All reject with UserError. A file that is there is never overwritten. */
export interface DiskToolModule {
  createDisk(disk: NewDisk): Promise<void>;
  /** The image and those that it builds on, from the top. */
  diskInfo(source: DiskSource): Promise<DiskInfo[]>;
  checkDisk(source: DiskSource, options: { readonly repair: boolean }): Promise<DiskCheck>;
  /** Copies the disk into a new image, which stands alone. A cancelled or failed copy is removed. */
  convertDisk(source: DiskSource, target: NewDisk, watch?: Watch): Promise<void>;
  /** `shrink`: the disk may get smaller, which loses its end. Cancelled, it has its old size. */
  resizeDisk(
    source: DiskSource,
    size: number,
    options: {
      readonly shrink: boolean;
      /** Only to know whether it can begin. */
      readonly dryRun?: boolean;
      readonly watch?: Watch;
    },
  ): Promise<void>;
  /** Writes what the image has into the one that it builds on; the image itself stays as it is. */
  mergeDisk(source: DiskSource, watch?: Watch): Promise<{ readonly into: string }>;
  /** Gives back what a raw or QCOW2 image takes on the host for nothing. Cancelled, it is as before. */
  compactDisk(source: DiskSource, watch?: Watch): Promise<void>;
  /** One image alone, looked at without a lock; `backing` is an absolute path. */
  diskLayer(path: string): Promise<DiskLayer>;
  /**
   * Lets a QCOW2 image build on another image, or on none. What the disk reads stays the same: where the two
   * differ it is copied into the image, unless `sameContent` says that they do not.
   */
  rebaseDisk(
    source: DiskSource,
    backing: DiskSource | undefined,
    options?: { readonly sameContent?: boolean } & Watch,
  ): Promise<void>;
}
