import { describe, expect, it } from 'vitest';
import { CountedClock } from '../../bus/clock.ts';
import { AcpiPm } from './acpiPm.ts';

function setUp() {
  const state = { ns: 0, sci: false, off: 0 };
  const clock = new CountedClock(() => state.ns, 0, 1);
  const pm = new AcpiPm({
    clock,
    sci: (high) => (state.sci = high),
    powerOff: () => state.off++,
  });
  return { pm, state, clock, read: pm.region.read, write: pm.region.write };
}

describe('ACPI fixed hardware', () => {
  it('counts 3.579545 MHz in 24 bits', () => {
    const { state, read } = setUp();
    state.ns = 1e9;
    expect(read(8, 4)).toBe(3_579_545);
    state.ns = 10e9;
    expect(read(8, 4)).toBe(35_795_450 % 0x1000000);
  });

  it('tells of the power button by SCI once ACPI is on and the event enabled', () => {
    const { pm, state, read, write } = setUp();
    pm.pressPowerButton();
    expect(state.sci).toBe(false);
    write(2, 2, 0x0120);
    expect(state.sci).toBe(false);
    pm.enableAcpi(true);
    expect(read(4, 2) & 1).toBe(1);
    expect(state.sci).toBe(true);
    expect(read(0, 2)).toBe(0x0100);
    write(0, 2, 0x0100);
    expect([state.sci, read(0, 2)]).toEqual([false, 0]);
  });

  it('raises the timer status when bit 23 changes', () => {
    const { pm, state, clock, read, write } = setUp();
    pm.enableAcpi(true);
    write(2, 2, 0x0001);
    state.ns = Math.ceil((2 ** 23 * 1e9) / 3_579_545) + 2;
    clock.poll();
    expect(state.sci).toBe(true);
    write(0, 2, 1);
    expect([state.sci, read(0, 2)]).toEqual([false, 0]);
  });

  it('powers off for S5 and for nothing else', () => {
    const { state, write } = setUp();
    write(4, 2, 0x0001);
    write(4, 2, 0x2001 | (1 << 10));
    expect(state.off).toBe(0);
    write(4, 2, 0x2001);
    expect(state.off).toBe(1);
  });
});
