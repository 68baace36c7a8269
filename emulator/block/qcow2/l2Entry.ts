/** Entries of L2 tables ("Cluster mapping"), standard and extended. */
import type { Qcow2Header } from './qcow2Header.ts';
import type { Table } from '../tableCache.ts';

export interface L2Entry {
  readonly kind: 'normal' | 'packed';
  /** Offset of the cluster, or 0 if there is none; of the compressed data. */
  readonly at: number;
  /** Bytes of compressed data, at most. */
  readonly packedLength: number;
  /** The cluster is referred to from here alone. */
  readonly copied: boolean;
  /** The whole cluster reads as zeroes (version 3, standard entries). */
  readonly zero: boolean;
}

const COPIED = 0x8000_0000; // bit 63
const COMPRESSED = 0x4000_0000; // bit 62
const offsetHigh = 0x00ff_ffff;

export class L2Format {
  readonly entrySize: number;
  readonly perTable: number;
  readonly subclusterSize: number;
  readonly extended: boolean;
  readonly #clusterSize: number;
  readonly #version: number;
  /** Where the length begins in a compressed entry, in bits. */
  readonly #lengthShift: number;

  constructor({ clusterSize, extendedL2, version }: Qcow2Header) {
    this.#clusterSize = clusterSize;
    this.#version = version;
    this.extended = extendedL2;
    this.entrySize = extendedL2 ? 16 : 8;
    this.perTable = clusterSize / this.entrySize;
    this.subclusterSize = extendedL2 ? clusterSize / 32 : clusterSize;
    this.#lengthShift = 62 - (Math.log2(clusterSize) - 8) - 32;
  }

  read({ view }: Table, index: number): L2Entry {
    const high = view.getUint32(index * this.entrySize);
    const low = view.getUint32(index * this.entrySize + 4);
    const copied = (high & COPIED) !== 0;
    if (high & COMPRESSED) {
      const at = (high & (2 ** this.#lengthShift - 1)) * 0x1_0000_0000 + low;
      const sectors = (high & (COMPRESSED - 1)) >>> this.#lengthShift;
      return {
        ...{ kind: 'packed', at, packedLength: (sectors + 1) * 512 - (at % 512) },
        ...{ copied: false, zero: false },
      };
    }
    const at = (high & offsetHigh) * 0x1_0000_0000 + (low - (low & 0x1ff));
    const zero = !this.extended && this.#version === 3 && (low & 1) !== 0;
    return { kind: 'normal', at, packedLength: 0, copied, zero };
  }

  /** Bitmaps of an extended entry: subclusters with data, and those that read as zeroes. */
  bitmaps({ view }: Table, index: number): { data: number; zero: number } {
    return {
      zero: view.getUint32(index * 16 + 8),
      data: view.getUint32(index * 16 + 12),
    };
  }

  setBitmaps({ view }: Table, index: number, data: number, zero: number): void {
    view.setUint32(index * 16 + 8, zero >>> 0);
    view.setUint32(index * 16 + 12, data >>> 0);
  }

  /** An entry of a cluster of our own; 0 for none. */
  write({ view }: Table, index: number, at: number, zero = false): void {
    const high = Math.floor(at / 0x1_0000_0000);
    view.setUint32(index * this.entrySize, at === 0 ? 0 : (high | COPIED) >>> 0);
    view.setUint32(index * this.entrySize + 4, (at % 0x1_0000_0000) + (zero ? 1 : 0));
  }

  setCopied({ view }: Table, index: number, copied: boolean): void {
    const high = view.getUint32(index * this.entrySize);
    view.setUint32(index * this.entrySize, (copied ? high | COPIED : high & ~COPIED) >>> 0);
  }

  /** Offsets of the clusters that an entry refers to. */
  clusters(entry: L2Entry): number[] {
    if (entry.kind === 'normal') return entry.at === 0 ? [] : [entry.at];
    const list: number[] = [];
    const start = entry.at - (entry.at % this.#clusterSize);
    // At least the first, and up to the last sector of the data.
    for (let at = start; at < entry.at + entry.packedLength; at += this.#clusterSize) list.push(at);
    return list;
  }
}
