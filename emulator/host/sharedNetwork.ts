/**
 * A network that several machines' processes share, by a local socket. Whoever comes first is the hub: it
 * has the switch, and the gateway of a NAT network. When the hub ends, the next one becomes it; who is
 * connected through the gateway then connects anew. A frame on the socket is its length, what it lacks, and its bytes.
 */
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Frame, FrameEnd } from '../backends/network.ts';
import { Switch, type SwitchPort } from '../net/switch.ts';

const headerSize = 12;
const longestFrame = 0x1_0000 + 64;
/** Bytes that wait for another process: then the sender waits, or at the hub, the frame is lost. */
const mostWaiting = 1 << 20;
const mostAtHub = 4 << 20;
const retryMs = 50;

/** What a NAT network has besides its cable. */
export type Gateway = FrameEnd & { dispose(): void };

export interface SharedNetworkParts {
  /** Path of the socket, or a pipe's name on Windows. */
  readonly path: string;
  /** The machine's end. */
  readonly peer: FrameEnd;
  /**
   * Makes the gateway, whose frames go to `to`; for the hub of a NAT network. `guestOf` tells machines
   * apart by the source of a frame that has just come.
   */
  readonly gateway?: (to: FrameEnd, guestOf: (mac: Uint8Array) => unknown) => Gateway;
}

export class SharedNetwork implements FrameEnd {
  readonly #parts: SharedNetworkParts;
  #line: FrameLine | undefined;
  #hub: Hub | undefined;
  #closed = false;

  constructor(parts: SharedNetworkParts) {
    this.#parts = parts;
  }

  /** Joins the network, or begins it. */
  async open(): Promise<void> {
    for (let tries = 0; !this.#closed; tries++) {
      const socket = await connected(this.#parts.path);
      if (socket !== undefined) return this.#join(socket);
      // Nobody answers: what is left of a hub that was killed is in the way.
      if (tries > 0 && process.platform !== 'win32') await rm(this.#parts.path, { force: true });
      const server = await listening(this.#parts.path);
      if (server !== undefined) {
        this.#hub = new Hub(server, this.#parts);
        this.#parts.peer.ready();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs * Math.random()));
    }
  }

  get isHub(): boolean {
    return this.#hub !== undefined;
  }

  #join(socket: Socket): void {
    const { peer } = this.#parts;
    const line = (this.#line = new FrameLine(socket, {
      take: (frame) => peer.take(frame),
      ready: () => peer.ready(),
      flush: () => peer.flush(),
    }));
    socket.on('close', () => {
      if (this.#line === line) this.#line = undefined;
      if (!this.#closed) void this.open();
    });
    peer.ready();
  }

  take(frame: Frame): boolean {
    if (this.#hub !== undefined) return this.#hub.port.take(frame);
    return this.#line?.send(frame, mostWaiting) ?? true;
  }

  ready(): void {
    this.#hub?.port.ready();
    this.#line?.resume();
  }

  flush(): void {
    this.#hub?.port.flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#line?.close();
    await this.#hub?.close();
  }
}

class Hub {
  readonly #server: Server;
  readonly #switch = new Switch();
  readonly #lines = new Set<FrameLine>();
  readonly #gateway: Gateway | undefined;
  readonly port: SwitchPort;

  constructor(server: Server, { peer, gateway }: SharedNetworkParts) {
    this.#server = server;
    this.port = this.#switch.plug(peer);
    if (gateway !== undefined) {
      // Its connections are stopped one by one, so it may wait.
      const plug: { end?: FrameEnd; port?: SwitchPort } = {};
      plug.port = this.#switch.plug(
        {
          take: (frame) => plug.end?.take(frame) ?? true,
          ready: () => plug.end?.ready(),
          flush: () => plug.end?.flush(),
        },
        { patient: true },
      );
      this.#gateway = gateway(plug.port, (mac) => this.#switch.portOf(mac));
      plug.end = this.#gateway;
    }
    server.on('connection', (socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    const ends: { port?: SwitchPort } = {};
    const line = new FrameLine(socket, {
      take: (frame) => ends.port?.take(frame) ?? true,
      ready: () => ends.port?.ready(),
      flush: () => ends.port?.flush(),
    });
    ends.port = this.#switch.plug({
      take: (frame) => line.send(frame, mostAtHub),
      ready: () => line.resume(),
      flush: () => undefined,
    });
    this.#lines.add(line);
    socket.on('close', () => {
      ends.port?.remove();
      this.#lines.delete(line);
    });
  }

  async close(): Promise<void> {
    this.#gateway?.dispose();
    this.port.remove();
    for (const line of this.#lines) line.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Frames over a stream. */
class FrameLine {
  readonly #socket: Socket;
  readonly #target: FrameEnd;
  #pending: Buffer = Buffer.alloc(0);
  #refused = false;

  constructor(socket: Socket, target: FrameEnd) {
    this.#socket = socket;
    this.#target = target;
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
      this.#deliver();
    });
    socket.on('drain', () => {
      if (!this.#refused) return;
      this.#refused = false;
      target.ready();
    });
  }

  /** False if more than `most` bytes wait already. */
  send({ bytes, checksumStart, checksumOffset, segmentSize }: Frame, most: number): boolean {
    if (this.#socket.destroyed) return true;
    if (this.#socket.writableLength > most) {
      this.#refused = true;
      return false;
    }
    const message = Buffer.allocUnsafe(headerSize + bytes.length);
    message.writeUInt32LE(bytes.length, 0);
    message.writeUInt16LE(checksumStart, 4);
    message.writeUInt16LE(checksumOffset, 6);
    message.writeUInt32LE(segmentSize, 8);
    message.set(bytes, headerSize);
    this.#socket.write(message);
    return true;
  }

  #deliver(): void {
    let at = 0;
    const pending = this.#pending;
    while (pending.length - at >= headerSize) {
      const length = pending.readUInt32LE(at);
      if (length > longestFrame) {
        // Not one of ours.
        this.#socket.destroy();
        return;
      }
      const start = at + headerSize;
      if (pending.length < start + length) break;
      const taken = this.#target.take({
        bytes: pending.subarray(start, start + length),
        checksumStart: pending.readUInt16LE(at + 4),
        checksumOffset: pending.readUInt16LE(at + 6),
        segmentSize: pending.readUInt32LE(at + 8),
      });
      if (!taken) {
        this.#socket.pause();
        break;
      }
      at = start + length;
    }
    this.#pending = pending.subarray(at);
    if (at > 0) this.#target.flush();
  }

  /** The target has room again. */
  resume(): void {
    if (!this.#socket.isPaused()) return;
    this.#deliver();
    if (this.#pending.length < longestFrame) this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }
}

function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

function listening(path: string): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(path, () => resolve(server));
  });
}
