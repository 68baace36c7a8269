/** Formats of floppy disks, told by their size: cylinders, heads and sectors, and which drive takes them. */

export interface FloppyFormat {
  /** Sectors of 512 bytes in all. */
  readonly total: number;
  readonly cylinders: number;
  readonly heads: number;
  /** Sectors a track. */
  readonly sectors: number;
  /** The smallest drive, as CMOS and INT 13h AH=08h number them: 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M. */
  readonly drive: 1 | 2 | 3 | 4 | 5;
  /** Data rates that read it, as the controller's registers encode them: 0 500, 1 300, 2 250, 3 1000 kbit/s. */
  readonly rates: readonly number[];
}

const format = (
  cylinders: number,
  heads: number,
  sectors: number,
  drive: FloppyFormat['drive'],
  ...rates: number[]
): FloppyFormat => ({
  ...{ total: cylinders * heads * sectors, cylinders, heads, sectors, drive, rates },
});

export const floppyFormats: readonly FloppyFormat[] = [
  // A 1.2 MB drive turns faster and reads them at 300 kbit/s.
  format(40, 1, 8, 1, 1, 2),
  format(40, 1, 9, 1, 1, 2),
  format(40, 2, 8, 1, 1, 2),
  format(40, 2, 9, 1, 1, 2),
  format(80, 2, 9, 3, 2),
  format(80, 2, 15, 2, 0),
  format(80, 2, 18, 4, 0),
  format(80, 2, 36, 5, 3),
];

/** The smallest format that holds `sectors`, else the largest: a short image is a floppy whose end was left out. */
export const floppyFormat = (sectors: number): FloppyFormat =>
  floppyFormats.find(({ total }) => sectors <= total) ?? (floppyFormats.at(-1) as FloppyFormat);

/** The drive that takes a medium of that many sectors; 1.44 MB for none, as most of them were. */
export function floppyDriveType(sectors: number | undefined): 2 | 4 | 5 {
  const drive = sectors === undefined ? 4 : floppyFormat(sectors).drive;
  // A 1.2 MB drive takes 360 KB as well, and 1.44 MB 720 KB.
  return drive <= 2 ? 2 : drive === 5 ? 5 : 4;
}
