/**
 * Changes of region tables and metadata, which all happen or none do: they stand in the log before they are made
 * ([MS-VHDX] 2.3). The log is empty before and after, so an entry has it for itself.
 */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';
import { crc32c } from './crc32c.ts';
import { checkLogPlace, writeHeader, type VhdxHeader } from './vhdxHeader.ts';

/** The unit of the log. Bytes. */
export const logPage = 4096;
/** What a sector of descriptors has room for, behind the entry's header. */
const mostPages = (logPage - 64) / 32;
const sequence = 1n;

export interface LoggedPage {
  /** A multiple of `logPage`. */
  readonly offset: number;
  /** `logPage` bytes. */
  readonly content: Uint8Array;
}

/**
 * Durable when it resolves. Whatever ends it before, the file has none of the pages or a log that gives it all of them.
 * Rejects with BlockError. Returns the header that counts then.
 */
export async function writeLogged(
  file: ImageFile,
  header: VhdxHeader,
  random: (bytes: number) => Uint8Array,
  pages: readonly LoggedPage[],
): Promise<VhdxHeader> {
  checkLogPlace(file, header);
  const id = random(16);
  const entry = logEntry(id, file.size, pages);
  if (entry.length > header.logLength)
    throw new BlockError('unsupported', `The log of the VHDX image ${file.path} is too short.`);
  // It does not count before the header names it.
  await file.write(header.logOffset, [entry]);
  await file.flush();
  const active = await writeHeader(file, header, { log: id });
  for (const { offset, content } of pages) await file.write(offset, [content]);
  await file.flush();
  return writeHeader(file, active, {});
}

/** 2.3.1: an entry at the log's start, which is the tail too. */
function logEntry(
  id: Uint8Array,
  fileSize: number,
  pages: readonly LoggedPage[],
): Uint8Array<ArrayBuffer> {
  if (pages.length > mostPages) throw new RangeError(`${pages.length} pages in one entry`);
  const bytes = new Uint8Array((1 + pages.length) * logPage);
  const view = new DataView(bytes.buffer);
  const text = (at: number, four: string): void => bytes.set(new TextEncoder().encode(four), at);
  text(0, 'loge');
  view.setUint32(8, bytes.length, true);
  view.setBigUint64(16, sequence, true);
  view.setUint32(24, pages.length, true);
  bytes.set(id, 32);
  // What the file has for certain, and how long it is to be.
  view.setBigUint64(48, BigInt(fileSize), true);
  view.setBigUint64(56, BigInt(fileSize), true);
  for (const [i, { offset, content }] of pages.entries()) {
    const [descriptor, data] = [64 + i * 32, (1 + i) * logPage];
    text(descriptor, 'desc');
    // The page's ends, in whose place the signature and number stand.
    bytes.set(content.subarray(logPage - 4), descriptor + 4);
    bytes.set(content.subarray(0, 8), descriptor + 8);
    view.setBigUint64(descriptor + 16, BigInt(offset), true);
    view.setBigUint64(descriptor + 24, sequence, true);
    bytes.set(content, data);
    text(data, 'data');
    view.setUint32(data + 4, Number(sequence >> 32n), true);
    view.setUint32(data + logPage - 4, Number(sequence & 0xffff_ffffn), true);
  }
  view.setUint32(4, crc32c(bytes), true);
  return bytes;
}
