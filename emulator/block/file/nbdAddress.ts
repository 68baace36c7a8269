/** Addresses of NBD exports (the project's URI specification): nbd://HOST[:PORT]/EXPORT and nbd+unix:///EXPORT?socket=PATH. */
import { BlockError } from '../../backends/block.ts';

export interface NbdAddress {
  /** What was given, for messages. */
  readonly url: string;
  readonly connect: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Name of the export; empty for the server's default. */
  readonly exportName: string;
}

const usualPort = 10_809;

/** The server alone, as what can be allowed: nbd://HOST:PORT or nbd+unix:///?socket=PATH. */
export const serverOf = ({ connect }: NbdAddress): string =>
  'path' in connect
    ? `nbd+unix:///?socket=${connect.path}`
    : `nbd://${connect.host.includes(':') ? `[${connect.host}]` : connect.host}:${connect.port}`;

/** Throws BlockError 'unsupported' for what is no such address. */
export function parseNbdAddress(url: string): NbdAddress {
  const wrong = (why: string): BlockError =>
    new BlockError(
      'unsupported',
      `${url} is no NBD address: ${why}. Write it as nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH.`,
    );
  if (/^nbds/i.test(url))
    throw new BlockError(
      'unsupported',
      `${url} asks for TLS, which is not there yet. Reach the server through a tunnel, such as "ssh -L", and use nbd://.`,
    );
  let parsed: URL;
  try {
    // A scheme that URL knows, so that it takes the host apart.
    parsed = new URL(
      url.replace(/^nbd(\+unix)?:/i, 'http$1:').replace(/^http\+unix:\/\//, 'http://unix'),
    );
  } catch {
    throw wrong('it cannot be read');
  }
  let exportName: string;
  try {
    exportName = decodeURIComponent(parsed.pathname.replace(/^\//, ''));
  } catch {
    throw wrong('its export has a bad % code');
  }
  if (/^nbd\+unix:/i.test(url)) {
    const path = parsed.searchParams.get('socket');
    if (path === null || path === '') throw wrong('it names no socket');
    return { url, connect: { path }, exportName };
  }
  if (parsed.username !== '' || parsed.search !== '')
    throw wrong('only host, port and export belong there');
  if (parsed.hostname === '') throw wrong('it names no host');
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  // URL leaves out the port that is usual for http.
  const port = parsed.port !== '' ? Number(parsed.port) : /:80(\/|$)/.test(url) ? 80 : usualPort;
  return { url, connect: { host, port }, exportName };
}
