/**
 * The members of .gz files that say how long they are, as bgzip writes them (BGZF: SAM 1.6 §4.1): each is unpacked by itself. A
 * plain .gz does not say where one could begin.
 */
import type { ImageFile } from '../imageFile.ts';
import { PartList, Window } from './packedParts.ts';

/** Of a member's header with the one extra field (RFC 1952 §2.3.1). */
export const bgzfHeader = 18;
/** CRC and length of the content. */
export const gzipTrailer = 8;

/** undefined: it is not such a file. Throws any Error if it is damaged. */
export async function bgzfMembers(file: ImageFile): Promise<PartList | undefined> {
  const window = new Window(file);
  const parts = new PartList();
  for (let at = 0; at < file.size;) {
    if (file.size - at < bgzfHeader + gzipTrailer) return undefined;
    const header = await window.at(at, bgzfHeader);
    const known =
      header.getUint32(0) === 0x1f8b0804 &&
      header.getUint16(10, true) === 6 &&
      header.getUint32(12) === 0x42430200; // 'BC', two bytes
    const length = header.getUint16(16, true) + 1;
    if (!known || length < bgzfHeader + gzipTrailer) return undefined;
    const size = (await window.at(at + length - 4, 4)).getUint32(0, true);
    // §4.1: at most 64 KiB.
    if (size > 65_536) return undefined;
    parts.add({ at, packed: length, size });
    if (!parts.fit) return undefined;
    at += length;
  }
  return parts;
}
