/**
 * Writes a disk as a QCOW2 image with compressed clusters ("Compressed Clusters Descriptor"), from its beginning to its
 * end: the data one behind the other, each L2 table behind its data, the counts last. Clusters that do not get
 * smaller are stored as they are. Left out: a backing image, subclusters.
 */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage } from '../blockImage.ts';
import { isZero } from '../bufferList.ts';
import type { Codecs, ImageFile } from '../imageFile.ts';
import { headerCluster } from './qcow2Header.ts';

/** Bytes of the disk that are compressed at a time. */
const batchBytes = 4 << 20;
const COPIED = 1n << 63n;
const COMPRESSED = 1n << 62n;

export interface CompressedQcow2 {
  readonly source: BlockImage;
  /** Empty. */
  readonly file: ImageFile;
  readonly codecs: Codecs;
  readonly clusterSize?: number | undefined;
  readonly compression?: 'zlib' | 'zstd' | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the disk that are done. */
  progress?(done: number, total: number): void;
}

/** Rejects with BlockError; 'cancelled' by the signal. */
export async function writeCompressedQcow2(options: CompressedQcow2): Promise<void> {
  const { source, file, codecs, clusterSize = 65_536, compression = 'zlib' } = options;
  const { size } = source;
  const clusterBits = Math.log2(clusterSize);
  if (!Number.isInteger(clusterBits) || clusterBits < 12 || clusterBits > 21)
    throw new BlockError(
      'unsupported',
      'Compressed clusters of QCOW2 have 4 KiB to 2 MiB here, a power of two.',
    );
  const perTable = clusterSize / 8;
  const l1Size = Math.max(1, Math.ceil(size / (perTable * clusterSize)));
  const l1Offset = 2 * clusterSize;
  const l1 = new BigUint64Array(l1Size);
  const room = new Room(
    clusterSize,
    l1Offset + Math.ceil((l1Size * 8) / clusterSize) * clusterSize,
  );
  const compress = (data: Uint8Array): Promise<Uint8Array> =>
    compression === 'zstd' ? codecs.zstd(data) : codecs.deflate(data);
  const span = perTable * clusterSize;
  const step = Math.min(span, Math.max(batchBytes, clusterSize));
  let l2 = new BigUint64Array(perTable);
  for (let offset = 0; offset < size; offset += step) {
    if (options.signal?.aborted) throw new BlockError('cancelled', 'The copy was cancelled.');
    const length = Math.min(step, size - offset);
    const parts: Uint8Array[] = [];
    const from = room.end;
    for (const { cluster, data, packed } of await clustersOf(
      source,
      offset,
      length,
      clusterSize,
      compress,
    )) {
      const whole = packed.length >= clusterSize;
      if (whole) parts.push(new Uint8Array(room.align()));
      const content = whole ? data : packed;
      const at = room.take(content.length);
      parts.push(content);
      l2[cluster % perTable] = whole
        ? BigInt(at) | COPIED
        : packedEntry(at, content.length, clusterBits);
    }
    if (parts.length > 0) await file.write(from, parts);
    if ((offset + step) % span === 0 || offset + step >= size) {
      if (l2.some((entry) => entry !== 0n)) {
        room.align();
        const at = room.take(clusterSize);
        await file.write(at, [bigEndian(l2)]);
        l1[Math.floor(offset / span)] = BigInt(at) | COPIED;
      }
      l2 = new BigUint64Array(perTable);
    }
    options.progress?.(offset + length, size);
  }
  const { blocks, table, at } = room.counts();
  await file.write(at, [blocks]);
  await file.write(clusterSize, [table]);
  await file.write(l1Offset, [bigEndian(l1)]);
  await file.flush();
  const header = headerCluster({
    ...{ version: 3, clusterBits, size, l1Size, l1Offset, extendedL2: false, backing: undefined },
    ...{ refcountTableOffset: clusterSize, lazyRefcounts: false, zstd: compression === 'zstd' },
  });
  await file.write(0, [header]);
  await file.flush();
}

/** "Compressed Clusters Descriptor": where the data begins, and how many sectors besides the first it touches. */
function packedEntry(at: number, length: number, clusterBits: number): bigint {
  const sectors = Math.floor((at + length - 1) / 512) - Math.floor(at / 512);
  return COMPRESSED | (BigInt(sectors) << BigInt(62 - (clusterBits - 8))) | BigInt(at);
}

/** The clusters of a stretch that are not zero, compressed. */
async function clustersOf(
  source: BlockImage,
  offset: number,
  length: number,
  clusterSize: number,
  compress: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<{ readonly cluster: number; readonly data: Uint8Array; readonly packed: Uint8Array }[]> {
  const extent = await source.extent(offset, length);
  if (extent.kind === 'zero' && extent.length >= length) return [];
  const whole = new Uint8Array(Math.ceil(length / clusterSize) * clusterSize);
  await source.read(offset, [whole.subarray(0, length)]);
  const work = [];
  for (let from = 0; from < whole.length; from += clusterSize) {
    const data = whole.subarray(from, from + clusterSize);
    const cluster = (offset + from) / clusterSize;
    if (!isZero(data)) work.push(compress(data).then((packed) => ({ cluster, data, packed })));
  }
  return Promise.all(work);
}

/** What is used of the file, and by how much: the header, the table of counts and the L1 table from the start. */
class Room {
  readonly #clusterSize: number;
  /** By cluster. */
  readonly #counts: number[];
  end: number;

  constructor(clusterSize: number, end: number) {
    this.#clusterSize = clusterSize;
    this.#counts = Array<number>(end / clusterSize).fill(1);
    this.end = end;
  }

  take(length: number): number {
    const at = this.end;
    this.end += length;
    const last = Math.floor((this.end - 1) / this.#clusterSize);
    for (let cluster = Math.floor(at / this.#clusterSize); cluster <= last; cluster++)
      this.#counts[cluster] = (this.#counts[cluster] ?? 0) + 1;
    return at;
  }

  /** Goes on to the next cluster; returns the bytes that are left out. */
  align(): number {
    const before = this.end;
    this.end = Math.ceil(before / this.#clusterSize) * this.#clusterSize;
    return this.end - before;
  }

  /** The blocks of counts, which lie at `at`, and the table that leads to them. */
  counts(): { blocks: Uint8Array; table: Uint8Array; at: number } {
    const size = this.#clusterSize;
    this.align();
    const perBlock = size / 2;
    const used = this.end / size;
    let count = 1;
    while (count * perBlock < used + count) count++;
    if (count > size / 8)
      throw new BlockError('unsupported', `Clusters of ${size} bytes are too small for that disk.`);
    const at = this.end;
    for (let i = 0; i < count; i++) this.take(size);
    const blocks = new Uint8Array(count * size);
    const view = new DataView(blocks.buffer);
    this.#counts.forEach((value, cluster) => view.setUint16(cluster * 2, value));
    const table = new BigUint64Array(size / 8);
    for (let i = 0; i < count; i++) table[i] = BigInt(at + i * size);
    return { blocks, table: bigEndian(table), at };
  }
}

function bigEndian(values: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setBigUint64(i * 8, value));
  return bytes;
}
