/**
 * A TAP device of Linux (Documentation/networking/tuntap.rst) as an end of a cable: the host's own TCP/IP, or a bridge, on
 * the other side. Needs the right to make one (CAP_NET_ADMIN), or one made beforehand for this user. It is
 * read without blocking, as a blocked read would hold one of Node's few threads for good: looked at in every turn of the
 * event loop while frames come, every ms for a while after, and more rarely else.
 */
import { closeSync, constants, existsSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Frame, FrameEnd } from '../network.ts';
import { HostNetworkError } from '../hostNetwork.ts';

/** linux/if_tun.h, linux/if.h, linux/sockios.h */
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_UP = 1;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCBRADDIF = 0x89a2;
const EBUSY = 16;
/** struct ifreq: the name, and a union. */
const requestSize = 40;
const nameSize = 16;
const longestFrame = 65_600;
/** Frames between two turns of the event loop. */
const mostAtOnce = 256;
/** After a frame, the next is waited for without a pause for so long: the round trips of a transfer depend on it. */
const spinMs = 1;
const busyMs = 1;
const idleMs = 10;
/** So many looks in vain make it idle. */
const patience = 200;

interface Calls {
  ioctl(file: number, request: number, argument: Uint8Array): number;
  read(file: number, bytes: Uint8Array, size: number): number;
  write(file: number, bytes: Uint8Array, size: number): number;
  socket(domain: number, type: number, protocol: number): number;
  errno(): number;
}

async function loadCalls(): Promise<Calls> {
  if (process.platform !== 'linux')
    throw new HostNetworkError('unsupported', 'TAP devices and bridges are used on Linux only.');
  const { default: koffi } = await import('koffi');
  const host = koffi.load(null);
  return {
    ioctl: host.func('int ioctl(int file, unsigned long request, _Inout_ uint8_t *argument)'),
    read: host.func('int64_t read(int file, _Out_ uint8_t *bytes, size_t size)'),
    write: host.func('int64_t write(int file, const uint8_t *bytes, size_t size)'),
    socket: host.func('int socket(int domain, int type, int protocol)'),
    errno: () => koffi.errno(),
  };
}

function interfaceRequest(name: string): Buffer {
  const request = Buffer.alloc(requestSize);
  request.write(name.slice(0, nameSize - 1), 0, 'latin1');
  return request;
}

/** Throws HostNetworkError. */
function bridgeOf(name: string): string {
  const isBridge = (device: string): boolean => existsSync(`/sys/class/net/${device}/bridge`);
  if (isBridge(name)) return name;
  if (!existsSync(`/sys/class/net/${name}`))
    throw new HostNetworkError('no-address', `This computer has no bridge ${name}.`);
  const master = `/sys/class/net/${name}/master`;
  const above = existsSync(master) ? path.basename(readlinkSync(master)) : '';
  if (above !== '' && isBridge(above)) return above;
  throw new HostNetworkError('no-bridge', `The network interface ${name} is in no bridge.`);
}

export class TapDevice implements FrameEnd {
  readonly name: string;
  readonly #calls: Calls;
  readonly #file: number;
  readonly #buffer = new Uint8Array(longestFrame);
  #peer: FrameEnd | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #lastFrameMs = 0;
  #inVain = 0;
  #closed = false;
  /** Bytes of a frame in the buffer that the peer had no room for. */
  #held = 0;
  dropped = 0;

  private constructor(calls: Calls, file: number, name: string) {
    this.#calls = calls;
    this.#file = file;
    this.name = name;
  }

  /** Opens, or makes, the device `name`, in which "%d" stands for a number. Rejects with HostNetworkError. */
  static async open(name: string): Promise<TapDevice> {
    const calls = await loadCalls();
    let file: number;
    try {
      file = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
    } catch (error) {
      const message = 'This computer has no /dev/net/tun that this user may open.';
      throw new HostNetworkError('permission', message, { cause: error });
    }
    const request = interfaceRequest(name);
    request.writeUInt16LE(IFF_TAP | IFF_NO_PI, nameSize);
    if (calls.ioctl(file, TUNSETIFF, request) !== 0) {
      const busy = calls.errno() === EBUSY;
      closeSync(file);
      throw busy
        ? new HostNetworkError('in-use', `Another program uses the TAP device ${name} already.`)
        : new HostNetworkError('permission', `This user may not use the TAP device ${name}.`);
    }
    return new TapDevice(
      calls,
      file,
      request.toString('latin1', 0, nameSize).replace(/\0.*$/s, ''),
    );
  }

  /** Plugs it into a bridge of the host, or into that which an interface `name` is a port of. Throws HostNetworkError. */
  join(name: string): void {
    const bridge = bridgeOf(name);
    const request = interfaceRequest(bridge);
    request.writeInt32LE(Number(readFileSync(`/sys/class/net/${this.name}/ifindex`, 'latin1')), 16);
    if (!this.#interfaceCall(SIOCBRADDIF, request) || !this.up())
      throw new HostNetworkError('permission', `This user may not join the bridge ${bridge}.`);
  }

  /** Switches the device on; false if that is not this user's to do. */
  up(): boolean {
    const request = interfaceRequest(this.name);
    if (!this.#interfaceCall(SIOCGIFFLAGS, request)) return false;
    const flags = request.readUInt16LE(nameSize);
    if ((flags & IFF_UP) !== 0) return true;
    request.writeUInt16LE(flags | IFF_UP, nameSize);
    return this.#interfaceCall(SIOCSIFFLAGS, request);
  }

  #interfaceCall(call: number, request: Buffer): boolean {
    // AF_INET, SOCK_DGRAM
    const socket = this.#calls.socket(2, 2, 0);
    if (socket < 0) return false;
    const done = this.#calls.ioctl(socket, call, request) === 0;
    closeSync(socket);
    return done;
  }

  /** Begins to read; frames of the host go to `peer`. */
  start(peer: FrameEnd): void {
    this.#peer = peer;
    this.#read();
  }

  #read(): void {
    this.#timer = this.#turn = undefined;
    if (this.#closed || this.#held > 0) return;
    let frames = 0;
    for (; frames < mostAtOnce; frames++) {
      const length = this.#calls.read(this.#file, this.#buffer, longestFrame);
      if (length <= 0) break;
      if (!this.#give(length)) return;
    }
    if (frames > 0) this.#peer?.flush();
    const now = performance.now();
    if (frames > 0) this.#lastFrameMs = now;
    if (now - this.#lastFrameMs < spinMs) {
      this.#inVain = 0;
      this.#turn = setImmediate(() => this.#read());
      return;
    }
    const pause = this.#inVain++ > patience ? idleMs : busyMs;
    this.#timer = setTimeout(() => this.#read(), pause);
  }

  #give(length: number): boolean {
    const bytes = this.#buffer.subarray(0, length);
    const taken =
      this.#peer?.take({ bytes, checksumStart: 0, checksumOffset: 0, segmentSize: 0 }) ?? true;
    this.#held = taken ? 0 : length;
    return taken;
  }

  /** The peer has room again. */
  ready(): void {
    if (this.#held > 0 && this.#give(this.#held)) this.#read();
  }

  flush(): void {}

  /** Complete frames only. What the kernel has no room for is lost, as on any cable. */
  take({ bytes }: Frame): boolean {
    if (this.#closed) return true;
    if (this.#calls.write(this.#file, bytes, bytes.length) < 0) this.dropped++;
    // An answer may be there at once.
    this.#inVain = 0;
    return true;
  }

  /** Frees the device; one that was made by open() is gone then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    closeSync(this.#file);
  }
}
