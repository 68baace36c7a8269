/**
 * The headless server's front: the built window over HTTP and the services over a WebSocket, on the
 * loopback interface only. Whoever has the token has everything; a web page of another origin, or
 * one that has pointed its own name at 127.0.0.1, gets nothing.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { decodeMessage, encodeMessage } from '../../shared/rpc/messageCodec.ts';
import { screenSocketPath, tokenInProtocols } from '../../shared/rpc/screenSocket.ts';
import { refusedCloseCode, serverSocketPath } from '../../shared/rpc/serverHandshake.ts';
import type { Services } from '../../shared/rpc/serviceContract.ts';
import { serveServices } from '../../shared/rpc/services.ts';
import { uploadPath } from '../../shared/rpc/uploads.ts';
import { webSocketChannel, type WebSocketLike } from '../../shared/rpc/webSocketChannel.ts';
import { claimServerPort } from '../../emulator/host/serverPorts.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { TakeScreen } from '../manager/manager.ts';
import { serveStatic } from './staticFiles.ts';
import { receiveUpload } from './uploads.ts';

export interface WebServerOptions {
  readonly services: Services;
  /** Hands windows' connections to the machines' processes, where that is possible. */
  readonly takeScreen?: TakeScreen;
  /** Folder of the built window. */
  readonly windowFolder: string;
  /** Where uploaded files go. */
  readonly mediaFolder: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface WebServer {
  readonly port: number;
  readonly token: string;
  /** Address to open once; the token stands in its fragment. */
  readonly url: string;
  close(): Promise<void>;
}

const address = '127.0.0.1';
const handshakeMs = 10_000;

/** Rejects with UserError 'port-busy' or 'port-refused'. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const token = randomBytes(32).toString('base64url');
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 4 << 20,
    // Each message in a task of its own, see shared/rpc/channel.ts.
    allowSynchronousEvents: false,
    perMessageDeflate: false,
  });
  let port = 0;
  const server = createServer((request, response) => {
    const host = ownHost(request, port);
    if (host === undefined) {
      response.writeHead(421, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end('This server answers only to 127.0.0.1 and localhost.');
      return;
    }
    if (request.method === 'POST' && pathPart(request) === uploadPath) {
      if (ownOrigin(request, host) && sameToken(bearerOf(request), token)) {
        void receiveUpload(options.mediaFolder, request, response);
      } else {
        response.writeHead(403, {
          'Content-Type': 'text/plain; charset=utf-8',
          Connection: 'close',
        });
        response.end('The token is not right.');
      }
      return;
    }
    void serveStatic(options.windowFolder, host, request, response);
  });
  // An upload may take as long as it takes; headers still have their time limit.
  server.requestTimeout = 0;
  server.on('upgrade', (request, socket, head) => {
    const host = ownHost(request, port);
    if (host !== undefined && pathPart(request) === screenSocketPath && ownOrigin(request, host)) {
      handScreen(options.takeScreen, token, request, socket as Socket, head);
      return;
    }
    if (host === undefined || pathPart(request) !== serverSocketPath || !ownOrigin(request, host)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    socket.on('error', () => undefined);
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      awaitToken(webSocket, token, () => {
        const channel = webSocketChannel(webSocket as unknown as WebSocketLike);
        serveServices(channel, options.services);
      }),
    );
  });
  await listen(server, options.port);
  port = (server.address() as AddressInfo).port;
  const releasePort = claimServerPort(port);
  return {
    port,
    token,
    url: `http://${address}:${port}/#token=${token}`,
    close: async () => {
      releasePort();
      for (const webSocket of sockets.clients) webSocket.close(1001, 'The server was closed.');
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      setTimeout(() => {
        for (const webSocket of sockets.clients) webSocket.terminate();
        server.closeAllConnections();
      }, 300);
      server.closeIdleConnections();
      await closed;
    },
  };
}

/** Whoever is refused asks for pictures over the services instead. */
function handScreen(
  take: TakeScreen | undefined,
  token: string,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const { headers, url } = request;
  const vmId = new URL(url ?? '/', 'http://localhost').searchParams.get('vm') ?? '';
  const allowed = sameToken(tokenInProtocols(headers['sec-websocket-protocol']), token);
  const handover = {
    kind: 'screen' as const,
    headers: Object.fromEntries(
      Object.entries(headers).filter(([, value]) => typeof value === 'string'),
    ) as Record<string, string>,
    head,
  };
  if (allowed && take?.(vmId, handover, socket)) return;
  socket.on('error', () => undefined);
  socket.end(
    `HTTP/1.1 ${allowed ? '404 Not Found' : '403 Forbidden'}\r\nConnection: close\r\n\r\n`,
  );
}

/** The first message must be {token}; anything else closes the socket. */
function awaitToken(webSocket: WebSocket, token: string, accepted: () => void): void {
  const refuse = (): void =>
    webSocket.close(refusedCloseCode, 'The token is not right: open the address that was printed.');
  const timer = setTimeout(refuse, handshakeMs);
  webSocket.binaryType = 'arraybuffer';
  webSocket.on('error', () => undefined);
  webSocket.once('close', () => clearTimeout(timer));
  webSocket.once('message', (data) => {
    clearTimeout(timer);
    if (!(data instanceof ArrayBuffer) || !sameToken(tokenIn(data), token)) {
      refuse();
      return;
    }
    webSocket.send(encodeMessage({ ready: true }));
    accepted();
  });
}

function tokenIn(data: ArrayBuffer): string {
  if (data.byteLength > 1024) return '';
  try {
    const message = decodeMessage(new Uint8Array(data)) as { token?: unknown } | null;
    return typeof message?.token === 'string' ? message.token : '';
  } catch {
    return '';
  }
}

function sameToken(given: string, right: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}

const pathPart = (request: IncomingMessage): string => (request.url ?? '').split('?')[0] ?? '';

const bearerOf = (request: IncomingMessage): string =>
  /^Bearer (\S{1,1024})$/.exec(request.headers.authorization ?? '')?.[1] ?? '';

/** The Host header if it names this server: a name rebound to 127.0.0.1 is refused. */
function ownHost(request: IncomingMessage, port: number): string | undefined {
  const host = request.headers.host;
  return host === `${address}:${port}` || host === `localhost:${port}` ? host : undefined;
}

/** Browsers always send Origin with a WebSocket; other programs may leave it out. */
function ownOrigin(request: IncomingMessage, host: string): boolean {
  const { origin } = request.headers;
  return origin === undefined || origin === `http://${host}`;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE';
      reject(
        new UserError(
          {
            code: busy ? 'port-busy' : 'port-refused',
            message: busy
              ? `Port ${port} is in use by another program.`
              : `Port ${port} cannot be opened (${error.code ?? error.message}).`,
            hint: 'Choose another with --port, or any free one with --port 0.',
          },
          { cause: error },
        ),
      );
    });
    server.listen(port, address, resolve);
  });
}
