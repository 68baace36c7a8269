/** Archives of files, by tar-stream: appliances and bundles. Members are plain names, never paths. */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { damaged } from './foundMachine.ts';

export interface Member {
  readonly name: string;
  readonly size: number;
  readonly content: Readable;
}

/**
 * Gives each file of the archive to `visit`, in order; 'stop' ends the reading. Rejects with UserError if it is no
 * archive or names a member that is no plain name.
 */
export async function readTar(
  path: string,
  visit: (member: Member) => Promise<'stop' | void>,
  signal?: AbortSignal,
): Promise<void> {
  const extract = tar.extract();
  const source = createReadStream(path, { signal, highWaterMark: 1 << 20 });
  source.on('error', (error) => extract.destroy(error));
  source.pipe(extract);
  try {
    for await (const entry of extract) {
      const { name, type, size = 0 } = entry.header;
      if (type === 'file') {
        const plain = name.replace(/^\.\//, '');
        if (!isPlain(plain)) throw damaged(path, `it has a file of the name "${name}"`);
        if ((await visit({ name: plain, size, content: entry as unknown as Readable })) === 'stop')
          return;
      }
      entry.resume();
    }
  } catch (error) {
    if (/tar header|Unexpected end|Invalid/i.test((error as Error).message))
      throw damaged(path, 'it is no archive, or it is cut off');
    throw error;
  } finally {
    source.destroy();
    extract.destroy();
  }
}

/** A name that leads nowhere else. */
export const isPlain = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name);

export interface NewMember {
  readonly name: string;
  /** A file of the host, or the content. */
  readonly from: { readonly path: string } | { readonly text: string };
}

/** Writes a new archive. Rejects with the host's error. */
export async function writeTar(
  path: string,
  members: readonly NewMember[],
  watch: { readonly signal: AbortSignal; progress(done: number, total: number): void },
): Promise<void> {
  const pack = tar.pack();
  const sizes = await Promise.all(
    members.map(async ({ from }) =>
      'text' in from ? Buffer.byteLength(from.text) : (await stat(from.path)).size,
    ),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  const written = pipeline(pack, createWriteStream(path, { flags: 'wx', flush: true }), {
    signal: watch.signal,
  });
  const fill = async (): Promise<void> => {
    for (const [i, { name, from }] of members.entries()) {
      const size = sizes[i] as number;
      const header = { name, size, mtime: new Date(), mode: 0o644 };
      if ('text' in from) {
        pack.entry(header, from.text);
        done += size;
        continue;
      }
      const source = createReadStream(from.path, { highWaterMark: 1 << 20 });
      source.on('data', ({ length }) => watch.progress((done += length), total));
      await pipeline(source, pack.entry(header), { signal: watch.signal });
    }
    pack.finalize();
  };
  const filled = fill().catch((error: unknown) => {
    pack.destroy(error as Error);
    throw error;
  });
  await Promise.all([written, filled]);
}
