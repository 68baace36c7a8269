import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHostService } from '../manager/hostService.ts';
import { openHome } from '../manager/home.ts';
import { Manager } from '../manager/manager.ts';
import { nodeVmStarter } from '../manager/nodeVmStarter.ts';
import { startWebServer, type WebServer } from './webServer.ts';

let folder: string;
let media: string;
let manager: Manager;
let server: WebServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-uploads-'));
  const home = await openHome({ GUESTHOUSE_HOME: join(folder, 'home') });
  manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
  media = home.mediaFolder;
});
beforeEach(async () => {
  await rm(media, { recursive: true, force: true });
  server = await start(media);
});
afterEach(() => server.close());
afterAll(async () => {
  await manager.close();
  await rm(folder, { recursive: true, force: true });
});

function start(mediaFolder: string): Promise<WebServer> {
  return startWebServer({ services: manager, windowFolder: folder, mediaFolder, port: 0 });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function upload(
  name: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${server.port}/media?name=${name}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${server.token}`, ...headers },
    body,
  });
  return { status: response.status, body: await response.text() };
}

/** A request whose header promises `promised` bytes; `send` writes what it wants and ends or breaks it. */
function promise(
  promised: number,
  send: (request: ReturnType<typeof openRequest>) => void,
): Promise<Answer | Error> {
  return new Promise((resolve) => {
    const outgoing = openRequest(promised);
    outgoing.on('error', (error) => resolve(error));
    outgoing.on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('error', () => undefined);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    send(outgoing);
  });
}

const openRequest = (promised: number) =>
  request({
    ...{ host: '127.0.0.1', port: server.port, path: '/media?name=big.iso', method: 'POST' },
    headers: { Authorization: `Bearer ${server.token}`, 'Content-Length': promised },
  });

describe('an upload', () => {
  it('arrives whole in the media folder and never replaces a file', async () => {
    const content = new Uint8Array(3_000_000).map((_, i) => i * 7);
    const first = await upload('a.iso', content);
    expect(first).toEqual({ status: 200, body: JSON.stringify({ path: join(media, 'a.iso') }) });
    expect((await readFile(join(media, 'a.iso'))).equals(content)).toBe(true);
    expect((await upload('a.iso', 'other')).body).toContain('a (2).iso');
    expect((await readdir(media)).sort()).toEqual(['a (2).iso', 'a.iso']);
    expect((await readFile(join(media, 'a.iso'))).length).toBe(3_000_000);
  });

  it('stays in its folder whatever its name', async () => {
    for (const name of ['..%2F..%2Fescape', '%2Fetc%2Fx', '.hidden', 'a%00b', 'C%3A%5Cx.iso'])
      expect((await upload(name, 'x')).status, name).toBe(200);
    expect((await readdir(media)).sort()).toEqual(['a_b', 'escape', 'hidden', 'x', 'x.iso']);
    expect((await upload('..', 'x')).body).toMatch(/has no name/);
  });

  it('needs the token and an own origin', async () => {
    expect((await upload('x', 'x', { Authorization: 'Bearer guess' })).status).toBe(403);
    expect((await upload('x', 'x', { Authorization: '' })).status).toBe(403);
    expect((await upload('x', 'x', { Origin: 'http://evil.example' })).status).toBe(403);
    await expect(readdir(media)).rejects.toThrow('ENOENT');
  });

  it('that breaks off leaves nothing behind', async () => {
    await promise(1000, (outgoing) => {
      outgoing.write('only this');
      setTimeout(() => outgoing.destroy(), 100);
    });
    await expect.poll(() => readdir(media)).toEqual([]);
  });

  it('that is larger than what is free is refused before it is sent', async () => {
    const answer = await promise(1e15 - 1, (outgoing) => outgoing.flushHeaders());
    expect(answer).toMatchObject({ status: 507 });
    expect((answer as Answer).body).toMatch(/big\.iso.*does not fit into.*Free some space/);
    expect(await readdir(media)).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('says so when the disk gets full meanwhile', async () => {
    // A file system of its own, which only root can mount.
    const small = join(folder, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', small]);
    try {
      await server.close();
      server = await start(small);
      const source = join(folder, 'source');
      await writeFile(source, new Uint8Array(24 << 20));
      const answer = await promise(24 << 20, (outgoing) => {
        outgoing.flushHeaders();
        // Somebody else takes the space once the upload has been let in.
        setTimeout(() => {
          void writeFile(join(small, 'other'), new Uint8Array(90 << 20)).then(() =>
            createReadStream(source).pipe(outgoing),
          );
        }, 200);
      });
      expect(answer).toMatchObject({ status: 507 });
      expect(await readdir(small)).toEqual(['other']);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('clears away what a server that ended left behind', async () => {
    await mkdir(media, { recursive: true });
    for (const name of ['.upload-old', '.upload-new']) await writeFile(join(media, name), 'part');
    await utimes(join(media, '.upload-old'), new Date(0), new Date(0));
    await upload('x.iso', 'x');
    expect((await readdir(media)).sort()).toEqual(['.upload-new', 'x.iso']);
  });
});
