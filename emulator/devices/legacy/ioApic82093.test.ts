import { describe, expect, it } from 'vitest';
import type { InterruptMessage } from '../../bus/interruptMessage.ts';
import { IoApic82093 } from './ioApic82093.ts';

function setUp() {
  const sent: InterruptMessage[] = [];
  const apic = new IoApic82093((message) => sent.push(message));
  const read = (register: number) => {
    apic.region.write(0, 4, register);
    return apic.region.read(0x10, 4) >>> 0;
  };
  const write = (register: number, value: number) => {
    apic.region.write(0, 4, register);
    apic.region.write(0x10, 4, value);
  };
  const entry = (pin: number, low: number, high = 0) => {
    write(0x11 + 2 * pin, high);
    write(0x10 + 2 * pin, low);
  };
  const set = (pin: number, high: boolean) => apic.lines[pin]?.set(high);
  return { apic, sent, read, write, entry, set };
}

describe('the I/O APIC', () => {
  it('has version 0x11 and 24 entries, all masked', () => {
    const { read } = setUp();
    expect(read(1)).toBe(0x00170011);
    for (let pin = 0; pin < 24; pin++) expect(read(0x10 + 2 * pin)).toBe(0x10000);
  });

  it('sends an edge once', () => {
    const { sent, entry, set } = setUp();
    entry(4, 0x0934, 0x0f000000); // logical, lowest priority
    set(4, true);
    set(4, true);
    set(4, false);
    expect(sent).toEqual([
      { destination: 0x0f, logical: true, vector: 0x34, delivery: 1, level: false },
    ]);
  });

  it('loses an edge on a masked pin', () => {
    const { sent, entry, set } = setUp();
    entry(4, 0x10034);
    set(4, true);
    entry(4, 0x34);
    expect(sent).toEqual([]);
  });

  it('holds a level until its end of interrupt, and repeats it while it is high', () => {
    const { apic, sent, read, entry, set } = setUp();
    entry(16, 0x8051);
    set(16, true);
    expect(read(0x30)).toBe(0x8051 | 0x4000);
    set(16, false);
    set(16, true);
    expect(sent.length).toBe(1);
    apic.endOfInterrupt(0x52);
    expect(sent.length).toBe(1);
    apic.endOfInterrupt(0x51);
    expect(sent.length).toBe(2);
    set(16, false);
    apic.endOfInterrupt(0x51);
    expect(read(0x30)).toBe(0x8051);
    expect(sent.length).toBe(2);
  });

  it('sends a level that is high when it is unmasked', () => {
    const { sent, entry, set } = setUp();
    entry(9, 0x18060);
    set(9, true);
    entry(9, 0x8060);
    expect(sent.map((m) => m.vector)).toEqual([0x60]);
  });

  it('forgets remote IRR when an entry is switched to edge', () => {
    const { read, entry, set } = setUp();
    entry(9, 0x8060);
    set(9, true);
    entry(9, 0x10060);
    expect(read(0x22)).toBe(0x10060);
  });
});
