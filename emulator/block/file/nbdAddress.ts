/**
 * Addresses of NBD exports (the project's URI specification): nbd://HOST[:PORT]/EXPORT and nbd+unix:///EXPORT?socket=PATH;
 * with TLS nbds://… and nbds+unix://…, and libnbd's parameters tls-certificates and tls-hostname.
 */
import { BlockError } from '../../backends/block.ts';

export interface NbdAddress {
  /** What was given, for messages. */
  readonly url: string;
  readonly connect: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Name of the export; empty for the server's default. */
  readonly exportName: string;
  /** With TLS. */
  readonly tls?: NbdTls | undefined;
}

export interface NbdTls {
  /** With ca-cert.pem, and where the server wants to know us client-cert.pem and client-key.pem; else the host's authorities count. */
  readonly folder?: string | undefined;
  /** Whom the server's certificate is to name, if not the host of the address. */
  readonly hostName?: string | undefined;
}

const usualPort = 10_809;
const tlsParameters = ['tls-certificates', 'tls-hostname'];

/** The server alone, as what can be allowed: nbd://HOST:PORT or nbd+unix:///?socket=PATH, whether by TLS or not. */
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
  let parsed: URL;
  try {
    // A scheme that URL knows, so that it takes the host apart.
    parsed = new URL(
      url.replace(/^nbds?(\+unix)?:/i, 'http$1:').replace(/^http\+unix:\/\//, 'http://unix'),
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
  const unix = /^nbds?\+unix:/i.test(url);
  const secure = /^nbds/i.test(url);
  const known = [...(unix ? ['socket'] : []), ...(secure ? tlsParameters : [])];
  const given = (name: string): string | undefined => parsed.searchParams.get(name) ?? undefined;
  const unknown = [...parsed.searchParams.keys()].find((name) => !known.includes(name));
  const [folder, hostName] = tlsParameters.map(given);
  const rest = { url, exportName, ...(secure && { tls: { folder, hostName } }) };
  if (unix) {
    const path = given('socket');
    if (path === undefined || path === '') throw wrong('it names no socket');
    return { ...rest, connect: { path } };
  }
  if (parsed.username !== '' || unknown !== undefined)
    throw wrong('only host, port and export belong there');
  if (parsed.hostname === '') throw wrong('it names no host');
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  // URL leaves out the port that is usual for http.
  const port = parsed.port !== '' ? Number(parsed.port) : /:80(\/|$)/.test(url) ? 80 : usualPort;
  return { ...rest, connect: { host, port } };
}
