import { describe, expect, it } from 'vitest';
import type { CharacterReceiver } from '../../backends/character.ts';
import { CountedClock } from '../../bus/clock.ts';
import { IrqWire } from '../../bus/irq.ts';
import { IsaUart } from './isaUart.ts';

const [RBR, THR, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR] = [0, 0, 1, 2, 2, 3, 4, 5, 6, 7];

function setUp(connected = true) {
  const state = { ns: 0, irq: false, edges: 0, sent: '', resumed: 0 };
  let receiver: CharacterReceiver | undefined;
  const clock = new CountedClock(() => state.ns, 0, 1);
  const uart = new IsaUart({
    id: 'com1',
    clock,
    irq: new IrqWire((high) => {
      state.irq = high;
      if (high) state.edges++;
    }),
    ...(connected
      ? {
          backend: {
            write: (bytes: Uint8Array) => (state.sent += String.fromCharCode(...bytes)),
            connect: (r: CharacterReceiver) => (receiver = r),
            resumeInput: () => state.resumed++,
          },
        }
      : {}),
  });
  const read = (register: number) => uart.region.read(register, 1);
  const write = (register: number, value: number) => uart.region.write(register, 1, value);
  const type = (text: string) => receiver?.receive(Uint8Array.from(Buffer.from(text))) ?? 0;
  return { uart, state, clock, read, write, type };
}

describe('the 16550', () => {
  it('sends bytes and is empty again at once', () => {
    const { state, read, write } = setUp();
    for (const c of 'ok\n') write(THR, c.charCodeAt(0));
    expect(state.sent).toBe('ok\n');
    expect(read(LSR)).toBe(0x60);
  });

  it('keeps the divisor apart from data and interrupt enable', () => {
    const { state, read, write } = setUp();
    write(IER, 0x01);
    write(LCR, 0x83);
    write(0, 0x01);
    write(1, 0x02);
    expect([read(0), read(1)]).toEqual([1, 2]);
    write(LCR, 0x03);
    expect(read(IER)).toBe(0x01);
    expect(state.sent).toBe('');
    write(SCR, 0x5a);
    expect(read(SCR)).toBe(0x5a);
  });

  it('shows its FIFOs in IIR only when they are on', () => {
    const { read, write } = setUp();
    expect(read(IIR)).toBe(0x01);
    write(FCR, 0x01);
    expect(read(IIR)).toBe(0xc1);
  });

  it('takes one byte without FIFOs and sixteen with them', () => {
    const { read, write, type, state } = setUp();
    expect(type('ab')).toBe(1);
    expect(read(RBR)).toBe(0x61);
    expect(state.resumed).toBe(1);
    write(FCR, 0x01);
    expect(type('0123456789abcdefXYZ')).toBe(16);
    expect(type('X')).toBe(0);
    let text = '';
    while ((read(LSR) & 1) !== 0) text += String.fromCharCode(read(RBR));
    expect(text).toBe('0123456789abcdef');
    expect(state.resumed).toBe(2);
  });

  it('interrupts at the trigger level, or after four character times below it', () => {
    const { state, clock, read, write, type } = setUp();
    write(MCR, 0x08);
    write(FCR, 0x81); // 8 bytes
    write(IER, 0x01);
    type('abcd');
    expect(state.irq).toBe(false);
    state.ns += 4 * 10 * 8681 * 12; // four characters of 10 bits at 9600 baud, divisor 12
    clock.poll();
    expect(state.irq).toBe(true);
    expect(read(IIR) & 0x0f).toBe(0x0c);
    read(RBR);
    expect(state.irq).toBe(false);
    type('efghi');
    expect(read(IIR) & 0x0f).toBe(0x04);
  });

  it('interrupts when the transmitter is empty: on enabling, and after every byte', () => {
    const { state, read, write } = setUp();
    write(MCR, 0x08);
    write(IER, 0x02);
    expect(state.irq).toBe(true);
    expect(read(IIR)).toBe(0x02);
    expect(state.irq).toBe(false);
    expect(read(IIR)).toBe(0x01);
    write(THR, 0x41);
    expect([state.irq, state.edges]).toEqual([true, 2]);
  });

  it('reaches the IRQ line only through OUT2', () => {
    const { state, write } = setUp();
    write(IER, 0x02);
    expect(state.irq).toBe(false);
    write(MCR, 0x08);
    expect(state.irq).toBe(true);
  });

  it('loops bytes and modem lines back', () => {
    const { state, read, write } = setUp();
    write(MCR, 0x1a); // loopback, RTS, OUT2: what Linux probes with
    expect(read(MSR) & 0xf0).toBe(0x90);
    write(THR, 0x5a);
    expect(read(RBR)).toBe(0x5a);
    expect(state.sent).toBe('');
  });

  it('notes changes of the modem lines once', () => {
    const { read, write } = setUp();
    expect(read(MSR)).toBe(0xb0);
    write(MCR, 0x10);
    expect(read(MSR)).toBe(0x0b);
    expect(read(MSR)).toBe(0x00);
  });

  it('has low modem lines when nothing is plugged in', () => {
    const { read } = setUp(false);
    read(MSR);
    expect(read(MSR)).toBe(0);
  });
});
