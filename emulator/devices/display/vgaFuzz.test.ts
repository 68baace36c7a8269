import { expect, it } from 'vitest';
import { CountedClock } from '../../bus/clock.ts';
import { SeededEntropy } from '../../bus/entropy.ts';
import { MemoryBus } from '../../bus/memoryBus.ts';
import { PortBus } from '../../bus/portBus.ts';
import type { Width } from '../../bus/types.ts';
import { ArrayVideoMemory } from './testing/arrayVideoMemory.ts';
import { Vga } from './vga.ts';
import { VgaPci } from './vgaPci.ts';

const operations = 1_000_000;

it('a million random accesses throw nothing and leave a picture of a possible size', () => {
  const entropy = new SeededEntropy(7);
  const words = new Uint32Array(3);
  let ticks = 0;
  const clock = new CountedClock(() => ticks, 0, 1000);
  const memory = new ArrayVideoMemory(1 << 20);
  const [ports, bus] = [new PortBus(), new MemoryBus()];
  const vga = new Vga({ memory, clock });
  const card = new VgaPci(
    {
      device: 2,
      function: 0,
      ports,
      memory: bus,
      interruptLine: () => ({ set: () => undefined, pulse: () => undefined }),
      sendMessage: () => undefined,
    },
    { vga, monitor: { name: 'Test', width: 1024, height: 768 }, rom: new Uint8Array(0x8000) },
  );
  card.reset();
  card.config.write(0x18, 4, 0xf0000000);
  card.config.write(0x04, 2, 3);
  ports.map(0x3b0, 0x30, vga.region);
  ports.map(0x1ce, 4, vga.vbeRegion);
  bus.map(0xa0000, 0x20000, vga.window);
  const widths: readonly Width[] = [1, 2, 4];
  let pixels = 0;
  let bad = 0;
  const check = (value: number): void => {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffffffff)) bad++;
  };
  for (let n = 0; n < operations; n++) {
    entropy.fill(new Uint8Array(words.buffer));
    const [kind = 0, at = 0, value = 0] = words;
    const width = widths[(kind >>> 8) % 3] ?? 1;
    const port = (kind >>> 12) % 8 === 0 ? 0x1ce + (at % 3) : 0x3b0 + (at % 0x30);
    // Small values hit indices and sizes that exist.
    const data = (kind >>> 16) % 2 === 0 ? value % 0x1000 : value;
    switch (kind % 8) {
      case 0:
      case 1:
      case 2:
        ports.write(port, width, data % 2 ** (8 * width));
        break;
      case 3:
        check(ports.read(port, width));
        break;
      case 4:
        bus.write(0xa0000 + (at % 0x20000), width, data % 2 ** (8 * width));
        break;
      case 5:
        check(bus.read(0xa0000 + (at % 0x20000), width));
        break;
      case 6:
        bus.write(0xf0000000 + (at % 0x1000), width, data % 2 ** (8 * width));
        check(bus.read(0xf0000000 + (at % 0x1000), width));
        break;
      case 7:
        ticks += at % 1000;
        if ((kind >>> 20) % 512 !== 0) break;
        pixels = Math.max(pixels, vga.refresh().pixels.length);
        vga.text();
        break;
    }
  }
  expect(bad).toBe(0);
  expect(pixels).toBeGreaterThan(0);
  expect(pixels).toBeLessThanOrEqual(2560 * 2048);
  card.load(structuredClone(card.save()));
});
