/**
 * The files of a saved state that hold RAM: `ram`, all of it, sparse; and for states that were taken later in the same
 * run `ram.1`, `ram.2`, …, each with the pages that had changed since the one before, at their places, and beside it
 * `ram.1.pages`, …, a bit for each page (the lowest first) that says which those are. Files never change, so a later
 * state has other names (hard links) of those of the earlier one: either may be removed.
 */
import { link, open, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ramPageSize } from '../bus/ramWatch.ts';
import { stretchAt } from '../block/file/fileHoles.ts';
import { mapRam } from './mapRam.ts';

/** RAM of a state to which a later one adds what has changed. */
export interface RamBase {
  readonly folder: string;
  /** Files of changes there. */
  readonly deltas: number;
}

/** Then all of RAM is written anew. */
const mostDeltas = 12;
/** What is read at a time. */
const chunk = 4 << 20;
/** Runs of changed pages that are mapped; shorter ones cost less to read. */
const mappedRun = 64 * ramPageSize;
/** The host allows some 65,000 mappings. */
const mostMapped = 8192;

export const ramFile = (folder: string, delta: number): string =>
  join(folder, delta === 0 ? 'ram' : `ram.${delta}`);
export const pagesFile = (folder: string, delta: number): string =>
  `${ramFile(folder, delta)}.pages`;

/** A set of pages. */
export class PageSet {
  readonly bits: Uint8Array;

  constructor(ram: Uint8Array, bits = new Uint8Array(Math.ceil(ram.length / ramPageSize / 8))) {
    this.bits = bits;
  }

  add(pages: Uint32Array): void {
    const { bits } = this;
    for (const page of pages) bits[page >> 3] = (bits[page >> 3] as number) | (1 << (page & 7));
  }

  /** Offset and length in bytes of what stands next to each other. */
  *runs(): Generator<{ readonly at: number; readonly length: number }> {
    const { bits } = this;
    const has = (page: number): boolean => (((bits[page >> 3] as number) >> (page & 7)) & 1) === 1;
    const count = bits.length * 8;
    for (let page = 0; page < count; page++) {
      if (bits[page >> 3] === 0) page |= 7;
      else if (has(page)) {
        const first = page;
        while (page < count && has(page)) page++;
        yield { at: first * ramPageSize, length: (page - first) * ramPageSize };
      }
    }
  }
}

/** Gives the files of a state further names in `folder`; false if that cannot be, or there are many already. */
export async function linkRam({ folder: from, deltas }: RamBase, folder: string): Promise<boolean> {
  if (deltas >= mostDeltas) return false;
  try {
    for (let delta = deltas; delta >= 0; delta--) {
      await link(ramFile(from, delta), ramFile(folder, delta));
      if (delta > 0) await link(pagesFile(from, delta), pagesFile(folder, delta));
    }
    return true;
  } catch {
    // It has been removed, or the file system knows no links.
    for (let delta = 0; delta <= deltas; delta++)
      for (const path of [ramFile(folder, delta), pagesFile(folder, delta)])
        await rm(path, { force: true });
    return false;
  }
}

/** Fills RAM. Rejects with any Error. */
export async function readRam(folder: string, ram: Uint8Array): Promise<RamBase> {
  let deltas = 0;
  while (await isThere(ramFile(folder, deltas + 1))) deltas++;
  const opened: FileHandle[] = [];
  try {
    for (let delta = 0; delta <= deltas; delta++) {
      const file = await open(ramFile(folder, delta), 'r');
      opened.push(file);
      const { size } = await file.stat();
      if (size !== ram.length) throw new Error(`a file of RAM has ${size} bytes`);
      if (delta === 0) await readWhole(file, ram);
      else await readPages(file, ram, new PageSet(ram, await readFile(pagesFile(folder, delta))));
    }
  } finally {
    await Promise.all(opened.map((file) => file.close()));
  }
  return { folder, deltas };
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * Where the host can, the file takes RAM's place and its pages come as they are used. Otherwise it is read: holes are
 * zeroes, as much of RAM is.
 */
async function readWhole(file: FileHandle, ram: Uint8Array): Promise<void> {
  if (await mapRam(file, ram)) return;
  const parts: Part[] = [];
  for (let at = 0; at < ram.length;) {
    const stretch = await stretchAt(file.fd, at, ram.length);
    const end = stretch === undefined ? ram.length : at + stretch.length;
    // A machine that has been built has its firmware and kernel in RAM already.
    if (stretch?.kind === 'hole') clear(ram.subarray(at, end));
    else addParts(parts, at, end);
    at = end;
  }
  await readParts(file, ram, parts);
}

async function readPages(file: FileHandle, ram: Uint8Array, pages: PageSet): Promise<void> {
  const parts: Part[] = [];
  let mapped = 0;
  for (const { at, length } of pages.runs()) {
    if (length >= mappedRun && mapped < mostMapped) {
      mapped++;
      if (await mapRam(file, ram.subarray(at, at + length), at)) continue;
    }
    addParts(parts, at, at + length);
  }
  await readParts(file, ram, parts);
}

interface Part {
  readonly at: number;
  readonly length: number;
}

function addParts(parts: Part[], from: number, to: number): void {
  for (let at = from; at < to; at += chunk) parts.push({ at, length: Math.min(chunk, to - at) });
}

/** Several reads at once, since most of the time goes into the pages' first use. */
async function readParts(file: FileHandle, ram: Uint8Array, parts: Part[]): Promise<void> {
  const read = async (): Promise<void> => {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const bytes = ram.subarray(part.at, part.at + part.length);
      const { bytesRead } = await file.read(bytes, 0, part.length, part.at);
      if (bytesRead !== part.length) throw new Error('the file of RAM has been cut off');
    }
  };
  await Promise.all([1, 2, 3, 4].map(read));
}

/** Pages that are zero already are only read: a write would make the host give memory for them. */
function clear(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += ramPageSize) {
    const page = new BigUint64Array(bytes.buffer, bytes.byteOffset + at, ramPageSize / 8);
    if (page.some((word) => word !== 0n)) page.fill(0n);
  }
}
