import { describe, expect, it } from 'vitest';
import type { AdapterEnd, Frame, NetworkBackend } from '../../backends/network.ts';
import { PciDriver } from '../virtio/testing/pciDriver.ts';
import { VirtioNet } from './virtioNet.ts';

/** Virtio 1.2 §5.1.3, §5.1.6.5.5. */
const multiqueue = 1n << 22n;
const setPairs = [4, 0];
const headerBytes = 12;
const headerAt = 0x1000;
const answerAt = 0x1800;
const receiveAt = 0x2000;

/** The far end of the cable: keeps what it takes, and has no room if it is told so. */
class Network implements NetworkBackend {
  readonly taken: number[][] = [];
  full = false;
  adapter: AdapterEnd | undefined;
  readonly linkUp = true;
  connect(adapter: AdapterEnd): void {
    this.adapter = adapter;
  }
  take({ bytes }: Frame): boolean {
    if (this.full) return false;
    this.taken.push([...bytes]);
    return true;
  }
  ready(): void {}
  flush(): void {}
}

/** A UDP datagram between 10.0.2.15 and 198.51.100.1 in an Ethernet frame. */
function datagram(from: 'guest' | 'network', port: number, ipv6 = false): Uint8Array {
  const frame = new Uint8Array(70);
  frame.set(ipv6 ? [0x86, 0xdd, 0x60] : [8, 0, 0x45], 12);
  const [guest, network] = ipv6
    ? [[0xfd, 15], [0x20, 1]].map(([first, last]) => [first, ...Array<number>(14).fill(0), last]) // prettier-ignore
    : [[10, 0, 2, 15], [198, 51, 100, 1]]; // prettier-ignore
  const addresses = from === 'guest' ? [guest, network] : [network, guest];
  frame.set(addresses.flat() as number[], ipv6 ? 22 : 26);
  frame[ipv6 ? 20 : 23] = 17;
  const ports = [port >> 8, port & 255];
  frame.set(from === 'guest' ? [...ports, 0, 53] : [0, 53, ...ports], ipv6 ? 54 : 34);
  return frame;
}

class Bench {
  readonly network = new Network();
  readonly driver: PciDriver;
  constructor(pairs: number, without = 0n) {
    const device = new VirtioNet({
      network: this.network,
      mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
      pairs,
    });
    this.driver = new PciDriver(device).start(without);
  }

  send(pair: number, frame: Uint8Array): void {
    this.driver.put(headerAt, new Uint8Array(headerBytes));
    this.driver.put(headerAt + headerBytes, frame);
    const queue = this.driver.queue(2 * pair + 1);
    queue.add([{ address: headerAt, length: headerBytes + frame.length }]);
    this.driver.notify(2 * pair + 1);
  }

  /** Gives a buffer to every pair, brings a frame, and says which pair got it. */
  receivedBy(frame: Uint8Array, pairs: number): number[] {
    const queues = Array.from({ length: pairs }, (_, pair) => this.driver.queue(2 * pair));
    for (const queue of queues) queue.add([{ address: receiveAt, length: 1600, write: true }]);
    this.network.adapter?.take({
      bytes: frame,
      checksumStart: 0,
      checksumOffset: 0,
      segmentSize: 0,
    });
    const got = queues.flatMap((queue, pair) => (queue.take().length > 0 ? [pair] : []));
    return got;
  }

  /** The answer to a command: 0 for done, 1 for refused. */
  command(queue: number, ...bytes: number[]): number {
    this.driver.put(headerAt, Uint8Array.from(bytes));
    this.driver.put(answerAt, Uint8Array.of(255));
    this.driver.queue(queue).add([
      { address: headerAt, length: bytes.length },
      { address: answerAt, length: 1, write: true },
    ]);
    this.driver.notify(queue);
    this.driver.queue(queue).take();
    return this.driver.get(answerAt, 1)[0] as number;
  }
}

describe('virtio-net with several pairs of queues', () => {
  it('offers them only if it has them, with the control queue behind them', () => {
    const one = new Bench(1);
    expect(one.driver.offered() & multiqueue).toBe(0n);
    expect(one.driver.common(18, 2)).toBe(3);
    expect(one.command(2, ...setPairs, 1, 0)).toBe(1);
    const four = new Bench(4);
    expect(four.driver.offered() & multiqueue).toBe(multiqueue);
    expect(four.driver.common(18, 2)).toBe(9);
    expect(four.driver.deviceConfig(8, 2)).toBe(4);
    expect([0, 1, 4, 5, 0x104].map((n) => four.command(8, ...setPairs, n & 255, n >> 8))).toEqual([
      1, 0, 0, 1, 1,
    ]);
  });

  it('is a device of one pair for a driver that does not know of several', () => {
    const bench = new Bench(4, multiqueue);
    // Promiscuous mode on.
    expect(bench.command(2, 0, 0, 1)).toBe(0);
    expect(bench.command(2, ...setPairs, 2, 0)).toBe(1);
    bench.send(0, datagram('guest', 1000));
    expect(bench.network.taken.length).toBe(1);
    expect(bench.receivedBy(datagram('network', 1000), 1)).toEqual([0]);
  });

  it.each([false, true])('receives with the pair that last sent of a flow (IPv6: %s)', (ipv6) => {
    const bench = new Bench(4);
    // Before the driver asks, all comes by the first pair.
    bench.send(3, datagram('guest', 1000, ipv6));
    expect(bench.receivedBy(datagram('network', 1000, ipv6), 4)).toEqual([0]);
    expect(bench.command(8, ...setPairs, 4, 0)).toBe(0);
    for (const pair of [0, 1, 2, 3]) bench.send(pair, datagram('guest', 1000 + pair, ipv6));
    for (const pair of [3, 1, 0, 2])
      expect(bench.receivedBy(datagram('network', 1000 + pair, ipv6), 4)).toEqual([pair]);
    bench.send(2, datagram('guest', 1000, ipv6));
    expect(bench.receivedBy(datagram('network', 1000, ipv6), 4)).toEqual([2]);
    // Queues that the driver gave up get nothing.
    expect(bench.command(8, ...setPairs, 2, 0)).toBe(0);
    expect(bench.receivedBy(datagram('network', 1003, ipv6), 4)).toEqual([1]);
    expect(bench.driver.reports).toEqual([]);
  });

  it('sends in order what the network had no room for, from all pairs', () => {
    const bench = new Bench(2);
    bench.command(4, ...setPairs, 2, 0);
    bench.network.full = true;
    bench.send(1, datagram('guest', 2001));
    bench.network.full = false;
    bench.network.adapter?.ready();
    bench.network.full = true;
    bench.driver.put(headerAt + 0x400, bench.driver.get(headerAt, 100));
    bench.send(0, datagram('guest', 2000));
    bench.network.full = false;
    bench.network.adapter?.ready();
    expect(bench.network.taken.map((frame) => frame[35])).toEqual([2001 & 255, 2000 & 255]);
    expect([0, 1].map((pair) => bench.driver.queue(2 * pair + 1).take().length)).toEqual([1, 1]);
  });

  it('keeps pairs and flows in its state', () => {
    const bench = new Bench(4);
    bench.command(8, ...setPairs, 4, 0);
    bench.send(2, datagram('guest', 3000));
    const state = structuredClone(bench.driver.fn.save());
    bench.command(8, ...setPairs, 1, 0);
    bench.driver.fn.load(state);
    expect(bench.receivedBy(datagram('network', 3000), 4)).toEqual([2]);
  });

  it('goes on from a state of version 1, whose refused frame was out of the queue', () => {
    const bench = new Bench(1);
    bench.network.full = true;
    bench.send(0, datagram('guest', 4000));
    const state = structuredClone(bench.driver.fn.save());
    const queues = state.data.queues as { data: { nextAvailable: number } }[];
    const sending = queues[1]!.data;
    sending.nextAvailable = (sending.nextAvailable + 1) & 0xffff;
    const old = { ...state.data, device: { version: 1, data: { held: [0] } } };
    bench.driver.fn.load({ version: 1, data: old });
    bench.network.full = false;
    bench.driver.fn.resume();
    expect(bench.network.taken).toEqual([[...datagram('guest', 4000)]]);
  });
});
