import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections, one of which may take a free one at any moment. */
const [first, count] = [10_000, 20_000];
let next = Math.floor(Math.random() * count);

const canListen = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
const canBind = (port: number, type: 'udp4' | 'udp6'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    socket.once('error', () => resolve(false));
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)));
  });

/** A port of this machine that nobody uses now, neither by TCP nor by UDP; another at each call. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < count; tries++) {
    const port = first + (next++ % count);
    if (
      (await canListen(port, '0.0.0.0')) &&
      (await canListen(port, '::')) &&
      (await canBind(port, 'udp4')) &&
      (await canBind(port, 'udp6'))
    )
      return port;
  }
  throw new Error('This machine has no free port.');
}
