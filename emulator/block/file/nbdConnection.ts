/** One connection to an NBD server (the NBD protocol, doc/proto.md): requests and their replies. Left out: CACHE, RESIZE. */
import { connect, type Socket } from 'node:net';
import { BlockError } from '../../backends/block.ts';
import { slice, totalLength, fillZero } from '../bufferList.ts';
import type { ByteStream } from './byteStream.ts';
import type { NbdAddress } from './nbdAddress.ts';
import { negotiate, type Negotiated } from './nbdNegotiation.ts';
import {
  chunk,
  command,
  lastChunk,
  longestMessage,
  magic,
  NbdGone,
  type NbdExport,
  type NbdStatus,
} from './nbdProtocol.ts';

export interface NbdRequest {
  readonly type: number;
  readonly flags?: number;
  readonly offset: number;
  readonly length: number;
  /** What is written. */
  readonly data?: readonly Uint8Array[];
  /** What is read comes here. */
  readonly into?: readonly Uint8Array[];
  readonly answer: PromiseWithResolvers<readonly NbdStatus[]>;
}

const numbers: Readonly<Record<number, string>> = {
  1: 'not allowed',
  5: 'input/output error',
  12: 'out of memory',
  22: 'invalid request',
  28: 'no space',
  75: 'too large',
  95: 'not supported',
  108: 'the server is shutting down',
};

export class NbdConnection {
  readonly exported: NbdExport;
  readonly #address: NbdAddress;
  readonly #socket: Socket;
  readonly #stream: ByteStream;
  readonly #waiting = new Map<
    bigint,
    { readonly request: NbdRequest; failure?: BlockError; status: NbdStatus[] }
  >();
  #cookie = 0n;
  #ended = false;

  private constructor(
    address: NbdAddress,
    { exported, socket, stream }: Negotiated,
    onEnd: (cause: Error, open: NbdRequest[]) => void,
  ) {
    this.exported = exported;
    this.#address = address;
    this.#socket = socket;
    this.#stream = stream;
    this.#receive().catch((cause: unknown) => {
      this.#ended = true;
      socket.destroy();
      const open = [...this.#waiting.values()].map(({ request }) => request);
      this.#waiting.clear();
      onEnd(cause as Error, open);
    });
  }

  /**
   * Rejects with NbdGone if there is no server, and with BlockError for what it refuses. `onEnd` is told once when the connection
   * is lost, with the requests that are not answered.
   */
  static async open(
    address: NbdAddress,
    onEnd: (cause: Error, open: NbdRequest[]) => void,
  ): Promise<NbdConnection> {
    const socket = connect({ ...address.connect, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('no answer within 10 s')), 10_000);
    try {
      return new NbdConnection(address, await negotiate(address, socket), onEnd);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(request: NbdRequest): void {
    const cookie = this.#cookie++;
    this.#waiting.set(cookie, { request, status: [] });
    this.#socket.cork();
    this.#socket.write(requestHeader(request, cookie));
    for (const part of request.data ?? []) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** All requests are answered by then. */
  close(): void {
    if (!this.#ended)
      this.#socket.write(
        requestHeader({ type: command.disconnect, offset: 0, length: 0 }, this.#cookie++),
      );
    this.#ended = true;
    this.#socket.end();
    this.#socket.unref();
  }

  async #receive(): Promise<never> {
    for (;;) {
      const start = await this.#stream.take(16);
      const kind = start.readUInt32BE(0);
      if (kind === magic.simpleReply) await this.#simple(start);
      else if (kind === magic.structuredReply) await this.#structured(start);
      else throw new NbdGone('it answered what is no NBD reply');
    }
  }

  #waitingFor(cookie: bigint) {
    const found = this.#waiting.get(cookie);
    if (found === undefined) throw new NbdGone('it answered what was not asked');
    return found;
  }

  async #simple(start: Buffer): Promise<void> {
    const cookie = start.readBigUInt64BE(8);
    const one = this.#waitingFor(cookie);
    const code = start.readUInt32BE(4);
    if (code === 0 && one.request.into !== undefined) await this.#stream.takeInto(one.request.into);
    if (code !== 0) one.failure = this.#failed(code);
    this.#finish(cookie);
  }

  async #structured(start: Buffer): Promise<void> {
    const cookie = start.readBigUInt64BE(8);
    const one = this.#waitingFor(cookie);
    const { request } = one;
    const length = (await this.#stream.take(4)).readUInt32BE(0);
    const kind = start.readUInt16BE(6);
    if (kind === chunk.data) {
      const offset = Number((await this.#stream.take(8)).readBigUInt64BE(0));
      await this.#stream.takeInto(this.#part(request, offset, length - 8));
    } else {
      if (length > longestMessage) throw new NbdGone('it sent a reply that is too long');
      const body = await this.#stream.take(length);
      if (kind === chunk.hole && length === 12)
        fillZero(this.#part(request, Number(body.readBigUInt64BE(0)), body.readUInt32BE(8)));
      else if (kind === chunk.blockStatus)
        for (let at = 4; at + 8 <= length; at += 8)
          one.status.push({ length: body.readUInt32BE(at), flags: body.readUInt32BE(at + 4) });
      else if ((kind & chunk.error & 0x8000) !== 0 && length >= 6) {
        const text = body.subarray(6, 6 + body.readUInt16BE(4)).toString('utf8');
        one.failure = this.#failed(body.readUInt32BE(0), text);
      } else if (kind !== chunk.none)
        throw new NbdGone(`it sent a reply of the unknown kind ${kind}`);
    }
    if ((start.readUInt16BE(4) & lastChunk) !== 0) this.#finish(cookie);
  }

  #part({ into = [], offset }: NbdRequest, at: number, length: number): readonly Uint8Array[] {
    if (at < offset || length < 0 || at - offset + length > totalLength(into))
      throw new NbdGone('it sent data that was not asked for');
    return slice(into, at - offset, length);
  }

  #finish(cookie: bigint): void {
    const { request, failure, status } = this.#waitingFor(cookie);
    this.#waiting.delete(cookie);
    if (failure === undefined) request.answer.resolve(status);
    else request.answer.reject(failure);
  }

  #failed(code: number, text = ''): BlockError {
    const what = text === '' ? (numbers[code] ?? `error ${code}`) : text;
    return new BlockError(
      code === 28 ? 'no-space' : code === 1 ? 'permission' : 'io',
      `The NBD server of ${this.#address.url} reports: ${what}.`,
    );
  }
}

function requestHeader(
  { type, flags = 0, offset, length }: Pick<NbdRequest, 'type' | 'flags' | 'offset' | 'length'>,
  cookie: bigint,
): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(magic.request, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  header.writeBigUInt64BE(cookie, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(length, 24);
  return header;
}
