import { describe, expect, it } from 'vitest';
import { CountedClock } from '../../bus/clock.ts';
import { IrqWire } from '../../bus/irq.ts';
import { I8042 } from './i8042.ts';
import { Ps2Keyboard } from './ps2Keyboard.ts';
import { Ps2Mouse } from './ps2Mouse.ts';

class Bench {
  ticks = 0;
  readonly clock = new CountedClock(() => this.ticks, 0, 1000);
  readonly irqs: string[] = [];
  resets = 0;
  leds = 0;
  readonly keyboard = new Ps2Keyboard({ clock: this.clock, setLeds: (leds) => (this.leds = leds) });
  readonly mouse = new Ps2Mouse({ clock: this.clock });
  readonly i8042 = new I8042({
    clock: this.clock,
    keyboard: this.keyboard,
    mouse: this.mouse,
    keyboardIrq: new IrqWire((high) => void (high && this.irqs.push('irq1'))),
    mouseIrq: new IrqWire((high) => void (high && this.irqs.push('irq12'))),
    requestReset: () => this.resets++,
  });

  command(value: number): void {
    this.i8042.commandRegion.write(0, 1, value);
  }
  data(...values: number[]): void {
    for (const value of values) this.i8042.dataRegion.write(0, 1, value);
  }
  get status(): number {
    return this.i8042.commandRegion.read(0, 1);
  }
  passMs(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.ticks += 1000;
      this.clock.poll();
    }
  }
  /** Everything there is to read, a byte a millisecond. */
  read(): number[] {
    const bytes: number[] = [];
    while ((this.status & 1) !== 0) {
      bytes.push(this.i8042.dataRegion.read(0, 1));
      this.passMs(1);
    }
    return bytes;
  }
  configure(value: number): void {
    this.command(0x60);
    this.data(value);
  }
  toMouse(...values: number[]): number[] {
    return values.flatMap((value) => {
      this.command(0xd4);
      this.data(value);
      return this.read();
    });
  }
  toKeyboard(...values: number[]): number[] {
    return values.flatMap((value) => {
      this.data(value);
      return this.read();
    });
  }
  press(name: string): number[] {
    this.keyboard.key(name, true);
    this.keyboard.key(name, false);
    return this.read();
  }
}

describe('the 8042', () => {
  it('passes its self test and resets the CPU', () => {
    const bench = new Bench();
    bench.command(0xaa);
    expect(bench.status & 0x04).toBe(4);
    expect(bench.read()).toEqual([0x55]);
    bench.command(0xfe);
    expect(bench.resets).toBe(1);
  });

  it('loops a byte back as the mouse would have sent it', () => {
    const bench = new Bench();
    bench.configure(0x47);
    bench.command(0xd3);
    bench.data(0xa5);
    expect(bench.status & 0x21).toBe(0x21);
    expect(bench.irqs).toEqual(['irq12']);
    expect(bench.read()).toEqual([0xa5]);
    // No multiplexer answers to its knock.
    for (const byte of [0xf0, 0x56, 0xa4]) {
      bench.command(0xd3);
      bench.data(byte);
      expect(bench.read()).toEqual([byte]);
    }
  });

  it('translates set 2 to set 1, and leaves it when told to', () => {
    const bench = new Bench();
    bench.configure(0x45);
    expect(bench.press('KeyA')).toEqual([0x1e, 0x9e]);
    expect(bench.press('F7')).toEqual([0x41, 0xc1]);
    expect(bench.press('ArrowUp')).toEqual([0xe0, 0x48, 0xe0, 0xc8]);
    expect(bench.irqs.length).toBe(8);
    bench.configure(0x05);
    expect(bench.press('KeyA')).toEqual([0x1c, 0xf0, 0x1c]);
    expect(bench.press('F7')).toEqual([0x83, 0xf0, 0x83]);
    expect(bench.press('ArrowUp')).toEqual([0xe0, 0x75, 0xe0, 0xf0, 0x75]);
  });

  it('lets a handler read a byte twice before the next comes', () => {
    const bench = new Bench();
    bench.configure(0x45);
    bench.keyboard.key('KeyA', true);
    bench.keyboard.key('KeyA', false);
    expect(bench.i8042.dataRegion.read(0, 1)).toBe(0x1e);
    expect(bench.i8042.dataRegion.read(0, 1)).toBe(0x1e);
    expect(bench.status & 1).toBe(0);
    bench.passMs(1);
    expect(bench.i8042.dataRegion.read(0, 1)).toBe(0x9e);
  });

  it('keeps what a switched-off keyboard sends until it is on again', () => {
    const bench = new Bench();
    bench.configure(0x55);
    bench.keyboard.key('KeyA', true);
    expect(bench.read()).toEqual([]);
    bench.command(0xae);
    expect(bench.read()).toEqual([0x1e]);
  });
});

describe('the keyboard', () => {
  it('answers to reset, identify, echo, LEDs and nonsense', () => {
    const bench = new Bench();
    bench.configure(0x05);
    expect(bench.toKeyboard(0xff)).toEqual([0xfa, 0xaa]);
    expect(bench.toKeyboard(0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect(bench.toKeyboard(0xee)).toEqual([0xee]);
    expect(bench.toKeyboard(0xed, 0x05)).toEqual([0xfa, 0xfa]);
    expect(bench.leds).toBe(5);
    expect(bench.toKeyboard(0x12)).toEqual([0xfe]);
    expect(bench.toKeyboard(0xf0, 0x00)).toEqual([0xfa, 0xfa, 0x02]);
  });

  it('sends Pause, Print Screen, SysRq and Break as each set has them', () => {
    const bench = new Bench();
    bench.configure(0x05);
    expect(bench.press('Pause')).toEqual([0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77]);
    expect(bench.press('PrintScreen')).toEqual([
      0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12,
    ]);
    bench.keyboard.key('AltLeft', true);
    bench.read();
    expect(bench.press('PrintScreen')).toEqual([0x84, 0xf0, 0x84]);
    bench.keyboard.key('AltLeft', false);
    bench.keyboard.key('ControlLeft', true);
    bench.read();
    expect(bench.press('Pause')).toEqual([0xe0, 0x7e, 0xe0, 0xf0, 0x7e]);
    bench.keyboard.key('ControlLeft', false);
    bench.read();
    bench.toKeyboard(0xf0, 0x01);
    expect(bench.press('Pause')).toEqual([0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]);
    expect(bench.press('Delete')).toEqual([0xe0, 0x53, 0xe0, 0xd3]);
  });

  it('has set 3 with types of keys', () => {
    const bench = new Bench();
    bench.configure(0x05);
    bench.toKeyboard(0xf0, 0x03);
    expect(bench.press('ArrowUp')).toEqual([0x63, 0xf0, 0x63]);
    expect(bench.toKeyboard(0xfd, 0x63)).toEqual([0xfa, 0xfa]);
    expect(bench.toKeyboard(0xf4)).toEqual([0xfa]);
    expect(bench.press('ArrowUp')).toEqual([0x63]);
    expect(bench.press('KeyQ')).toEqual([0x15, 0xf0, 0x15]);
  });

  it('repeats a held key after the delay, and stops when it goes up', () => {
    const bench = new Bench();
    bench.configure(0x45);
    bench.toKeyboard(0xf3, 0x00); // 250 ms, then 33 ms
    bench.keyboard.key('KeyA', true);
    expect(bench.read()).toEqual([0x1e]);
    bench.passMs(240);
    expect(bench.read()).toEqual([]);
    bench.passMs(12);
    expect(bench.read()).toEqual([0x1e]);
    bench.passMs(34);
    expect(bench.read()).toEqual([0x1e]);
    bench.keyboard.key('KeyA', false);
    expect(bench.read()).toEqual([0x9e]);
    bench.passMs(500);
    expect(bench.read()).toEqual([]);
  });

  it('says once that keys were lost when nobody reads', () => {
    const bench = new Bench();
    bench.configure(0x05);
    for (let i = 0; i < 60; i++) {
      bench.keyboard.key('ArrowUp', true);
      bench.keyboard.key('ArrowUp', false);
    }
    const bytes = bench.read();
    expect(bytes.length).toBeLessThanOrEqual(129);
    expect(bytes.at(-1)).toBe(0x00);
  });
});

describe('the mouse', () => {
  it('answers to reset and identify, and turns wheel and buttons on by their knocks', () => {
    const bench = new Bench();
    bench.configure(0x47);
    expect(bench.toMouse(0xff)).toEqual([0xfa, 0xaa, 0x00]);
    expect(bench.toMouse(0xf2)).toEqual([0xfa, 0x00]);
    bench.toMouse(0xf3, 200, 0xf3, 100, 0xf3, 80);
    expect(bench.toMouse(0xf2)).toEqual([0xfa, 0x03]);
    bench.toMouse(0xf3, 200, 0xf3, 200, 0xf3, 80);
    expect(bench.toMouse(0xf2)).toEqual([0xfa, 0x04]);
    expect(bench.toMouse(0xe9)).toEqual([0xfa, 0x00, 0x02, 80]);
  });

  it('reports motion, buttons and wheel', () => {
    const bench = new Bench();
    bench.configure(0x47);
    bench.toMouse(0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4);
    bench.mouse.move(5, 3, 1);
    expect(bench.read()).toEqual([0x28, 5, 0xfd, 1]);
    bench.passMs(20);
    bench.mouse.move(-300, 0);
    expect(bench.read().slice(0, 4)).toEqual([0x18, 0x00, 0, 0]);
    bench.passMs(20);
    expect(bench.read()).toEqual([0x18, 0xd4, 0, 0]);
    bench.mouse.button(2, true);
    bench.mouse.button(2, false);
    expect(bench.read()).toEqual([0x0a, 0, 0, 0, 0x08, 0, 0, 0]);
  });

  it('says nothing before it is enabled, and waits to be asked in remote mode', () => {
    const bench = new Bench();
    bench.configure(0x47);
    bench.toMouse(0xf6);
    bench.mouse.move(5, 5);
    expect(bench.read()).toEqual([]);
    bench.toMouse(0xf0, 0xf4);
    bench.mouse.move(7, 0);
    expect(bench.read()).toEqual([]);
    expect(bench.toMouse(0xeb)).toEqual([0xfa, 0x08, 7, 0]);
    bench.toMouse(0xee);
    expect(bench.toMouse(0xeb)).toEqual([0xeb]);
    expect(bench.toMouse(0xec)).toEqual([0xfa]);
  });

  it('reports no more often than its sample rate', () => {
    const bench = new Bench();
    bench.configure(0x47);
    bench.toMouse(0xf3, 20, 0xf4); // 50 ms
    const packets: number[] = [];
    for (let i = 0; i < 500; i++) {
      bench.mouse.move(1, 0);
      bench.passMs(1);
      packets.push(...bench.read());
    }
    expect(packets.length / 3).toBeGreaterThanOrEqual(9);
    expect(packets.length / 3).toBeLessThanOrEqual(11);
  });
});
