import { describe, expect, it } from 'vitest';
import { CountedClock } from '../../bus/clock.ts';
import { IrqWire } from '../../bus/irq.ts';
import { RtcMc146818 } from './rtcMc146818.ts';

function setUp(wallMs = Date.UTC(2026, 10, 23, 17, 5, 9, 250)) {
  const state = { ns: 0, irq: false, interrupts: 0 };
  const clock = new CountedClock(() => state.ns, wallMs, 1);
  const irq = new IrqWire((high) => {
    state.irq = high;
    if (high) state.interrupts++;
  });
  const rtc = new RtcMc146818({
    clock,
    irq,
    cmos: [
      [0x15, 0x80],
      [0x16, 0x02],
    ],
  });
  const read = (index: number) => {
    rtc.region.write(0, 1, index);
    return rtc.region.read(1, 1);
  };
  const write = (index: number, value: number) => {
    rtc.region.write(0, 1, index);
    rtc.region.write(1, 1, value);
  };
  /** Lets time pass and acknowledges every interrupt; returns the flags seen. */
  const pass = (ms: number) => {
    const end = state.ns + ms * 1e6;
    const flags: number[] = [];
    while (clock.nextDeadlineNs() <= end) {
      state.ns = Math.max(state.ns, clock.nextDeadlineNs());
      clock.poll();
      if (state.irq) flags.push(read(0x0c));
    }
    state.ns = end;
    return flags;
  };
  return { rtc, state, read, write, pass };
}

describe('the RTC', () => {
  it('shows wall time in BCD and 24 hours after power-on', () => {
    const { read } = setUp();
    expect([0, 2, 4, 7, 8, 9, 0x32].map(read)).toEqual([0x09, 0x05, 0x17, 0x23, 0x11, 0x26, 0x20]);
    expect(read(0x0d)).toBe(0x80);
    expect(read(0x16) * 256 + read(0x15)).toBe(640);
  });

  it('shows it in binary and 12 hours when register B says so', () => {
    const { read, write } = setUp();
    write(0x0b, 0x04);
    expect([read(4), read(2), read(9)]).toEqual([0x80 | 5, 5, 26]);
  });

  it('keeps a time that the guest sets, and runs on from it', () => {
    const { read, write, pass } = setUp();
    write(0x0b, 0x82);
    for (const [index, value] of [
      [0, 0x58],
      [2, 0x59],
      [4, 0x23],
      [7, 0x31],
      [8, 0x12],
      [9, 0x99],
      [0x32, 0x19],
    ] as const) {
      write(index, value);
    }
    pass(3000);
    expect(read(0)).toBe(0x58);
    write(0x0b, 0x02);
    pass(2000);
    expect([0, 2, 4, 7, 8, 9, 0x32].map(read)).toEqual([0, 0, 0, 0x01, 0x01, 0x00, 0x20]);
  });

  it('says that an update is under way just before the second ends', () => {
    const { read, pass } = setUp();
    expect(read(0x0a) & 0x80).toBe(0);
    pass(749);
    expect(read(0x0a) & 0x80).toBe(0x80);
    pass(2);
    expect(read(0x0a) & 0x80).toBe(0);
  });

  it('interrupts at the periodic rate', () => {
    const { write, pass } = setUp();
    write(0x0a, 0x26); // 1024 Hz
    write(0x0b, 0x42);
    expect(pass(1000).filter((flags) => (flags & 0xc0) === 0xc0).length).toBeGreaterThanOrEqual(
      1023,
    );
    write(0x0a, 0x2f); // 2 Hz
    expect(pass(2001).length).toBe(4);
  });

  it('interrupts once a second after updates', () => {
    const { write, pass } = setUp();
    write(0x0b, 0x12);
    const flags = pass(3000);
    expect(flags.map((f) => f & 0x90)).toEqual([0x90, 0x90, 0x90]);
  });

  it('interrupts at the alarm, with bytes that match anything', () => {
    const { write, pass } = setUp();
    write(1, 0x15);
    write(3, 0xff);
    write(5, 0xc0);
    write(0x0b, 0x22);
    expect(pass(5000)).toEqual([]);
    expect(pass(1000).map((f) => f & 0xa0)).toEqual([0xa0]);
    expect(pass(60_000).length).toBe(1);
  });

  it('raises flags without interrupts, and reading register C clears them', () => {
    const { read, state, pass } = setUp();
    read(0x0c);
    pass(1000);
    expect(read(0x0c) & 0x10).toBe(0x10);
    expect(read(0x0c) & 0x10).toBe(0);
    expect(state.interrupts).toBe(0);
  });

  it('keeps time and CMOS over a reset', () => {
    const { rtc, read, write } = setUp();
    write(0x40, 0x5a);
    write(9, 0x30);
    rtc.reset();
    expect([read(0x40), read(9)]).toEqual([0x5a, 0x30]);
  });
});
