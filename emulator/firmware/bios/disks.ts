/** The drives as INT 13h numbers them: floppies from 00h, disks from 80h, CD-ROMs from E0h. */
import type { BlockBackend } from '../../backends/block.ts';
import { floppyFormat } from '../../backends/floppyFormat.ts';
import type { BootDrive } from './biosMachine.ts';

export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
}

/** El Torito media types (El Torito 1.0 figure 3, byte 1). */
export type EmulatedMedia = 0 | 1 | 2 | 3 | 4;

/** A disc that was booted: what emulates a drive, or (media 0) only the disc itself. */
export interface DiscBoot {
  readonly media: EmulatedMedia;
  /** Index in the list of drives. */
  readonly drive: number;
  /** First 2048-byte sector of the image, and its 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
  readonly loadSegment: number;
  readonly loadCount: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

/** A drive with a medium, as one call of INT 13h sees it. */
export interface Disk {
  readonly drive: BootDrive;
  readonly index: number;
  readonly kind: 'floppy' | 'hdd' | 'cdrom';
  readonly sectorSize: 512 | 2048;
  /** Capacity in sectors; 0 when the drive is empty. */
  readonly sectorCount: number;
  readonly geometry: Geometry;
  readonly readOnly: boolean;
  readonly present: boolean;
  /** Sectors from `lba`; the caller has checked the range. */
  read(lba: number, count: number): Promise<Uint8Array>;
  write(lba: number, bytes: Uint8Array): Promise<void>;
}

/** Drive type of INT 13h AH=08h: that of the smallest drive that takes the medium. */
export const floppyType = (disk: Disk): number =>
  disk.present ? floppyFormat(disk.sectorCount).drive : 4;

/** LBA-assisted translation (Phoenix EDD 1.1 §5): 63 sectors, as few heads as do. */
export function translated(sectorCount: number): Geometry {
  const wanted = Math.floor(sectorCount / (63 * 1024));
  const heads = [16, 32, 64, 128].find((h) => wanted <= h) ?? 255;
  const cylinders = Math.max(1, Math.min(1024, Math.floor(sectorCount / (heads * 63))));
  return { cylinders, heads, sectors: 63 };
}

/** The geometry that a partition table was made with, if its entries agree with their LBA addresses. */
export function partitionGeometry(mbr: Uint8Array, sectorCount: number): Geometry | undefined {
  const view = new DataView(mbr.buffer, mbr.byteOffset, 512);
  if (view.getUint16(510, true) !== 0xaa55) return undefined;
  for (let at = 446; at < 510; at += 16) {
    const [heads, sectors] = [view.getUint8(at + 5) + 1, view.getUint8(at + 6) & 63];
    const start = view.getUint32(at + 8, true);
    const size = view.getUint32(at + 12, true);
    if (view.getUint8(at + 4) === 0 || size === 0 || sectors === 0 || heads === 1) continue;
    const chs = (entry: number): number =>
      ((view.getUint8(entry + 2) | ((view.getUint8(entry + 1) & 0xc0) << 2)) * heads +
        view.getUint8(entry)) *
        sectors +
      (view.getUint8(entry + 1) & 63) -
      1;
    if (chs(at + 1) !== start || chs(at + 5) !== start + size - 1) continue;
    const cylinders = Math.min(1024, Math.floor(sectorCount / (heads * sectors)));
    if (cylinders > 0) return { cylinders, heads, sectors };
  }
  return undefined;
}

export class Disks {
  readonly #drives: readonly BootDrive[];
  /** Index of the disk that is 80h. */
  #firstDisk = -1;
  #disc: DiscBoot | undefined;
  #emulating = false;
  readonly #geometries = new Map<number, Geometry>();

  constructor(drives: readonly BootDrive[]) {
    this.#drives = drives;
  }

  get drives(): readonly BootDrive[] {
    return this.#drives;
  }

  /** The disc that was booted from, and whether it still emulates a drive. */
  get disc(): DiscBoot | undefined {
    return this.#disc;
  }
  get emulating(): boolean {
    return this.#emulating;
  }
  stopEmulation(): void {
    this.#emulating = false;
  }

  /** Makes a disk 80h, as the drive that is booted from has to be. */
  bootFromDisk(index: number): void {
    this.#firstDisk = index;
  }
  bootFromDisc(disc: DiscBoot | undefined): void {
    this.#disc = disc;
    this.#emulating = disc !== undefined && disc.media !== 0;
  }

  /** Reads the partition tables, which say how their disks count cylinders. */
  async readGeometries(): Promise<void> {
    for (const [index, drive] of this.#drives.entries()) {
      const medium = drive.backend;
      if (drive.kind !== 'hdd' || medium === undefined || medium.size < 512) continue;
      const mbr = new Uint8Array(512);
      await medium.read(0, [mbr]);
      const geometry = partitionGeometry(mbr, Math.floor(medium.size / 512));
      if (geometry !== undefined) this.#geometries.set(index, geometry);
    }
  }

  /** Numbers in use, by the index of the drive. */
  #numbered(kind: BootDrive['kind']): number[] {
    const indices = [...this.#drives.keys()].filter((i) => this.#drives[i]?.kind === kind);
    if (kind !== 'hdd' || this.#firstDisk < 0) return indices;
    return [this.#firstDisk, ...indices.filter((i) => i !== this.#firstDisk)];
  }

  count(kind: 'floppy' | 'hdd'): number {
    return this.#numbered(kind).length + (this.#emulates() === kind ? 1 : 0);
  }

  #emulates(): 'floppy' | 'hdd' | undefined {
    if (this.#disc === undefined || !this.#emulating) return undefined;
    return this.#disc.media === 4 ? 'hdd' : 'floppy';
  }

  find(number: number): Disk | undefined {
    if (number >= 0xe0) return this.#disk(this.#numbered('cdrom')[number - 0xe0]);
    const kind = number < 0x80 ? 'floppy' : 'hdd';
    let unit = number & 0x7f;
    if (this.#emulates() === kind && this.#disc !== undefined) {
      if (unit === 0) return this.#emulated(this.#disc);
      unit--;
    }
    return this.#disk(this.#numbered(kind)[unit]);
  }

  /** The number of the drive with an index, without emulation. */
  numberOf(index: number): number {
    const kind = this.#drives[index]?.kind ?? 'hdd';
    const base = kind === 'cdrom' ? 0xe0 : kind === 'hdd' ? 0x80 : 0;
    return base + this.#numbered(kind).indexOf(index);
  }

  at(index: number): Disk | undefined {
    return this.#disk(index);
  }

  #disk(index: number | undefined): Disk | undefined {
    const drive = index === undefined ? undefined : this.#drives[index];
    if (drive === undefined || index === undefined) return undefined;
    const medium = drive.backend;
    const sectorSize = drive.kind === 'cdrom' ? 2048 : 512;
    const held = Math.floor((medium?.size ?? 0) / sectorSize);
    const format = drive.kind === 'floppy' ? floppyFormat(held || 2880) : undefined;
    const geometry = format ?? this.#geometries.get(index) ?? translated(held);
    return {
      drive,
      index,
      kind: drive.kind,
      sectorSize,
      // A short floppy image is a floppy whose end was left out.
      sectorCount: medium === undefined ? 0 : (format?.total ?? held),
      geometry,
      readOnly: drive.kind === 'cdrom' || medium?.readOnly !== false,
      present: medium !== undefined,
      read: (lba, count) => readSectors(medium, lba * sectorSize, count * sectorSize),
      write: async (lba, bytes) => {
        const end = Math.min(bytes.length, (medium?.size ?? 0) - lba * sectorSize);
        if (end > 0) await medium?.write(lba * sectorSize, [bytes.subarray(0, end)]);
      },
    };
  }

  #emulated(disc: DiscBoot): Disk | undefined {
    const host = this.#disk(disc.drive);
    if (host === undefined) return undefined;
    const { heads, sectorsPerTrack: sectors } = disc;
    const medium = host.drive.backend;
    return {
      ...host,
      kind: disc.media === 4 ? 'hdd' : 'floppy',
      sectorSize: 512,
      sectorCount: disc.sectors,
      geometry: {
        heads,
        sectors,
        cylinders: Math.max(1, Math.min(1024, Math.ceil(disc.sectors / (heads * sectors)))),
      },
      read: (lba, count) => readSectors(medium, disc.start * 2048 + lba * 512, count * 512),
    };
  }

  reset(): void {
    this.#firstDisk = -1;
    this.#disc = undefined;
    this.#emulating = false;
  }

  save() {
    return {
      firstDisk: this.#firstDisk,
      emulating: this.#emulating,
      disc: this.#disc === undefined ? [] : [this.#disc],
      geometries: [...this.#geometries].map(([index, geometry]) => ({ index, ...geometry })),
    };
  }

  load(saved: ReturnType<Disks['save']>): void {
    this.#firstDisk = saved.firstDisk;
    this.#emulating = saved.emulating;
    this.#disc = saved.disc[0];
    this.#geometries.clear();
    for (const { index, ...geometry } of saved.geometries) this.#geometries.set(index, geometry);
  }
}

async function readSectors(
  medium: BlockBackend | undefined,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  // Media end at a multiple of 512; behind it are zeroes.
  const held = Math.max(
    0,
    Math.min(length, Math.floor(((medium?.size ?? 0) - offset) / 512) * 512),
  );
  if (held > 0) await medium?.read(offset, [bytes.subarray(0, held)]);
  return bytes;
}
