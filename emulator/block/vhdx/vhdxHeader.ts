/** The two headers of VHDX images, and what all their structures share ([MS-VHDX] 2.2.2). All numbers are little-endian. */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';
import { crc32c } from './crc32c.ts';

export const KiB = 1024;
export const MiB = 1 << 20;
export const headerOffsets = [64 * KiB, 128 * KiB] as const;
export const headerSize = 4096;
/** As they stand in files: the first three fields little-endian. */
export const guid = {
  bat: '2dc27766f62342009d64115e9bfd4a08',
  metadata: '8b7ca20647904b9ab8fe575f050f886e',
  fileParameters: 'caa16737fa364d43b3b633f0aa44e76b',
  diskSize: '2fa54224cd1b4876b2115dbed83bf4b8',
  logicalSector: '8141bf1da96f4709ba47f233a8faab5f',
  physicalSector: 'cda348c7445d44719cc9e9885251c556',
  diskId: 'beca12abb2e6452393efc309e000c746',
  parentLocator: 'a8d35f2db30b454dabf7d3d84834ab0c',
  vhdxParent: 'b04aefb7d19e4a81b78925b8e9445913',
} as const;

export function guidText(bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  return [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((i) => digits[i]).join('');
}

export function guidBytes(text: string): Uint8Array {
  const bytes = Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  return Uint8Array.from(
    [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15],
    (i) => bytes[i] as number,
  );
}

/** {XXXXXXXX-XXXX-…}, as parent locators write them. */
export const guidDashed = (text: string): string =>
  `{${text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}}`;

export interface VhdxHeader {
  readonly bytes: Uint8Array;
  /** Which of the two places it stands in. */
  readonly place: 0 | 1;
  readonly sequence: bigint;
  readonly dataWriteGuid: string;
  /** undefined: the log is empty. */
  readonly logGuid: string | undefined;
  readonly logOffset: number;
  readonly logLength: number;
}

export const vhdxDamaged = (file: ImageFile, what: string): BlockError =>
  new BlockError('corrupt', `The VHDX image ${file.path} is damaged: ${what}.`);

/** Checksum of a structure whose own field, at 4, counts as zero. */
export function seal(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(4, 0, true);
  view.setUint32(4, crc32c(bytes), true);
}

export function isSealed(bytes: Uint8Array): boolean {
  const copy = bytes.slice();
  const found = new DataView(copy.buffer).getUint32(4, true);
  copy.fill(0, 4, 8);
  return crc32c(copy) === found;
}

export const signature = (bytes: Uint8Array, text: string): boolean =>
  [...text].every((c, i) => bytes[i] === c.charCodeAt(0));

/** The newer of the two headers that are whole. */
export async function readVhdxHeader(file: ImageFile): Promise<VhdxHeader> {
  let current: VhdxHeader | undefined;
  for (const [place, offset] of headerOffsets.entries()) {
    const bytes = new Uint8Array(headerSize);
    await file.read(offset, [bytes]);
    if (!signature(bytes, 'head') || !isSealed(bytes)) continue;
    const view = new DataView(bytes.buffer);
    const sequence = view.getBigUint64(8, true);
    if (current !== undefined && current.sequence >= sequence) continue;
    if (view.getUint16(66, true) !== 1)
      throw new BlockError('unsupported', `The VHDX image ${file.path} has an unknown version.`);
    const logGuid = guidText(bytes.subarray(48, 64));
    current = {
      ...{ bytes, sequence, place: place === 0 ? 0 : 1 },
      dataWriteGuid: guidText(bytes.subarray(32, 48)),
      logGuid: /^0+$/.test(logGuid) ? undefined : logGuid,
      logLength: view.getUint32(68, true),
      logOffset: Number(view.getBigUint64(72, true)),
    };
  }
  if (current === undefined) throw vhdxDamaged(file, 'neither of its headers is whole');
  if (current.logGuid !== undefined) checkLogPlace(file, current);
  return current;
}

/** Throws BlockError if the file has no room for a log where the header says that it is. */
export function checkLogPlace(file: ImageFile, { logOffset, logLength }: VhdxHeader): void {
  if (logOffset % MiB !== 0 || logLength % MiB !== 0 || logLength === 0 || logLength > 64 * MiB)
    throw vhdxDamaged(file, 'its log has an impossible place or size');
  if (logOffset < MiB || logOffset + logLength > file.size)
    throw vhdxDamaged(file, 'its log lies outside the file');
}

export interface HeaderChange {
  readonly fileWrite?: Uint8Array;
  readonly dataWrite?: Uint8Array | undefined;
  /** Of the entries in the log that count; undefined: none do. */
  readonly log?: Uint8Array | undefined;
}

/** Writes the other of the two headers, so that one is whole at any time; durable when it resolves. */
export async function writeHeader(
  file: ImageFile,
  header: VhdxHeader,
  { fileWrite, dataWrite, log }: HeaderChange,
): Promise<VhdxHeader> {
  const bytes = header.bytes.slice();
  const sequence = header.sequence + 1n;
  new DataView(bytes.buffer).setBigUint64(8, sequence, true);
  if (fileWrite !== undefined) bytes.set(fileWrite, 16);
  if (dataWrite !== undefined) bytes.set(dataWrite, 32);
  bytes.set(log ?? new Uint8Array(16), 48);
  seal(bytes);
  const place = header.place === 0 ? 1 : 0;
  await file.write(headerOffsets[place], [bytes]);
  await file.flush();
  const dataWriteGuid = dataWrite === undefined ? header.dataWriteGuid : guidText(dataWrite);
  return { ...header, bytes, place, sequence, dataWriteGuid, logGuid: log && guidText(log) };
}
