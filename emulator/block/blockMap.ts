/**
 * What a format says about where the disk's bytes lie. MappedImage (mappedImage.ts) does the rest:
 * turns of requests, reading through to backing images, filling up of clusters.
 *
 * Order on disk is the map's duty: what it changes counts in memory at once and reaches the file in
 * flush(), which writes what points to data only after the data is durable.
 */
import type { ImageCheck, ImageInfo } from './blockImage.ts';

export type MapExtent =
  | {
      readonly kind: 'data';
      readonly length: number;
      /** Offset in the file. */
      readonly at: number;
      /** Others (snapshots) read it too: a write needs a new place. */
      readonly shared: boolean;
    }
  | { readonly kind: 'zero' | 'absent' | 'packed'; readonly length: number };

/** Room in the file for a cluster. */
export interface Place {
  /** Offset in the file. */
  readonly at: number;
  /** Nothing of the disk lies there yet; commit() makes it count. */
  readonly fresh: boolean;
  /** All that is not written there reads as zeroes. */
  readonly zeroed: boolean;
  /** The whole cluster must be written, because what it held before stays behind elsewhere. */
  readonly whole: boolean;
  /** The file must reach the cluster's end, even if only zeroes are there. */
  readonly toEnd: boolean;
}

export interface BlockMap {
  readonly size: number;
  /** Bytes for which room is allotted at a time; a power of two. */
  readonly clusterSize: number;
  /** Bytes that are present or absent together within a cluster; a power of two, at most clusterSize. */
  readonly unitSize: number;
  /** The extent at `offset`, cut off at `limit` bytes. Synchronous when the tables are at hand. */
  extent(offset: number, limit: number): MapExtent | Promise<MapExtent>;
  /** The content of a packed (compressed) cluster. */
  unpack?(cluster: number): Promise<Uint8Array>;
  /** Room for writing into a cluster that the caller has alone. */
  place(cluster: number): Place | Promise<Place>;
  /** What was placed is written: `length` bytes from `offset`, whole units, count from now on. */
  commit(cluster: number, place: Place, offset: number, length: number): void | Promise<void>;
  /** The write failed; the room is free again. */
  abandon(cluster: number, place: Place): void;
  /** Makes whole units read as zeroes without storing them; false if the format cannot say so. */
  zero?(offset: number, length: number): Promise<boolean>;
  /** Makes everything that had been written and committed before the call durable. */
  flush(): Promise<void>;
  /**
   * Makes the disk longer or shorter, durably. A longer one has its new size here, but not yet in the file, when `hide` is called,
   * which makes what is added read as zeroes and flushes that. Where it rejects the size can be set back by another call.
   */
  resize(size: number, hide: () => Promise<void>): Promise<void>;
  info(): Promise<ImageInfo>;
  check(options: { readonly repair: boolean }): Promise<ImageCheck>;
  /** Leaves the image in order; the file is closed by the caller. */
  close(): Promise<void>;
}
