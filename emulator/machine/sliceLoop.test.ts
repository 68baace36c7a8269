import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { HostClock } from '../bus/clock.ts';
import type { PcEngine } from './pcParts.ts';
import { SliceLoop } from './sliceLoop.ts';

interface Ran {
  ns: number;
  /** Of that, and when, at the start of a slice: what ran before has been rested for by then. */
  settled?: { readonly ns: number; readonly atNs: number };
}

/** A guest that never rests: a slice takes all the time that it is given. */
function busyEngine(clock: HostClock, ran: Ran): PcEngine {
  const vcpu = {
    run: (): { reason: 'budget' } => {
      const start = clock.nowNs();
      ran.settled = { ns: ran.ns, atNs: start };
      while (clock.nowNs() < start + 400_000);
      ran.ns += clock.nowNs() - start;
      return { reason: 'budget' };
    },
    nextTimerNs: () => Infinity,
    requestExit: () => undefined,
  };
  return { vcpu, instructionsRetired: () => 0 } as unknown as PcEngine;
}

it.each([25, 100])('a guest capped at %i percent gets so much of the time', async (cpuCap) => {
  const clock = new HostClock();
  clock.run(true);
  const ran: Ran = { ns: 0 };
  const startNs = clock.nowNs();
  const passedNs = (): number => clock.nowNs() - startNs;
  const loop = new SliceLoop({
    ...{ engine: busyEngine(clock, ran), clock, cpuCap, settle: async () => undefined },
    yieldToEventLoop: () => nextTurn(),
    interrupted: () => passedNs() > 1e9,
    pauseWanted: () => false,
    ended: () => undefined,
  });
  await loop.run();
  const { ns, atNs } = ran.settled!;
  const share = ns / (atNs - startNs);
  // What the host takes for itself meanwhile makes it less, never more.
  expect(share).toBeLessThan(cpuCap / 100 + 0.02);
  expect(share).toBeGreaterThan(cpuCap / 300);
});

it('a pause does not wait for a capped guest’s rest', async () => {
  const clock = new HostClock();
  clock.run(true);
  const ran = { ns: 0 };
  let paused = false;
  const loop = new SliceLoop({
    ...{ engine: busyEngine(clock, ran), clock, cpuCap: 5, settle: async () => undefined },
    yieldToEventLoop: () => nextTurn(),
    interrupted: () => false,
    pauseWanted: () => paused,
    ended: () => undefined,
  });
  const running = loop.run();
  setTimeout(() => {
    paused = true;
    loop.wake();
  }, 50);
  await running;
  expect(paused).toBe(true);
});
