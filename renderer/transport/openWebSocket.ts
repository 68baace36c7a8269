import type { Channel } from '../../shared/rpc/channel.ts';
import { webSocketChannel } from '../../shared/rpc/webSocketChannel.ts';
import { RefusedError } from './connection.ts';
import { forgetToken, takeToken } from './token.ts';

const refusalHint =
  'Open the address that `npm start` or `guesthouse serve` printed; it contains the access token.';
/** Close code of a server that does not accept the token. */
const unauthorized = 4401;

/** Connects to the server that the page came from. */
export function openWebSocket(): Promise<Channel> {
  const token = takeToken(window);
  if (token === undefined)
    return Promise.reject(new RefusedError('This address has no access token', refusalHint));
  return new Promise((resolve, reject) => {
    const address = new URL('services', location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    address.hash = '';
    const socket = new WebSocket(address, ['guesthouse', `token.${token}`]);
    socket.addEventListener('open', () => resolve(webSocketChannel(socket)));
    socket.addEventListener('close', ({ code }) => {
      if (code !== unauthorized) return reject(new Error('The server does not answer.'));
      forgetToken(window);
      reject(new RefusedError('The access token is not valid', refusalHint));
    });
  });
}
