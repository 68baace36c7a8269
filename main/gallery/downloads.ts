/** Files from the network, kept in a folder by their hash, so that what was interrupted goes on where it stopped. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../../shared/services/errors.ts';

/** Without a byte for so long, a connection is dead. */
const silenceMs = 30_000;
const attempts = 3;

export interface WantedFile {
  readonly url: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export class Downloads {
  private readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * The file's bytes, checked. Rejects with UserError: 'download' if it cannot be had, 'download-damaged' if what came is
   * not what was promised.
   * @param progress called with bytes that are here, of this file
   */
  async fetch(
    { url, size, sha256 }: WantedFile,
    signal: AbortSignal,
    progress: (bytes: number) => void,
  ): Promise<Uint8Array> {
    await mkdir(this.folder, { recursive: true });
    const whole = join(this.folder, sha256);
    const kept = await readFile(whole).catch(() => undefined);
    if (kept && hash(kept) === sha256) {
      progress(size);
      return kept;
    }
    const part = `${whole}.part`;
    for (let attempt = 1; ; attempt++)
      try {
        await this.append(url, part, size, signal, progress);
        break;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof UserError || attempt === attempts) throw error;
        await delay(1000 * attempt, undefined, { signal });
      }
    const bytes = await readFile(part);
    if (bytes.length !== size || hash(bytes) !== sha256) {
      await rm(part);
      throw new UserError({
        code: 'download-damaged',
        message: `${url} is not the file that the signed list names: its hash differs.`,
        hint: 'Try again later, or choose another mirror in the preferences.',
      });
    }
    await rename(part, whole);
    return bytes;
  }

  private async append(
    url: string,
    part: string,
    size: number,
    signal: AbortSignal,
    progress: (bytes: number) => void,
  ): Promise<void> {
    const have = await stat(part).then(
      (status) => status.size,
      () => 0,
    );
    if (have >= size) return;
    const answer = await request(url, signal, have > 0 ? { Range: `bytes=${have}-` } : {});
    // A server that knows no ranges sends all of it.
    const from = answer.status === 206 ? have : 0;
    await using file = await open(part, from > 0 ? 'r+' : 'w');
    let at = from;
    progress(at);
    for await (const chunk of answer.chunks) {
      if (at + chunk.length > size) throw new Error('more came than was promised');
      await file.write(chunk, 0, chunk.length, at);
      progress((at += chunk.length));
    }
    if (at < size) throw new UserError(unreachable(url, 'the connection broke'));
  }
}

/** A small file, whole, which the caller checks. Rejects with UserError. */
export async function fetchText(
  url: string,
  signal: AbortSignal,
  mostBytes: number,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (await request(url, signal, {})).chunks) {
    if ((length += chunk.length) > mostBytes)
      throw new UserError(unreachable(url, 'the answer is too long'));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function request(
  url: string,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<{ status: number; chunks: AsyncIterable<Uint8Array> }> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const explain = (error: unknown): unknown => {
    if (signal.aborted) return error;
    const cause = (error as { cause?: { code?: string } }).cause?.code;
    const why = silence.signal.aborted ? 'no answer' : (cause ?? String(error));
    return new UserError(unreachable(url, why), { cause: error });
  };
  let answer: Response;
  try {
    answer = await fetch(url, { headers, signal: AbortSignal.any([signal, silence.signal]) });
    if (!answer.ok || !answer.body) throw new UserError(unreachable(url, `HTTP ${answer.status}`));
  } catch (error) {
    clearTimeout(timer);
    throw error instanceof UserError ? error : explain(error);
  }
  const { body } = answer;
  return {
    status: answer.status,
    chunks: (async function* () {
      try {
        for await (const chunk of body) {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), silenceMs);
          yield chunk;
        }
      } catch (error) {
        throw explain(error);
      } finally {
        clearTimeout(timer);
      }
    })(),
  };
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function unreachable(url: string, why: string): { code: string; message: string; hint: string } {
  return {
    code: 'download',
    message: `${url} cannot be fetched (${why}).`,
    hint: 'Check the network, or choose another mirror in the preferences; what is here already is kept.',
  };
}
