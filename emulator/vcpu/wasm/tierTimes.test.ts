import { expect, it } from 'vitest';
import { TierTimes } from './tierTimes.ts';

it('finds what each tier takes from runs that mix them', () => {
  const times = new TierTimes();
  // 10 ns an interpreted instruction, 1 ns a translated one.
  for (let i = 0; i < 100; i++) {
    const [interpreted, translated] = [(i * 7919) % 1000, (i * 104_729) % 10_000];
    times.add(interpreted, translated, interpreted * 10e-6 + translated * 1e-6);
  }
  const { running, interpreted, translated } = times.get();
  expect(interpreted + translated).toBeCloseTo(running, 9);
  const sums = Array.from({ length: 100 }, (_, i) => (i * 7919) % 1000).reduce((a, b) => a + b);
  expect(interpreted).toBeCloseTo(sums * 10e-6, 6);
});

it('counts all time as interpreted while nothing was translated', () => {
  const times = new TierTimes();
  times.add(1000, 0, 2);
  expect(times.get()).toEqual({ running: 2, interpreted: 2, translated: 0 });
});
