/**
 * The frames of .zst files that say how long their content is (RFC 8878 §3.1.1): by the seek table at the end ("Zstandard Seekable
 * Format" 0.1.0) where there is one, otherwise from block to block.
 */
import type { ImageFile } from '../imageFile.ts';
import { longestFrameHeader, zstdBlockHeader, zstdFrameHeader } from '../zstdFrame.ts';
import { mostParts, PartList, Window } from './packedParts.ts';

const skippable = 0x184d2a50; // and the fifteen behind it
const seekTable = 0x184d2a5e;
const seekTableFooter = 0x8f92eab1;

/** undefined: not all frames say what they hold. Throws any Error if the file is damaged. */
export async function zstdFrames(file: ImageFile): Promise<PartList | undefined> {
  return (await framesByTable(file)) ?? framesByWalk(file);
}

async function framesByTable(file: ImageFile): Promise<PartList | undefined> {
  if (file.size < 17) return undefined;
  const footer = await new Window(file).at(file.size - 9, 9);
  const count = footer.getUint32(0, true);
  if (footer.getUint32(5, true) !== seekTableFooter || count > mostParts) return undefined;
  const entry = footer.getUint8(4) & 0x80 ? 12 : 8;
  const start = file.size - 17 - count * entry;
  if (start < 0) return undefined;
  const bytes = new Uint8Array(file.size - start);
  await file.read(start, [bytes]);
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== seekTable) return undefined;
  const parts = new PartList();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const packed = view.getUint32(8 + i * entry, true);
    parts.add({ at, packed, size: view.getUint32(12 + i * entry, true) });
    at += packed;
  }
  return at === start ? parts : undefined;
}

async function framesByWalk(file: ImageFile): Promise<PartList | undefined> {
  const window = new Window(file);
  const parts = new PartList();
  for (let at = 0; at < file.size;) {
    const magic = (await window.at(at, 8)).getUint32(0, true);
    if ((magic & ~0xf) === skippable) {
      at += 8 + (await window.at(at, 8)).getUint32(4, true);
      continue;
    }
    const first = await window.at(at, Math.min(longestFrameHeader, file.size - at));
    const header = zstdFrameHeader(
      new Uint8Array(first.buffer, first.byteOffset, first.byteLength),
    );
    if (header.contentSize === undefined) return undefined;
    let end = at + header.length;
    for (let last = false; !last;) {
      const view = await window.at(end, 3);
      const block = zstdBlockHeader(view.getUint16(0, true) | (view.getUint8(2) << 16));
      end += block.length;
      ({ last } = block);
    }
    if (header.checksum) end += 4;
    if (end > file.size) throw new Error('it is cut off');
    parts.add({ at, packed: end - at, size: header.contentSize });
    if (!parts.fit) return undefined;
    at = end;
  }
  return parts;
}
