import type { Socket } from 'node:net';
import { ChannelEvents, type Channel } from '../../shared/rpc/channel.ts';
import { decodeMessage, encodeMessage } from '../../shared/rpc/messageCodec.ts';

/** Larger than any message this program sends; a longer one is not ours. */
const maxMessageBytes = 64 << 20;
const maxBufferedBytes = 64 << 20;

/** Messages over a local socket: a 32-bit little-endian length, then MessagePack. */
export function streamChannel(socket: Socket): Channel {
  const events = new ChannelEvents();
  const parser = new FrameParser();
  const queue: unknown[] = [];
  let draining = false;
  // One message a task (see Channel), although a chunk may hold many.
  const drain = (): void => {
    if (queue.length > 0) events.deliver(queue.shift());
    if (queue.length > 0) setImmediate(drain);
    else draining = false;
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      queue.push(...parser.push(chunk));
    } catch {
      socket.destroy();
      return;
    }
    if (draining || queue.length === 0) return;
    draining = true;
    setImmediate(drain);
  });
  socket.on('error', () => undefined);
  // What has arrived before the close is still delivered before it.
  socket.on('close', () => {
    const finish = (): void => {
      if (queue.length > 0) setImmediate(finish);
      else events.closeWith('The connection to the manager was lost.');
    };
    finish();
  });
  return {
    post: (message) => {
      if (events.closed || socket.destroyed) return;
      if (socket.writableLength > maxBufferedBytes) {
        socket.destroy();
        return;
      }
      const body = encodeMessage(message);
      const header = Buffer.alloc(4);
      header.writeUInt32LE(body.length);
      socket.write(Buffer.concat([header, body]));
    },
    onMessage: (listener) => events.onMessage(listener),
    onClose: (listener) => events.onClose(listener),
    close: () => {
      if (events.closeWith('Closed.')) socket.end();
    },
  };
}

/** Cuts a byte stream into messages. Throws on what cannot be one. */
export class FrameParser {
  private chunks: Buffer[] = [];
  private length = 0;

  push(chunk: Buffer): unknown[] {
    this.chunks.push(chunk);
    this.length += chunk.length;
    const messages: unknown[] = [];
    for (;;) {
      if (this.length < 4) return messages;
      if ((this.chunks[0]?.length ?? 0) < 4) this.chunks = [Buffer.concat(this.chunks)];
      const size = this.chunks[0]?.readUInt32LE(0) ?? 0;
      if (size > maxMessageBytes) throw new RangeError('message too long');
      if (this.length < 4 + size) return messages;
      const all =
        this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
      messages.push(decodeMessage(all.subarray(4, 4 + size)));
      this.chunks = all.length > 4 + size ? [all.subarray(4 + size)] : [];
      this.length = all.length - 4 - size;
    }
  }
}
