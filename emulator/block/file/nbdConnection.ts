/**
 * One connection to an NBD server (the NBD protocol, doc/proto.md): fixed newstyle negotiation with GO, or EXPORT_NAME
 * where the server has no GO; structured replies; the meta context base:allocation. Left out: TLS, oldstyle
 * negotiation, extended headers, CACHE, RESIZE.
 */
import { connect, type Socket } from 'node:net';
import { BlockError } from '../../backends/block.ts';
import { slice, totalLength, fillZero } from '../bufferList.ts';
import type { NbdAddress } from './nbdAddress.ts';

const magic = {
  server: 0x4e42444d41474943n, // NBDMAGIC
  option: 0x49484156454f5054n, // IHAVEOPT
  optionReply: 0x3e889045565a9n,
  request: 0x25609513,
  simpleReply: 0x67446698,
  structuredReply: 0x668e33ef,
} as const;
const handshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;
const option = { exportName: 1, abort: 2, go: 7, structuredReply: 8, setMetaContext: 10 } as const;
const optionReply = { ack: 1, info: 3, metaContext: 4 } as const;
const isError = 0x8000_0000;
const infoType = { exportSize: 0, blockSize: 3 } as const;
export const transmissionFlag = {
  readOnly: 2,
  flush: 4,
  fua: 8,
  trim: 32,
  writeZeroes: 64,
} as const;
export const command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  writeZeroes: 6,
  blockStatus: 7,
} as const;
/** On WRITE: answered when it is durable. */
export const forceUnitAccess = 1;
/** On BLOCK_STATUS: one extent is enough. */
export const requestOne = 8;
const chunk = { none: 0, data: 1, hole: 2, blockStatus: 5, error: 0x8001 } as const;
const lastChunk = 1;
/** What a server may say about itself or an error, at most. Bytes. */
const longestMessage = 65_536;
const allocation = 'base:allocation';

export interface NbdExport {
  readonly size: number;
  readonly flags: number;
  /** Bytes; requests are multiples of it. */
  readonly minimumBlock: number;
  readonly maximumRequest: number;
  readonly tellsAllocation: boolean;
}

/** What the server says of a stretch (base:allocation): bit 0 a hole, bit 1 reads as zeroes. */
export interface NbdStatus {
  readonly length: number;
  readonly flags: number;
}

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

/** The server cannot be reached or has gone, as distinct from what it answers. */
export class NbdGone extends Error {}

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
    socket: Socket,
    stream: ByteStream,
    exported: NbdExport,
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
    const stream = new ByteStream(socket);
    const timer = setTimeout(() => socket.destroy(new Error('no answer within 10 s')), 10_000);
    try {
      const exported = await negotiate(address, socket, stream);
      return new NbdConnection(address, socket, stream, exported, onEnd);
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

async function negotiate(
  address: NbdAddress,
  socket: Socket,
  stream: ByteStream,
): Promise<NbdExport> {
  const refused = (why: string): BlockError =>
    new BlockError('unsupported', `The NBD server of ${address.url} cannot be used: ${why}.`);
  const hello = await stream.take(18);
  if (hello.readBigUInt64BE(0) !== magic.server) throw refused('it does not speak NBD');
  const offered = hello.readUInt16BE(16);
  if (hello.readBigUInt64BE(8) !== magic.option || (offered & handshakeFlag.fixedNewstyle) === 0)
    throw refused(
      'it knows only the old negotiation; give it an export name (nbd-server: a section for the export)',
    );
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(offered & (handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes));
  socket.write(flags);
  const name = Buffer.from(address.exportName);

  const ask = (code: number, data: Buffer): void => {
    const head = Buffer.alloc(16);
    head.writeBigUInt64BE(magic.option, 0);
    head.writeUInt32BE(code, 8);
    head.writeUInt32BE(data.length, 12);
    socket.write(Buffer.concat([head, data]));
  };
  /** The replies to an option; the last is an acknowledgement or an error. */
  const replies = async (): Promise<{ type: number; body: Buffer }[]> => {
    for (const list: { type: number; body: Buffer }[] = []; ;) {
      const head = await stream.take(20);
      const length = head.readUInt32BE(16);
      if (
        head.readBigUInt64BE(0) !== magic.optionReply ||
        length > longestMessage ||
        list.length > 64
      )
        throw refused('it answers what is no NBD negotiation');
      const reply = { type: head.readUInt32BE(12), body: await stream.take(length) };
      list.push(reply);
      if (reply.type === optionReply.ack || reply.type >= isError) return list;
    }
  };
  const text = (value: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return Buffer.concat([length, value]);
  };

  ask(option.structuredReply, Buffer.alloc(0));
  const structured = (await replies()).at(-1)?.type === optionReply.ack;
  let tellsAllocation = false;
  if (structured) {
    ask(
      option.setMetaContext,
      Buffer.concat([text(name), Buffer.from([0, 0, 0, 1]), text(Buffer.from(allocation))]),
    );
    const list = await replies();
    tellsAllocation =
      list.at(-1)?.type === optionReply.ack &&
      list.some(({ type }) => type === optionReply.metaContext);
  }
  ask(option.go, Buffer.concat([text(name), Buffer.from([0, 1, 0, infoType.blockSize])]));
  const answers = await replies();
  const last = answers.at(-1);
  if (last?.type === isError + 1) {
    ask(option.exportName, name);
    const body = await stream
      .take(10 + ((offered & handshakeFlag.noZeroes) !== 0 ? 0 : 124))
      .catch(() => {
        throw noExport(address, '');
      });
    return checked(
      { size: body.readBigUInt64BE(0), flags: body.readUInt16BE(8), tellsAllocation },
      refused,
    );
  }
  if (last?.type !== optionReply.ack) {
    socket.end();
    const said = last?.body.toString('utf8') ?? '';
    if (last?.type === isError + 6) throw noExport(address, said);
    if (last?.type === isError + 5)
      throw refused(
        'it wants TLS, which is not there yet; reach it through a tunnel, such as "ssh -L"',
      );
    if (last?.type === isError + 2) throw refused(`it does not let us in${said && ` (${said})`}`);
    throw refused(said || `it refuses the export (${(last?.type ?? 0) - isError})`);
  }
  let found: { size: bigint; flags: number } | undefined;
  let [minimum, maximum] = [1, 32 << 20];
  for (const { type, body } of answers) {
    if (type !== optionReply.info || body.length < 2) continue;
    const kind = body.readUInt16BE(0);
    if (kind === infoType.exportSize && body.length === 12)
      found = { size: body.readBigUInt64BE(2), flags: body.readUInt16BE(10) };
    if (kind === infoType.blockSize && body.length === 14)
      [minimum, maximum] = [body.readUInt32BE(2), body.readUInt32BE(10)];
  }
  if (found === undefined) throw refused('it does not tell the size of the export');
  return checked({ ...found, tellsAllocation, minimum, maximum }, refused);
}

const noExport = (address: NbdAddress, said: string): BlockError =>
  new BlockError(
    'missing',
    `The NBD server has no export "${address.exportName}" (${address.url})${said && `: ${said}`}.`,
  );

function checked(
  told: {
    size: bigint;
    flags: number;
    tellsAllocation: boolean;
    minimum?: number;
    maximum?: number;
  },
  refused: (why: string) => BlockError,
): NbdExport {
  const { size, flags, tellsAllocation, minimum = 1, maximum = 32 << 20 } = told;
  if (size > 2n ** 53n) throw refused('it tells an impossible size');
  if (minimum < 1 || minimum > 65_536 || (minimum & (minimum - 1)) !== 0)
    throw refused('it tells impossible block sizes');
  const most = Math.min(maximum, 32 << 20);
  const maximumRequest = Math.max(minimum, most - (most % minimum));
  return { size: Number(size), flags, tellsAllocation, minimumBlock: minimum, maximumRequest };
}

/** The bytes of a socket, as many as are wanted at a time. Rejects with NbdGone at the end. */
class ByteStream {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async #more(): Promise<Buffer> {
    let next: IteratorResult<Buffer>;
    try {
      next = await this.#chunks.next();
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new NbdGone(code ?? message, { cause });
    }
    if (next.done === true) throw new NbdGone('it closed the connection');
    return next.value;
  }

  async take(length: number): Promise<Buffer> {
    if (this.#rest.length < length) {
      const parts = [this.#rest];
      let have = this.#rest.length;
      while (have < length) {
        const part = await this.#more();
        parts.push(part);
        have += part.length;
      }
      this.#rest = Buffer.concat(parts);
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async takeInto(buffers: readonly Uint8Array[]): Promise<void> {
    for (const buffer of buffers)
      for (let done = 0; done < buffer.length;) {
        if (this.#rest.length === 0) this.#rest = await this.#more();
        const part = this.#rest.subarray(0, buffer.length - done);
        buffer.set(part, done);
        this.#rest = this.#rest.subarray(part.length);
        done += part.length;
      }
  }
}
