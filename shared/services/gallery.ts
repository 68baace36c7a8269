import type { Task } from './tasks.ts';

/** A ready-made guest that can be built here. */
export interface GalleryGuest {
  readonly id: string;
  /** As it is called everywhere. */
  readonly name: string;
  /** What it is, by language ("en", "de"); there is always an English one. */
  readonly description: Readonly<Record<string, string>>;
  readonly memoryMiB: number;
  readonly diskMiB: number;
}

export interface GalleryList {
  readonly guests: readonly GalleryGuest[];
  /** Files of the library's folder `gallery` that are no entries, and why. */
  readonly problems: readonly { readonly file: string; readonly message: string }[];
}

export interface GalleryOptions {
  /** Of the VM. */
  readonly name: string;
  /** By default what the entry says. */
  readonly memoryMiB?: number | undefined;
}

/** Ready-made guests, built from their distribution's own packages. Every method rejects with UserError. */
export interface GalleryService {
  list(): Promise<GalleryList>;
  /** The task that builds it; what was downloaded is kept, so that the next one goes on from there. */
  create(guestId: string, options: GalleryOptions): Promise<Task>;
}
