/** The server with a certificate, made by openssl: https, wss, and what is wrong with files. About a second. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { authenticate } from '../../shared/rpc/serverHandshake.ts';
import { connectServices } from '../../shared/rpc/services.ts';
import type { WebSocketLike } from '../../shared/rpc/webSocketChannel.ts';
import { runCli } from '../cli/commandLine.ts';
import { createHostService } from '../manager/hostService.ts';
import { openHome } from '../manager/home.ts';
import { Manager } from '../manager/manager.ts';
import { nodeVmStarter } from '../manager/nodeVmStarter.ts';
import { readTlsCertificate, type TlsCertificate } from './tlsCertificate.ts';
import { startWebServer, type WebServer } from './webServer.ts';

const folder = mkdtempSync(join(tmpdir(), 'guesthouse-tls-'));
const [cert, key, otherKey] = ['cert.pem', 'key.pem', 'other.pem'].map((name) =>
  join(folder, name),
) as [string, string, string];
let manager: Manager;
let ca: TlsCertificate;

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

beforeAll(async () => {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = 'subjectAltName=DNS:vm.guesthouse.test,DNS:localhost,IP:127.0.0.2';
  openssl(
    ...['req', '-x509', ...curve, '-keyout', key, '-out', cert],
    ...['-days', '2', '-subj', '/CN=guesthouse', '-addext', names],
  );
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', otherKey);
  ca = await readTlsCertificate({ cert, key });
  writeFileSync(join(folder, 'index.html'), '<title>window</title>');
  const home = await openHome({ GUESTHOUSE_HOME: join(folder, 'home') });
  manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
});
afterAll(async () => {
  await manager?.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(options: { address?: string; tls?: TlsCertificate } = {}): Promise<WebServer> {
  return startWebServer({
    ...{ services: manager, windowFolder: folder, mediaFolder: folder, port: 0, tls: ca },
    ...options,
  });
}

interface Answer {
  readonly status: number | undefined;
  readonly policy: string;
}

/** Rejects if the certificate is not right for `name`, as a browser would. */
function ask(server: WebServer, address: string, name: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { Host: `${name}:${server.port}` };
    const { port } = server;
    get({ host: address, port, servername: name, ca: ca.cert, headers }, (response) => {
      response.resume();
      const policy = String(response.headers['content-security-policy']);
      resolve({ status: response.statusCode, policy });
    }).on('error', reject);
  });
}

describe('the web server with a certificate', () => {
  it('gives the window and the services by the names that the certificate is for', async () => {
    const server = await start();
    try {
      const { port } = server;
      expect(server.url).toBe(`https://localhost:${port}/#token=${server.token}`);
      for (const name of ['localhost', 'vm.guesthouse.test']) {
        const { status, policy } = await ask(server, '127.0.0.1', name);
        expect(status, name).toBe(200);
        expect(policy).toContain(`connect-src 'self' wss://${name}:${port}`);
      }
      const socket = (origin: string): WebSocketLike =>
        new WebSocket(`wss://localhost:${port}/socket`, {
          ...{ origin, ca: ca.cert, allowSynchronousEvents: false },
        }) as unknown as WebSocketLike;
      const services = connectServices(
        await authenticate(socket(`https://localhost:${port}`), server.token),
      );
      expect(await services.library.list()).toEqual([]);
      services.close();
      // The same host without encryption is another origin.
      await expect(authenticate(socket(`http://localhost:${port}`), server.token)).rejects.toThrow(
        'cannot be reached',
      );
    } finally {
      await server.close();
    }
  });

  it('listens on other addresses with a certificate only', async () => {
    const server = await start({ address: '0.0.0.0' });
    try {
      expect(new URL(server.url).hostname).toBe('vm.guesthouse.test');
      expect((await ask(server, '127.0.0.2', 'localhost')).status).toBe(200);
    } finally {
      await server.close();
    }
    const { tls: _, ...plain } = {
      ...{ services: manager, windowFolder: folder, mediaFolder: folder, port: 0, tls: ca },
    };
    await expect(startWebServer({ ...plain, address: '0.0.0.0' })).rejects.toMatchObject({
      code: 'tls-needed',
      hint: expect.stringContaining('--tls-cert') as string,
    });
    await expect(startWebServer({ ...plain, address: 'here' })).rejects.toMatchObject({
      code: 'address-invalid',
    });
  });

  it('says which file is wrong, and how', async () => {
    const text = join(folder, 'index.html');
    const gone = join(folder, 'gone.pem');
    const locked = join(folder, 'locked.pem');
    openssl('pkey', '-in', key, '-aes256', '-passout', 'pass:x', '-out', locked);
    for (const [files, message] of [
      [{ cert: gone, key }, `The file ${gone} does not exist.`],
      [{ cert, key: folder }, `${folder} cannot be read (EISDIR).`],
      [{ cert: text, key }, `${text} is not a certificate in PEM format.`],
      [{ cert, key: text }, `${text} is not a private key in PEM format`],
      [{ cert, key: locked }, `${locked} is not a private key in PEM format`],
      [{ cert, key: otherKey }, `The private key in ${otherKey} is not the one of`],
    ] as const) {
      await expect(readTlsCertificate(files)).rejects.toMatchObject({
        message: expect.stringContaining(message) as string,
      });
    }
    // Half of what is needed.
    expect(await runCli(['serve', '--tls-cert', cert])).toBe(64);
  });
});
