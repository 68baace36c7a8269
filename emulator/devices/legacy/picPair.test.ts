import { describe, expect, it } from 'vitest';
import { IrqWire } from '../../bus/irq.ts';
import { PicPair } from './picPair.ts';

/** The pair initialized as on every PC: vectors 0x20 and 0x28, all unmasked. */
function setUp(icw4 = 0x01) {
  const state = { intr: false };
  const pic = new PicPair(new IrqWire((high) => (state.intr = high)));
  const { masterRegion: master, slaveRegion: slave } = pic;
  for (const [region, base, wiring] of [
    [master, 0x20, 4],
    [slave, 0x28, 2],
  ] as const) {
    region.write(0, 1, 0x11);
    region.write(1, 1, base);
    region.write(1, 1, wiring);
    region.write(1, 1, icw4);
    region.write(1, 1, 0);
  }
  const raise = (irq: number, high = true) => pic.lines[irq]?.set(high);
  const inService = (region = master) => {
    region.write(0, 1, 0x0b);
    return region.read(0, 1);
  };
  return { pic, master, slave, state, raise, inService };
}

describe('the 8259 pair', () => {
  it('gives vectors in order of priority, the slave at the place of IRQ 2', () => {
    const { pic, raise, state } = setUp(0x03); // automatic EOI
    for (const irq of [7, 12, 1, 8]) raise(irq);
    expect(state.intr).toBe(true);
    expect([1, 2, 3, 4].map(() => pic.acknowledge())).toEqual([0x21, 0x28, 0x2c, 0x27]);
    expect(state.intr).toBe(false);
  });

  it('holds lower priorities back until the end of interrupt', () => {
    const { pic, master, raise, state, inService } = setUp();
    raise(3);
    expect(pic.acknowledge()).toBe(0x23);
    expect(inService()).toBe(0x08);
    raise(4);
    expect(state.intr).toBe(false);
    raise(1);
    expect(state.intr).toBe(true);
    expect(pic.acknowledge()).toBe(0x21);
    master.write(0, 1, 0x20); // non-specific: ends IRQ 1
    expect(inService()).toBe(0x08);
    master.write(0, 1, 0x63); // specific: IRQ 3
    expect(inService()).toBe(0);
    expect(pic.acknowledge()).toBe(0x24);
  });

  it('takes one interrupt an edge, and a level as long as it is high', () => {
    const { pic, master, slave, raise, state } = setUp();
    pic.levelRegion.write(1, 1, 0x02); // IRQ 9
    raise(4);
    expect(pic.acknowledge()).toBe(0x24);
    master.write(0, 1, 0x20);
    expect(state.intr).toBe(false);
    raise(9);
    for (let i = 0; i < 2; i++) {
      expect(pic.acknowledge()).toBe(0x29);
      slave.write(0, 1, 0x20);
      master.write(0, 1, 0x20);
    }
    raise(9, false);
    expect(state.intr).toBe(false);
  });

  it('answers a request that has gone with IRQ 7, or 15 at the slave', () => {
    const { pic, raise, inService } = setUp();
    expect(pic.acknowledge()).toBe(0x27);
    expect(inService()).toBe(0);
    pic.levelRegion.write(1, 1, 0x02);
    raise(9);
    raise(9, false);
    expect(pic.acknowledge()).toBe(0x27);
  });

  it('keeps masked requests until they are unmasked', () => {
    const { pic, master, raise, state } = setUp();
    master.write(1, 1, 0x10);
    raise(4);
    expect(state.intr).toBe(false);
    expect(master.read(1, 1)).toBe(0x10);
    master.write(1, 1, 0);
    expect(pic.acknowledge()).toBe(0x24);
  });

  it('rotates priorities with OCW2', () => {
    const { pic, master, raise } = setUp(0x03);
    master.write(0, 1, 0xc0 | 4); // IRQ 4 lowest, so 5 is highest
    raise(0);
    raise(5);
    expect(pic.acknowledge()).toBe(0x25);
    expect(pic.acknowledge()).toBe(0x20);
  });

  it('lets lower priorities through in special mask mode', () => {
    const { pic, master, raise, state } = setUp();
    raise(1);
    pic.acknowledge();
    master.write(1, 1, 0x02);
    master.write(0, 1, 0x68); // OCW3: special mask
    raise(6);
    expect(state.intr).toBe(true);
    expect(pic.acknowledge()).toBe(0x26);
  });

  it('can be polled', () => {
    const { master, raise } = setUp();
    raise(5);
    master.write(0, 1, 0x0c);
    expect(master.read(0, 1)).toBe(0x85);
    master.write(0, 1, 0x0c);
    expect(master.read(0, 1)).toBe(0);
  });

  it('has no level trigger for IRQ 0, 1, 2, 8 and 13', () => {
    const { pic } = setUp();
    pic.levelRegion.write(0, 2, 0xffff);
    expect(pic.levelRegion.read(0, 2)).toBe(0xdef8);
  });
});
