/** TFTP with a client that takes what it is sent, and sometimes does not. */
import { expect, it } from 'vitest';
import { setU16, u16 } from '../packet/byteOrder.ts';
import { ip } from '../packet/ipAddress.ts';
import { ManualClock } from '../testing/memoryHost.ts';
import { TimerQueue } from '../timerQueue.ts';
import { TftpServer } from './tftpServer.ts';

interface Result {
  readonly bytes: Uint8Array;
  /** Datagrams of data that the server has sent. */
  readonly blocks: number;
  readonly acknowledgements: number;
  readonly options: string;
}

/** Fetches `file`; datagrams for which `lost` says so do not arrive. */
async function fetch(
  file: Uint8Array,
  options: string,
  lost: (block: number) => boolean = () => false,
): Promise<Result> {
  const clock = new ManualClock();
  const read = (): Promise<Uint8Array> => Promise.resolve(file);
  const server = new TftpServer({ read }, new TimerQueue(clock));
  const queue: { readonly port: number; readonly message: Uint8Array }[] = [];
  const peer = {
    ...{ guest: undefined, address: ip('10.0.2.15'), port: 2000 },
    send: (port: number, message: Uint8Array) => void queue.push({ port, message }),
  };
  const request = new TextEncoder().encode(`\0\x01name\0octet\0${options}`);
  server.input(peer, 69, request);
  await new Promise((resolve) => setImmediate(resolve));
  const windowSize = Number(/windowsize\0(\d+)/.exec(options)?.[1] ?? 1);
  const got: Uint8Array[] = [];
  let [blocks, acknowledgements, expected, size, said] = [0, 0, 1, 512, ''];
  const acknowledge = (port: number): void => {
    const message = new Uint8Array(4);
    setU16(message, 0, 4);
    setU16(message, 2, (expected - 1) & 0xffff);
    acknowledgements++;
    server.input(peer, port, message);
  };
  let inWindow = 0;
  for (let rounds = 0; server.transfers > 0; rounds++) {
    if (rounds > 1e6) throw new Error('it never ends');
    const next = queue.shift();
    if (next === undefined) {
      clock.advance(1000);
      continue;
    }
    const { port, message } = next;
    if (u16(message, 0) === 6) {
      said = new TextDecoder().decode(message.subarray(2));
      size = Number(/blksize\0(\d+)/.exec(said)?.[1] ?? 512);
      acknowledge(port);
      continue;
    }
    if (lost(blocks++)) continue;
    if (u16(message, 2) !== (expected & 0xffff)) {
      // RFC 7440 §4: what is missing is asked for again, once a window.
      if (queue.length === 0) acknowledge(port);
      inWindow = 0;
      continue;
    }
    got.push(message.subarray(4));
    expected++;
    if (++inWindow === windowSize || message.length < 4 + size || queue.length === 0) {
      inWindow = 0;
      acknowledge(port);
    }
  }
  return { bytes: Buffer.concat(got), blocks, acknowledgements, options: said };
}

const file = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3);

it('sends block after block', async () => {
  const { bytes, blocks, acknowledgements } = await fetch(file, '');
  expect(Buffer.compare(bytes, file)).toBe(0);
  expect([blocks, acknowledgements]).toEqual([196, 196]);
});

it('sends a window of long blocks for one acknowledgement', async () => {
  const result = await fetch(file, 'blksize\x001400\0windowsize\x0016\0tsize\x000\0');
  expect(result.options).toBe('blksize\x001400\0windowsize\x0016\0tsize\x00100000\0');
  expect(Buffer.compare(result.bytes, file)).toBe(0);
  expect(result.blocks).toBe(72);
  expect(result.acknowledgements).toBe(1 + 5);
});

it('sends again what was lost, from there on', async () => {
  for (const options of ['', 'blksize\x001024\0windowsize\x008\0']) {
    const { bytes } = await fetch(file, options, (block) => block % 10 === 9);
    expect(Buffer.compare(bytes, file)).toBe(0);
  }
});

it('ends a file of whole blocks with an empty one, and numbers more than 65535', async () => {
  expect((await fetch(new Uint8Array(512), '')).blocks).toBe(2);
  const long = new Uint8Array(70_000 * 8 + 3).fill(5);
  const { bytes, blocks } = await fetch(long, 'blksize\x008\0windowsize\x0064\0');
  expect(bytes.length).toBe(long.length);
  expect(blocks).toBe(70_001);
});
