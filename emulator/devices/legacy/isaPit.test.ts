import { describe, expect, it } from 'vitest';
import { CountedClock } from '../../bus/clock.ts';
import { IrqWire } from '../../bus/irq.ts';
import { IsaPit } from './isaPit.ts';

const HZ = 1_193_182;

function setUp() {
  const state = { ns: 0, stall: 0, edges: [] as number[] };
  const clock = new CountedClock(() => (state.ns += state.stall), 0, 1);
  const irq = new IrqWire((high) => {
    if (high) state.edges.push(Math.round((clock.nowNs() * HZ) / 1e9));
  });
  const pit = new IsaPit({ clock, irq });
  /** Lets that many ticks pass, timers firing at their deadlines. */
  const pass = (ticks: number) => {
    const end = state.ns + Math.ceil((ticks * 1e9) / HZ);
    while (clock.nextDeadlineNs() <= end) {
      state.ns = Math.max(state.ns, clock.nextDeadlineNs());
      clock.poll();
    }
    state.ns = end;
  };
  const out = (port: number, value: number) => pit.region.write(port - 0x40, 1, value);
  const program = (channel: number, mode: number, count: number, bcd = 0) => {
    out(0x43, (channel << 6) | 0x30 | (mode << 1) | bcd);
    out(0x40 + channel, count & 0xff);
    out(0x40 + channel, count >> 8);
  };
  const count = (channel: number) => {
    out(0x43, channel << 6);
    return pit.region.read(channel, 1) + pit.region.read(channel, 1) * 256;
  };
  const speaker = () => (pit.controlRegion.read(0, 1) & 0x20) !== 0;
  const gate2 = (on: boolean) => pit.controlRegion.write(0, 1, on ? 1 : 0);
  return { pit, state, pass, out, program, count, speaker, gate2 };
}

describe('the 8254', () => {
  it('loses no interrupt of a host that stalls while it is programmed', () => {
    const { state, pass, out } = setUp();
    out(0x43, 0x30);
    out(0x40, 10);
    // Each look at the clock comes later than the count takes.
    state.stall = 20_000;
    out(0x40, 0);
    state.stall = 0;
    pass(100);
    expect(state.edges).toHaveLength(1);
  });

  it('interrupts once at terminal count in mode 0', () => {
    const { state, pass, program } = setUp();
    program(0, 0, 1000);
    pass(999);
    expect(state.edges).toEqual([]);
    pass(5000);
    expect(state.edges).toEqual([1000]);
  });

  it('interrupts every period in modes 2 and 3', () => {
    for (const mode of [2, 3, 6, 7]) {
      const { state, pass, program } = setUp();
      program(0, mode, 1193);
      state.edges.length = 0;
      pass(1193 * 4 + 10);
      expect(state.edges, `mode ${mode}`).toEqual([1193, 2386, 3579, 4772]);
    }
  });

  it('counts 0 as 65536, and as 10000 in BCD', () => {
    const { pass, program, count } = setUp();
    program(0, 2, 0);
    pass(16);
    expect(count(0)).toBe(0x10000 - 16);
    program(0, 2, 0, 1);
    pass(16);
    expect(count(0)).toBe(0x9984);
  });

  it('counts by twos in mode 3', () => {
    const { pass, program, count } = setUp();
    program(0, 3, 1000);
    pass(100);
    expect(count(0)).toBe(800);
    pass(500);
    expect(count(0)).toBe(800);
  });

  it('takes a new count at the end of the period in mode 2', () => {
    const { state, pass, program, out } = setUp();
    program(0, 2, 1000);
    state.edges.length = 0;
    pass(10);
    out(0x40, 100);
    out(0x40, 0);
    pass(1195);
    expect(state.edges).toEqual([1000, 1100, 1200]);
  });

  it('latches count and status by the read-back command', () => {
    const { pit, pass, program, out } = setUp();
    program(0, 2, 1000);
    pass(100);
    out(0x43, 0xc2); // channel 0, both
    pass(500);
    expect(pit.region.read(0, 1)).toBe(0x80 | 0x30 | (2 << 1));
    expect(pit.region.read(0, 1) + pit.region.read(0, 1) * 256).toBe(900);
    out(0x43, (3 << 4) | 2);
    out(0x43, 0xe2); // status only: null count after a control word
    expect(pit.region.read(0, 1) & 0x40).toBe(0x40);
  });

  it('reads low and high byte alone', () => {
    const { pit, out } = setUp();
    out(0x43, 0x10 | (2 << 1));
    out(0x40, 0x80);
    expect(pit.region.read(0, 1)).toBe(0x80);
    out(0x43, 0x20 | (2 << 1));
    out(0x40, 0x12);
    expect(pit.region.read(0, 1)).toBe(0x12);
  });

  it('runs channel 2 only while its gate is open in mode 0, as TSC calibration uses it', () => {
    const { pass, program, speaker, gate2, count } = setUp();
    program(2, 0, 1000);
    pass(2000);
    expect(speaker()).toBe(false);
    gate2(true);
    pass(600);
    gate2(false);
    pass(5000);
    expect(count(2)).toBe(400);
    gate2(true);
    pass(399);
    expect(speaker()).toBe(false);
    pass(2);
    expect(speaker()).toBe(true);
  });

  it('is a one-shot that the gate triggers again in mode 1', () => {
    const { pass, program, speaker, gate2 } = setUp();
    program(2, 1, 100);
    expect(speaker()).toBe(true);
    gate2(true);
    expect(speaker()).toBe(false);
    pass(60);
    gate2(false);
    gate2(true);
    pass(60);
    expect(speaker()).toBe(false);
    pass(50);
    expect(speaker()).toBe(true);
  });

  it('strobes low for one clock in modes 4 and 5', () => {
    for (const mode of [4, 5]) {
      const { pass, program, speaker, gate2 } = setUp();
      if (mode === 4) gate2(true);
      program(2, mode, 100);
      gate2(true);
      pass(99);
      expect(speaker()).toBe(true);
      pass(1.5);
      expect(speaker()).toBe(false);
      pass(1);
      expect(speaker()).toBe(true);
    }
  });

  it('toggles the refresh bit of port 0x61', () => {
    const { pit, state } = setUp();
    const seen = new Set<number>();
    for (let i = 0; i < 4; i++) {
      seen.add(pit.controlRegion.read(0, 1) & 0x10);
      state.ns += 15_100;
    }
    expect(seen).toEqual(new Set([0, 0x10]));
  });
});
