import { ChannelEvents, type Channel } from './channel.ts';
import { decodeMessage, encodeMessage } from './messageCodec.ts';

/** What a browser's WebSocket and the ws package's have in common. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: { data?: unknown; code?: number; reason?: string }) => void,
  ): void;
}

/** A peer that reads so slowly is cut off; it may connect again and attach to recent output. */
const maxBufferedBytes = 16 << 20;
const open = 1;

/** The ws package must be given `allowSynchronousEvents: false` (see Channel). */
export function webSocketChannel(socket: WebSocketLike): Channel {
  const events = new ChannelEvents();
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', (event) => {
    if (!(event.data instanceof ArrayBuffer)) return;
    let message: unknown;
    try {
      message = decodeMessage(new Uint8Array(event.data));
    } catch {
      socket.close(1007, 'Not a message.');
      return;
    }
    events.deliver(message);
  });
  socket.addEventListener('close', (event) =>
    events.closeWith(
      event.reason === undefined || event.reason === '' ? 'The connection was lost.' : event.reason,
    ),
  );
  return {
    post: (message) => {
      if (events.closed || socket.readyState !== open) return;
      if (socket.bufferedAmount > maxBufferedBytes) socket.close(1013, 'The reader is too slow.');
      else socket.send(encodeMessage(message));
    },
    onMessage: (listener) => events.onMessage(listener),
    onClose: (listener) => events.onClose(listener),
    close: () => {
      if (events.closeWith('Closed.')) socket.close(1000);
    },
  };
}
