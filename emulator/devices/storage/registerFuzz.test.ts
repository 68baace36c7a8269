/**
 * A hostile guest: a million random accesses to each controller's registers, with random tables in memory.
 * Nothing throws, nothing hangs, and nothing outside the media is asked of the host.
 */
import { expect, it } from 'vitest';
import type { BlockBackend } from '../../backends/block.ts';
import { MediumSlot } from '../../backends/mediumSlot.ts';
import { MemoryDisk } from '../../block/memoryDisk.ts';
import { CountedClock } from '../../bus/clock.ts';
import { IrqWire, unconnected } from '../../bus/irq.ts';
import { MemoryBus } from '../../bus/memoryBus.ts';
import { PortBus } from '../../bus/portBus.ts';
import type { Width } from '../../bus/types.ts';
import { Dma8237 } from '../legacy/dma8237.ts';
import { I8042 } from '../input/i8042.ts';
import { Ps2Keyboard } from '../input/ps2Keyboard.ts';
import { Ps2Mouse } from '../input/ps2Mouse.ts';
import { PciBus } from '../pci/pciBus.ts';
import { ArrayMemory } from '../virtio/testing/arrayMemory.ts';
import { Ahci } from './ahci.ts';
import { AtaDisk } from './ataDisk.ts';
import { AtapiCdrom } from './atapiCdrom.ts';
import { FloppyController } from './floppyController.ts';
import { FloppyDrive } from './floppyDrive.ts';
import { IdePiix3 } from './idePiix3.ts';

const operations = 1_000_000;

/** xorshift32: quick, and the same every time. */
class Random {
  #state = 0x2545f491;
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }
  below(n: number): number {
    return this.next() % n;
  }
  width(): Width {
    return ([1, 2, 4] as const)[this.below(3)] ?? 1;
  }
  /** Small numbers and single bits are likelier to mean something. */
  value(width: Width): number {
    const any = this.next();
    const kind = any & 3;
    const value = kind === 0 ? this.below(256) : kind === 1 ? 1 << this.below(32) : this.next();
    return width === 4 ? value >>> 0 : value & (2 ** (8 * width) - 1);
  }
}

/** A disk that fails the test when it is asked for what it does not have. */
function watched(size: number): { disk: BlockBackend; outside: () => number; used: () => number } {
  const inner = new MemoryDisk(size);
  let outside = 0;
  let used = 0;
  const check = (offset: number, buffers: readonly Uint8Array[]): void => {
    const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    used++;
    if (!(offset >= 0 && offset % 512 === 0 && length % 512 === 0 && offset + length <= size))
      outside++;
  };
  const disk: BlockBackend = {
    size,
    readOnly: false,
    read: (offset, buffers) => (check(offset, buffers), inner.read(offset, buffers)),
    write: (offset, buffers) => (check(offset, buffers), inner.write(offset, buffers)),
    flush: () => inner.flush(),
    close: () => inner.close(),
  };
  return { disk, outside: () => outside, used: () => used };
}

function pciBus(): { pci: PciBus; ports: PortBus; memory: MemoryBus } {
  const [ports, memory] = [new PortBus(), new MemoryBus()];
  const pci = new PciBus({
    ...{ ports, memory },
    pirqs: [0, 1, 2, 3].map(() => new IrqWire(() => undefined)),
    sendMessage: () => undefined,
    resetControl: { read: () => 0, write: () => undefined },
  });
  return { pci, ports, memory };
}

it('IDE', { timeout: 120_000 }, async () => {
  const random = new Random();
  const { pci, ports } = pciBus();
  const ram = new ArrayMemory(1 << 16);
  const [hard, optical] = [watched(96 << 10), watched(96 << 10)];
  const slot = new MediumSlot(optical.disk);
  const common = { irq: unconnected, memory: ram, onHostFailure: () => undefined };
  const ide = new IdePiix3(pci.slot(1, 1), [
    { ...common, drives: [new AtaDisk({ disk: hard.disk, serial: 'a' }), undefined] },
    { ...common, drives: [new AtapiCdrom({ slot, serial: 'b', sata: false }), undefined] },
  ]);
  ide.channels.forEach((channel, i) => {
    ports.map(0x1f0 + 0x10 * i, 8, channel.commandRegion);
    ports.map(0x2f0 + 0x10 * i, 1, channel.controlRegion);
  });
  ide.reset();
  ide.config.write(0x20, 4, 0x400);
  ide.config.write(4, 2, 5);
  const commands = [0x20, 0x30, 0xc4, 0xc8, 0xca, 0x25, 0x35, 0xec, 0xa0, 0xa1, 0xef, 0xb0, 0x08];
  for (let i = 0; i < operations; i++) {
    const width = random.width();
    const kind = random.below(16);
    const base = 0x1f0 + 0x10 * random.below(2);
    if (kind < 5) ports.read(base + random.below(8), width);
    else if (kind < 10) ports.write(base + random.below(8), width, random.value(width));
    else if (kind < 12) {
      // A command in its right mind.
      const low = [random.below(8), random.below(200), 0, 0, 0xe0];
      low.forEach((value, n) => ports.write(base + 2 + n, 1, value));
      ports.write(base + 7, 1, commands[random.below(commands.length)] ?? 0);
    } else if (kind < 14) ports.write(0x400 + random.below(16), width, random.value(width));
    else if (kind === 14) ram.bytes[random.below(ram.bytes.length)] = random.next();
    else if (random.below(200) === 0) slot.change(random.below(2) === 0 ? undefined : optical.disk);
    else if (random.below(4) === 0) ports.write(base + 0x100, 1, random.below(256));
    else for (let n = 0; n < 256; n++) ports.read(base, 2);
    if (i % 64 === 0) await ide.pause();
  }
  expect([hard.outside(), optical.outside()]).toEqual([0, 0]);
  expect(hard.used()).toBeGreaterThan(100);
});

it('AHCI', { timeout: 120_000 }, async () => {
  const random = new Random();
  const { pci, memory } = pciBus();
  const ram = new ArrayMemory(1 << 16);
  const [hard, optical] = [watched(96 << 10), watched(96 << 10)];
  const ahci = new Ahci(pci.slot(31), {
    memory: ram,
    drives: [
      new AtaDisk({ disk: hard.disk, serial: 'a', queueDepth: 32 }),
      new AtapiCdrom({ slot: new MediumSlot(optical.disk), serial: 'b', sata: true }),
    ],
    onHostFailure: () => undefined,
  });
  ahci.reset();
  const base = 0x1000_0000;
  ahci.config.write(0x24, 4, base);
  ahci.config.write(4, 2, 6);
  const commands = [0x25, 0x35, 0x60, 0x61, 0xec, 0xa0, 0xa1, 0xea, 0x2f, 0x20, 0x30];
  /** A command that could be a driver's, in the list at 0 and the table at 0x1000. */
  const plant = (): void => {
    const view = new DataView(ram.bytes.buffer, ram.bytes.byteOffset);
    const slot = random.below(4);
    view.setUint32(slot * 32, (random.below(4) << 16) | 5 | random.below(256), true);
    view.setUint32(slot * 32 + 8, 0x1000 + slot * 0x200, true);
    view.setUint32(slot * 32 + 12, 0, true);
    const table = 0x1000 + slot * 0x200;
    ram.bytes.set(
      [0x27, 0x80, commands[random.below(commands.length)] ?? 0, random.below(4)],
      table,
    );
    ram.bytes.set([random.below(200), 0, 0, 0x40, 0, 0, 0, 0, random.below(8), 0], table + 4);
    ram.bytes.set([random.next(), 0, 0, 0, 0, random.below(60), 0, 0, 1], table + 0x40);
    ram.bytes[table + 0x40] = [0x28, 0xa8, 0x12, 0xbe, 0x43, 0x03][random.below(6)] ?? 0;
    view.setUint32(table + 0x80, 0x4000 + random.below(0x8000), true);
    view.setUint32(table + 0x84, 0, true);
    view.setUint32(table + 0x8c, random.below(0x1000), true);
  };
  for (let i = 0; i < operations; i++) {
    const width = random.width();
    const kind = random.below(16);
    const port = base + 0x100 + 0x80 * random.below(3);
    if (kind < 5) memory.read(base + random.below(0x1000), width);
    else if (kind < 8) memory.write(port + random.below(0x80), width, random.value(width));
    else if (kind === 8) memory.write(base + random.below(0x40), width, random.value(width));
    else if (kind === 9) ram.bytes[random.below(ram.bytes.length)] = random.next();
    else if (kind === 10) plant();
    else {
      // Back to what a driver would have set up, now and then, and off it goes.
      memory.write(port, 4, 0);
      memory.write(port + 4, 4, 0);
      memory.write(port + 8, 4, 0x800);
      if (random.below(4) === 0) memory.write(port + 0x18, 4, 0);
      memory.write(port + 0x18, 4, 0x11);
      memory.write(port + 0x34, 4, random.below(16));
      memory.write(port + 0x38, 4, random.below(16));
    }
    if (i % 64 === 0) await ahci.pause();
  }
  expect([hard.outside(), optical.outside()]).toEqual([0, 0]);
  expect(hard.used()).toBeGreaterThan(100);
  expect(optical.used()).toBeGreaterThan(10);
});

it('floppy controller and DMA', { timeout: 120_000 }, async () => {
  const random = new Random();
  const ports = new PortBus();
  const ram = new ArrayMemory(1 << 17);
  const media = [2880, 1440, 700].map((sectors) => watched(sectors * 512));
  const slot = new MediumSlot(media[0]?.disk);
  const dma = new Dma8237(ram);
  let ticks = 0;
  const floppy = new FloppyController({
    ...{ clock: new CountedClock(() => ticks, 0, 1000), irq: unconnected },
    dma: dma.channel(2),
    drives: [new FloppyDrive(slot), new FloppyDrive(new MediumSlot(media[2]?.disk))],
    onHostFailure: () => undefined,
  });
  ports.map(0, 16, dma.firstRegion);
  ports.map(0xc0, 32, dma.secondRegion);
  ports.map(0x81, 15, dma.pageRegion);
  ports.map(0x3f0, 6, floppy.region);
  ports.map(0x3f7, 1, floppy.changeRegion);
  dma.reset();
  floppy.reset();
  const commands = [0x02, 0x45, 0xc5, 0x46, 0xe6, 0x4d, 0xf6, 0x4a, 0x0f, 0x07, 0x08, 0x8f, 0x0e];
  const out = (port: number, value: number): void => ports.write(port, 1, value & 0xff);
  for (let i = 0; i < operations; i++) {
    const width = random.width();
    const kind = random.below(16);
    if (kind < 4) ports.read(0x3f0 + random.below(8), width);
    else if (kind < 6) ports.write(0x3f0 + random.below(8), width, random.value(width));
    else if (kind === 6) ports.read(random.below(16), width);
    else if (kind === 7) ports.write(random.below(16), width, random.value(width));
    else if (kind === 8) ports.write(0x81 + random.below(15), width, random.value(width));
    else if (kind === 9) ports.write(0xc0 + random.below(32), width, random.value(width));
    else if (kind === 10) {
      // Running, both motors on, DMA for the next command.
      for (const value of random.below(4) === 0 ? [0, 0x3c] : [0x3c]) out(0x3f2, value);
      out(0x3f7, random.below(2) * 2);
      for (const [port, value] of [
        [8, 0],
        [0x0b, [0x46, 0x4a, 0x56, 0x66][random.below(4)] ?? 0],
        [0x0a, 2],
      ] as const)
        out(port, value);
    } else if (kind < 14) {
      const [unit, cylinder, head] = [random.below(2), random.below(3), random.below(2)];
      const last = 1 + random.below(20);
      const id = [cylinder, head, 1 + random.below(19), 2, last, 0x1b, random.below(256)];
      const code = commands[random.below(commands.length)] ?? 0;
      for (const byte of [code, unit | (head << 2), ...id]) out(0x3f5, byte);
    } else if (kind === 14) {
      if (random.below(50) === 0) slot.change(media[random.below(4)]?.disk);
      ticks += random.below(1000);
    } else for (let n = 0; n < 64; n++) ports.read(0x3f5, 1);
    if (i % 16 === 0) await floppy.pause();
  }
  expect(media.map((medium) => medium.outside())).toEqual([0, 0, 0]);
  for (const medium of media) expect(medium.used()).toBeGreaterThan(100);
});

it('keyboard controller, keyboard and mouse', () => {
  const random = new Random();
  let ticks = 0;
  const clock = new CountedClock(() => ticks, 0, 1000);
  const [keyboard, mouse] = [new Ps2Keyboard({ clock }), new Ps2Mouse({ clock })];
  const i8042 = new I8042({
    ...{ clock, keyboard, mouse },
    keyboardIrq: unconnected,
    mouseIrq: unconnected,
    requestReset: () => undefined,
  });
  const names = ['KeyA', 'Pause', 'PrintScreen', 'AltLeft', 'ArrowUp', 'NoSuchKey'];
  let seen = 0;
  for (let i = 0; i < operations; i++) {
    const region = random.below(3) === 0 ? i8042.commandRegion : i8042.dataRegion;
    const kind = random.below(8);
    if (kind < 3) seen |= region.read(0, 1);
    else if (kind < 6) region.write(0, 1, random.below(256));
    else if (kind === 6)
      keyboard.key(names[random.below(names.length)] ?? '', random.below(2) === 0);
    else {
      mouse.move(random.below(2000) - 1000, random.below(2000) - 1000, random.below(40) - 20);
      mouse.button(random.below(6), random.below(2) === 0);
      ticks += random.below(1_000_000);
      clock.poll();
    }
  }
  expect(seen).toBeLessThanOrEqual(0xff);
  expect(JSON.stringify(keyboard.save()).length).toBeLessThan(6000);
  expect(JSON.stringify(mouse.save()).length).toBeLessThan(2000);
});
