import type { Socket } from 'node:net';
import { NbdGone } from './nbdProtocol.ts';

/** The bytes of a socket, as many as are wanted at a time. Rejects with NbdGone at the end. */
export class ByteStream {
  readonly #chunks: NodeJS.AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket.iterator({ destroyOnReturn: false }) as NodeJS.AsyncIterator<Buffer>;
  }

  /** Leaves the socket to others, which has nothing more to say for now. */
  async release(): Promise<void> {
    if (this.#rest.length > 0) throw new NbdGone('it said more than it was asked');
    await this.#chunks.return?.();
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
