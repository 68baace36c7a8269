/** The cable is pulled and watched while frames go over it. */
import { expect, it } from 'vitest';
import type { AdapterEnd, Frame } from '../backends/network.ts';
import { plainFrame } from '../backends/network.ts';
import { Link } from './link.ts';
import { ManualClock } from './testing/memoryHost.ts';
import { TimerQueue } from './timerQueue.ts';

function setUp() {
  const link = new Link({ timers: new TimerQueue(new ManualClock()), random: () => 0.5 });
  const [atGuest, atNetwork]: [number[], number[]] = [[], []];
  const changes: boolean[] = [];
  const note = (list: number[]) => (frame: Frame) => list.push(frame.bytes[14] as number) > 0;
  const adapter: AdapterEnd = {
    ...{ take: note(atGuest), ready: () => undefined, flush: () => undefined },
    offloads: { checksum: false, segmentation: false },
    linkChanged: (up) => void changes.push(up),
  };
  link.connect(adapter);
  link.attach({ take: note(atNetwork), ready: () => undefined, flush: () => undefined });
  const frame = (number: number): Frame => {
    const bytes = new Uint8Array(60);
    bytes[14] = number;
    return plainFrame(bytes);
  };
  const both = (number: number): void => {
    link.take(frame(number));
    link.networkEnd.take(frame(number));
  };
  return { link, atGuest, atNetwork, changes, both };
}

it('a pulled cable carries nothing, either way, and says so; plugged in again it goes on', () => {
  const { link, atGuest, atNetwork, changes, both } = setUp();
  both(1);
  link.setLinkUp(false);
  link.setLinkUp(false);
  both(2);
  link.setLinkUp(true);
  both(3);
  expect([atGuest, atNetwork, changes]).toEqual([
    [1, 3],
    [1, 3],
    [false, true],
  ]);
  expect(link.counters).toMatchObject({ framesIn: 2, framesOut: 2, dropped: 1 });
});

it('who watches sees both directions from then on, until it stops', () => {
  const { link, both } = setUp();
  const seen: [number, boolean][] = [];
  both(1);
  link.watcher = (bytes, fromGuest) => void seen.push([bytes[14] as number, fromGuest]);
  both(2);
  link.watcher = undefined;
  both(3);
  expect(seen).toEqual([
    [2, true],
    [2, false],
  ]);
});
