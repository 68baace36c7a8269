/**
 * Writes stream-optimized VMDKs ("Virtual Disk Format 5.0", "Stream-Optimized Compressed Sparse Extents"), as
 * appliances have them: compressed grains behind each other, their tables behind them.
 */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage } from '../blockImage.ts';
import { isZero } from '../bufferList.ts';
import type { Codecs, ImageFile } from '../imageFile.ts';
import { newDescriptor } from './vmdkDescriptor.ts';

const sector = 512;
const grainSize = 65_536;
const entriesPerTable = 512;
const descriptorSectors = 20;
const overheadSectors = 128;
const marker = { table: 1, directory: 2, footer: 3 } as const;
/** Read and compressed at a time. */
const grainsAtOnce = 32;

export interface StreamOptions {
  readonly source: BlockImage;
  /** New and empty. */
  readonly file: ImageFile;
  /** Name of the image's file. */
  readonly name: string;
  readonly codecs: Codecs;
  random(bytes: number): Uint8Array;
  readonly signal?: AbortSignal | undefined;
  progress?(done: number, total: number): void;
}

/** Rejects with BlockError; 'cancelled' by the signal. */
export async function writeStreamOptimized(options: StreamOptions): Promise<void> {
  const { source, file, name, codecs, random, signal, progress } = options;
  const { size } = source;
  const grains = Math.ceil(size / grainSize);
  const directory = new Uint32Array(Math.ceil(grains / entriesPerTable));
  let at = overheadSectors;
  /** Appends whole sectors; returns where they begin, in sectors. */
  const append = async (...parts: Uint8Array[]): Promise<number> => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const padding = new Uint8Array((sector - (length % sector)) % sector);
    const place = at;
    at += (length + padding.length) / sector;
    await file.write(place * sector, [...parts, padding]);
    return place;
  };
  const cid = [...random(4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const extent = `SPARSE "${name}"`;
  const text = newDescriptor({ createType: 'streamOptimized', cid, size, extent });
  const descriptor = new Uint8Array((overheadSectors - 1) * sector);
  descriptor.set(new TextEncoder().encode(text));
  await file.write(0, [header(size, undefined), descriptor]);

  let table = new Uint32Array(entriesPerTable);
  for (let first = 0; first < grains; first += grainsAtOnce) {
    if (signal?.aborted) throw new BlockError('cancelled', 'The copy was cancelled.');
    const offset = first * grainSize;
    const length = Math.min(grainsAtOnce * grainSize, size - offset);
    for (const { grain, content } of await packed(source, offset, length, codecs)) {
      const head = new Uint8Array(12);
      const view = new DataView(head.buffer);
      view.setBigUint64(0, BigInt(grain * (grainSize / sector)), true);
      view.setUint32(8, content.length, true);
      table[grain % entriesPerTable] = await append(head, content);
    }
    const end = first + grainsAtOnce;
    if (end % entriesPerTable === 0 || end >= grains) {
      if (table.some((entry) => entry !== 0)) {
        await append(newMarker(marker.table, (entriesPerTable * 4) / sector));
        directory[Math.floor(first / entriesPerTable)] = await append(bytesOf(table));
      }
      table = new Uint32Array(entriesPerTable);
    }
    progress?.(offset + length, size);
  }
  await append(newMarker(marker.directory, Math.ceil((directory.length * 4) / sector)));
  const directoryAt = await append(bytesOf(directory));
  await append(newMarker(marker.footer, 1));
  await append(header(size, directoryAt));
  // End of stream.
  await append(new Uint8Array(sector));
  await file.flush();
}

/** The grains of a stretch that are not zero, compressed. */
async function packed(
  source: BlockImage,
  offset: number,
  length: number,
  codecs: Codecs,
): Promise<{ readonly grain: number; readonly content: Uint8Array }[]> {
  const extent = await source.extent(offset, length);
  if (extent.kind === 'zero' && extent.length >= length) return [];
  const data = new Uint8Array(Math.ceil(length / grainSize) * grainSize);
  await source.read(offset, [data.subarray(0, length)]);
  const work: Promise<{ grain: number; content: Uint8Array }>[] = [];
  for (let from = 0; from < data.length; from += grainSize) {
    const bytes = data.subarray(from, from + grainSize);
    const grain = (offset + from) / grainSize;
    if (!isZero(bytes))
      work.push(codecs.deflateZlib(bytes).then((content) => ({ grain, content })));
  }
  return Promise.all(work);
}

const bytesOf = (entries: Uint32Array): Uint8Array => {
  const bytes = new Uint8Array(entries.length * 4);
  const view = new DataView(bytes.buffer);
  entries.forEach((entry, i) => view.setUint32(i * 4, entry, true));
  return bytes;
};

function newMarker(type: number, sectors: number): Uint8Array {
  const bytes = new Uint8Array(sector);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sectors), true);
  view.setUint32(12, type, true);
  return bytes;
}

/** `directoryAt`: in sectors; the first header says that the directory is at the end. */
function header(size: number, directoryAt: number | undefined): Uint8Array {
  const bytes = new Uint8Array(sector);
  const view = new DataView(bytes.buffer);
  const u64 = (offset: number, value: bigint): void => view.setBigUint64(offset, value, true);
  bytes.set(new TextEncoder().encode('KDMV'));
  view.setUint32(4, 3, true);
  view.setUint32(8, 0x3_0001, true); // line ends are valid, compressed, markers
  u64(12, BigInt(Math.ceil(size / sector)));
  u64(20, BigInt(grainSize / sector));
  u64(28, 1n);
  u64(36, BigInt(descriptorSectors));
  view.setUint32(44, entriesPerTable, true);
  u64(56, directoryAt === undefined ? 0xffff_ffff_ffff_ffffn : BigInt(directoryAt));
  u64(64, BigInt(overheadSectors));
  bytes.set([0x0a, 0x20, 0x0d, 0x0a], 73);
  view.setUint16(77, 1, true);
  return bytes;
}
