import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock, Timer } from '../../bus/types.ts';
import { ArrayVideoMemory } from './testing/arrayVideoMemory.ts';
import { Vga } from './vga.ts';

const MiB = 2 ** 20;

class TestClock implements Clock {
  ns = 0;
  nowNs(): number {
    return this.ns;
  }
  wallMs(): number {
    return 0;
  }
  timer(): Timer {
    throw new Error('a VGA has no timers');
  }
}

let clock: TestClock;
let memory: ArrayVideoMemory;
let vga: Vga;
beforeEach(() => {
  clock = new TestClock();
  memory = new ArrayVideoMemory(MiB);
  vga = new Vga({ memory, clock });
});

const out = (port: number, ...values: readonly number[]): void =>
  values.forEach((value) => vga.registers.write(port - 0x3b0, value));
const indexed = (port: number, index: number, value: number): void =>
  out(port, index) ?? out(port + 1, value);

/** 80×25 with the register values of IBM's BIOS, and a font whose glyph n has n in every line. */
function textMode(): void {
  out(0x3c2, 0x67);
  [3, 0, 3, 0, 2].forEach((value, i) => indexed(0x3c4, i, value));
  const crtc = [
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x0e,
    0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
  ];
  crtc.forEach((value, i) => indexed(0x3d4, i, value));
  [0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff].forEach((value, i) => indexed(0x3ce, i, value));
  vga.registers.read(0x3da - 0x3b0);
  for (let i = 0; i < 16; i++) out(0x3c0, i, i);
  out(0x3c0, 0x10, 0x0c, 0x12, 0x0f, 0x13, 8, 0x20);
  out(0x3c8, 0);
  for (let i = 0; i < 16; i++) out(0x3c9, i, 2 * i, 3 * i);
  for (let code = 0; code < 256; code++)
    for (let line = 0; line < 16; line++) memory.bytes[(code * 32 + line) * 4 + 2] = code;
}

const put = (at: number, character: number, attribute: number): void =>
  vga.window.write(0x18000 + 2 * at, 2, character | (attribute << 8));
const pixel = (x: number, y: number): number => {
  const { pixels, width } = vga.refresh();
  return pixels[y * width + x] ?? 0;
};
/** Six bits of palette entry `n` spread over eight. */
const color = (n: number): number => {
  const wide = (v: number): number => (v << 2) | (v >> 4);
  return (0xff000000 | (wide(3 * n) << 16) | (wide(2 * n) << 8) | wide(n)) >>> 0;
};

describe('text modes', () => {
  it('tell their characters, in the font of the PC', () => {
    textMode();
    [...'GRUB> '].forEach((c, i) => put(80 + i, c.charCodeAt(0), 7));
    put(160, 0xc9, 7);
    put(161, 0xcd, 7);
    const rows = vga.text() ?? [];
    expect(rows.length).toBe(25);
    expect(rows.slice(1, 3)).toEqual(['GRUB>', '╔═']);
  });

  it('draw characters nine dots wide; line graphics repeat the eighth dot', () => {
    textMode();
    put(0, 0x81, 0x1e);
    put(1, 0xc1, 0x1e);
    const dots = (x: number): string =>
      Array.from({ length: 9 }, (_, i) => (pixel(x + i, 5) === color(14) ? '#' : '.')).join('');
    expect([vga.refresh().width, vga.refresh().height]).toEqual([720, 400]);
    expect(dots(0)).toBe('#......#.');
    expect(dots(9)).toBe('##.....##');
    expect(pixel(4, 5)).toBe(color(1));
  });

  it('report only what has changed', () => {
    textMode();
    vga.refresh().takeDamage();
    expect(vga.refresh().takeDamage()).toEqual([]);
    put(80 * 3 + 10, 0xff, 0x0f);
    expect(vga.refresh().takeDamage()).toEqual([{ x: 90, y: 48, width: 8, height: 16 }]);
    put(80 * 3 + 10, 0xff, 0x0f);
    expect(vga.refresh().takeDamage()).toEqual([]);
  });

  it('blink the cursor, and characters if the mode says so', () => {
    textMode();
    put(0, 0x20, 7);
    put(1, 0xff, 0x87);
    const frameNs = 14_268_000;
    const seen = Array.from({ length: 4 }, (_, i) => {
      clock.ns = (i * 8 + 4) * frameNs;
      return [pixel(0, 13) === color(7), pixel(9, 3) === color(7)].map(Number).join('');
    });
    expect(seen).toEqual(['11', '01', '10', '00']);
  });

  it('see a font that is loaded later', () => {
    textMode();
    put(0, 0x41, 7);
    expect(pixel(0, 0)).toBe(color(0));
    indexed(0x3c4, 2, 4);
    indexed(0x3c4, 4, 6);
    vga.window.write(0x18000 + 0x41 * 32, 1, 0x80);
    expect(pixel(0, 0)).toBe(color(7));
  });
});

describe('the memory window', () => {
  it('is mapped like RAM in chain 4 without arithmetic, at the bank of VBE', () => {
    vga.vbe.write(1, 640);
    vga.vbe.write(2, 400);
    vga.vbe.write(3, 8);
    indexed(0x3ce, 8, 0xff);
    vga.vbe.write(4, 1);
    expect([...memory.mappings]).toEqual([{ start: 0xa0000, size: 0x10000, offset: 0 }]);
    vga.vbe.write(5, 3);
    expect([...memory.mappings]).toEqual([{ start: 0xa0000, size: 0x10000, offset: 0x30000 }]);
    indexed(0x3ce, 5, 0x41);
    expect([...memory.mappings]).toEqual([]);
    indexed(0x3ce, 5, 0x40);
    expect(memory.mappings.size).toBe(1);
    vga.vbe.write(4, 0);
    vga.reset();
    expect([...memory.mappings]).toEqual([]);
  });
});

describe('the Bochs VBE extension', () => {
  it('does not switch on a mode that the memory does not hold', () => {
    vga.vbe.write(1, 1280);
    vga.vbe.write(2, 1024);
    vga.vbe.write(3, 32);
    vga.vbe.write(4, 0x41);
    expect(vga.vbe.read(4) & 1).toBe(0);
    expect(vga.vbe.mode()).toBeUndefined();
  });

  it('draws the lines whose pages were written', () => {
    vga.vbe.write(1, 256);
    vga.vbe.write(2, 64);
    vga.vbe.write(3, 32);
    vga.vbe.write(4, 0x41);
    out(0x3c2, 1);
    vga.registers.read(0x3da - 0x3b0);
    out(0x3c0, 0x20);
    vga.refresh().takeDamage();
    memory.bytes.set([0x33, 0x22, 0x11, 0], 4096 * 2 + 40);
    // Not noted: not drawn.
    memory.bytes.set([0x33, 0x22, 0x11, 0], 4096 * 5);
    memory.markWritten(4096 * 2 + 40, 4);
    const picture = vga.refresh();
    expect(picture.takeDamage()).toEqual([{ x: 10, y: 8, width: 1, height: 1 }]);
    expect(picture.pixels[8 * 256 + 10]).toBe(0xff332211);
  });
});

it('shows when the beam is back, by machine time', () => {
  textMode();
  let retraces = 0;
  let before = 0;
  for (clock.ns = 0; clock.ns < 1e9; clock.ns += 20_000) {
    const now = vga.registers.read(0x3da - 0x3b0) & 8;
    if (now > before) retraces++;
    before = now;
  }
  // 720×400 at 70 Hz.
  expect(retraces).toBeGreaterThanOrEqual(69);
  expect(retraces).toBeLessThanOrEqual(71);
});
