/**
 * An export of an NBD server as the file of an image: many requests in flight, holes by WRITE_ZEROES, discards by TRIM, durable
 * writes by FUA, stretches by BLOCK_STATUS. A lost connection is made again and what was not answered is asked again, unless answered writes were not
 * flushed yet: the server may have lost them, so that the file fails from then on.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { BlockError } from '../../backends/block.ts';
import { fillZero, slice, totalLength } from '../bufferList.ts';
import type { FileStretch, ImageFile } from '../imageFile.ts';
import { parseNbdAddress, type NbdAddress } from './nbdAddress.ts';
import { NbdConnection, type NbdRequest } from './nbdConnection.ts';
import {
  command,
  forceUnitAccess,
  NbdGone,
  requestOne,
  transmissionFlag,
  type NbdStatus,
} from './nbdProtocol.ts';

/** How long a server that has gone is waited for. Milliseconds. */
const reconnectFor = 10_000;

/** Rejects with BlockError. */
export async function openNbd(url: string, readOnly: boolean): Promise<ImageFile> {
  const address = parseNbdAddress(url);
  const file = new NbdFile(address, readOnly);
  await file.start();
  return file;
}

class NbdFile implements ImageFile {
  readonly path: string;
  readonly readOnly: boolean;
  readonly #address: NbdAddress;
  #connection: NbdConnection | undefined;
  #size = 0;
  /** Requests that wait for a new connection. */
  #queued: NbdRequest[] = [];
  /** Writes that were answered since the last flush began. */
  #unflushed = false;
  #failure: BlockError | undefined;
  #closed = false;

  constructor(address: NbdAddress, readOnly: boolean) {
    this.#address = address;
    this.path = address.url;
    this.readOnly = readOnly;
  }

  async start(): Promise<void> {
    const connection = await this.#connect().catch((error: unknown) => {
      throw error instanceof NbdGone ? this.#unreachable(error) : error;
    });
    const { size, flags, minimumBlock } = connection.exported;
    const refuse = (code: 'read-only' | 'unsupported', why: string): never => {
      connection.close();
      throw new BlockError(code, `The NBD export ${this.path} ${why}.`);
    };
    if (!this.readOnly && (flags & transmissionFlag.readOnly) !== 0)
      refuse('read-only', 'can only be read');
    if (!this.readOnly && minimumBlock > 512)
      refuse('unsupported', `takes only blocks of ${minimumBlock} bytes, so it can only be read`);
    this.#size = size;
    this.#connection = connection;
  }

  #connect(): Promise<NbdConnection> {
    return NbdConnection.open(this.#address, (cause, open) => this.#lost(cause, open));
  }

  #unreachable(cause: Error): BlockError {
    const { connect } = this.#address;
    const where = 'path' in connect ? connect.path : `${connect.host}:${connect.port}`;
    return new BlockError(
      'io',
      `No NBD server answers at ${where} (${cause.message}), so ${this.path} cannot be used. Start the server, or check the address.`,
      { cause },
    );
  }

  #lost(cause: Error, open: readonly NbdRequest[]): void {
    this.#connection = undefined;
    if (this.#closed) return;
    this.#queued.push(...open);
    if (!this.#unflushed) return void this.#reconnect(cause);
    this.#fail(
      new BlockError(
        'io',
        `The NBD server of ${this.path} went away (${cause.message}) before it had made all writes durable, so some may be lost. Start the VM again and check its file systems.`,
        { cause },
      ),
    );
  }

  #fail(failure: BlockError): void {
    this.#failure = failure;
    for (const { answer } of this.#queued.splice(0)) answer.reject(failure);
  }

  async #reconnect(lost: Error): Promise<void> {
    const end = Date.now() + reconnectFor;
    let last = lost;
    for (let pause = 50; Date.now() < end && !this.#closed; pause = Math.min(1000, pause * 2)) {
      await wait(pause);
      try {
        const connection = await this.#connect();
        if (connection.exported.size !== this.#size) {
          connection.close();
          return this.#fail(
            new BlockError('io', `The NBD export ${this.path} came back with another size.`),
          );
        }
        this.#connection = connection;
        for (const request of this.#queued.splice(0)) connection.send(request);
        return;
      } catch (error) {
        last = error as Error;
      }
    }
    this.#fail(this.#unreachable(last));
  }

  async #ask(parts: Omit<NbdRequest, 'answer'>): Promise<readonly NbdStatus[]> {
    if (this.#failure !== undefined) throw this.#failure;
    const request: NbdRequest = { ...parts, answer: Promise.withResolvers() };
    if (this.#connection === undefined) this.#queued.push(request);
    else this.#connection.send(request);
    return request.answer.promise;
  }

  get #exported() {
    return this.#connection?.exported;
  }

  get size(): number {
    return this.#size;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const length = totalLength(buffers);
    const there = Math.max(0, Math.min(length, this.#size - offset));
    fillZero(slice(buffers, there, length - there));
    const block = this.#exported?.minimumBlock ?? 1;
    const inside = slice(buffers, 0, there);
    if (offset % block === 0 && there % block === 0)
      return this.#inParts(command.read, offset, there, { into: inside });
    const from = offset - (offset % block);
    const to = Math.min(this.#size, Math.ceil((offset + there) / block) * block);
    const whole = new Uint8Array(to - from);
    await this.#inParts(command.read, from, whole.length, { into: [whole] });
    let at = offset - from;
    for (const part of inside) {
      part.set(whole.subarray(at, at + part.length));
      at += part.length;
    }
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#write(offset, buffers, 0);
    this.#unflushed = true;
  }

  async writeDurable(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (this.#has(transmissionFlag.fua)) return this.#write(offset, buffers, forceUnitAccess);
    await this.write(offset, buffers);
    await this.flush();
  }

  async #write(offset: number, buffers: readonly Uint8Array[], flags: number): Promise<void> {
    const length = totalLength(buffers);
    if (offset + length > this.#size)
      throw new BlockError(
        'no-space',
        `The NBD export ${this.path} ends at ${this.#size} bytes and cannot grow.`,
      );
    // Copies: the connection may have to send them again, and the socket sends them when it can.
    await this.#inParts(command.write, offset, length, {
      data: buffers.map((buffer) => buffer.slice()),
      flags,
    });
  }

  async #inParts(
    type: number,
    offset: number,
    length: number,
    lists: Pick<NbdRequest, 'data' | 'into' | 'flags'>,
  ): Promise<void> {
    const most = this.#exported?.maximumRequest ?? 1 << 20;
    const work: Promise<unknown>[] = [];
    for (let done = 0; done < length; done += most) {
      const some = Math.min(most, length - done);
      work.push(
        this.#ask({
          ...{ type, offset: offset + done, length: some },
          ...(lists.flags && { flags: lists.flags }),
          ...(lists.data && { data: slice(lists.data, done, some) }),
          ...(lists.into && { into: slice(lists.into, done, some) }),
        }),
      );
    }
    for (const result of await Promise.allSettled(work))
      if (result.status === 'rejected') throw result.reason;
  }

  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#has(transmissionFlag.flush)) {
      // A server without FLUSH has nothing to make durable.
      this.#unflushed = false;
      return;
    }
    const before = this.#unflushed;
    this.#unflushed = false;
    try {
      await this.#ask({ type: command.flush, offset: 0, length: 0 });
    } catch (error) {
      this.#unflushed ||= before;
      throw error;
    }
  }

  #has(flag: number): boolean {
    return ((this.#exported?.flags ?? 0) & flag) !== 0;
  }

  async punchHole(offset: number, length: number): Promise<boolean> {
    if (length === 0) return true;
    const block = this.#exported?.minimumBlock ?? 1;
    if (!this.#has(transmissionFlag.writeZeroes) || offset % block !== 0 || length % block !== 0)
      return false;
    const most = 1 << 30;
    try {
      for (let done = 0; done < length; done += most)
        await this.#ask({
          type: command.writeZeroes,
          offset: offset + done,
          length: Math.min(most, length - done),
        });
    } catch (error) {
      if (this.#failure !== undefined) throw error;
      return false;
    }
    this.#unflushed = true;
    return true;
  }

  async trim(offset: number, length: number): Promise<void> {
    const block = this.#exported?.minimumBlock ?? 1;
    if (!this.#has(transmissionFlag.trim) || offset % block !== 0 || length % block !== 0)
      return void (await this.punchHole(offset, length));
    const most = 1 << 30;
    try {
      for (let done = 0; done < length; done += most)
        await this.#ask({
          type: command.trim,
          offset: offset + done,
          length: Math.min(most, length - done),
        });
    } catch (error) {
      // A hint that the server could not follow.
      if (this.#failure !== undefined) throw error;
    }
    this.#unflushed = true;
  }

  async resize(size: number): Promise<void> {
    if (size === this.#size) return;
    throw new BlockError(
      'unsupported',
      `The NBD export ${this.path} has the size that its server gives it.`,
    );
  }

  async stretch(offset: number): Promise<FileStretch | undefined> {
    if (this.#exported?.tellsAllocation !== true) return undefined;
    if (offset >= this.#size) return { kind: 'hole', length: 0 };
    const block = this.#exported.minimumBlock;
    if (offset % block !== 0) return undefined;
    const asked = Math.min(this.#size - offset, 1 << 30);
    const length = asked - (asked % block) || asked;
    const [first] = await this.#ask({
      type: command.blockStatus,
      flags: requestOne,
      offset,
      length,
    });
    if (first === undefined || first.length === 0) return undefined;
    return {
      kind: (first.flags & 2) !== 0 ? 'hole' : 'data',
      length: Math.min(first.length, this.#size - offset),
    };
  }

  async allocated(): Promise<number> {
    return this.#size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new BlockError('io', `The NBD export ${this.path} is closed.`));
    this.#connection?.close();
  }
}
