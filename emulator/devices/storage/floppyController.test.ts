import { beforeEach, describe, expect, it } from 'vitest';
import { MediumSlot } from '../../backends/mediumSlot.ts';
import { MemoryDisk } from '../../block/memoryDisk.ts';
import { CountedClock } from '../../bus/clock.ts';
import { IrqWire } from '../../bus/irq.ts';
import { PortBus } from '../../bus/portBus.ts';
import { Dma8237 } from '../legacy/dma8237.ts';
import { ArrayMemory } from '../virtio/testing/arrayMemory.ts';
import { FloppyController } from './floppyController.ts';
import { FloppyDrive } from './floppyDrive.ts';

const fifo = 0x3f5;
const status = 0x3f4;
const output = 0x3f2;

/** A driver's view: ports, memory and the interrupt. */
class Bench {
  readonly ports = new PortBus();
  readonly ram = new ArrayMemory(1 << 20);
  readonly disk = new MemoryDisk(2880 * 512);
  readonly slot = new MediumSlot(this.disk);
  readonly dma = new Dma8237(this.ram);
  readonly controller: FloppyController;
  interrupt = false;

  constructor() {
    this.controller = new FloppyController({
      clock: new CountedClock(() => 0, 0),
      irq: new IrqWire((high) => (this.interrupt = high)),
      dma: this.dma.channel(2),
      drives: [new FloppyDrive(this.slot), undefined],
      onHostFailure: (error) => {
        throw error;
      },
    });
    this.ports.map(0, 16, this.dma.firstRegion);
    this.ports.map(0x81, 15, this.dma.pageRegion);
    this.ports.map(0x3f0, 6, this.controller.region);
    this.ports.map(0x3f7, 1, this.controller.changeRegion);
    this.dma.reset();
    this.controller.reset();
  }

  out(port: number, value: number): void {
    this.ports.write(port, 1, value);
  }
  in(port: number): number {
    return this.ports.read(port, 1);
  }

  command(...bytes: number[]): void {
    for (const byte of bytes) {
      expect(this.in(status) & 0xc0).toBe(0x80);
      this.out(fifo, byte);
    }
  }

  async result(): Promise<number[]> {
    await this.controller.pause();
    const bytes: number[] = [];
    while ((this.in(status) & 0xd0) === 0xd0) bytes.push(this.in(fifo));
    return bytes;
  }

  /** Reset, 500 kbit/s, motor A on, head over cylinder 0. */
  async start(specify = 0x02): Promise<void> {
    this.out(output, 0);
    this.out(output, 0x1c);
    for (let i = 0; i < 4; i++) {
      this.command(0x08);
      expect(await this.result()).toEqual([0xc0 | i, 0]);
    }
    this.out(0x3f7, 0);
    this.command(0x03, 0xaf, specify);
    await this.seek(0);
  }

  async seek(cylinder: number): Promise<void> {
    this.command(0x0f, 0, cylinder);
    expect(this.interrupt).toBe(true);
    this.command(0x08);
    expect(await this.result()).toEqual([0x20, cylinder]);
  }

  /** Channel 2: mode 0x46 writes memory, 0x4a reads it. */
  program(mode: number, address: number, length: number): void {
    this.out(0x0a, 6);
    this.out(0x0c, 0);
    this.out(0x0b, mode);
    for (const shift of [0, 8]) this.out(0x04, ((address & 0xffff) >>> shift) & 0xff);
    this.out(0x81, address >>> 16);
    for (const shift of [0, 8]) this.out(0x05, ((length - 1) >>> shift) & 0xff);
    this.out(0x0a, 2);
  }
}

let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  for (let lba = 0; lba < 2880; lba++) {
    const sector = new Uint8Array(512).fill(lba & 0xff);
    sector[0] = lba >>> 8;
    await bench.disk.write(lba * 512, [sector]);
  }
  await bench.start();
});

const lbaOf = (cylinder: number, head: number, sector: number): number =>
  (cylinder * 2 + head) * 18 + sector - 1;

describe('floppy controller', () => {
  it('reads sectors by DMA until the terminal count', async () => {
    await bench.seek(5);
    bench.program(0x46, 0x2_0000, 3 * 512);
    bench.command(0xe6, 0x04, 5, 1, 2, 2, 18, 0x1b, 0xff);
    expect(await bench.result()).toEqual([0x04, 0, 0, 5, 1, 5, 2]);
    const lba = lbaOf(5, 1, 2);
    for (let i = 0; i < 3; i++) {
      const at = 0x2_0000 + 512 * i;
      expect([bench.ram.bytes[at], bench.ram.bytes[at + 511]]).toEqual([
        (lba + i) >>> 8,
        (lba + i) & 0xff,
      ]);
    }
    expect(bench.ram.bytes[0x2_0000 + 3 * 512]).toBe(0);
    // The terminal count is told once.
    expect([bench.in(8) & 4, bench.in(8) & 4]).toEqual([4, 0]);
  });

  it('goes on from head 0 to head 1 with MT, and ends at the end of the cylinder', async () => {
    bench.program(0x46, 0x1_0000, 0x1_0000);
    bench.command(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect(await bench.result()).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
    expect(bench.ram.bytes[0x1_0000 + 35 * 512 + 1]).toBe(35);
    expect(bench.ram.bytes[0x1_0000 + 36 * 512 + 1]).toBe(0);
  });

  it('writes sectors by DMA, the last one filled up with zeroes', async () => {
    bench.ram.bytes.fill(0xab, 0x3000, 0x3000 + 700);
    bench.program(0x4a, 0x3000, 700);
    bench.command(0xc5, 0, 0, 0, 3, 2, 18, 0x1b, 0xff);
    expect(await bench.result()).toEqual([0, 0, 0, 0, 0, 5, 2]);
    const written = new Uint8Array(1024);
    await bench.disk.read(2 * 512, [written]);
    expect(written.indexOf(0)).toBe(700);
    expect(written.lastIndexOf(0xab)).toBe(699);
  });

  it('waits for a DMA channel that is programmed late', async () => {
    bench.command(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    await bench.controller.pause();
    expect(bench.in(status)).toBe(0x10);
    bench.program(0x46, 0x4000, 512);
    expect(await bench.result()).toEqual([0, 0, 0, 0, 0, 2, 2]);
  });

  it('moves bytes by programmed I/O', async () => {
    await bench.start(0x03);
    bench.command(0x46, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    await bench.controller.pause();
    expect([bench.in(status), bench.interrupt]).toEqual([0xf0, true]);
    const bytes = Array.from({ length: 512 }, () => bench.in(fifo));
    expect([bytes[0], bytes[1], bytes[511]]).toEqual([0, 17, 17]);
    expect(await bench.result()).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
    bench.command(0x45, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    for (let i = 0; i < 512; i++) bench.out(fifo, 0x5a);
    expect((await bench.result()).slice(0, 2)).toEqual([0x40, 0x80]);
    const written = new Uint8Array(512);
    await bench.disk.read(17 * 512, [written]);
    expect(written.every((byte) => byte === 0x5a)).toBe(true);
  });

  it('formats a track', async () => {
    await bench.seek(7);
    for (let i = 0; i < 18; i++) bench.ram.bytes.set([7, 1, i + 1, 2], 0x5000 + 4 * i);
    bench.program(0x4a, 0x5000, 72);
    bench.command(0x4d, 0x04, 2, 18, 0x54, 0xf6);
    expect((await bench.result()).slice(0, 3)).toEqual([0x04, 0, 0]);
    const track = new Uint8Array(20 * 512);
    await bench.disk.read((lbaOf(7, 1, 1) - 1) * 512, [track]);
    expect([track.indexOf(0xf6), track.lastIndexOf(0xf6)]).toEqual([512, 19 * 512 - 1]);
  });

  it.each([
    ['a sector that the track has not', [0xe6, 0, 0, 0, 19, 2, 19, 0x1b, 0xff], [0x40, 0x04]],
    ['another cylinder', [0xe6, 0, 9, 0, 1, 2, 18, 0x1b, 0xff], [0x40, 0x04, 0x10]],
    ['another drive', [0xe6, 1, 0, 0, 1, 2, 18, 0x1b, 0xff], [0x41, 0x01]],
    ['a wrong size', [0xe6, 0, 0, 0, 1, 3, 18, 0x1b, 0xff], [0x40, 0x04]],
  ])('does not find %s', async (_, command, expected) => {
    bench.program(0x46, 0x1000, 512);
    bench.command(...command);
    const result = await bench.result();
    expect(result.slice(0, expected.length)).toEqual(expected);
  });

  it('finds nothing at the wrong data rate', async () => {
    bench.out(0x3f7, 2);
    bench.command(0x4a, 0);
    expect((await bench.result()).slice(0, 2)).toEqual([0x40, 0x01]);
    bench.out(0x3f7, 0);
    bench.command(0x4a, 0);
    expect(await bench.result()).toEqual([0, 0, 0, 0, 0, 1, 2]);
  });

  it('tells of a changed disk until the head has moved', async () => {
    expect(bench.in(0x3f7)).toBe(0);
    bench.slot.change(undefined);
    expect(bench.in(0x3f7)).toBe(0x80);
    await bench.seek(1);
    expect(bench.in(0x3f7)).toBe(0x80);
    bench.slot.change(new MemoryDisk(1440 * 512));
    await bench.seek(2);
    expect(bench.in(0x3f7)).toBe(0);
    bench.out(0x3f7, 2);
    bench.command(0x4a, 0);
    const [, , , cylinder, , sector] = await bench.result();
    expect([cylinder, sector]).toEqual([2, 1]);
  });

  it('says what it is, and refuses what it does not know', async () => {
    bench.command(0x10);
    expect(await bench.result()).toEqual([0x90]);
    bench.command(0x18);
    expect(await bench.result()).toEqual([0x80]);
    bench.command(0x94);
    expect(await bench.result()).toEqual([0x10]);
    bench.command(0x13, 0, 0x57, 0);
    bench.command(0x0e);
    expect(await bench.result()).toEqual([0, 0, 0, 0, 0xaf, 0x02, 0, 0x80, 0x57, 0]);
    bench.command(0x04, 0x04);
    expect(await bench.result()).toEqual([0x3c]);
    bench.command(0x08);
    expect(await bench.result()).toEqual([0x80]);
  });

  it('goes on where it was saved', async () => {
    bench.command(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    await bench.controller.pause();
    const saved = structuredClone([bench.dma.save(), bench.controller.save()] as const);
    bench.controller.reset();
    bench.dma.load(saved[0]);
    bench.controller.load(saved[1]);
    bench.controller.resume();
    bench.program(0x46, 0x4000, 1024);
    expect(await bench.result()).toEqual([0, 0, 0, 0, 0, 3, 2]);
    expect(bench.ram.bytes[0x4000 + 513]).toBe(1);
  });
});
