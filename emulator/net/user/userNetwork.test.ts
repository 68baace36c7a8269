/** Connections and datagrams through the gateway over time: keepalive, half-close, silence, and rules by name. */
import { describe, expect, it } from 'vitest';
import type { HostAddress, HostUdp } from '../../backends/hostNetwork.ts';
import { SeededEntropy } from '../../bus/entropy.ts';
import { ip, type IpAddress } from '../packet/ipAddress.ts';
import { tcpFlag } from '../packet/tcpSegment.ts';
import { FrameGuest } from '../testing/frameGuest.ts';
import { ManualClock, MemoryHost } from '../testing/memoryHost.ts';
import { UserNetwork } from './userNetwork.ts';

function setUp(host = new MemoryHost()) {
  const guest = new FrameGuest();
  const clock = new ManualClock();
  const network = new UserNetwork(guest, { clock, host, entropy: new SeededEntropy(3) });
  guest.network = network;
  return { guest, host, clock, network };
}

const hour = 3_600_000;

describe('TCP', () => {
  it('asks a guest that has been silent for two hours, and stays while it answers', async () => {
    const { guest, host, clock, network } = setUp();
    const connection = await guest.connect(5000);
    for (let round = 0; round < 3; round++) {
      const before = guest.frames.length;
      clock.advance(2 * hour - 5000);
      expect(guest.segments(before)).toEqual([]);
      clock.advance(10_000);
      // RFC 9293 §3.8.4: a sequence number that was acknowledged already.
      const [probe] = guest.segments(before);
      expect(probe?.sequence).toBe((connection.acknowledged - 1) >>> 0);
      guest.send(guest.tcp(connection, tcpFlag.ack));
    }
    expect(network.tcp.connections).toBe(1);
    expect(host.sockets[0]?.open).toBe(true);
  });

  it('gives up a guest that answers none of nine probes, and its host socket', async () => {
    const { guest, host, clock, network } = setUp();
    await guest.connect(5000);
    const before = guest.frames.length;
    clock.advance(2 * hour + 10 * 75_000);
    const segments = guest.segments(before);
    expect(segments.filter(({ rst }) => !rst).length).toBe(9);
    expect(segments.at(-1)?.rst).toBe(true);
    expect(network.tcp.connections).toBe(0);
    expect(host.sockets[0]?.aborted).toBe(true);
  });

  it('carries data to a guest that has finished sending', async () => {
    const { guest, host, clock, network } = setUp();
    const connection = await guest.connect(5000);
    const [socket] = host.sockets;
    guest.send(guest.tcp(connection, tcpFlag.ack | tcpFlag.fin));
    connection.sequence++;
    expect([socket?.ended, socket?.aborted]).toEqual([true, false]);
    clock.advance(hour);
    const before = guest.frames.length;
    socket?.events.data(new Uint8Array(1000).fill(7));
    const [data] = guest.segments(before);
    expect(data?.length).toBe(1000);
    connection.acknowledged += 1000;
    guest.send(guest.tcp(connection, tcpFlag.ack));
    socket?.events.end();
    expect(guest.segments(before).at(-1)?.fin).toBe(true);
    connection.acknowledged++;
    guest.send(guest.tcp(connection, tcpFlag.ack));
    clock.advance(10_000);
    expect(network.tcp.connections).toBe(0);
    expect(socket?.aborted).toBe(false);
  });

  it('carries data of a guest to a host that has finished sending', async () => {
    const { guest, host, clock, network } = setUp();
    const connection = await guest.connect(5000);
    const [socket] = host.sockets;
    const before = guest.frames.length;
    socket?.events.end();
    expect(guest.segments(before).at(-1)?.fin).toBe(true);
    connection.acknowledged++;
    guest.send(guest.tcp(connection, tcpFlag.ack));
    clock.advance(hour);
    guest.send(guest.tcp(connection, tcpFlag.ack, new Uint8Array(500)));
    connection.sequence += 500;
    expect(socket?.received).toBe(500);
    guest.send(guest.tcp(connection, tcpFlag.ack | tcpFlag.fin));
    expect(socket?.ended).toBe(true);
    clock.advance(10_000);
    expect(network.tcp.connections).toBe(0);
  });
});

it('a UDP port of a guest is given up after a minute of silence, and not before', () => {
  const { guest, host, clock, network } = setUp();
  const send = (): void => guest.udp(ip('198.51.100.1'), 4000, 9, new Uint8Array(4));
  send();
  expect([network.udp.flows, host.openUdpSockets]).toEqual([1, 1]);
  for (let i = 0; i < 5; i++) {
    clock.advance(50_000);
    send();
  }
  expect([network.udp.flows, host.openUdpSockets]).toEqual([1, 1]);
  clock.advance(61_000);
  expect([network.udp.flows, host.openUdpSockets]).toEqual([0, 0]);
  send();
  expect(host.datagrams).toBe(7);
});

/** Its name server says that every name is at one address. */
class NamingHost extends MemoryHost {
  readonly #address: IpAddress;
  constructor(address: IpAddress) {
    super();
    this.#address = address;
  }
  override openUdp(
    _family: 4 | 6,
    received: (bytes: Uint8Array, from: HostAddress) => void,
  ): HostUdp {
    return {
      ...{ port: 1, unsent: 0, close: () => undefined },
      send: (query, to) => {
        const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...this.#address];
        const answer = Uint8Array.from([...query, ...record]);
        answer.set([0x81, 0x80], 2);
        answer[7] = 1;
        received(answer, to);
      },
    };
  }
}

it('rules by host name hold for the addresses that a guest has been told, and when they change', async () => {
  const target = ip('203.0.113.5');
  const { guest, network } = setUp(new NamingHost(target));
  const letters = (label: string): number[] => [label.length, ...new TextEncoder().encode(label)];
  const resolve = (name: string): Uint8Array | undefined => {
    const before = guest.frames.length;
    const header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    const query = [...header, ...name.split('.').flatMap(letters), 0, 0, 1, 0, 1];
    guest.udp(ip('10.0.2.3'), 5353, 53, Uint8Array.from(query));
    return guest.frames.slice(before).find((frame) => frame[23] === 17);
  };
  network.setRules([{ action: 'deny', to: '*.example.org', ports: [80, 80] }]);
  // Before the guest has asked for the name, an address is an address.
  await guest.connect(5000, target, 80);
  const answer = resolve('www.example.org');
  expect([...(answer ?? []).slice(-4)]).toEqual([...target]);
  await expect(guest.connect(5001, target, 80)).rejects.toThrow();
  await guest.connect(5002, target, 443);
  network.setRules([]);
  await guest.connect(5003, target, 80);
  expect(network.tcp.connections).toBe(3);
  network.setRules([{ action: 'deny', to: 'www.example.org' }]);
  await expect(guest.connect(5004, target, 443)).rejects.toThrow();
  // A name that is denied altogether is not resolved either.
  const refused = resolve('www.example.org');
  expect((refused?.[45] ?? 0) & 15).not.toBe(0);
});

it('a rule holds for what is open as well, and for nothing else', async () => {
  const { guest, host, network } = setUp();
  const [denied, other] = [ip('203.0.113.5'), ip('203.0.113.6')];
  await guest.connect(5000, denied, 80);
  await guest.connect(5001, other, 80);
  const sockets = new Map<string, (bytes: Uint8Array) => void>();
  host.openUdp = (_family, received) => ({
    ...{ port: 1, unsent: 0, close: () => undefined },
    send: (_bytes, to) => void sockets.set(to.address, (answer) => received(answer, to)),
  });
  for (const to of [denied, other]) guest.udp(to, 6000, 9, new Uint8Array(4));
  const before = guest.frames.length;
  network.setRules([{ action: 'deny', to: '203.0.113.5' }]);
  expect(guest.segments(before).map(({ targetPort, rst }) => [targetPort, rst])).toEqual([
    [5000, true],
  ]);
  expect(host.sockets.map(({ open }) => open)).toEqual([false, true]);
  const heard = (from: string): number => {
    const count = guest.frames.length;
    sockets.get(from)?.(new Uint8Array(8));
    return guest.frames.length - count;
  };
  expect([heard('203.0.113.5'), heard('203.0.113.6')]).toEqual([0, 1]);
  // A rule that makes no sense changes nothing.
  expect(() => network.setRules([{ action: 'deny', to: 'no name' }])).toThrow(RangeError);
  await expect(guest.connect(5002, denied, 80)).rejects.toThrow();
});

it('a guest may send what the host takes, and is told when there is room again', async () => {
  const { guest, host } = setUp();
  const connection = await guest.connect(5000);
  const [socket] = host.sockets;
  // What the SYN's answer said: shifted by 6.
  const window = (): number => (guest.segments().at(-1)?.window ?? 0) << 6;
  const send = (): void => {
    guest.frames.length = 0;
    guest.send(guest.tcp(connection, tcpFlag.ack, new Uint8Array(1460)));
    connection.sequence = (connection.sequence + 1460) >>> 0;
    guest.network?.flush();
  };
  // The host takes nothing: what it has not taken adds up.
  if (socket !== undefined) socket.onWrite = (bytes) => (socket.unsent += bytes.length);
  let sent = 0;
  send();
  sent += 1460;
  while (window() >= 1460 && sent < 64 << 20) {
    send();
    sent += 1460;
  }
  expect(window()).toBeLessThan(1460);
  expect(socket?.received).toBe(sent);
  expect(sent).toBeLessThanOrEqual(2 << 20);
  const before = guest.frames.length;
  if (socket !== undefined) socket.unsent = 0;
  socket?.events.drained();
  expect(guest.segments(before).length).toBe(1);
  expect(window()).toBeGreaterThan(1 << 20);
});
