/** Files that a browser hands to the server: streamed into the library's media folder, whole or not at all. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, parse } from 'node:path';
import { errorToWire } from '../../shared/rpc/wireError.ts';
import { UserError } from '../../shared/services/errors.ts';

/** What stays free on the file system, so that an upload does not stop everything else. */
const reserveBytes = 64 * 2 ** 20;
const partPrefix = '.upload-';
/** A part that nobody has written to for so long is left over from a server that ended. */
const abandonedMs = 24 * 3600 * 1000;

/** Takes one file; the request has been authenticated. Never rejects. */
export async function receiveUpload(
  folder: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, body: object): void => {
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
    // A browser that cannot send all of it does not look at the answer.
    request.resume();
  };
  try {
    const name = nameOf(request);
    const size = sizeOf(request);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeAbandoned(folder);
    await checkSpace(folder, name, size);
    answer(200, { path: await store(folder, name, size, request) });
  } catch (error) {
    const wire = errorToWire(error);
    answer(statusOf(wire.code), wire);
  }
}

const statuses: Readonly<Record<string, number>> = {
  invalid: 400,
  'no-space': 507,
  'upload-broken': 400,
};
const statusOf = (code: string): number => statuses[code] ?? 500;

function nameOf(request: IncomingMessage): string {
  const given = new URL(request.url ?? '/', 'http://localhost').searchParams.get('name') ?? '';
  // Names come from other systems: none may lead elsewhere, hide, or be unusable on this one.
  const safe = given
    .replace(/^.*[\\/]/, '')
    // eslint-disable-next-line no-control-regex -- they are what must go
    .replace(/[\0-\x1f<>:"|?*]/g, '_')
    .replace(/^\.+|[. ]+$/g, '')
    .slice(-120);
  if (safe !== '') return safe;
  throw new UserError({
    code: 'invalid',
    message: 'The file has no name.',
    hint: 'Rename it and try again.',
  });
}

function sizeOf(request: IncomingMessage): number {
  const text = request.headers['content-length'];
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw new UserError({
    code: 'invalid',
    message: 'The size of the file is not known.',
    hint: 'Send it with a Content-Length.',
  });
}

async function checkSpace(folder: string, name: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize - reserveBytes;
  if (size <= free) return;
  throw noSpace(folder, name, size, Math.max(0, free));
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

function noSpace(folder: string, name: string, size: number, free?: number): UserError {
  const left = free === undefined ? '' : `; ${mebibytes(free)} can be used there`;
  return new UserError({
    code: 'no-space',
    message: `"${name}" of ${mebibytes(size)} does not fit into ${folder}${left}.`,
    hint: 'Free some space there, or keep the file where it is and choose it by its path.',
  });
}

/** Returns the path under which the file now is; an existing file keeps its name. */
async function store(
  folder: string,
  name: string,
  size: number,
  request: IncomingMessage,
): Promise<string> {
  const part = join(folder, `${partPrefix}${randomUUID()}`);
  try {
    const arrived = await write(part, request);
    if (arrived !== size) {
      throw new UserError({
        code: 'upload-broken',
        message: `"${name}" arrived incomplete: ${arrived} of ${size} bytes.`,
        hint: 'Try again.',
      });
    }
    return await publish(part, folder, name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw noSpace(folder, name, size);
    if (error instanceof UserError) throw error;
    throw new UserError(
      {
        code: 'upload-failed',
        message: `"${name}" could not be stored in ${folder} (${code ?? String(error)}).`,
        hint: 'Check the folder’s permissions and try again.',
      },
      { cause: error },
    );
  } finally {
    await rm(part, { force: true });
  }
}

/** Returns how many bytes there were. A failure leaves the request as it is, so that it can be answered. */
async function write(path: string, request: IncomingMessage): Promise<number> {
  await using file = await open(path, 'wx', 0o600);
  let total = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    await file.writeFile(chunk as Buffer);
    total += (chunk as Buffer).length;
  }
  await file.sync();
  return total;
}

/** Takes a name that is free before anything is put there: nothing is ever replaced. */
async function publish(part: string, folder: string, name: string): Promise<string> {
  const { name: stem, ext } = parse(name);
  for (let number = 1; ; number++) {
    const path = join(folder, number === 1 ? name : `${stem} (${number})${ext}`);
    try {
      await (await open(path, 'wx', 0o600)).close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || number === 1000) throw error;
      continue;
    }
    await rename(part, path);
    return path;
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(partPrefix)) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > abandonedMs) await rm(path, { force: true });
  }
}
