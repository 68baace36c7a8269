/**
 * How a window gets a Channel from the headless server: a WebSocket at `serverSocketPath` of the
 * same origin, whose first message is {token}; the server answers {ready: true} or closes with
 * `refusedCloseCode`. The token never stands in a URL that is requested.
 */
import type { Channel } from './channel.ts';
import { decodeMessage, encodeMessage } from './messageCodec.ts';
import { webSocketChannel, type WebSocketLike } from './webSocketChannel.ts';

export const serverSocketPath = '/socket';
export const refusedCloseCode = 4401;

/** The server does not take this token: trying again with it is of no use. */
export class TokenRefusedError extends Error {
  override name = 'TokenRefusedError';
}

/**
 * Waits for the socket to open, then for the server's answer. Rejects with TokenRefusedError, or
 * with an Error when the server cannot be reached.
 */
export function authenticate(socket: WebSocketLike, token: string): Promise<Channel> {
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve, reject) => {
    let ready = false;
    const sayHello = (): void => socket.send(encodeMessage({ token }));
    if (socket.readyState === 1) sayHello();
    else socket.addEventListener('open', sayHello);
    socket.addEventListener('message', (event) => {
      if (ready || !(event.data instanceof ArrayBuffer)) return;
      ready = true;
      const answer = decodeMessage(new Uint8Array(event.data)) as { ready?: unknown } | null;
      if (answer?.ready === true) resolve(webSocketChannel(socket));
      else reject(new Error('That is not a Guesthouse server.'));
    });
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', (event) =>
      reject(
        event.code === refusedCloseCode
          ? new TokenRefusedError(event.reason ?? 'The token is not right.')
          : new Error('The server cannot be reached.'),
      ),
    );
  });
}
