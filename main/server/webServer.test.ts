import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { screenProtocols, screenSocketPath } from '../../shared/rpc/screenSocket.ts';
import { authenticate } from '../../shared/rpc/serverHandshake.ts';
import { connectServices } from '../../shared/rpc/services.ts';
import type { WebSocketLike } from '../../shared/rpc/webSocketChannel.ts';
import { createHostService } from '../manager/hostService.ts';
import { openHome } from '../manager/home.ts';
import { Manager } from '../manager/manager.ts';
import { nodeVmStarter } from '../manager/nodeVmStarter.ts';
import { startWebServer, type WebServer } from './webServer.ts';

let folder: string;
let manager: Manager;
const servers: WebServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-server-'));
  await writeFile(join(folder, 'index.html'), '<title>window</title>');
  const home = await openHome({ GUESTHOUSE_HOME: join(folder, 'home') });
  manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
});
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(async () => {
  await manager.close();
  await rm(folder, { recursive: true, force: true });
});

async function serve(port = 0): Promise<WebServer> {
  const server = await startWebServer({
    ...{ services: manager, windowFolder: folder, mediaFolder: join(folder, 'media'), port },
  });
  servers.push(server);
  return server;
}

function socketTo(server: WebServer, origin = `http://127.0.0.1:${server.port}`): WebSocketLike {
  return new WebSocket(`ws://127.0.0.1:${server.port}/socket`, {
    origin,
    allowSynchronousEvents: false,
  }) as unknown as WebSocketLike;
}

function statusWithHost(server: WebServer, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: server.port, headers: { Host: host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('the web server', () => {
  it('gives the window with headers that isolate it', async () => {
    const server = await serve();
    const response = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(await response.text()).toContain('window');
    expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('gives nothing outside the window’s folder', async () => {
    const server = await serve();
    for (const path of [
      '/..%2f..%2fetc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/home/x',
      '/a%00b',
    ]) {
      expect((await fetch(`http://127.0.0.1:${server.port}${path}`)).ok).toBe(false);
    }
  });

  it('answers the services to who has the token', async () => {
    const server = await serve();
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/#token=${server.token}`);
    const services = connectServices(await authenticate(socketTo(server), server.token));
    const created = await services.library.create({
      name: 'web',
      memoryMiB: 64,
      boot: { kernel: '/vmlinuz' },
    });
    expect(await services.library.list()).toContainEqual(created);
    await services.library.delete(created.id);
    expect((await services.host.info()).shell).toBe('server');
    services.close();
  });

  it('refuses a wrong token and says so', async () => {
    const server = await serve();
    await expect(authenticate(socketTo(server), 'guess')).rejects.toMatchObject({
      name: 'TokenRefusedError',
    });
  });

  it('refuses pages of other origins and names that lead here', async () => {
    const server = await serve();
    await expect(
      authenticate(socketTo(server, 'http://evil.example'), server.token),
    ).rejects.toThrow('cannot be reached');
    expect(await statusWithHost(server, `evil.example:${server.port}`)).toBe(421);
    expect(await statusWithHost(server, `localhost:${server.port}`)).toBe(200);
  });

  it('closes after a process that it handed a screen to has ended', async () => {
    const script = join(folder, 'takesScreen.mjs');
    await writeFile(script, "process.on('message', () => process.exit());");
    const child = fork(script);
    const ended = once(child, 'exit');
    const server = await startWebServer({
      ...{ services: manager, windowFolder: folder, mediaFolder: folder, port: 0 },
      takeScreen: (_, __, socket) => child.send('screen', socket, () => socket.destroy()),
    });
    const socket = new WebSocket(
      `ws://127.0.0.1:${server.port}${screenSocketPath}?vm=x`,
      screenProtocols(server.token),
    );
    await once(socket, 'error');
    await ended;
    await server.close();
  }, 60_000);

  it('says that a port is in use, and the way out', async () => {
    const first = await serve();
    await expect(serve(first.port)).rejects.toMatchObject({
      code: 'port-busy',
      hint: expect.stringContaining('--port') as string,
    });
  });
});
