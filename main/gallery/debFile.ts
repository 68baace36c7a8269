/** Debian packages (deb(5), format 2.0): an ar archive with a tar of control files and one of the content. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import xz from 'xz-decompress';

export interface TarEntry {
  readonly header: Header;
  readonly content: Uint8Array;
}
export interface DebFile {
  readonly control: readonly TarEntry[];
  readonly data: readonly TarEntry[];
}

/** Rejects with an Error that says what is wrong with the file. */
export async function readDeb(file: Uint8Array): Promise<DebFile> {
  const members = arMembers(file);
  if (members[0]?.name !== 'debian-binary') throw new Error('It is no Debian package.');
  const open = async (kind: string): Promise<TarEntry[]> => {
    const member = members.find(({ name }) => name === kind || name.startsWith(`${kind}.`));
    if (!member) throw new Error(`The package has no ${kind}.`);
    return readTar(await decompress(member.name, member.content));
  };
  return { control: await open('control.tar'), data: await open('data.tar') };
}

/** By the end of the file's name: xz, gz, zst or none. */
export async function decompress(name: string, packed: Uint8Array): Promise<Uint8Array> {
  if (name.endsWith('.gz')) return gunzipSync(packed);
  if (name.endsWith('.zst')) return zstdDecompressSync(packed);
  if (!name.endsWith('.xz')) return packed;
  // Not by Blob and Response, whose streams have been seen to stand still for half a minute on a busy host.
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(packed);
      controller.close();
    },
  });
  const chunks: Uint8Array[] = [];
  const reader = (new xz.XzReadableStream(source) as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    chunks.push(value);
  }
}

function arMembers(file: Uint8Array): { name: string; content: Uint8Array }[] {
  const text = (start: number, length: number): string =>
    Buffer.from(file.subarray(start, start + length)).toString('latin1');
  if (text(0, 8) !== '!<arch>\n') throw new Error('It is no ar archive.');
  const members: { name: string; content: Uint8Array }[] = [];
  for (let at = 8; at + 60 <= file.length;) {
    const size = Number(text(at + 48, 10).trim());
    const start = at + 60;
    if (!Number.isInteger(size) || start + size > file.length) throw new Error('It is cut off.');
    const name = text(at, 16).trim().replace(/\/$/, '');
    members.push({ name, content: file.subarray(start, start + size) });
    at = start + size + (size & 1);
  }
  return members;
}

async function readTar(bytes: Uint8Array): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const parser = extract();
  Readable.from([bytes]).pipe(parser);
  for await (const entry of parser) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    entries.push({ header: entry.header, content: Buffer.concat(chunks) });
  }
  return entries;
}
