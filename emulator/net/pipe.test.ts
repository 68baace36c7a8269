/** A line that is as bad as it is told to be. */
import { expect, it } from 'vitest';
import type { LinkConditions } from '../../shared/net/linkConditions.ts';
import { plainFrame } from '../backends/network.ts';
import { Pipe } from './pipe.ts';
import { ManualClock } from './testing/memoryHost.ts';
import { TimerQueue } from './timerQueue.ts';

/** What Ethernet adds to a frame on the wire: FCS, preamble, gap. */
const wireOverhead = 24;

function line(conditions: LinkConditions, random: () => number = () => 0.5) {
  const clock = new ManualClock();
  const arrived: { number: number; atMs: number }[] = [];
  let ready = 0;
  const pipe = new Pipe({
    ...{ timers: new TimerQueue(clock), random },
    target: {
      take: ({ bytes }) =>
        arrived.push({ number: bytes[0]! + 256 * bytes[1]!, atMs: clock.nowNs() / 1e6 }) > 0,
      ready: () => undefined,
      flush: () => undefined,
    },
    offloads: () => ({ checksum: false, segmentation: false }),
    ready: () => ready++,
  });
  pipe.setConditions(conditions);
  const send = (number: number, length = 1000): boolean => {
    const bytes = new Uint8Array(length);
    bytes.set([number & 255, number >> 8]);
    return pipe.take(plainFrame(bytes));
  };
  return { clock, arrived, pipe, send, readies: () => ready };
}

/** The same numbers every time. */
function seeded(): () => number {
  let state = 1;
  return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x80000000;
}

it('carries as many bits a second as its rate, and stops a sender that has more', () => {
  const { clock, arrived, send, readies } = line({ rate: 10e6 });
  let sent = 0;
  while (send(sent)) sent++;
  // Half a MiB waits.
  expect(sent * 1000).toBeGreaterThanOrEqual(512 << 10);
  expect(sent * 1000).toBeLessThan(600 << 10);
  clock.advance(100);
  const bits = 8 * (1000 + wireOverhead);
  expect(arrived.length).toBe(Math.floor((10e6 * 0.1) / bits));
  expect(arrived.map(({ number }) => number)).toEqual(arrived.map((_, i) => i));
  expect(readies()).toBe(0);
  clock.advance(10_000);
  expect(readies()).toBe(1);
  expect(arrived.length).toBe(sent);
  expect(arrived.at(-1)?.atMs).toBeCloseTo((sent * bits) / 10e3, 0);
});

it('delays each frame by its latency, and up to its jitter, in order', () => {
  const { clock, arrived, send } = line({ latency: 40, jitter: 20 }, seeded());
  const sentMs: number[] = [];
  for (let i = 0; i < 200; i++) {
    sentMs.push(clock.nowNs() / 1e6);
    send(i);
    clock.advance(30);
  }
  clock.advance(1000);
  expect(arrived.map(({ number }) => number)).toEqual(sentMs.map((_, i) => i));
  const delays = arrived.map(({ atMs }, i) => atMs - sentMs[i]!);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(39.99);
  expect(Math.max(...delays)).toBeLessThan(60.1);
  expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(15);
});

it('loses and overtakes as many in a hundred as it is told to', () => {
  const { clock, arrived, pipe, send } = line({ loss: 5, reorder: 10, latency: 10 }, seeded());
  const count = 5000;
  for (let i = 0; i < count; i++) {
    send(i);
    clock.advance(1);
  }
  clock.advance(1000);
  expect(arrived.length + pipe.lost).toBe(count);
  expect(pipe.lost / count).toBeCloseTo(0.05, 2);
  let highest = -1;
  let late = 0;
  for (const { number } of arrived) {
    if (number < highest) late++;
    else highest = number;
  }
  expect(late / arrived.length).toBeGreaterThan(0.07);
  expect(late / arrived.length).toBeLessThan(0.13);
});
