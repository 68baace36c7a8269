import { expect, test } from 'vitest';
import { figures, summed } from './rates.ts';

test('figures are of the time between two samples', () => {
  const before = { at: 1000, values: { runningMs: 100, instructions: 1e6, regionInstructions: 0 } };
  const values = {
    runningMs: 1100,
    instructions: 201e6,
    regionInstructions: 150e6,
    regionsLive: 7,
  };
  expect(figures(before, { at: 3000, values })).toMatchObject({
    ...{ guestCpu: 50, mips: 100, translated: 75, regions: 7, diskRead: null, memory: null },
  });
});

test('a reset, which sets counters back, has no rates', () => {
  const before = { at: 0, values: { instructions: 5e6, diskReadBytes: 512 } };
  const now = { at: 1000, values: { instructions: 1e6, diskReadBytes: 1024 } };
  expect(figures(before, now)).toMatchObject({ mips: null, diskRead: 512 });
});

test('all adapters count together', () => {
  expect(summed({ 'net0.bytesIn': 3, 'net1.bytesIn': 4, 'net0.bytesOut': 1 })).toMatchObject({
    ...{ bytesIn: 7, bytesOut: 1 },
  });
});
