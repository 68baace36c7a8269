/**
 * The header of QCOW2 images, versions 2 and 3 ("QCow2 image format", docs/interop/qcow2.txt of QEMU).
 * Left out: encryption, external data files.
 */
import { BlockError } from '../../backends/block.ts';
import { imageFormats, type ImageFormat, type ImageSnapshot } from '../blockImage.ts';
import type { ImageFile } from '../imageFile.ts';

export const incompatible = {
  dirty: 1,
  corrupt: 2,
  dataFile: 4,
  compressionType: 8,
  extendedL2: 16,
} as const;
export const compatible = { lazyRefcounts: 1 } as const;
const extension = {
  backingFormat: 0xe2792aca,
  bitmaps: 0x23852875,
} as const;
/** Limits on what a damaged header can make us read. */
const mostL1Bytes = 32 << 20;
const mostRefcountTableBytes = 8 << 20;
const mostSnapshots = 65_536;
const mostSnapshotBytes = 16 << 20;

export interface Qcow2Snapshot extends ImageSnapshot {
  readonly l1Offset: number;
  readonly l1Size: number;
}

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterSize: number;
  size: number;
  l1Size: number;
  l1Offset: number;
  refcountTableOffset: number;
  refcountTableClusters: number;
  readonly snapshotsOffset: number;
  readonly snapshotsBytes: number;
  readonly snapshots: readonly Qcow2Snapshot[];
  incompatible: number;
  readonly lazyRefcounts: boolean;
  readonly hasAutoclear: boolean;
  readonly hasBitmaps: boolean;
  readonly refcountOrder: number;
  readonly compression: 'zlib' | 'zstd';
  readonly extendedL2: boolean;
  readonly backing: { readonly name: string; readonly format: ImageFormat | undefined } | undefined;
}

const text = new TextDecoder();

/** Rejects with BlockError 'corrupt' or 'unsupported'; reads only. */
export async function readHeader(file: ImageFile): Promise<Qcow2Header> {
  const wrong = (what: string): BlockError =>
    new BlockError('corrupt', `The QCOW2 image ${file.path} is damaged: ${what}.`);
  const lacking = (what: string): BlockError =>
    new BlockError('unsupported', `The QCOW2 image ${file.path} ${what}.`);
  const bytes = new Uint8Array(112);
  await file.read(0, [bytes]);
  const view = new DataView(bytes.buffer);
  const u64 = (at: number): number => view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
  if (view.getUint32(0) !== 0x514649fb) throw wrong('it does not begin as one');
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw lacking(`has the unknown version ${version}`);
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) throw wrong(`clusters of 2^${clusterBits} bytes`);
  const clusterSize = 2 ** clusterBits;
  const fileEnd = Math.ceil(file.size / clusterSize) * clusterSize;
  const encryption = view.getUint32(32);
  if (encryption !== 0) throw lacking(`is encrypted (${encryption === 2 ? 'LUKS' : 'AES'})`);
  const v3 = version === 3;
  const headerLength = v3 ? view.getUint32(100) : 72;
  if (headerLength < 72 || headerLength > clusterSize || (v3 && headerLength < 104))
    throw wrong(`a header of ${headerLength} bytes`);
  const features = v3 ? view.getUint32(76) : 0;
  if (v3 && (view.getUint32(72) !== 0 || features > 31))
    throw lacking(`uses features that are not known here (0x${u64(72).toString(16)})`);
  if (features & incompatible.dataFile) throw lacking('keeps its data in another file');
  const compressionType = v3 && headerLength > 104 ? view.getUint8(104) : 0;
  if (compressionType > 1) throw lacking(`has the unknown compression type ${compressionType}`);
  if ((compressionType !== 0) !== ((features & incompatible.compressionType) !== 0))
    throw wrong('its compression type contradicts its features');
  const refcountOrder = v3 ? view.getUint32(96) : 4;
  if (refcountOrder > 6) throw wrong(`reference counts of 2^${refcountOrder} bits`);
  const extendedL2 = (features & incompatible.extendedL2) !== 0;
  if (extendedL2 && clusterBits < 14) throw wrong('subclusters with clusters below 16 KiB');
  const size = u64(24);
  if (size > Number.MAX_SAFE_INTEGER - clusterSize) throw wrong('a disk of impossible size');

  const table = (name: string, offset: number, length: number, most: number): void => {
    if (length > most) throw wrong(`its ${name} has ${length} bytes`);
    if (offset % clusterSize !== 0) throw wrong(`its ${name} is not at a cluster's start`);
    if (length > 0 && (offset === 0 || offset + length > fileEnd))
      throw wrong(`its ${name} lies outside the file`);
  };
  const l1Size = view.getUint32(36);
  const l1Offset = u64(40);
  table('L1 table', l1Offset, l1Size * 8, mostL1Bytes);
  const entrySize = extendedL2 ? 16 : 8;
  if (l1Size < Math.ceil(size / ((clusterSize / entrySize) * clusterSize)))
    throw wrong('its L1 table is too short for the disk');
  const refcountTableOffset = u64(48);
  const refcountTableClusters = view.getUint32(56);
  const refcountBytes = refcountTableClusters * clusterSize;
  if (refcountBytes === 0) throw wrong('it has no reference counts');
  table('reference count table', refcountTableOffset, refcountBytes, mostRefcountTableBytes);

  const backingOffset = u64(8);
  const backingLength = view.getUint32(16);
  let backingName: string | undefined;
  if (backingOffset !== 0) {
    if (backingLength > 1023 || backingOffset + backingLength > clusterSize || backingOffset < 72)
      throw wrong('the name of its backing file is too long');
    const name = new Uint8Array(backingLength);
    await file.read(backingOffset, [name]);
    if (backingLength > 0) backingName = text.decode(name);
  }
  const extensionsEnd = backingOffset === 0 ? clusterSize : backingOffset;
  const extensions = await readExtensions(file, headerLength, extensionsEnd, wrong);
  const snapshotsOffset = u64(64);
  const snapshotCount = view.getUint32(60);
  if (snapshotCount > mostSnapshots) throw wrong(`${snapshotCount} snapshots`);
  const snapshots = await readSnapshots(file, snapshotsOffset, snapshotCount, size, wrong);
  for (const { l1Offset: at, l1Size: entries } of snapshots.list)
    table("snapshot's L1 table", at, entries * 8, mostL1Bytes);
  if (snapshotCount > 0)
    table('snapshot table', snapshotsOffset, snapshots.bytes, mostSnapshotBytes);
  return {
    ...{ version, clusterSize, size: Math.ceil(size / 512) * 512, l1Size, l1Offset },
    ...{ refcountTableOffset, refcountTableClusters, refcountOrder, extendedL2 },
    ...{ snapshotsOffset, snapshotsBytes: snapshots.bytes, snapshots: snapshots.list },
    incompatible: features,
    lazyRefcounts: v3 && (view.getUint32(84) & compatible.lazyRefcounts) !== 0,
    hasAutoclear: v3 && u64(88) !== 0,
    hasBitmaps: v3 && (view.getUint32(92) & 1) !== 0 && extensions.has(extension.bitmaps),
    compression: compressionType === 1 ? 'zstd' : 'zlib',
    backing:
      backingName === undefined
        ? undefined
        : { name: backingName, format: formatNamed(extensions.get(extension.backingFormat)) },
  };
}

/** QEMU's name of a format as ours. */
function formatNamed(name: Uint8Array | undefined): ImageFormat | undefined {
  if (name === undefined) return undefined;
  const given = text.decode(name);
  return given === 'vpc' ? 'vhd' : imageFormats.find((format) => format === given);
}

async function readExtensions(
  file: ImageFile,
  start: number,
  end: number,
  wrong: (what: string) => BlockError,
): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  const bytes = new Uint8Array(Math.max(0, end - start));
  await file.read(start, [bytes]);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length;) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === 0) break;
    if (length > bytes.length - at - 8) throw wrong('a header extension is too long');
    found.set(type, bytes.subarray(at + 8, at + 8 + length));
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return found;
}

async function readSnapshots(
  file: ImageFile,
  offset: number,
  count: number,
  diskSize: number,
  wrong: (what: string) => BlockError,
): Promise<{ list: Qcow2Snapshot[]; bytes: number }> {
  const list: Qcow2Snapshot[] = [];
  let at = offset;
  const u64 = (view: DataView, where: number): number =>
    view.getUint32(where) * 0x1_0000_0000 + view.getUint32(where + 4);
  for (let i = 0; i < count; i++) {
    if (at + 40 > file.size || at - offset > mostSnapshotBytes)
      throw wrong('its snapshot table lies outside the file');
    const fixed = new Uint8Array(40);
    await file.read(at, [fixed]);
    const view = new DataView(fixed.buffer);
    const [idLength, nameLength, extra] = [
      view.getUint16(12),
      view.getUint16(14),
      view.getUint32(36),
    ];
    if (extra > 1024) throw wrong('a snapshot has too much extra data');
    const rest = new Uint8Array(extra + idLength + nameLength);
    await file.read(at + 40, [rest]);
    const more = new DataView(rest.buffer);
    list.push({
      l1Offset: u64(view, 0),
      l1Size: view.getUint32(8),
      id: text.decode(rest.subarray(extra, extra + idLength)),
      name: text.decode(rest.subarray(extra + idLength)),
      takenAt: view.getUint32(16) * 1000 + Math.floor(view.getUint32(20) / 1e6),
      stateSize: extra >= 8 ? u64(more, 0) : view.getUint32(32),
      size: extra >= 16 ? u64(more, 8) : diskSize,
    });
    at += Math.ceil((40 + rest.length) / 8) * 8;
  }
  return { list, bytes: at - offset };
}

export interface NewHeader {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly size: number;
  readonly l1Size: number;
  readonly l1Offset: number;
  readonly refcountTableOffset: number;
  readonly lazyRefcounts: boolean;
  readonly extendedL2: boolean;
  readonly zstd: boolean;
  readonly backing?: { readonly name: string; readonly format: ImageFormat } | undefined;
}

/** The first cluster of a new image. */
export function headerCluster(header: NewHeader): Uint8Array {
  const { version, backing } = header;
  const bytes = new Uint8Array(2 ** header.clusterBits);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, version);
  view.setUint32(20, header.clusterBits);
  view.setBigUint64(24, BigInt(header.size));
  view.setUint32(36, header.l1Size);
  view.setBigUint64(40, BigInt(header.l1Offset));
  view.setBigUint64(48, BigInt(header.refcountTableOffset));
  view.setUint32(56, 1);
  let end = 72;
  if (version === 3) {
    view.setUint32(
      76,
      (header.zstd ? incompatible.compressionType : 0) |
        (header.extendedL2 ? incompatible.extendedL2 : 0),
    );
    view.setUint32(84, header.lazyRefcounts ? compatible.lazyRefcounts : 0);
    view.setUint32(96, 4);
    view.setUint32(100, 112);
    view.setUint8(104, header.zstd ? 1 : 0);
    end = 112;
  }
  if (backing === undefined) return bytes;
  const encoder = new TextEncoder();
  const format = encoder.encode(backing.format === 'vhd' ? 'vpc' : backing.format);
  view.setUint32(end, extension.backingFormat);
  view.setUint32(end + 4, format.length);
  bytes.set(format, end + 8);
  end += 8 + Math.ceil(format.length / 8) * 8 + 8; // and the end of the extensions
  const name = encoder.encode(backing.name);
  if (name.length > 1023 || end + name.length > bytes.length)
    throw new BlockError('unsupported', `The path ${backing.name} is too long for QCOW2.`);
  bytes.set(name, end);
  view.setBigUint64(8, BigInt(end));
  view.setUint32(16, name.length);
  return bytes;
}
