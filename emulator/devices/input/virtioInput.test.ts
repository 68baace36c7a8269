import { expect, it } from 'vitest';
import type { Width } from '../../bus/types.ts';
import { keys } from '../../../shared/input/keys.ts';
import { PciDriver } from '../virtio/testing/pciDriver.ts';
import { virtioKeyboard, virtioTablet } from './virtioInput.ts';

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

const buffers = 0x40000;

it('gives the driver each event once, the newest position, and buffers of LEDs back', () => {
  const tablet = virtioTablet();
  const driver = new PciDriver(tablet).start();
  const events = driver.queue(0);
  for (let i = 0; i < 8; i++) events.add([{ address: buffers + 8 * i, length: 8, write: true }]);
  tablet.point(0, 1);
  tablet.point(0, 1);
  tablet.button(2, true);
  tablet.wheel(1, 0);
  const told = (): number[][] =>
    events.take().map((_, i) => {
      const view = new DataView(driver.get(buffers + 8 * i, 8).buffer);
      return [view.getUint16(0, true), view.getUint16(2, true), view.getInt32(4, true)];
    });
  expect(told()).toEqual([
    ...[[3, 0, 0], [3, 1, 0x7fff], [0, 0, 0]],
    ...[[1, 0x111, 1], [0, 0, 0]],
    ...[[2, 8, -1], [0, 0, 0]],
  ]); // prettier-ignore
  const leds = driver.queue(1);
  leds.add([{ address: buffers, length: 8 }]);
  driver.notify(1);
  expect(leds.take()).toMatchObject([{ written: 0 }]);
  expect(driver.reports).toEqual([]);
});

it.each([
  ['keyboard', virtioKeyboard],
  ['tablet', virtioTablet],
] as const)(
  'the %s takes a million random accesses, buffers and host events without an exception',
  (_, create) => {
    const device = create();
    const driver = new PciDriver(device).start();
    // Marsaglia's xorshift32.
    let random = 4711;
    const next = (): number => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return random >>> 0;
    };
    const below = (n: number): number => next() % n;
    const names = [...keys.keys(), 'NoSuchKey'];
    let bad = 0;
    let told = 0;
    const restart = (): void => {
      driver.fn.reset();
      driver.start();
    };
    for (let n = 0; n < 1_000_000; n++) {
      const width = ([1, 2, 4] as const)[below(3)] as Width;
      switch (below(10)) {
        case 0: {
          const seen = driver.bus.read(0xe0000000 + below(0x4000), width);
          if (!(Number.isInteger(seen) && seen >= 0 && seen < 2 ** (8 * width))) bad++;
          break;
        }
        case 1:
          // The configuration's selectors, and what is only to be read.
          driver.setDeviceConfig(below(200), width, next() % 2 ** (8 * width));
          break;
        case 2:
          // Any register, which may stop the device; it is started again further down.
          if (below(32) === 0)
            driver.bus.write(0xe0000000 + below(0x4000), width, next() % 2 ** (8 * width));
          break;
        case 3:
        case 4:
        case 5: {
          const index = below(2);
          try {
            driver.queue(index).add(
              Array.from({ length: 1 + below(3) }, () => ({
                address: below(64) === 0 ? next() : buffers + below(0x1000),
                length: below(64) === 0 ? next() : 8 + below(16),
                write: below(16) === 0 ? index === 1 : index === 0,
              })),
            );
            driver.notify(index);
          } catch {
            restart();
          }
          break;
        }
        case 6:
          // A ring in disorder.
          if (below(64) === 0) driver.memory.bytes[0x10000 + below(0x4000)] = next();
          break;
        case 7:
          device.key(names[below(names.length)] ?? '', below(2) === 0);
          device.button(below(7), below(2) === 0);
          break;
        case 8:
          device.point(below(3000) / 1000 - 1, below(3000) / 1000 - 1);
          device.wheel(below(9) - 4, below(3) - 1);
          break;
        case 9:
          told += driver.queue(0).take().length;
          driver.queue(1).take();
          if (below(4096) === 0) driver.fn.load(structuredClone(driver.fn.save()));
          if (below(2048) === 0 || !device.ready) restart();
          break;
      }
    }
    expect(bad).toBe(0);
    expect(told).toBeGreaterThan(10_000);
    // What a guest that reads nothing is kept is bounded.
    expect(JSON.stringify(device.save()).length).toBeLessThan(20_000);
  },
);
