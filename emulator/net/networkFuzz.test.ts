/** A million hostile frames, datagrams, segments and headers. About a minute. */
import { expect, it } from 'vitest';
import { SeededEntropy } from '../bus/entropy.ts';
import { VirtioNet } from '../devices/net/virtioNet.ts';
import { PciDriver } from '../devices/virtio/testing/pciDriver.ts';
import { Link } from './link.ts';
import { setU16 } from './packet/byteOrder.ts';
import { answeredAddresses, parseQuery } from './packet/dnsMessage.ts';
import { ip } from './packet/ipAddress.ts';
import { tcpFlag } from './packet/tcpSegment.ts';
import { FrameGuest, guestMac, gatewayMac } from './testing/frameGuest.ts';
import { ManualClock, MemoryHost } from './testing/memoryHost.ts';
import { TimerQueue } from './timerQueue.ts';
import { UserNetwork } from './user/userNetwork.ts';

const entropy = new SeededEntropy(7);
const pool = new Uint8Array(1 << 16);
let used = pool.length;
const byte = (): number => {
  if (used === pool.length) {
    entropy.fill(pool);
    used = 0;
  }
  return pool[used++] as number;
};
const below = (n: number): number => ((byte() << 16) | (byte() << 8) | byte()) % n;
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, byte);

/** Changes a few bytes, cuts, or lengthens. */
function mutated(frame: Uint8Array): Uint8Array {
  const kind = byte() & 7;
  if (kind === 0) return frame.slice(0, below(frame.length + 1));
  if (kind === 1) return Uint8Array.from([...frame, ...noise(below(64))]);
  const changed = frame.slice();
  for (let n = 1 + (byte() & 3); n > 0; n--) changed[below(changed.length)] = byte();
  return changed;
}

function setUp() {
  const guest = new FrameGuest();
  const host = new MemoryHost();
  const clock = new ManualClock();
  const network = new UserNetwork(
    guest,
    { clock, host, entropy, bootFiles: { read: () => Promise.resolve(noise(3000)) } },
    { hostLoopback: true },
  );
  guest.network = network;
  host.echo = true;
  return { guest, host, clock, network };
}

function dhcpMessage(): Uint8Array {
  const message = new Uint8Array(300);
  message.set([1, 1, 6, 0]);
  message.set(guestMac, 28);
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, 1 + (byte() & 7), 50, 4, 10, 0, 2, 15], 236);
  message.set([12, 4, 0x61, 0x62, 0x63, 0x64, 255], 249);
  return message;
}

function dnsQuery(): Uint8Array {
  const query = new Uint8Array(33);
  query.set([byte(), byte(), 1, 0, 0, 1]);
  query.set(
    [3, 119, 119, 119, 7, 101, 120, 97, 109, 112, 108, 101, 3, 111, 114, 103, 0, 0, 1, 0, 1],
    12,
  );
  return query;
}

it(
  'frames, DHCP, DNS, TCP: nothing thrown, memory bounded, sockets freed',
  { timeout: 240_000 },
  async () => {
    const { guest, host, clock, network } = setUp();
    const connections = await Promise.all([1, 2, 3, 4].map((n) => guest.connect(5000 + n)));
    guest.keep = false;
    // Real frames to begin with.
    const seeds: (() => Uint8Array)[] = [
      () => noise(14 + below(100)),
      () => {
        // ARP, who has the gateway.
        const frame = new Uint8Array(42);
        frame.fill(255, 0, 6);
        frame.set(guestMac, 6);
        frame.set(
          [8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...guestMac, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2],
          12,
        );
        return frame;
      },
      () => {
        // ICMPv6: solicitations and echo.
        const frame = new Uint8Array(14 + 40 + 32);
        frame.set(gatewayMac);
        frame.set(guestMac, 6);
        frame.set([0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255], 12);
        frame.set(ip('fe80::5054:ff:fe12:3456'), 22);
        frame.set(ip('fe80::2'), 38);
        frame[54] = [128, 133, 135, 136][byte() & 3] as number;
        frame.set(ip('fe80::2'), 62);
        return frame;
      },
      () => {
        const connection = connections[byte() & 3] ?? connections[0]!;
        const sequence = (connection.sequence + (byte() & 1) * below(100_000)) >>> 0;
        const options = noise((byte() & 7) * 4);
        const flags =
          byte() & 15 ? tcpFlag.ack | (byte() & 0x3f & ~tcpFlag.rst & ~tcpFlag.syn) : byte();
        return guest.tcp({ ...connection, sequence }, flags, noise(below(200)), options);
      },
      () =>
        guest.tcp(
          {
            port: below(65_536),
            remotePort: 80,
            remote: ip('198.51.100.7'),
            sequence: 1,
            acknowledged: 0,
          },
          tcpFlag.syn,
        ),
      () => sentUdp(ip('255.255.255.255'), 68, 67, dhcpMessage()),
      () => sentUdp(ip('10.0.2.3'), 5353, 53, dnsQuery()),
      () =>
        sentUdp(
          ip('10.0.2.2'),
          2000,
          69,
          Uint8Array.of(
            0,
            1,
            ...new TextEncoder().encode(['boot', 'octet', 'blksize', '512', ''].join('\0')),
          ),
        ),
      () => sentUdp(ip('203.0.113.9'), below(65_536), below(65_536), noise(below(100))),
      () => {
        // Fragments.
        const frame = sentUdp(ip('203.0.113.9'), 9, 9, noise(64));
        setU16(frame, 20, byte() & 0x20 ? 0x2000 | below(100) : below(100));
        setU16(frame, 18, byte() & 3);
        return frame;
      },
    ];
    function sentUdp(to: Uint8Array, from: number, port: number, payload: Uint8Array): Uint8Array {
      let sent: Uint8Array = new Uint8Array(0);
      const real = guest.network;
      guest.network = {
        take: ({ bytes }) => ((sent = bytes.slice()), true),
        ready: () => undefined,
        flush: () => undefined,
      };
      guest.udp(to, from, port, payload);
      guest.network = real;
      return sent;
    }
    const stock = seeds.flatMap((make) => Array.from({ length: 40 }, make));
    for (let n = 0; n < 500_000; n++) {
      const seed = stock[below(stock.length)] as Uint8Array;
      const bytes = byte() & 3 ? mutated(seed) : seed;
      const partial = (byte() & 15) === 0;
      network.take({
        bytes,
        checksumStart: partial ? below(80) : 0,
        checksumOffset: partial ? below(20) : 0,
        segmentSize: partial && byte() & 1 ? below(2000) : 0,
      });
      if ((n & 15) === 0) network.flush();
      if ((n & 255) === 0) {
        guest.full = (byte() & 3) === 0;
        if (!guest.full) network.ready();
        clock.advance(below(3000));
        const socket = host.sockets[below(host.sockets.length)];
        if (socket?.open === true) socket.events.data(noise(below(2000)));
        await Promise.resolve();
      }
      if ((n & 0xffff) === 0)
        stock.splice(0, stock.length, ...seeds.flatMap((make) => Array.from({ length: 40 }, make)));
    }
    expect(network.tcp.connections).toBeLessThanOrEqual(4096);
    expect(network.tcp.opening).toBeLessThanOrEqual(256);
    expect(network.udp.flows).toBeLessThanOrEqual(1024);
    expect(network.dns.pending).toBeLessThanOrEqual(512);
    // A well-behaved guest is still served.
    guest.full = false;
    guest.keep = true;
    guest.frames.length = 0;
    clock.advance(10 * 60_000);
    await guest.connect(61_001);
    network.dispose();
    expect(host.openUdpSockets).toBe(0);
    expect(host.sockets.filter((socket) => socket.open).length).toBe(0);
    expect(network.timers.armed).toBe(0);
  },
);

it('DNS messages', { timeout: 120_000 }, () => {
  const seed = dnsQuery();
  for (let n = 0; n < 350_000; n++) {
    const message = mutated(seed);
    parseQuery(message);
    answeredAddresses(
      byte() & 1
        ? message
        : Uint8Array.from([...seed.subarray(0, 6), 0, 255, 0, 0, 0, 0, ...noise(below(60))]),
    );
  }
});

it('virtio-net headers and commands', { timeout: 240_000 }, () => {
  const clock = new ManualClock();
  const timers = new TimerQueue(clock);
  const link = new Link({ timers, random: () => byte() / 256 });
  const guest = new FrameGuest();
  const pairs = 4;
  const device = new VirtioNet({ network: link, mac: guestMac, pairs });
  const driver = new PciDriver(device).start();
  const network = new UserNetwork(link.networkEnd, { clock, host: new MemoryHost(), entropy });
  link.attach(network);
  const frame = guest.tcp(
    { port: 1, remotePort: 80, remote: ip('198.51.100.7'), sequence: 1, acknowledged: 0 },
    tcpFlag.syn,
    noise(400),
  );
  for (let n = 0; n < 150_000; n++) {
    const pair = below(pairs);
    const ring = driver.queue(2 * pair + 1);
    driver.put(0x1000, noise(12));
    // Flags and kinds that mean something, most of the time.
    if (byte() & 7)
      driver.put(
        0x1000,
        Uint8Array.of(
          byte() & 1,
          [0, 1, 4][byte() % 3] as number,
          54,
          0,
          byte(),
          byte() & 3,
          byte() & 63,
          0,
          byte() & 31,
          0,
          0,
          0,
        ),
      );
    driver.put(0x100c, mutated(frame));
    const length = 12 + below(frame.length);
    const pieces = [
      { address: 0x1000, length: 1 + below(length) },
      { address: 0x1100, length: 1 + below(100) },
    ];
    ring.add(byte() & 1 ? pieces : [{ address: 0x1000, length }]);
    const receive = driver.queue(2 * pair);
    if (receive.size > 0 && (byte() & 1) === 0) receive.take().forEach(() => undefined);
    if ((byte() & 3) === 0) {
      try {
        receive.add([{ address: 0x4000, length: 1 + below(1600), write: true }]);
      } catch {
        receive.take();
      }
      driver.notify(2 * pair);
    }
    driver.notify(2 * pair + 1);
    ring.take();
    if ((byte() & 7) === 0) {
      const control = driver.queue(2 * pairs);
      driver.put(0x8000, byte() & 1 ? noise(8) : Uint8Array.of(4, 0, byte() & 7, 0));
      control.add([
        { address: 0x8000, length: 1 + below(8) },
        { address: 0x8010, length: 1, write: true },
      ]);
      driver.notify(2 * pairs);
      control.take();
    }
    if ((n & 1023) === 0) {
      link.setConditions(
        (byte() & 1) === 0 ? undefined : { loss: 10, latency: 1, reorder: 10, rate: 1e8 },
      );
      clock.advance(50);
    }
  }
  expect(driver.reports).toEqual([]);
  expect(link.counters.framesOut).toBeGreaterThan(10_000);
  network.dispose();
});
