/** Finds what to boot on a disc: "El Torito" Bootable CD-ROM Format Specification 1.0, §2. */
import type { Disk, DiscBoot, EmulatedMedia } from './disks.ts';

/** Why a disc cannot be booted, for people. */
export class NotBootable extends Error {
  override name = 'NotBootable';
}

const text = (bytes: Uint8Array, start: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(start, start + length));

const X86 = 0;

/** The boot image for a PC. Throws NotBootable. */
export async function discBoot(disk: Disk): Promise<DiscBoot> {
  const sector = (lba: number): Promise<Uint8Array> => {
    if (lba >= disk.sectorCount) {
      throw new NotBootable('the image is cut off: it names sectors behind its end');
    }
    return disk.read(lba, 1);
  };
  if (disk.sectorCount < 18) throw new NotBootable('too short for a CD-ROM image');
  if (text(await sector(16), 1, 5) !== 'CD001') {
    throw new NotBootable('not an ISO 9660 image, or a damaged one: no volume descriptor');
  }
  let catalogue: Uint8Array | undefined;
  for (let lba = 17; lba < 32 && catalogue === undefined; lba++) {
    const descriptor = await sector(lba);
    if (text(descriptor, 1, 5) !== 'CD001' || descriptor[0] === 255) break;
    if (descriptor[0] === 0 && text(descriptor, 7, 23) === 'EL TORITO SPECIFICATION') {
      catalogue = await sector(new DataView(descriptor.buffer).getUint32(0x47, true));
    }
  }
  if (catalogue === undefined)
    throw new NotBootable('no boot record on the disc: it holds data only');
  return bootEntry(catalogue, disk);
}

async function bootEntry(catalogue: Uint8Array, disk: Disk): Promise<DiscBoot> {
  const view = new DataView(catalogue.buffer, catalogue.byteOffset, catalogue.length);
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(at, true);
  if (catalogue[0] !== 1 || (sum & 0xffff) !== 0 || view.getUint16(30, true) !== 0xaa55) {
    throw new NotBootable('the boot catalogue is damaged');
  }
  const entry = findEntry(catalogue);
  if (entry < 0) throw new NotBootable('no boot image for a PC BIOS on the disc (EFI only)');
  const media = ((catalogue[entry + 1] ?? 0) & 15) as EmulatedMedia;
  if (media > 4) throw new NotBootable('the boot catalogue names an unknown kind of medium');
  const start = view.getUint32(entry + 8, true);
  const loadCount = view.getUint16(entry + 6, true) || 1;
  if (start === 0 || start * 2048 + loadCount * 512 > disk.sectorCount * 2048) {
    throw new NotBootable('the image is cut off: its boot image lies behind the end');
  }
  const boot = {
    media,
    drive: disk.index,
    start,
    loadCount,
    loadSegment: view.getUint16(entry + 2, true) || 0x7c0,
  };
  if (media === 0) return { ...boot, sectors: loadCount, heads: 0, sectorsPerTrack: 0 };
  if (media !== 4) {
    const [sectors, sectorsPerTrack] = (
      [
        [2400, 15],
        [2880, 18],
        [5760, 36],
      ] as const
    )[media - 1] as readonly [number, number];
    return { ...boot, sectors, heads: 2, sectorsPerTrack };
  }
  // A disk image's partition table tells its size and shape.
  const mbr = await disk.read(start, 1);
  const table = new DataView(mbr.buffer);
  const sectors = table.getUint32(446 + 8, true) + table.getUint32(446 + 12, true);
  const [heads, sectorsPerTrack] = [(mbr[446 + 5] ?? 0) + 1, (mbr[446 + 6] ?? 0) & 63];
  if (sectors === 0 || sectorsPerTrack === 0) {
    throw new NotBootable('its boot image is of a disk without partitions');
  }
  return { ...boot, sectors, heads, sectorsPerTrack };
}

/** Offset of the bootable entry for x86: the default one, or in a section of that platform. */
function findEntry(catalogue: Uint8Array): number {
  if (catalogue[1] === X86 && catalogue[32] === 0x88) return 32;
  for (let at = 64; at + 32 <= catalogue.length;) {
    const header = catalogue[at];
    if (header !== 0x90 && header !== 0x91) return -1;
    const entries = (catalogue[at + 2] ?? 0) + 256 * (catalogue[at + 3] ?? 0);
    for (let i = 1; i <= entries && at + 32 * i + 32 <= catalogue.length; i++) {
      if (catalogue[at + 1] === X86 && catalogue[at + 32 * i] === 0x88) return at + 32 * i;
    }
    at += 32 * (entries + 1);
  }
  return -1;
}
