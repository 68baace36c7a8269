/**
 * The headless server's front: the built window over HTTP and the services over a WebSocket, on the
 * loopback interface or, with a certificate, any other. Whoever has the token has everything; a web page of another
 * origin, or one that has pointed its own name at this address, gets nothing.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIP, type AddressInfo, type Socket } from 'node:net';
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
import type { TlsCertificate } from './tlsCertificate.ts';
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
  /** IP address to listen on, by default 127.0.0.1. One that others can reach takes a certificate. */
  readonly address?: string;
  /** Absent: plain HTTP. */
  readonly tls?: TlsCertificate;
}

export interface WebServer {
  readonly port: number;
  readonly token: string;
  /** Address to open once; the token stands in its fragment. */
  readonly url: string;
  close(): Promise<void>;
}

const loopback = '127.0.0.1';
const handshakeMs = 10_000;

/** Rejects with UserError 'port-busy', 'port-refused', 'address-invalid' or 'tls-needed'. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const address = checkedAddress(options);
  const { tls } = options;
  const scheme = tls === undefined ? 'http' : 'https';
  const webSocketScheme = tls === undefined ? 'ws' : 'wss';
  const token = randomBytes(32).toString('base64url');
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 4 << 20,
    // Each message in a task of its own, see shared/rpc/channel.ts.
    allowSynchronousEvents: false,
    perMessageDeflate: false,
  });
  let port = 0;
  const ownHost = (request: IncomingMessage): string | undefined => {
    const { host } = request.headers;
    return host !== undefined && isOwnHost(host, port, address, tls) ? host : undefined;
  };
  /** Browsers always send Origin with a WebSocket; other programs may leave it out. */
  const ownOrigin = ({ headers: { origin } }: IncomingMessage, host: string): boolean =>
    origin === undefined || origin === originOf(scheme, host);
  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const host = ownHost(request);
    if (host === undefined) {
      response.writeHead(421, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end('This server answers only to its own names.');
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
    void serveStatic(options.windowFolder, `${webSocketScheme}://${host}`, request, response);
  };
  const server =
    tls === undefined
      ? createServer(respond)
      : createTlsServer({ cert: tls.cert, key: tls.key }, respond);
  // An upload may take as long as it takes; headers still have their time limit.
  server.requestTimeout = 0;
  server.on('upgrade', (request, socket, head) => {
    const host = ownHost(request);
    if (host !== undefined && pathPart(request) === screenSocketPath && ownOrigin(request, host)) {
      // Another process could not go on with an encrypted connection.
      handScreen(
        tls === undefined ? options.takeScreen : undefined,
        token,
        request,
        socket as Socket,
        head,
      );
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
  await listen(server, options.port, address);
  port = (server.address() as AddressInfo).port;
  const releasePort = claimServerPort(port);
  return {
    port,
    token,
    url: `${originOf(scheme, `${bracketed(shownHost(address, tls))}:${port}`)}/#token=${token}`,
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
  // Node asks the processes that a server's connections were sent to about them when the server closes, and waits for ever
  // if all of those have ended (26.10). A connection that is gone from here is no business of the server.
  (socket as { server?: unknown }).server = undefined;
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

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

/** As browsers write it in Origin: without the scheme's own port. */
const originOf = (scheme: string, host: string): string => new URL(`${scheme}://${host}`).origin;

function checkedAddress({ address = loopback, tls }: WebServerOptions): string {
  if (isIP(address) === 0) {
    throw new UserError({
      code: 'address-invalid',
      message: `"${address}" is not an IP address.`,
      hint: 'Give one of this machine’s own, or 0.0.0.0 for all of them.',
    });
  }
  if (tls === undefined && !isLoopback(address)) {
    throw new UserError({
      code: 'tls-needed',
      message: `Others could read along at ${address} without encryption.`,
      hint: 'Give a certificate with --tls-cert and --tls-key.',
    });
  }
  return address;
}

/** Whether a Host header names this server. A name that somebody else rebound to its address is refused. */
function isOwnHost(
  host: string,
  port: number,
  address: string,
  tls: TlsCertificate | undefined,
): boolean {
  const [, name = '', given] = /^(\[[0-9a-f:.]+\]|[^:/@[\]]+)(?::(\d{1,5}))?$/i.exec(host) ?? [];
  if (Number(given ?? (tls === undefined ? 80 : 443)) !== port) return false;
  const plain = name.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    plain === loopback || plain === 'localhost' || plain === address || tls?.isFor(plain) === true
  );
}

/** What to open: a name that the certificate is for, if it has one. */
function shownHost(address: string, tls: TlsCertificate | undefined): string {
  if (tls === undefined || tls.isFor(address)) return address;
  return isLoopback(address) && tls.isFor('localhost') ? 'localhost' : (tls.firstName ?? address);
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE';
      reject(
        new UserError(
          {
            code: busy ? 'port-busy' : 'port-refused',
            message: busy
              ? `Port ${port} is in use by another program.`
              : `Port ${port} of ${address} cannot be opened (${error.code ?? error.message}).`,
            hint: 'Choose another with --port, or any free one with --port 0.',
          },
          { cause: error },
        ),
      );
    });
    server.listen(port, address, resolve);
  });
}
