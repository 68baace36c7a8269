/**
 * Footer and dynamic disk header of VHDs ("Virtual Hard Disk Image Format Specification" 1.0,
 * Microsoft 2006). All numbers are big-endian.
 */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';

export const footerSize = 512;
export const dynamicHeaderSize = 1024;
const cookie = 'conectix';
const sparseCookie = 'cxsparse';
const kinds = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' } as const;
/** Seconds from 1970 to the format's epoch, 2000-01-01. */
const epoch = 946_684_800;
/** Windows and Azure, and QEMU with images of this creator, take the size, not the geometry, for the disk's. */
const creator = 'win ';
const footerField = {
  size: 48,
  geometry: 56,
  checksum: 64,
  uuid: 68,
} as const;
/** The block table that a damaged header can make us read. */
const mostEntries = 16 << 20;
const largest = 2040 * 2 ** 30;

export interface VhdFooter {
  readonly bytes: Uint8Array;
  readonly variant: 'fixed' | 'dynamic' | 'differencing';
  readonly size: number;
  readonly uuid: string;
  readonly headerOffset: number;
}

export interface VhdDynamicHeader {
  readonly bytes: Uint8Array;
  readonly tableOffset: number;
  readonly entries: number;
  readonly blockSize: number;
  readonly parentUuid: string;
  /** Paths of the parent as they stand there, the likeliest first. */
  readonly parentNames: readonly string[];
}

const text = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const wrong = (file: ImageFile, what: string): BlockError =>
  new BlockError('corrupt', `The VHD image ${file.path} is damaged: ${what}.`);

/** One's complement of the sum of all bytes but the checksum's. */
function checksum(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (const [i, byte] of bytes.entries()) if (i < at || i >= at + 4) sum += byte;
  return ~sum >>> 0;
}

export function seal(bytes: Uint8Array, at: number = footerField.checksum): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, checksum(bytes, at));
}

/** The footer at the end, or its copy at the start, where dynamic images have one. */
export async function readFooter(file: ImageFile): Promise<VhdFooter> {
  const candidates = [0, file.size - 512, file.size - 511].filter((at) => at >= 0);
  let reason = 'it has no footer';
  for (const at of candidates) {
    const bytes = new Uint8Array(footerSize);
    await file.read(at, [bytes]);
    if (text(bytes, 0, 8) !== cookie) continue;
    const view = new DataView(bytes.buffer);
    if (view.getUint32(footerField.checksum) !== checksum(bytes, footerField.checksum)) {
      reason = 'the checksum of its footer is wrong';
      continue;
    }
    const type = view.getUint32(60);
    const variant = kinds[type as keyof typeof kinds];
    if (variant === undefined) throw wrong(file, `the disk type ${type}`);
    // A fixed image's first sector is the guest's, whatever it looks like.
    if (variant === 'fixed' && at === 0) continue;
    if (view.getUint32(12) >>> 16 !== 1)
      throw new BlockError('unsupported', `The VHD image ${file.path} has an unknown version.`);
    return {
      ...{ bytes, variant, uuid: hex(bytes.subarray(footerField.uuid, footerField.uuid + 16)) },
      size: sizeOf(view, file),
      headerOffset: view.getUint32(16) * 0x1_0000_0000 + view.getUint32(20),
    };
  }
  throw wrong(file, reason);
}

function sizeOf(view: DataView, file: ImageFile): number {
  const size = view.getUint32(48) * 0x1_0000_0000 + view.getUint32(52);
  const app = text(new Uint8Array(view.buffer), 28, 4);
  const geometry = view.getUint16(56) * view.getUint8(58) * view.getUint8(59) * 512;
  // Virtual PC shows its guests what the geometry covers.
  const bytes = (app === 'vpc ' || app === 'vs  ') && geometry > 0 ? geometry : size;
  if (bytes < 512 || bytes > largest || bytes > size) throw wrong(file, `a disk of ${bytes} bytes`);
  return Math.floor(bytes / 512) * 512;
}

export async function readDynamicHeader(
  file: ImageFile,
  footer: VhdFooter,
): Promise<VhdDynamicHeader> {
  const { headerOffset } = footer;
  if (headerOffset % 512 !== 0 || headerOffset + dynamicHeaderSize > file.size)
    throw wrong(file, 'its header lies outside the file');
  const bytes = new Uint8Array(dynamicHeaderSize);
  await file.read(headerOffset, [bytes]);
  const view = new DataView(bytes.buffer);
  if (text(bytes, 0, 8) !== sparseCookie) throw wrong(file, 'it has no dynamic disk header');
  if (view.getUint32(36) !== checksum(bytes, 36))
    throw wrong(file, 'the checksum of its header is wrong');
  const tableOffset = view.getUint32(16) * 0x1_0000_0000 + view.getUint32(20);
  const [entries, blockSize] = [view.getUint32(28), view.getUint32(32)];
  if (blockSize < 4096 || blockSize > 256 << 20 || (blockSize & (blockSize - 1)) !== 0)
    throw wrong(file, `blocks of ${blockSize} bytes`);
  if (entries > mostEntries || entries * blockSize < footer.size)
    throw wrong(file, `a block table of ${entries} entries`);
  if (tableOffset % 512 !== 0 || tableOffset + entries * 4 > Math.ceil(file.size / 512) * 512)
    throw wrong(file, 'its block table lies outside the file');
  return {
    ...{ bytes, tableOffset, entries, blockSize },
    parentUuid: hex(bytes.subarray(40, 56)),
    parentNames: footer.variant === 'differencing' ? await parentNames(file, view) : [],
  };
}

async function parentNames(file: ImageFile, view: DataView): Promise<string[]> {
  const relative: string[] = [];
  const absolute: string[] = [];
  for (let i = 0; i < 8; i++) {
    const at = 576 + i * 24;
    const code = text(new Uint8Array(view.buffer), at, 4);
    const length = view.getUint32(at + 8);
    const offset = view.getUint32(at + 16) * 0x1_0000_0000 + view.getUint32(at + 20);
    if (!['W2ru', 'W2ku', 'MacX'].includes(code) || length === 0) continue;
    if (length > 4096 || offset + length > file.size)
      throw wrong(file, 'the path of its parent lies outside the file');
    const bytes = new Uint8Array(length);
    await file.read(offset, [bytes]);
    const name = new TextDecoder(code === 'MacX' ? 'utf-8' : 'utf-16le')
      .decode(bytes)
      .replace(/\0.*$/s, '');
    (code === 'W2ru' ? relative : absolute).push(
      code === 'MacX' ? name : name.replaceAll('\\', '/'),
    );
  }
  const unicode = new TextDecoder('utf-16be')
    .decode(new Uint8Array(view.buffer, 64, 512))
    .replace(/\0.*$/s, '')
    .replaceAll('\\', '/');
  return [...relative, ...absolute, ...(unicode === '' ? [] : [unicode])];
}

export interface NewVhdHeaders {
  readonly variant: VhdFooter['variant'];
  readonly size: number;
  readonly uuid: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function newFooter({ variant, size, uuid, now }: NewVhdHeaders): Uint8Array {
  const bytes = new Uint8Array(footerSize);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: string): void => bytes.set(new TextEncoder().encode(value), at);
  put(0, cookie);
  view.setUint32(8, 2); // reserved, always set
  view.setUint32(12, 0x0001_0000);
  if (variant === 'fixed') bytes.fill(0xff, 16, 24);
  else view.setUint32(20, footerSize);
  view.setUint32(24, Math.max(0, Math.floor(now / 1000) - epoch));
  put(28, creator);
  view.setUint32(32, 0x000a_0000);
  put(36, 'Wi2k');
  view.setBigUint64(40, BigInt(size));
  view.setUint32(60, variant === 'fixed' ? 2 : variant === 'dynamic' ? 3 : 4);
  bytes.set(uuid, footerField.uuid);
  setSize(bytes, size);
  return bytes;
}

/** The size with its geometry, and the checksum (appendix "CHS Calculation"). */
export function setSize(footer: Uint8Array, size: number): void {
  const view = new DataView(footer.buffer, footer.byteOffset);
  view.setBigUint64(footerField.size, BigInt(size));
  const total = Math.min(size / 512, 65_535 * 16 * 255);
  let sectors: number, heads: number, tracks: number;
  if (total >= 65_535 * 16 * 63) {
    [sectors, heads] = [255, 16];
    tracks = Math.floor(total / sectors);
  } else {
    sectors = 17;
    tracks = Math.floor(total / sectors);
    heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
    if (tracks >= heads * 1024 || heads > 16) {
      [sectors, heads] = [31, 16];
      tracks = Math.floor(total / sectors);
    }
    if (tracks >= heads * 1024) {
      [sectors, heads] = [63, 16];
      tracks = Math.floor(total / sectors);
    }
  }
  view.setUint16(footerField.geometry, Math.floor(tracks / heads));
  view.setUint8(footerField.geometry + 2, heads);
  view.setUint8(footerField.geometry + 3, sectors);
  seal(footer);
}

export interface NewDynamicHeader {
  readonly tableOffset: number;
  readonly entries: number;
  readonly blockSize: number;
  readonly parent?:
    | {
        readonly uuid: Uint8Array;
        readonly name: string;
        /** Offset of the path in UTF-16LE, and its bytes. */
        readonly pathOffset: number;
        readonly pathLength: number;
        readonly absolute: boolean;
      }
    | undefined;
}

export function newDynamicHeader(header: NewDynamicHeader): Uint8Array {
  const bytes = new Uint8Array(dynamicHeaderSize);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: string): void => bytes.set(new TextEncoder().encode(value), at);
  put(0, sparseCookie);
  bytes.fill(0xff, 8, 16);
  view.setBigUint64(16, BigInt(header.tableOffset));
  view.setUint32(24, 0x0001_0000);
  view.setUint32(28, header.entries);
  view.setUint32(32, header.blockSize);
  const { parent } = header;
  if (parent !== undefined) {
    bytes.set(parent.uuid, 40);
    [...parent.name.slice(0, 255)].forEach((_, i) =>
      view.setUint16(64 + i * 2, parent.name.charCodeAt(i)),
    );
    put(576, parent.absolute ? 'W2ku' : 'W2ru');
    view.setUint32(580, Math.ceil(parent.pathLength / 512) * 512);
    view.setUint32(584, parent.pathLength);
    view.setBigUint64(592, BigInt(parent.pathOffset));
  }
  seal(bytes, 36);
  return bytes;
}
