/** Names another backing image in a QCOW2 image: header, extensions and the name (QCOW2 specification, "Header"). */
import { BlockError } from '../../backends/block.ts';
import type { ImageFormat } from '../blockImage.ts';
import type { ImageFile } from '../imageFile.ts';
import { readHeader } from './qcow2Header.ts';

const sector = 512;
const backingFormat = 0xe2792aca;
const endOfExtensions = 0;
/** The name alternates between two places, so that the old one is whole until the header names the new one. */
const namePlaces = [1024, 2560];
const longestName = 1023;

interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

/**
 * Only the reference changes: the disk reads as before if the two images have the same content where the image has
 * none. The image must be open for writing, and by nobody else. Rejects with BlockError.
 */
export async function setQcow2Backing(
  file: ImageFile,
  backing: { readonly name: string; readonly format: ImageFormat } | undefined,
): Promise<void> {
  const { version, clusterSize } = await readHeader(file);
  const first = new Uint8Array(Math.min(clusterSize, 4096));
  await file.read(0, [first]);
  const view = new DataView(first.buffer);
  const oldName = Number(view.getBigUint64(8));
  const headerLength = version === 2 ? 72 : view.getUint32(100);
  const encoder = new TextEncoder();
  const name = encoder.encode(backing?.name ?? '');
  const extensions = readExtensions(first, headerLength, oldName).filter(
    ({ type }) => type !== backingFormat,
  );
  if (backing !== undefined) {
    const data = encoder.encode(backing.format === 'vhd' ? 'vpc' : backing.format);
    extensions.unshift({ type: backingFormat, data });
  }
  const header = new Uint8Array(sector);
  header.set(first.subarray(0, headerLength));
  const end = writeExtensions(header, headerLength, extensions);
  const place = namePlaces.find((at) => at + longestName <= oldName || at >= oldName + longestName);
  if (
    end > sector ||
    place === undefined ||
    place + name.length > first.length ||
    name.length > longestName
  )
    throw new BlockError(
      'unsupported',
      `The QCOW2 image ${file.path} has no room in its header for another backing image; convert it instead.`,
    );
  const headerView = new DataView(header.buffer);
  headerView.setBigUint64(8, backing === undefined ? 0n : BigInt(place));
  headerView.setUint32(16, name.length);
  if (backing !== undefined) {
    await file.write(place, [name]);
    await file.flush();
  }
  // One sector, which a disk writes whole or not at all.
  await file.write(0, [header]);
  await file.flush();
}

function readExtensions(bytes: Uint8Array, from: number, nameAt: number): Extension[] {
  const view = new DataView(bytes.buffer);
  const limit = nameAt === 0 ? bytes.length : Math.min(nameAt, bytes.length);
  const found: Extension[] = [];
  for (let at = from; at + 8 <= limit;) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === endOfExtensions || at + 8 + length > limit) break;
    found.push({ type, data: bytes.slice(at + 8, at + 8 + length) });
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return found;
}

/** Returns where they end, which may lie behind the header's sector: then they do not fit. */
function writeExtensions(
  header: Uint8Array,
  from: number,
  extensions: readonly Extension[],
): number {
  const view = new DataView(header.buffer);
  let at = from;
  for (const { type, data } of extensions) {
    const next = at + 8 + Math.ceil(data.length / 8) * 8;
    if (next + 8 > header.length) return Infinity;
    view.setUint32(at, type);
    view.setUint32(at + 4, data.length);
    header.set(data, at + 8);
    at = next;
  }
  return at + 8;
}
