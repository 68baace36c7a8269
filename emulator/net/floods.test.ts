/** Guests that open connections without end, or never read: what they cost is bounded, and given back. */
import { expect, it } from 'vitest';
import { HostEntropy } from '../bus/entropy.ts';
import { FrameGuest, type GuestTcp } from './testing/frameGuest.ts';
import { ManualClock, MemoryHost } from './testing/memoryHost.ts';
import { ip } from './packet/ipAddress.ts';
import { tcpFlag } from './packet/tcpSegment.ts';
import { Switch } from './switch.ts';
import { defaultTcpLimits } from './user/tcpProxy.ts';
import { defaultUdpLimits } from './user/udpProxy.ts';
import { UserNetwork } from './user/userNetwork.ts';

function setUp() {
  const guest = new FrameGuest();
  const host = new MemoryHost();
  const clock = new ManualClock();
  const network = new UserNetwork(guest, {
    ...{ clock, host },
    entropy: new HostEntropy(),
  });
  guest.network = network;
  return { guest, host, clock, network };
}

const remote = ip('198.51.100.1');
const syn = (guest: FrameGuest, port: number, remotePort: number): void => {
  const connection: GuestTcp = { port, remote, remotePort, sequence: 1, acknowledged: 0 };
  guest.send(guest.tcp(connection, tcpFlag.syn));
};

function flood(guest: FrameGuest): void {
  guest.keep = false;
  for (let i = 0; i < 200_000; i++) syn(guest, 1024 + (i % 60_000), 1 + (i >> 8));
  guest.keep = true;
}

it('a flood of SYNs to hosts that do not answer takes few sockets, which it gives back', async () => {
  const { guest, host, network } = setUp();
  host.answer = () => 'nothing';
  flood(guest);
  expect(host.sockets.length).toBe(defaultTcpLimits.opening);
  expect(network.tcp.opening).toBe(defaultTcpLimits.opening);
  for (const { events } of host.sockets) events.failed('timeout');
  expect(network.tcp.connections).toBe(0);
  host.answer = () => 'connected';
  await guest.connect(50_000);
  expect(network.tcp.connections).toBe(1);
});

it('a flood whose answers nobody acknowledges ends by itself, and its host sockets with it', async () => {
  const { guest, host, clock, network } = setUp();
  flood(guest);
  await Promise.resolve();
  expect(host.sockets.length).toBe(defaultTcpLimits.opening);
  clock.advance(120_000);
  expect(network.tcp.connections).toBe(0);
  expect(host.sockets.every(({ open }) => !open)).toBe(true);
});

it('connections without end stop at the limit', async () => {
  const { guest, host, network } = setUp();
  let refused = 0;
  for (let i = 0; i < defaultTcpLimits.connections + 500; i++) {
    guest.frames.length = 0;
    await guest.connect(1024 + i).catch(() => refused++);
  }
  expect(network.tcp.connections).toBe(defaultTcpLimits.connections);
  expect(host.sockets.length).toBe(defaultTcpLimits.connections);
  expect(refused).toBe(500);
});

it('a flood of one machine on a shared network leaves to another what it needs', async () => {
  const host = new MemoryHost();
  const hub = new Switch();
  const ends: { network?: UserNetwork } = {};
  const gateway = hub.plug({
    take: (frame) => ends.network?.take(frame) ?? true,
    ready: () => ends.network?.ready(),
    flush: () => ends.network?.flush(),
  });
  const network = (ends.network = new UserNetwork(
    gateway,
    { clock: new ManualClock(), host, entropy: new HostEntropy() },
    { guestOf: (mac) => hub.portOf(mac) },
  ));
  const [bad, good] = [new FrameGuest(15), new FrameGuest(16)];
  for (const guest of [bad, good]) guest.network = hub.plug(guest);
  host.answer = () => 'nothing';
  // It says that it is many; it is one all the same.
  bad.keep = false;
  for (let i = 0; i < 20_000; i++) {
    bad.mac[5] = i & 255;
    syn(bad, 1024 + i, 1 + (i & 1023));
  }
  expect(network.tcp.opening).toBe(defaultTcpLimits.opening);
  for (let i = 0; i < 20_000; i++) bad.udp(remote, 1024 + i, 9, new Uint8Array(1));
  expect(network.udp.flows).toBe(defaultUdpLimits.flows);
  const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)];
  const header = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const question = Uint8Array.of(...header, ...text('example'), ...text('test'), 0, 0, 1, 0, 1);
  for (let i = 0; i < 2000; i++) bad.udp(ip('10.0.2.3'), 30_000 + i, 53, question);
  expect(network.dns.pending).toBe(512);
  host.answer = () => 'connected';
  for (let port = 40_000; port < 40_100; port++) await good.connect(port);
  good.udp(remote, 5000, 9, new Uint8Array(1));
  expect(network.udp.flows).toBe(defaultUdpLimits.flows + 1);
  good.udp(ip('10.0.2.3'), 5001, 53, question);
  expect(network.dns.pending).toBe(513);
  // And a connection of its own has the room of one, however many the other has.
  expect(network.tcp.shareOf(hub.portOf(good.mac))).toBeGreaterThan(256 << 10);
  network.dispose();
});

it('what a guest never reads stays with the senders', async () => {
  const { guest, host, network } = setUp();
  for (let i = 0; i < 1000; i++) {
    guest.frames.length = 0;
    await guest.connect(1024 + i);
  }
  guest.keep = false;
  const chunk = new Uint8Array(65_536);
  let taken = 0;
  for (const socket of host.sockets)
    while (!socket.paused) {
      socket.events.data(chunk);
      taken += chunk.length;
    }
  expect(network.tcp.connections).toBe(1000);
  expect(taken).toBeLessThan(defaultTcpLimits.memory + 1000 * chunk.length);
  network.dispose();
  expect(host.sockets.every(({ open }) => !open)).toBe(true);
});
