import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededEntropy } from '../../bus/entropy.ts';
import { PciDriver } from './testing/pciDriver.ts';
import { VirtioBalloon } from './virtioBalloon.ts';
import { VirtioRng } from './virtioRng.ts';

// virtio 1.2 §2.1, §6
const DRIVER_OK = 4;
const NEEDS_RESET = 64;
const VERSION_1 = 1n << 32n;
const EVENT_IDX = 1n << 29n;

const rng = () => new PciDriver(new VirtioRng({ entropy: new SeededEntropy(1) }));
const request = (driver: PciDriver, length = 64) => {
  driver.queue(0).add([{ address: 0x8000, length, write: true }]);
  driver.notify(0);
};

describe('virtio over PCI', () => {
  test('identifies itself as a modern device', () => {
    const { config } = rng().probe().fn;
    expect(config.read(0x00, 4)).toBe(0x10441af4);
    expect(config.read(0x08, 1)).toBeGreaterThanOrEqual(1);
    expect(config.read(0x3d, 1)).toBe(1);
  });

  test('takes features only with VERSION_1 and none that it did not offer', () => {
    const driver = rng().probe();
    expect(driver.offered() & VERSION_1).toBe(VERSION_1);
    expect(driver.negotiate(0n)).toBe(false);
    expect(driver.negotiate(VERSION_1 | (1n << 5n))).toBe(false);
    expect(driver.negotiate(VERSION_1)).toBe(true);
    // Final once accepted (§2.2).
    driver.setCommon(8, 4, 0);
    driver.setCommon(12, 4, 0xffffffff);
    expect(driver.common(12, 4)).toBe(0);
  });

  test('serves a queue and interrupts by its MSI-X vector', () => {
    const driver = rng().start();
    request(driver);
    expect(driver.queue(0).take()).toEqual([{ head: 0, written: 64 }]);
    expect(driver.get(0x8000, 64).some((byte) => byte !== 0)).toBe(true);
    expect(driver.messages).toEqual([0x41]);
    expect(driver.interruptLine).toBe(false);
  });

  test('without MSI-X raises INTx until the ISR is read', () => {
    const driver = rng().probe();
    driver.negotiate(VERSION_1);
    driver.enableQueues(8);
    driver.status = 0xf;
    request(driver);
    expect(driver.interruptLine).toBe(true);
    expect(driver.isr()).toBe(1);
    expect(driver.interruptLine).toBe(false);
    expect(driver.isr()).toBe(0);
    expect(driver.messages).toEqual([]);
  });

  test('touches no queue before DRIVER_OK, and looks at all of them then', () => {
    const driver = rng().probe();
    driver.negotiate(VERSION_1);
    driver.enableQueues(8);
    request(driver);
    expect(driver.queue(0).usedIndex).toBe(0);
    driver.status = 0xf;
    expect(driver.queue(0).usedIndex).toBe(1);
  });

  test('asks for a reset when the driver breaks the rules, and works after it', () => {
    const driver = rng().start();
    driver.queue(0).add([{ address: 0x8000, length: 0, write: true }]);
    driver.notify(0);
    expect(driver.status & NEEDS_RESET).toBe(NEEDS_RESET);
    expect(driver.messages).toEqual([0x40]);
    expect(driver.reports).toEqual([expect.stringContaining('length 0')]);
    // The bit cannot be cleared but by reset.
    driver.status = 0xf;
    expect(driver.status & NEEDS_RESET).toBe(NEEDS_RESET);
    driver.status = 0;
    expect(driver.status).toBe(0);
    driver.start();
    request(driver);
    expect(driver.queue(0).usedIndex).toBe(1);
  });

  test('keeps queue sizes to powers of two up to its maximum, and vectors to those it has', () => {
    const driver = rng().probe();
    driver.setCommon(22, 2, 0);
    expect(driver.common(24, 2)).toBe(64);
    for (const bad of [0, 3, 128]) driver.setCommon(24, 2, bad);
    expect(driver.common(24, 2)).toBe(64);
    driver.setCommon(24, 2, 32);
    expect(driver.common(24, 2)).toBe(32);
    driver.setCommon(26, 2, 1);
    expect(driver.common(26, 2)).toBe(1);
    driver.setCommon(26, 2, 2);
    expect(driver.common(26, 2)).toBe(0xffff);
    driver.setCommon(22, 2, 7);
    expect(driver.common(24, 2)).toBe(0);
  });

  test('is reached through the window in configuration space', () => {
    const driver = rng().probe();
    const { config } = driver.fn;
    let at = config.read(0x34, 1);
    while (!(config.read(at, 1) === 9 && config.read(at + 3, 1) === 5)) at = config.read(at + 1, 1);
    config.write(at + 4, 1, 0);
    config.write(at + 8, 4, 18); // num_queues
    config.write(at + 12, 4, 2);
    expect(config.read(at + 16, 2)).toBe(1);
    config.write(at + 8, 4, 20);
    config.write(at + 12, 4, 1);
    config.write(at + 16, 1, 3);
    expect(driver.status).toBe(3);
  });

  test('goes on from a saved state', () => {
    const driver = rng().start();
    request(driver);
    const saved = structuredClone(driver.fn.save());
    const second = new PciDriver(new VirtioRng({ entropy: new SeededEntropy(2) }), driver.memory);
    second.fn.load(saved);
    expect(second.fn.save()).toEqual(saved);
    expect(second.fn.config.read(0x10, 4)).toBe(0xe0000000);
    // The BARs are mapped again: the old driver's rings and addresses go on.
    driver.queue(0).setUsedEvent(1);
    driver.queue(0).add([{ address: 0x8000, length: 8, write: true }]);
    second.bus.write(0xe0003000, 2, 0);
    expect(driver.queue(0).usedIndex).toBe(2);
    expect(second.messages).toEqual([0x41]);
    expect(() => second.fn.load({ version: 2, data: saved.data })).toThrow(/version 2/);
  });

  test('survives any register access', () => {
    const access = fc.record({
      offset: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 0x3fff })),
      width: fc.constantFrom(1 as const, 2 as const, 4 as const),
      value: fc.oneof(fc.integer({ min: 0, max: 15 }), fc.nat(0xffffffff)),
      write: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 200 }), (accesses) => {
        const driver = rng().start(EVENT_IDX);
        for (const { offset, width, value, write } of accesses) {
          const address = 0xe0000000 + offset - (offset % width);
          if (write) driver.bus.write(address, width, value);
          else expect(driver.bus.read(address, width)).toBeLessThan(2 ** (8 * width));
        }
        expect(driver.fn.save().version).toBe(1);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the balloon', () => {
  test('tells the driver of a new target and counts pages', () => {
    const balloon = new VirtioBalloon();
    const driver = new PciDriver(balloon).start();
    balloon.setTarget(16 << 20);
    expect(driver.messages).toEqual([0x40]);
    expect(driver.deviceConfig(0, 4)).toBe(4096);
    driver.put(0x8000, new Uint8Array(40));
    driver.queue(0).add([{ address: 0x8000, length: 40 }]);
    driver.notify(0);
    driver.setDeviceConfig(4, 4, 10);
    expect(balloon.inflated).toBe(40960);
    expect(balloon.actual).toBe(40960);
    driver.queue(1).add([{ address: 0x8000, length: 16 }]);
    driver.notify(1);
    expect(balloon.inflated).toBe(24576);
    // The target is not the driver's to change.
    driver.setDeviceConfig(0, 4, 1);
    expect(driver.deviceConfig(0, 4)).toBe(4096);
  });

  test('keeps the statistics buffer until it wants new ones, also across a save', () => {
    const balloon = new VirtioBalloon();
    const driver = new PciDriver(balloon).start();
    const view = new DataView(new ArrayBuffer(20));
    view.setUint16(0, 4, true); // free memory
    view.setBigUint64(2, 123456n, true);
    view.setUint16(10, 5, true); // total memory
    view.setBigUint64(12, 999999n, true);
    driver.put(0x8000, new Uint8Array(view.buffer));
    const head = driver.queue(2).add([{ address: 0x8000, length: 20 }]);
    driver.notify(2);
    expect(driver.queue(2).take()).toEqual([]);
    const fresh = new VirtioBalloon();
    const second = new PciDriver(fresh, driver.memory);
    second.fn.load(structuredClone(driver.fn.save()));
    expect(balloon.statistics()).toEqual({ freeMemory: 123456, totalMemory: 999999 });
    expect(driver.queue(2).take()).toEqual([{ head, written: 0 }]);
    fresh.statistics();
    expect(second.messages).toEqual([0x43]);
    expect(driver.status & DRIVER_OK).toBe(DRIVER_OK);
  });
});
