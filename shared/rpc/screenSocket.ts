/**
 * A machine's screen straight from its process: a WebSocket at `screenSocketPath?vm=<id>` of the server, which hands the
 * connection to that process. The token stands in the second of the offered protocols, so that it is in no address.
 * Binary messages: frames to the window (shared/vm/frameCodec.ts), `frameDrawn` back.
 */
export const screenSocketPath = '/screen';
export const screenProtocol = 'guesthouse.screen';
const tokenPrefix = 'token.';

export const screenProtocols = (token: string): string[] => [screenProtocol, tokenPrefix + token];

/** The token in a Sec-WebSocket-Protocol header. */
export function tokenInProtocols(header: string | undefined): string {
  const [protocol, token, ...more] = (header ?? '').split(',').map((one) => one.trim());
  const right = protocol === screenProtocol && token?.startsWith(tokenPrefix) && more.length === 0;
  return right ? token!.slice(tokenPrefix.length) : '';
}

/** What goes along with a connection from the server to the machine's process. */
export interface ScreenHandover {
  readonly kind: 'screen';
  /** The request's headers, which have been checked. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the window has sent already. */
  readonly head: Uint8Array;
}

export function isScreenHandover(message: unknown): message is ScreenHandover {
  return (message as { kind?: unknown } | null)?.kind === 'screen';
}
