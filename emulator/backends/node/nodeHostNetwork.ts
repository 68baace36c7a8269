/** The host's sockets by node:net, node:dgram and node:dns. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { readFile, realpath, stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import {
  HostNetworkError,
  type BootFiles,
  type ConnectFailure,
  type HostAddress,
  type HostListener,
  type HostNetwork,
  type HostTcp,
  type HostTcpEvents,
  type HostUdp,
} from '../hostNetwork.ts';

const connectPatienceMs = 20_000;
/** Idle time after which the host asks whether a peer is still there. */
const keepAliveMs = 7_200_000;

export class NodeHostNetwork implements HostNetwork {
  connectTcp(to: HostAddress, events: HostTcpEvents): HostTcp {
    const socket = connect({ host: to.address, port: to.port, allowHalfOpen: true, noDelay: true });
    socket.setTimeout(connectPatienceMs);
    return new NodeTcp(socket, events, false);
  }

  listenTcp(
    at: HostAddress,
    accepted: (socket: HostTcp, from: HostAddress) => HostTcpEvents,
  ): Promise<HostListener> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
      const tcp = new NodeTcp(socket, undefined, true);
      tcp.events = accepted(tcp, from);
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(explain(error, 'TCP', at)));
      server.listen({ host: at.address, port: at.port, ipv6Only: at.address.includes(':') }, () => {
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : at.port;
        resolve({ port, close: () => server.close() });
      });
    });
  }

  openUdp(family: 4 | 6, received: (bytes: Uint8Array, from: HostAddress) => void): HostUdp {
    return new NodeUdp(createSocket(family === 4 ? 'udp4' : 'udp6'), received);
  }

  bindUdp(
    at: HostAddress,
    received: (bytes: Uint8Array, from: HostAddress) => void,
  ): Promise<HostUdp> {
    const v6 = at.address.includes(':');
    const socket = createSocket(v6 ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        reject(explain(error, 'UDP', at));
      });
      socket.bind({ address: at.address, port: at.port, exclusive: true }, () =>
        resolve(new NodeUdp(socket, received)),
      );
    });
  }

  nameServers(): readonly HostAddress[] {
    return getServers().map((server) => {
      const bracketed =
        /^\[(.*)\]:(\d+)$/.exec(server) ?? /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(server);
      return bracketed === null
        ? { address: server, port: 53 }
        : { address: bracketed[1] ?? '', port: Number(bracketed[2]) };
    });
  }
}

class NodeTcp implements HostTcp {
  events: HostTcpEvents | undefined;
  readonly #socket: Socket;
  #connected: boolean;
  #over = false;

  constructor(socket: Socket, events: HostTcpEvents | undefined, connected: boolean) {
    this.#socket = socket;
    this.events = events;
    this.#connected = connected;
    socket.on('connect', () => {
      this.#connected = true;
      socket.setTimeout(0);
      socket.setKeepAlive(true, keepAliveMs);
      this.events?.connected();
    });
    socket.on('timeout', () => {
      if (!this.#connected) this.#fail('timeout');
    });
    socket.on('data', (bytes: Buffer) => this.events?.data(bytes));
    socket.on('end', () => this.events?.end());
    socket.on('drain', () => this.events?.drained());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#connected) this.#finish(true);
      else
        this.#fail(
          error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'refused' : 'unreachable',
        );
    });
    socket.on('close', () => this.#finish(false));
  }

  #fail(why: ConnectFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    this.events?.failed(why);
  }

  #finish(reset: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.events?.closed(reset);
  }

  write(bytes: Uint8Array): void {
    if (!this.#socket.writableEnded && !this.#socket.destroyed) this.#socket.write(bytes);
  }
  get unsent(): number {
    return this.#socket.writableLength;
  }
  end(): void {
    this.#socket.end();
  }
  abort(): void {
    this.#over = true;
    if (this.#connected) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
}

class NodeUdp implements HostUdp {
  readonly #socket: DatagramSocket;
  #closed = false;

  constructor(socket: DatagramSocket, received: (bytes: Uint8Array, from: HostAddress) => void) {
    this.#socket = socket;
    socket.removeAllListeners('error');
    socket.on('error', () => undefined);
    socket.on('message', (bytes, { address, port }) => {
      if (!this.#closed) received(bytes, { address: address.replace(/%.*$/, ''), port });
    });
    // A guest's chatter does not keep a process alive that is otherwise done.
    socket.unref();
  }

  get port(): number {
    try {
      return this.#socket.address().port;
    } catch {
      return 0;
    }
  }
  send(bytes: Uint8Array, to: HostAddress): void {
    if (!this.#closed) this.#socket.send(bytes, to.port, to.address, () => undefined);
  }
  get unsent(): number {
    return this.#closed ? 0 : this.#socket.getSendQueueSize();
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

function explain(error: NodeJS.ErrnoException, kind: string, at: HostAddress): HostNetworkError {
  const where = `${kind} port ${at.port} of ${at.address}`;
  const options = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new HostNetworkError('in-use', `Another program uses ${where} already.`, options);
    case 'EACCES':
    case 'EPERM':
      return new HostNetworkError('permission', `This user may not open ${where}.`, options);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EINVAL':
      return new HostNetworkError(
        'no-address',
        `This computer has no address ${at.address}.`,
        options,
      );
    default:
      return new HostNetworkError('io', `${where} could not be opened: ${error.message}`, options);
  }
}

const largestBootFile = 256 << 20;

/** Files of one folder, and of nothing outside of it. */
export class FolderBootFiles implements BootFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      const folder = await realpath(this.#folder);
      const file = await realpath(
        path.join(folder, path.normalize(`/${name.replaceAll('\\', '/')}`)),
      );
      if (!file.startsWith(folder + path.sep)) return undefined;
      const { size } = await stat(file);
      return size > largestBootFile ? undefined : await readFile(file);
    } catch {
      return undefined;
    }
  }
}
