/**
 * What a CD-ROM drive tells about itself and its medium: mode pages, TOC, configuration, events
 * (MMC-4, T10/1545D; SPC-3). One data track in one session, as an ISO image has it.
 */

export const blockSize = 2048;
/** Frames before the first block (MMC-4 §4.2.3.3): two seconds. */
const leadIn = 150;
/** Bytes of a whole CD sector. */
export const rawBlockSize = 2352;

const be16 = (n: number): number[] => [(n >>> 8) & 0xff, n & 0xff];
const be32 = (n: number): number[] => [...be16(n >>> 16), ...be16(n)];

/** Minute, second and frame of a block. */
export function msf(block: number): [number, number, number] {
  const frames = block + leadIn;
  return [Math.floor(frames / 4500) & 0xff, Math.floor(frames / 75) % 60, frames % 75];
}

/** INQUIRY, SPC-3 §6.4. */
export function inquiry(): Uint8Array {
  const text = (s: string, n: number): number[] =>
    [...s.padEnd(n).slice(0, n)].map((c) => c.charCodeAt(0));
  const rest = [...text('GUESTHSE', 8), ...text('CD-ROM', 16), ...text('1.0', 4)];
  // CD-ROM, removable, SPC-3, response format 2.
  return Uint8Array.from([0x05, 0x80, 0x05, 0x32, rest.length + 3, 0, 0, 0, ...rest]);
}

/** Mode pages by code, MMC-4 §7; undefined for pages that there are not. `code` 0x3f asks for all. */
export function modePages(code: number, locked: boolean): number[] | undefined {
  const pages: ReadonlyMap<number, number[]> = new Map([
    // Read error recovery
    [0x01, [0x01, 0x0a, 0, 0x05, 0, 0, 0, 0, 0, 0, 0, 0]],
    // CD audio control, all channels silent
    [0x0e, [0x0e, 0x0e, 0x04, ...new Array<number>(13).fill(0)]],
    // Power condition
    [0x1a, [0x1a, 0x0a, ...new Array<number>(10).fill(0)]],
    // Timeouts
    [0x1d, [0x1d, 0x08, ...new Array<number>(8).fill(0)]],
    // Capabilities: reads CD-R and CD-RW, mode 2, multisession; tray, eject, lock; 32x.
    [
      0x2a,
      [
        ...[0x2a, 0x12, 0x03, 0x00, 0x70, 0x60, 0x29 | (locked ? 2 : 0), 0x00],
        ...[...be16(5640), 0, 2, ...be16(512), ...be16(5640), 0, 0, 0, 0],
      ],
    ],
  ]);
  if (code === 0x3f) return [...pages.values()].flat();
  return pages.get(code);
}

/** READ TOC/PMA/ATIP (MMC-4 §6.31); undefined for formats that a data CD has not. */
export function toc(
  format: number,
  asMsf: boolean,
  firstTrack: number,
  blocks: number,
): Uint8Array | undefined {
  const address = (block: number): number[] => (asMsf ? [0, ...msf(block)] : be32(block));
  if (format === 0) {
    if (firstTrack > 1 && firstTrack !== 0xaa) return undefined;
    const track = firstTrack <= 1 ? [0, 0x14, 1, 0, ...address(0)] : [];
    const leadOut = [0, 0x16, 0xaa, 0, ...address(blocks)];
    const body = [1, 1, ...track, ...leadOut];
    return Uint8Array.from([...be16(body.length), ...body]);
  }
  if (format === 1) return Uint8Array.from([0, 10, 1, 1, 0, 0x14, 1, 0, ...address(0)]);
  if (format === 2) {
    const entry = (point: number, time: readonly number[]): number[] => [
      ...[1, 0x14, 0, point, 0, 0, 0, 0],
      ...time,
    ];
    const body = [
      ...[1, 1],
      ...entry(0xa0, [1, 0, 0]),
      ...entry(0xa1, [1, 0, 0]),
      ...entry(0xa2, msf(blocks)),
      ...entry(1, msf(0)),
    ];
    return Uint8Array.from([...be16(body.length), ...body]);
  }
  return undefined;
}

/** READ DISC INFORMATION (MMC-4 §6.26): one complete session, complete disc. */
export function discInformation(): Uint8Array {
  const bytes = new Uint8Array(34);
  bytes.set([0, 32, 0x0e, 1, 1, 1, 1, 0x20]);
  return bytes;
}

/** READ TRACK INFORMATION (MMC-4 §6.32) of track 1. */
export function trackInformation(blocks: number): Uint8Array {
  const bytes = new Uint8Array(36);
  bytes.set([0, 34, 1, 1, 0, 0x04, 0x01, 0x00]);
  bytes.set(be32(blocks), 24);
  return bytes;
}

const PROFILE_CD_ROM = 0x0008;
const PROFILE_DVD_ROM = 0x0010;
/** More blocks than a CD has: a DVD. */
const mostCdBlocks = 450_000;

/** GET CONFIGURATION (MMC-4 §6.6): profiles, core, morphing, removable medium, readable. */
export function configuration(
  requested: number,
  start: number,
  medium: { readonly blocks: number } | undefined,
): Uint8Array {
  const current =
    medium === undefined ? 0 : medium.blocks > mostCdBlocks ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
  const feature = (code: number, flags: number, data: number[]): [number, boolean, number[]] => [
    code,
    (flags & 1) !== 0,
    [...be16(code), flags, data.length, ...data],
  ];
  const profile = (code: number): number[] => [...be16(code), current === code ? 1 : 0, 0];
  const features = [
    // Persistent and current
    feature(0x0000, 0x03, [...profile(PROFILE_DVD_ROM), ...profile(PROFILE_CD_ROM)]),
    feature(0x0001, 0x0b, [0, 0, 0, 2, 1, 0, 0, 0]),
    feature(0x0002, 0x07, [0x02, 0, 0, 0]),
    feature(0x0003, 0x03, [0x29, 0, 0, 0]),
    feature(0x0010, medium === undefined ? 0 : 1, [...be32(blockSize), ...be16(1), 0, 0]),
    feature(0x001e, current === PROFILE_CD_ROM ? 1 : 0, [0, 0, 0, 0]),
    feature(0x001f, current === PROFILE_DVD_ROM ? 1 : 0, []),
  ];
  const wanted = features.filter(([code, isCurrent]) => {
    if (requested === 2) return code === start;
    return code >= start && (requested !== 1 || isCurrent);
  });
  const body = wanted.flatMap(([, , bytes]) => bytes);
  return Uint8Array.from([...be32(body.length + 4), 0, 0, ...be16(current), ...body]);
}

/** GET EVENT STATUS NOTIFICATION (MMC-4 §6.7): the answer with a media event, or none. */
export function mediaEvent(event: number, trayOpen: boolean, present: boolean): Uint8Array {
  const state = (trayOpen ? 1 : 0) | (present ? 2 : 0);
  return Uint8Array.of(0, 6, 0x04, 0x10, event, state, 0, 0);
}
export const noEventClass = Uint8Array.of(0, 2, 0x80, 0x10);

/** READ DVD STRUCTURE format 0 (MMC-4 §6.27), physical format: single layer DVD-ROM. */
export function dvdPhysicalFormat(blocks: number): Uint8Array {
  const bytes = new Uint8Array(2052);
  const first = 0x030000;
  bytes.set([0x08, 0x02, 0, 0, 0x01, 0x02, 0x01, 0x00, 0]);
  bytes.set(be32(first).slice(1), 9);
  bytes.set(be32(first + blocks - 1).slice(1), 13);
  return bytes;
}

/** MECHANISM STATUS (MMC-4 §6.13): no changer, idle. */
export const mechanismStatus = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0);

/** A 2048-byte block in its whole sector, mode 1 (ECMA-130 §14). EDC and ECC are zero. */
export function rawSector(block: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rawBlockSize);
  bytes.fill(0xff, 1, 11);
  const bcd = (n: number): number => (Math.floor(n / 10) << 4) | (n % 10);
  bytes.set([...msf(block).map(bcd), 1], 12);
  bytes.set(data, 16);
  return bytes;
}
