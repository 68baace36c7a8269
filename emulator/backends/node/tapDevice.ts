/**
 * A TAP device of Linux (Documentation/networking/tuntap.rst) as an end of a cable: the host's own TCP/IP on
 * the other side. Needs the right to make one (CAP_NET_ADMIN), or one made beforehand for this user.
 */
import { close, open, read, write } from 'node:fs';
import { promisify } from 'node:util';
import koffi from 'koffi';
import type { Frame, FrameEnd } from '../network.ts';
import { HostNetworkError } from '../hostNetwork.ts';

/** linux/if_tun.h, linux/if.h */
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const longestFrame = 65_600;
/** Frames that wait for the kernel; more are lost, as on any cable. */
const mostWaiting = 512;

export class TapDevice implements FrameEnd {
  readonly name: string;
  readonly #fd: number;
  #peer: FrameEnd | undefined;
  #waiting: Uint8Array[] = [];
  #writing = false;
  #closed = false;
  /** A frame that the peer had no room for. */
  #held: Uint8Array | undefined;
  dropped = 0;

  private constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
  }

  /** Opens, or makes, the device `name`. Rejects with HostNetworkError. */
  static async open(name: string): Promise<TapDevice> {
    const fd = await promisify(open)('/dev/net/tun', 'r+').catch((error: unknown) => {
      throw new HostNetworkError(
        'permission',
        'This host has no /dev/net/tun that this user may open.',
        {
          cause: error,
        },
      );
    });
    const request = Buffer.alloc(40);
    request.write(name.slice(0, 15), 0, 'latin1');
    request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16);
    const ioctl = koffi.load('libc.so.6').func('int ioctl(int, unsigned long, void *)');
    if ((ioctl(fd, TUNSETIFF, request) as number) !== 0) {
      close(fd, () => undefined);
      throw new HostNetworkError('permission', `This user may not use the TAP device ${name}.`);
    }
    return new TapDevice(fd, request.toString('latin1', 0, 16).replace(/\0.*$/s, ''));
  }

  /** Begins to read; frames of the host go to `peer`. */
  start(peer: FrameEnd): void {
    this.#peer = peer;
    this.#read();
  }

  #read(): void {
    const buffer = new Uint8Array(longestFrame);
    read(this.#fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error !== null || this.#closed) return;
      this.#give(buffer.subarray(0, length));
    });
  }

  #give(bytes: Uint8Array): void {
    const taken = this.#peer?.take({ bytes, checksumStart: 0, checksumOffset: 0, segmentSize: 0 });
    if (taken === false) {
      this.#held = bytes;
      return;
    }
    this.#peer?.flush();
    this.#read();
  }

  /** The peer has room again. */
  ready(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#give(held);
  }

  flush(): void {}

  /** Complete frames only. */
  take({ bytes }: Frame): boolean {
    if (this.#waiting.length >= mostWaiting) this.dropped++;
    else this.#waiting.push(bytes.slice());
    this.#write();
    return true;
  }

  #write(): void {
    const next = this.#waiting[0];
    if (this.#writing || next === undefined || this.#closed) return;
    this.#writing = true;
    write(this.#fd, next, 0, next.length, null, () => {
      this.#writing = false;
      this.#waiting.shift();
      this.#write();
    });
  }

  /** Frees the device; a read that is under way ends with the next frame. */
  close(): void {
    this.#closed = true;
    close(this.#fd, () => undefined);
  }
}
