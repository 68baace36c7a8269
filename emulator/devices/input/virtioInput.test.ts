import { expect, it } from 'vitest';
import { virtioTablet } from './virtioInput.ts';

it('tells what the driver selects: name, event codes, range of an axis', () => {
  const tablet = virtioTablet();
  const ask = (select: number, subselect: number): Uint8Array => {
    tablet.configWritten(0, 1, select);
    tablet.configWritten(1, 1, subselect);
    return tablet.config.subarray(8, 8 + (tablet.config[2] ?? 0));
  };
  expect(new TextDecoder().decode(ask(1, 0))).toBe('Guesthouse tablet');
  expect([...ask(0x11, 3)]).toEqual([3]);
  expect([...ask(0x12, 1)].slice(0, 8)).toEqual([0, 0, 0, 0, 0xff, 0x7f, 0, 0]);
  expect(ask(0x12, 5).length).toBe(0);
});
