import { t } from '../i18n/i18n.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import {
  authenticate,
  serverSocketPath,
  TokenRefusedError,
} from '../../shared/rpc/serverHandshake.ts';
import { RefusedError } from './connection.ts';
import { forgetToken, takeToken } from './token.ts';

/** Connects to the server that the page came from. */
export async function openWebSocket(): Promise<Channel> {
  const token = takeToken(window);
  if (token === undefined)
    throw new RefusedError(t('connection.noToken'), t('connection.tokenHint'));
  const address = new URL(serverSocketPath, location.origin);
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  try {
    return await authenticate(new WebSocket(address), token);
  } catch (error) {
    if (!(error instanceof TokenRefusedError)) throw error;
    forgetToken(window);
    throw new RefusedError(t('connection.oldToken'), t('connection.tokenHint'));
  }
}
