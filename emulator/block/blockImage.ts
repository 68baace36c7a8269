/** A disk image of any format: a block backend that also knows what it is made of. */
import type { BlockBackend } from '../backends/block.ts';

export const imageFormats = ['raw', 'qcow2', 'vdi', 'vmdk', 'vhd', 'vhdx'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export interface ImageExtent {
  /** What the disk has there, backing images included: 'zero' is known to read as zeroes. */
  readonly kind: 'data' | 'zero';
  readonly length: number;
}

export interface ImageSnapshot {
  readonly id: string;
  readonly name: string;
  /** Bytes of the disk when it was taken. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  /** Bytes of the machine state that lies with it. */
  readonly stateSize: number;
}

export interface BackingReference {
  /** As it stands in the image. */
  readonly name: string;
  /** What the image says, which is a hint in some formats. */
  readonly format?: ImageFormat | undefined;
}

export interface ImageInfo {
  readonly format: ImageFormat;
  /** 'dynamic', 'fixed', 'version 3', …: what a person wants to know of the kind. */
  readonly variant: string;
  readonly path: string;
  /** Of the disk, in bytes. */
  readonly size: number;
  /** Bytes that the file takes on the host. */
  readonly allocated: number;
  readonly clusterSize?: number;
  readonly backing?: BackingReference;
  readonly snapshots: readonly ImageSnapshot[];
  /** Further files that belong to the image. */
  readonly extents?: readonly string[];
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface ImageCheck {
  /** What is wrong and may lose data; sentences for people. The first hundred. */
  readonly errors: readonly string[];
  readonly errorCount: number;
  /** Bytes that the file holds for nothing; harmless. */
  readonly leakedBytes: number;
  /** What was put right. */
  readonly repaired: readonly string[];
}

/** A level above BlockBackend: what the media tools and chains of images need. All reject with BlockError. */
export interface BlockImage extends BlockBackend {
  readonly format: ImageFormat;
  readonly backing: BlockImage | undefined;
  /** The stretch at `offset`, at most `limit` bytes long. */
  extent(offset: number, limit: number): Promise<ImageExtent>;
  /** As `extent`, but 'absent' where the image itself says nothing and its backing image counts. */
  ownExtent(offset: number, limit: number): Promise<OwnExtent>;
  discard(offset: number, length: number): Promise<void>;
  writeZeroes(offset: number, length: number): Promise<void>;
  /**
   * Bytes, a multiple of 512. What was cut off is lost; what is added reads as zeroes. `watch` is for hiding what a longer image below
   * has there; where that is cancelled the disk is as long as before.
   */
  resize(size: number, watch?: ResizeWatch): Promise<void>;
  info(): Promise<ImageInfo>;
  check(options?: { readonly repair?: boolean }): Promise<ImageCheck>;
}

export interface ResizeWatch {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of what is added. */
  progress?(done: number, total: number): void;
}

export interface OwnExtent {
  readonly kind: 'data' | 'zero' | 'absent';
  readonly length: number;
}
