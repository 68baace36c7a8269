/** Opening and making QCOW2 images. */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage, ImageFormat } from '../blockImage.ts';
import type { Codecs, ImageFile } from '../imageFile.ts';
import { MappedImage } from '../mappedImage.ts';
import { checkQcow2 } from './qcow2Check.ts';
import {
  headerCluster,
  incompatible,
  readHeader,
  type Qcow2Header,
  type Qcow2Snapshot,
} from './qcow2Header.ts';
import { Qcow2Map } from './qcow2Map.ts';
import { Refcounts } from './refcounts.ts';

export interface OpenQcow2 {
  readonly file: ImageFile;
  readonly readOnly: boolean;
  readonly codecs: Codecs;
  /** Id or name of an internal snapshot to read. */
  readonly snapshot?: string | undefined;
  /** Open a damaged image for writing, to repair it. */
  readonly toRepair?: boolean | undefined;
  openBacking(name: string, format?: ImageFormat): Promise<BlockImage | undefined>;
}

export async function openQcow2(options: OpenQcow2): Promise<BlockImage> {
  const { file, codecs, toRepair = false } = options;
  const header = await readHeader(file);
  const snapshot = findSnapshot(header, options.snapshot, file);
  const readOnly = options.readOnly || snapshot !== undefined;
  if (!readOnly && !toRepair && header.incompatible & incompatible.corrupt)
    throw new BlockError(
      'corrupt',
      `The QCOW2 image ${file.path} is marked as damaged, so it can only be read.`,
    );
  const refcounts = await Refcounts.open(file, header);
  const map = await Qcow2Map.open({
    ...{ file, header, refcounts, codecs, snapshot },
    hasBacking: header.backing !== undefined,
    checkImage: checkQcow2,
  });
  // The counts were being put off when the writer ended (lazy refcounts).
  if (!readOnly && header.incompatible & incompatible.dirty) await rebuild(map, file);
  const { backing: reference } = header;
  const backing = reference && (await options.openBacking(reference.name, reference.format));
  return new MappedImage({ format: 'qcow2', map, file, readOnly, backing });
}

async function rebuild(map: Qcow2Map, file: ImageFile): Promise<void> {
  const { errorCount, errors } = await checkQcow2(map, true);
  if (errorCount > 0)
    throw new BlockError(
      'corrupt',
      `The QCOW2 image ${file.path} was not closed and is damaged: ${errors[0] ?? 'unknown'}.`,
    );
}

function findSnapshot(
  { snapshots }: Qcow2Header,
  wanted: string | undefined,
  file: ImageFile,
): Qcow2Snapshot | undefined {
  if (wanted === undefined) return undefined;
  const found =
    snapshots.find(({ id }) => id === wanted) ?? snapshots.find(({ name }) => name === wanted);
  if (found === undefined)
    throw new BlockError(
      'missing',
      `The disk image ${file.path} has no snapshot "${wanted}"` +
        (snapshots.length === 0
          ? '.'
          : `; it has ${snapshots.map(({ name }) => `"${name}"`).join(', ')}.`),
    );
  return found;
}

export interface NewQcow2 {
  /** Of the disk; bytes, a multiple of 512. */
  readonly size: number;
  /** Bytes, a power of two from 512 to 2 MiB. */
  readonly clusterSize?: number | undefined;
  readonly version?: 2 | 3 | undefined;
  readonly lazyRefcounts?: boolean | undefined;
  readonly extendedL2?: boolean | undefined;
  readonly compression?: 'zlib' | 'zstd' | undefined;
  readonly backing?: { readonly name: string; readonly format: ImageFormat } | undefined;
}

/** Writes an empty image into an empty file. */
export async function createQcow2(file: ImageFile, options: NewQcow2): Promise<void> {
  const { size, version = 3, extendedL2 = false, backing } = options;
  const clusterSize = options.clusterSize ?? 65_536;
  const clusterBits = Math.log2(clusterSize);
  const impossible = (why: string): BlockError => new BlockError('unsupported', why);
  if (!Number.isInteger(clusterBits) || clusterBits < 9 || clusterBits > 21)
    throw impossible('Clusters of QCOW2 have 512 bytes to 2 MiB, a power of two.');
  if (extendedL2 && (clusterBits < 14 || version === 2))
    throw impossible('Subclusters need version 3 and clusters of at least 16 KiB.');
  if (version === 2 && (options.compression === 'zstd' || options.lazyRefcounts))
    throw impossible('Zstandard and lazy reference counts need version 3 of QCOW2.');
  const perTable = clusterSize / (extendedL2 ? 16 : 8);
  const l1Size = Math.max(1, Math.ceil(size / (perTable * clusterSize)));
  const l1Clusters = Math.ceil((l1Size * 8) / clusterSize);
  if (l1Size * 8 > 32 << 20)
    throw impossible(`Clusters of ${clusterSize} bytes are too small for a disk of ${size} bytes.`);
  // Header, table of reference counts, its blocks, L1 table.
  const perBlock = clusterSize / 2;
  let blocks = 1;
  while (blocks * perBlock < 2 + blocks + l1Clusters) blocks++;
  if (blocks > clusterSize / 8)
    throw impossible(`Clusters of ${clusterSize} bytes are too small for a disk of ${size} bytes.`);
  const table = new Uint8Array(clusterSize);
  for (let i = 0; i < blocks; i++)
    new DataView(table.buffer).setBigUint64(i * 8, BigInt((2 + i) * clusterSize));
  const counts = new Uint8Array(blocks * clusterSize);
  for (let i = 0; i < 2 + blocks + l1Clusters; i++) new DataView(counts.buffer).setUint16(i * 2, 1);
  await file.write(clusterSize, [table, counts, new Uint8Array(l1Clusters * clusterSize)]);
  await file.flush();
  const header = headerCluster({
    ...{ version, clusterBits, size, l1Size, extendedL2, backing },
    l1Offset: (2 + blocks) * clusterSize,
    refcountTableOffset: clusterSize,
    lazyRefcounts: options.lazyRefcounts ?? false,
    zstd: options.compression === 'zstd',
  });
  await file.write(0, [header]);
  await file.flush();
}
