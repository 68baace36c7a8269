/**
 * Reads one file at a time by TFTP (RFC 1350) with the options blksize and tsize (RFC 2347-2349). A block is
 * acknowledged when it is taken, so that a slow program slows the server down.
 */
import type { Clock } from '../../../bus/types.ts';
import { bytesEqual, setU16, u16 } from '../../../net/packet/byteOrder.ts';
import type { Datagram, NetStack } from './netStack.ts';

const opcode = { read: 1, data: 3, ack: 4, error: 5, optionAck: 6 } as const;
const answerNs = 1e9;
const mostTries = 8;
const firstPort = 49152;
const usualBlock = 512;

/** 'opening': no answer yet; 'reading'; 'ended': the last block was taken. */
type Phase = 'idle' | 'opening' | 'reading' | 'ended' | 'failed';

interface Session {
  phase: Phase;
  server: Uint8Array;
  router: Uint8Array;
  /** The server's: 69, or what it has chosen for this transfer. */
  port: number;
  ownPort: number;
  /** What was asked for, and what the server sends. */
  wantedSize: number;
  blockSize: number;
  /** Of the file in bytes, or -1. */
  size: number;
  /** Blocks that were taken. */
  taken: number;
  /** The next block, and whether it is there: it may be empty. */
  block: Uint8Array;
  there: boolean;
  /** What is sent again until it is answered. */
  message: Uint8Array;
  sent: boolean;
  tries: number;
  againNs: number;
  /** Why it failed. */
  reason: string;
}

const idle = (): Session => ({
  ...{ phase: 'idle', server: new Uint8Array(4), router: new Uint8Array(4), port: 0, ownPort: 0 },
  ...{
    wantedSize: usualBlock,
    blockSize: usualBlock,
    size: -1,
    taken: 0,
    block: new Uint8Array(0),
    there: false,
  },
  ...{ message: new Uint8Array(0), sent: true, tries: 0, againNs: 0, reason: '' },
});

export interface TftpFile {
  readonly server: Uint8Array;
  /** Zero for the network's own. */
  readonly router: Uint8Array;
  readonly port: number;
  readonly name: string;
  readonly blockSize: number;
}

export class TftpClient {
  readonly #stack: NetStack;
  readonly #clock: Clock;
  #session = idle();
  #nextPort = firstPort;

  constructor(stack: NetStack, clock: Clock) {
    this.#stack = stack;
    this.#clock = clock;
  }

  get phase(): Phase {
    return this.#session.phase;
  }
  get reason(): string {
    return this.#session.reason;
  }
  /** Bytes of the file, or -1 if the server has not said. */
  get size(): number {
    return this.#session.size;
  }
  get blockSize(): number {
    return this.#session.blockSize;
  }
  get ownPort(): number {
    return this.#session.phase === 'idle' ? 0 : this.#session.ownPort;
  }
  /** When poll() has something to do, if nothing is received before. */
  get againNs(): number {
    return this.#session.sent ? this.#session.againNs : this.#stack.retryNs;
  }

  open({ server, router, port, name, blockSize }: TftpFile): void {
    this.close();
    const text = `${name}\0octet\0blksize\0${blockSize}\0tsize\x000\0`;
    const message = new Uint8Array(2 + text.length);
    setU16(message, 0, opcode.read);
    message.set(latin1(text), 2);
    this.#session = {
      ...idle(),
      ...{ phase: 'opening', server: server.slice(), router: router.slice(), port, message },
      ...{ ownPort: this.#nextPort, wantedSize: blockSize },
    };
    this.#nextPort = this.#nextPort >= 0xffff ? firstPort : this.#nextPort + 1;
    this.#say(message);
  }

  #say(message: Uint8Array): void {
    Object.assign(this.#session, { message, sent: false, tries: 0 });
    this.poll();
  }

  /** Sends what is due. */
  poll(): void {
    const session = this.#session;
    if (session.phase !== 'opening' && session.phase !== 'reading') return;
    const now = this.#clock.nowNs();
    if (session.sent) {
      if (session.there || now < session.againNs) return;
      if (session.tries >= mostTries) return this.#fail('the server does not answer');
    }
    const { server, router, ownPort, port, message } = session;
    const datagram = {
      ...{ source: this.#stack.address, target: server, sourcePort: ownPort, targetPort: port },
      payload: message,
    };
    const asked = router.some((byte) => byte !== 0);
    const result = asked ? this.#stack.send(datagram, router) : this.#stack.send(datagram);
    if (result === 'unreachable') this.#fail('the server is not there');
    session.sent = result === 'sent';
    if (!session.sent) return;
    session.tries++;
    session.againNs = now + answerNs;
  }

  #fail(reason: string): void {
    Object.assign(this.#session, { phase: 'failed', reason, there: false });
  }

  input({ source, sourcePort, payload }: Datagram): void {
    const session = this.#session;
    if (!bytesEqual(source, session.server) || payload.length < 4) return;
    if (session.phase !== 'opening' && session.phase !== 'reading') return;
    if (session.phase === 'reading' && sourcePort !== session.port) return;
    const [code, number] = [u16(payload, 0), u16(payload, 2)];
    if (code === opcode.error) {
      this.#fail(text(payload.subarray(4)).split('\0')[0] || `TFTP error ${number}`);
      return;
    }
    if (session.phase === 'opening') {
      if (code !== opcode.optionAck && (code !== opcode.data || number !== 1)) return;
      session.phase = 'reading';
      session.port = sourcePort;
      if (code === opcode.optionAck) {
        if (this.#options(payload)) this.#acknowledge();
        else this.#fail('the server wants longer blocks than were asked for');
        return;
      }
    }
    if (code !== opcode.data || session.there || number !== ((session.taken + 1) & 0xffff)) return;
    session.block = payload.slice(4, 4 + session.blockSize);
    session.there = true;
  }

  /** False if the caller has no room for the blocks (RFC 2348: at most what was asked for). */
  #options(payload: Uint8Array): boolean {
    const parts = text(payload.subarray(2)).split('\0');
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const value = Number(parts[i + 1]);
      if (!Number.isSafeInteger(value) || value < 0) continue;
      if (parts[i]?.toLowerCase() === 'blksize' && value >= 8) this.#session.blockSize = value;
      else if (parts[i]?.toLowerCase() === 'tsize') this.#session.size = value;
    }
    return this.#session.blockSize <= this.#session.wantedSize;
  }

  #acknowledge(): void {
    const message = new Uint8Array(4);
    setU16(message, 0, opcode.ack);
    setU16(message, 2, this.#session.taken & 0xffff);
    this.#say(message);
  }

  /** The next block's length, or undefined while it is on its way. */
  get waiting(): number | undefined {
    return this.#session.there ? this.#session.block.length : undefined;
  }

  /** The next block, if it is there: the last one is shorter than blockSize. */
  take(): { readonly number: number; readonly bytes: Uint8Array } | undefined {
    const session = this.#session;
    if (!session.there) return undefined;
    const bytes = session.block;
    session.there = false;
    session.taken++;
    session.block = new Uint8Array(0);
    if (bytes.length < session.blockSize) session.phase = 'ended';
    this.#acknowledgeTaken();
    return { number: session.taken & 0xffff, bytes };
  }

  #acknowledgeTaken(): void {
    const session = this.#session;
    if (session.phase === 'reading') return this.#acknowledge();
    // The last acknowledgement is not repeated: nothing answers it.
    session.phase = 'reading';
    this.#acknowledge();
    session.phase = 'ended';
  }

  /** Tells the server, if it still sends. */
  close(): void {
    const session = this.#session;
    if (session.phase === 'reading') {
      const error = latin1('\0\x05\0\0ended\0');
      Object.assign(session, { there: false, message: error, sent: false, tries: 0 });
      this.poll();
    }
    this.#session = idle();
  }

  save() {
    const { server, router, block, message, phase, ...rest } = this.#session;
    return {
      nextPort: this.#nextPort,
      session: {
        ...rest,
        phase: phase as string,
        ...{ server: [...server], router: [...router], block: [...block], message: [...message] },
      },
    };
  }

  load({ nextPort, session }: ReturnType<TftpClient['save']>): void {
    this.#nextPort = nextPort;
    this.#session = {
      ...session,
      phase: session.phase as Phase,
      server: Uint8Array.from(session.server),
      router: Uint8Array.from(session.router),
      block: Uint8Array.from(session.block),
      message: Uint8Array.from(session.message),
    };
  }
}

const latin1 = (value: string): Uint8Array =>
  Uint8Array.from(value, (letter) => letter.charCodeAt(0) & 0xff);
const text = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
