/**
 * Reading the log of VHDX images ([MS-VHDX] 2.3): what a writer had recorded but may not have put in place when it ended. Our own
 * (vhdxLogWriter.ts) records changes of region tables and metadata; entries of the block table it changes one by one, and each is
 * either old or new.
 */
import type { FileStretch, ImageFile } from '../imageFile.ts';
import { crc32c } from './crc32c.ts';
import { guidText, vhdxDamaged, type VhdxHeader } from './vhdxHeader.ts';
import { logPage as sector } from './vhdxLogWriter.ts';

interface LogEntry {
  readonly at: number;
  readonly sequence: bigint;
  readonly tail: number;
  readonly length: number;
  readonly fileSize: number;
  readonly pages: readonly { readonly offset: number; readonly content: Uint8Array | number }[];
}

/** What must be written to bring the file up to date: pages by offset, in order. */
export interface LogReplay {
  readonly fileSize: number;
  /** A number is that many zero bytes. */
  readonly pages: readonly { readonly offset: number; readonly content: Uint8Array | number }[];
}

/** undefined if there is nothing to replay. Rejects with BlockError if the log is damaged. */
export async function readLog(file: ImageFile, header: VhdxHeader): Promise<LogReplay | undefined> {
  const { logGuid, logOffset, logLength } = header;
  if (logGuid === undefined) return undefined;
  const log = new Uint8Array(logLength);
  await file.read(logOffset, [log]);
  const entries = new Map<number, LogEntry>();
  for (let at = 0; at < logLength; at += sector) {
    const entry = parseEntry(log, at, logGuid);
    if (entry !== undefined) entries.set(at, entry);
  }
  // The sequence that ends with the highest number, if it reaches back to its tail (2.3.3).
  let best: LogEntry[] | undefined;
  for (const first of entries.values()) {
    const sequence = [first];
    for (let last = first; ;) {
      const next = entries.get((last.at + last.length) % logLength);
      if (next === undefined || next.sequence !== last.sequence + 1n) break;
      sequence.push((last = next));
    }
    const head = sequence.at(-1) as LogEntry;
    const from = sequence.findIndex(({ at }) => at === head.tail);
    if (from < 0) continue;
    if (best === undefined || head.sequence > (best.at(-1) as LogEntry).sequence)
      best = sequence.slice(from);
  }
  if (best === undefined) throw vhdxDamaged(file, 'its log has no entry that is whole');
  const head = best.at(-1) as LogEntry;
  if (file.size < head.fileSize) throw vhdxDamaged(file, 'it is shorter than its log says');
  return { fileSize: head.fileSize, pages: best.flatMap(({ pages }) => pages) };
}

function parseEntry(log: Uint8Array, at: number, logGuid: string): LogEntry | undefined {
  const ring = (from: number, length: number): Uint8Array => {
    const start = from % log.length;
    if (start + length <= log.length) return log.subarray(start, start + length);
    const joined = new Uint8Array(length);
    joined.set(log.subarray(start));
    joined.set(log.subarray(0, length - (log.length - start)), log.length - start);
    return joined;
  };
  const start = ring(at, sector);
  const head = new DataView(start.buffer, start.byteOffset, sector);
  if (head.getUint32(0, true) !== 0x65676f6c || guidText(start.subarray(32, 48)) !== logGuid)
    return undefined;
  const length = head.getUint32(8, true);
  const tail = head.getUint32(12, true);
  const count = head.getUint32(24, true);
  if (length === 0 || length % sector !== 0 || length > log.length || tail % sector !== 0)
    return undefined;
  const descriptorBytes = Math.ceil((64 + count * 32) / sector) * sector;
  if (count > length / 32 || descriptorBytes > length || tail >= log.length) return undefined;
  const bytes = ring(at, length).slice();
  const view = new DataView(bytes.buffer);
  const checksum = view.getUint32(4, true);
  view.setUint32(4, 0, true);
  if (crc32c(bytes) !== checksum) return undefined;
  const sequence = view.getBigUint64(16, true);
  const pages: { offset: number; content: Uint8Array | number }[] = [];
  let data = descriptorBytes;
  for (let i = 0; i < count; i++) {
    const entry = 64 + i * 32;
    const kind = view.getUint32(entry, true);
    const offset = Number(view.getBigUint64(entry + 16, true));
    if (view.getBigUint64(entry + 24, true) !== sequence || offset % sector !== 0) return undefined;
    if (kind === 0x6f72657a) {
      pages.push({ offset, content: Number(view.getBigUint64(entry + 8, true)) });
      continue;
    }
    if (kind !== 0x63736564 || data + sector > length) return undefined;
    const [high, low] = [view.getUint32(data + 4, true), view.getUint32(data + 4092, true)];
    if (view.getUint32(data, true) !== 0x61746164) return undefined;
    if ((BigInt(high) << 32n) + BigInt(low) !== sequence) return undefined;
    // The ends of the page stand in the descriptor, the signature and number in their place.
    const page = bytes.slice(data, data + sector);
    page.set(bytes.subarray(entry + 8, entry + 16), 0);
    page.set(bytes.subarray(entry + 4, entry + 8), 4092);
    pages.push({ offset, content: page });
    data += sector;
  }
  const fileSize = Number(view.getBigUint64(48, true));
  return { at, sequence, tail, length, fileSize, pages };
}

/** A file that may not be written, as it would be with the log replayed. */
export class ReplayedFile implements ImageFile {
  readonly path: string;
  readonly readOnly = true;
  readonly #file: ImageFile;
  readonly #replay: LogReplay;

  constructor(file: ImageFile, replay: LogReplay) {
    this.path = file.path;
    this.#file = file;
    this.#replay = replay;
  }

  get size(): number {
    return this.#file.size;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#file.read(offset, buffers);
    let at = offset;
    for (const buffer of buffers) {
      for (const page of this.#replay.pages) {
        const length = typeof page.content === 'number' ? page.content : page.content.length;
        const from = Math.max(at, page.offset);
        const to = Math.min(at + buffer.length, page.offset + length);
        if (from >= to) continue;
        if (typeof page.content === 'number') buffer.fill(0, from - at, to - at);
        else buffer.set(page.content.subarray(from - page.offset, to - page.offset), from - at);
      }
      at += buffer.length;
    }
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#file.write(offset, buffers);
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  punchHole(offset: number, length: number): Promise<boolean> {
    return this.#file.punchHole(offset, length);
  }

  resize(size: number): Promise<void> {
    return this.#file.resize(size);
  }

  async stretch(): Promise<FileStretch | undefined> {
    return undefined;
  }

  allocated(): Promise<number> {
    return this.#file.allocated();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
