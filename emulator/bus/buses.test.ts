import { describe, expect, it } from 'vitest';
import { IrqWire, SharedIrq } from './irq.ts';
import { MemoryBus } from './memoryBus.ts';
import { byteRegion, PortBus } from './portBus.ts';
import type { IoRegion } from './types.ts';

/** A region that remembers writes and answers with offset and width. */
function recorder(): IoRegion & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    read: (offset, width) => offset * 16 + width,
    write: (offset, width, value) => log.push(`${offset}/${width}=${value.toString(16)}`),
  };
}

describe('PortBus', () => {
  it('reads ones where nobody answers', () => {
    const bus = new PortBus();
    expect([bus.read(0x123, 1), bus.read(0x123, 2), bus.read(0x123, 4)]).toEqual([
      0xff, 0xffff, 0xffffffff,
    ]);
  });

  it('hands a whole access to its device with the width it has', () => {
    const bus = new PortBus();
    const region = recorder();
    bus.map(0x100, 8, region);
    expect(bus.read(0x104, 4)).toBe(0x44);
    bus.write(0x102, 2, 0xbeef);
    expect(region.log).toEqual(['2/2=beef']);
  });

  it('splits an access that crosses the end of a range', () => {
    const bus = new PortBus();
    const [low, high] = [recorder(), recorder()];
    bus.map(0x100, 2, low);
    bus.map(0x102, 2, high);
    bus.write(0x100, 4, 0x44332211);
    expect(low.log).toEqual(['0/1=11', '1/1=22']);
    expect(high.log).toEqual(['0/1=33', '1/1=44']);
    expect(bus.read(0x103, 2)).toBe(0xff00 + 0x11);
  });

  it('lets the range mapped first win, and uncovers the other when it goes', () => {
    const bus = new PortBus();
    const [first, second] = [recorder(), recorder()];
    const mapping = bus.map(0x100, 4, first);
    bus.map(0x102, 4, second);
    bus.write(0x102, 1, 1);
    mapping.remove();
    mapping.remove();
    bus.write(0x102, 1, 2);
    expect([first.log, second.log]).toEqual([['2/1=1'], ['0/1=2']]);
    expect(bus.read(0x100, 1)).toBe(0xff);
  });

  it('gives an 8-bit chip one byte at a time, low address first', () => {
    const seen: string[] = [];
    const region = byteRegion({
      read: (offset) => 0x10 + offset,
      write: (offset, value) => seen.push(`${offset}=${value.toString(16)}`),
    });
    expect(region.read(0, 4)).toBe(0x13121110);
    region.write(1, 2, 0xabcd);
    expect(seen).toEqual(['1=cd', '2=ab']);
  });
});

describe('MemoryBus', () => {
  it('finds ranges above 4 GiB and reads ones elsewhere', () => {
    const bus = new MemoryBus();
    bus.map(2 ** 40, 0x1000, recorder());
    expect(bus.read(2 ** 40 + 2, 4)).toBe(0x24);
    expect(bus.read(2 ** 40 + 0x1000, 4)).toBe(0xffffffff);
  });

  it('keeps to the range mapped first in an overlap, whichever was used last', () => {
    const bus = new MemoryBus();
    const [first, second] = [recorder(), recorder()];
    bus.map(0x1000, 0x1000, first);
    bus.map(0x0, 0x10000, second);
    bus.write(0x0, 1, 1);
    bus.write(0x1800, 1, 2);
    bus.write(0x3000, 1, 3);
    bus.write(0x1800, 1, 4);
    expect(first.log).toEqual(['2048/1=2', '2048/1=4']);
    expect(second.log).toEqual(['0/1=1', '12288/1=3']);
  });
});

describe('IRQ lines', () => {
  it('are high while any of their sources is', () => {
    const levels: boolean[] = [];
    const shared = new SharedIrq(new IrqWire((high) => levels.push(high)));
    const [a, b] = [shared.input(), shared.input()];
    a.set(true);
    a.set(true);
    b.set(true);
    a.set(false);
    b.set(false);
    expect(levels).toEqual([true, false]);
  });

  it('pulse low to high to low', () => {
    const levels: boolean[] = [];
    new IrqWire((high) => levels.push(high)).pulse();
    expect(levels).toEqual([true, false]);
  });
});
