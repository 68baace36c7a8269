import { beforeEach, describe, expect, it } from 'vitest';
import type { Width } from '../../bus/types.ts';
import { ArrayMemory } from '../virtio/testing/arrayMemory.ts';
import { PciDriver } from '../virtio/testing/pciDriver.ts';
import { VirtioGpu } from './virtioGpu.ts';

const RESPONSE = 0x8000;
const REQUEST = 0x4000;
const PIXELS = 0x40000;

let memory: ArrayMemory;
let gpu: VirtioGpu;
let driver: PciDriver;

function create(): void {
  memory = new ArrayMemory(1 << 20);
  gpu = new VirtioGpu({ memory, preferredSize: { width: 1024, height: 768 } });
  driver = new PciDriver(gpu, memory).start();
}
beforeEach(create);

/** struct virtio_gpu_ctrl_hdr and what follows, as dwords; the response's. */
function send(type: number, ...dwords: readonly number[]): DataView {
  return submit([type, 0, 0, 0, 0, 0, ...dwords]);
}
function submit(dwords: readonly number[], queue = 0): DataView {
  const bytes = new Uint8Array(Uint32Array.from(dwords).buffer);
  driver.put(REQUEST, bytes);
  driver.queue(queue).add([
    { address: REQUEST, length: bytes.length },
    { address: RESPONSE, length: 0x800, write: true },
  ]);
  driver.notify(queue);
  const [used] = driver.queue(queue).take();
  return new DataView(driver.get(RESPONSE, used?.written ?? 0).buffer);
}
const code = (view: DataView): number => view.getUint32(0, true);
/** A resource of 32-bit pixels, format B8G8R8X8, with its backing in two pieces. */
function createResource(id: number, width: number, height: number): void {
  expect(code(send(0x101, id, 2, width, height))).toBe(0x1100);
  const half = (width * height * 4) / 2;
  expect(code(send(0x106, id, 2, PIXELS, 0, half, 0, PIXELS + half, 0, half, 0))).toBe(0x1100);
}
const paint = (width: number, height: number, color: (x: number, y: number) => number): void => {
  const pixels = Uint32Array.from({ length: width * height }, (_, i) =>
    color(i % width, Math.floor(i / width)),
  );
  driver.put(PIXELS, new Uint8Array(pixels.buffer));
};

describe('the virtio GPU', () => {
  it('has one scanout of the preferred size, and an EDID that says so', () => {
    expect([0, 4, 8, 12].map((offset) => driver.deviceConfig(offset, 4))).toEqual([0, 0, 1, 0]);
    expect(driver.offered() & 0xfn).toBe(2n);
    const info = send(0x100);
    expect(code(info)).toBe(0x1101);
    expect(info.byteLength).toBe(24 + 16 * 24);
    const mode = [0, 4, 8, 12, 16].map((offset) => info.getUint32(24 + offset, true));
    expect(mode).toEqual([0, 0, 1024, 768, 1]);
    const edid = send(0x10a, 0, 0);
    expect([code(edid), edid.getUint32(24, true)]).toEqual([0x1104, 128]);
    // Detailed timing: low bytes and high nibbles of the active pixels.
    const at = 24 + 8 + 54;
    expect(edid.getUint8(at + 2) + ((edid.getUint8(at + 4) & 0xf0) << 4)).toBe(1024);
    expect(code(send(0x10a, 1, 0))).toBe(0x1202);
  });

  it('shows what was transferred and flushed, in the colours of the format', () => {
    createResource(1, 64, 32);
    paint(64, 32, (x, y) => (x << 16) | (y << 8) | 0x7f);
    expect(code(send(0x103, 0, 0, 64, 32, 0, 1))).toBe(0x1100);
    expect(gpu.active).toBe(true);
    expect(code(send(0x105, 0, 0, 64, 32, 0, 0, 1, 0))).toBe(0x1100);
    expect(code(send(0x104, 0, 0, 64, 32, 1, 0))).toBe(0x1100);
    const picture = gpu.refresh();
    expect([picture.width, picture.height]).toEqual([64, 32]);
    // Red lowest.
    expect(picture.pixels[5 * 64 + 9]).toBe(0xff7f0509);
    expect(picture.takeDamage()).toEqual([{ x: 0, y: 0, width: 64, height: 32 }]);
  });

  it('draws only what was flushed, and notes just that as changed', () => {
    createResource(1, 64, 32);
    paint(64, 32, () => 0);
    send(0x103, 0, 0, 64, 32, 0, 1);
    gpu.refresh().takeDamage();
    paint(64, 32, () => 0x00ffffff);
    // Offset of the rectangle's first pixel in the backing.
    send(0x105, 8, 4, 16, 2, (4 * 64 + 8) * 4, 0, 1, 0);
    expect(gpu.refresh().takeDamage()).toEqual([]);
    send(0x104, 0, 0, 64, 32, 1, 0);
    const picture = gpu.refresh();
    expect(picture.takeDamage()).toEqual([{ x: 8, y: 4, width: 16, height: 2 }]);
    expect(picture.pixels[4 * 64 + 8]).toBe(0xffffffff);
    expect(picture.pixels[4 * 64 + 7]).toBe(0xff000000);
  });

  it('shows a part of a larger resource', () => {
    createResource(1, 64, 64);
    paint(64, 64, (x, y) => x + 64 * y);
    send(0x105, 0, 0, 64, 64, 0, 0, 1, 0);
    send(0x103, 16, 8, 32, 16, 0, 1);
    const picture = gpu.refresh();
    expect([picture.width, picture.height]).toEqual([32, 16]);
    expect(picture.pixels[0]).toBe((0xff000000 | (((16 + 64 * 8) & 0xff) << 16) | (2 << 8)) >>> 0);
    expect(code(send(0x103, 40, 0, 32, 16, 0, 1))).toBe(0x1205);
  });

  it('tells the driver of a new size of the window', () => {
    driver.messages.length = 0;
    gpu.setPreferredSize(1440, 900);
    expect(driver.messages).toEqual([0x40]);
    expect(driver.deviceConfig(0, 4)).toBe(1);
    driver.setDeviceConfig(4, 4, 1);
    expect(driver.deviceConfig(0, 4)).toBe(0);
    const info = send(0x100);
    expect([info.getUint32(32, true), info.getUint32(36, true)]).toEqual([1440, 900]);
    gpu.setPreferredSize(1440, 900);
    expect(driver.messages).toEqual([0x40, 0x41]);
  });

  it('has a pointer with transparency, which moves', () => {
    expect(code(send(0x101, 3, 1, 64, 64))).toBe(0x1100);
    send(0x106, 3, 1, PIXELS, 0, 64 * 64 * 4, 0);
    paint(64, 64, (x) => (x === 0 ? 0x80112233 : 0));
    send(0x105, 0, 0, 64, 64, 0, 0, 3, 0);
    send(0x101, 1, 2, 8, 8);
    send(0x103, 0, 0, 8, 8, 0, 1);
    submit([0x300, 0, 0, 0, 0, 0, 0, 100, 50, 0, 3, 4, 5, 0], 1);
    expect(gpu.pointer).toMatchObject({ width: 64, height: 64, x: 100, y: 50, hotX: 4, hotY: 5 });
    expect([...(gpu.pointer?.pixels.subarray(0, 8) ?? [])]).toEqual([
      0x11, 0x22, 0x33, 0x80, 0, 0, 0, 0,
    ]);
    submit([0x301, 0, 0, 0, 0, 0, 0, -3, 7, 0, 0, 0, 0, 0], 1);
    expect(gpu.pointer).toMatchObject({ x: -3, y: 7 });
    submit([0x300, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1);
    expect(gpu.pointer).toBeUndefined();
  });

  it('answers fences, and errors of the driver by their codes', () => {
    const fenced = submit([0x104, 1, 77, 88, 5, 0, 0, 0, 1, 1, 9, 0]);
    expect([0, 4, 8, 12, 16].map((at) => fenced.getUint32(at, true))).toEqual([
      0x1203, 1, 77, 88, 5,
    ]);
    expect(code(send(0x101, 0, 2, 8, 8))).toBe(0x1203);
    expect(code(send(0x101, 1, 99, 8, 8))).toBe(0x1205);
    expect(code(send(0x101, 1, 2, 0xffffffff, 0xffffffff))).toBe(0x1205);
    for (let id = 1; id <= 16; id++) send(0x101, id, 2, 2048, 2048);
    expect(code(send(0x101, 17, 2, 2048, 2048))).toBe(0x1201);
    expect(code(send(0x102, 1, 0))).toBe(0x1100);
    expect(code(send(0x101, 17, 2, 2048, 2048))).toBe(0x1100);
    expect(code(send(0x105, 0, 0, 8, 8, 0, 0, 17, 0))).toBe(0x1200);
    expect(code(send(0x103, 0, 0, 8, 8, 1, 17))).toBe(0x1202);
    expect(code(send(0x106, 17, 1000))).toBe(0x1205);
    expect(code(send(0x999))).toBe(0x1200);
    expect(driver.reports).toEqual([]);
  });

  it('goes on after save and load, and after loading over something else', () => {
    createResource(1, 64, 32);
    paint(64, 32, (x) => x);
    send(0x105, 0, 0, 64, 32, 0, 0, 1, 0);
    send(0x103, 0, 0, 64, 32, 0, 1);
    const pixels = gpu.refresh().pixels.slice();
    const state = structuredClone(driver.fn.save());
    create();
    createResource(7, 16, 16);
    driver.fn.load(state);
    expect(gpu.refresh().pixels).toEqual(pixels);
    expect(structuredClone(driver.fn.save())).toEqual(state);
  });

  it('is a plain VGA again when the driver resets it', () => {
    createResource(1, 64, 32);
    send(0x103, 0, 0, 64, 32, 0, 1);
    driver.status = 0;
    expect(gpu.active).toBe(false);
    expect(gpu.pointer).toBeUndefined();
  });

  it('takes a million random commands and register accesses without an exception', () => {
    // Marsaglia's xorshift32: a million times twenty words.
    let random = 21;
    const next = (): number => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return random >>> 0;
    };
    const types = [
      0x100, 0x101, 0x101, 0x102, 0x103, 0x104, 0x105, 0x106, 0x107, 0x10a, 0x300, 0x301,
    ];
    const widths: readonly Width[] = [1, 2, 4];
    let bad = 0;
    let shown = 0;
    for (let n = 0; n < 1_000_000; n++) {
      const [kind, at, value] = [next(), next(), next()];
      if (kind % 4 !== 0) {
        // Registers but those that start and stop the device, which is done now and then.
        const width = widths[(kind >>> 8) % 3] ?? 1;
        const address = 0xe0000000 + (at % 0x4000);
        const seen = driver.bus.read(address, width);
        if (!(Number.isInteger(seen) && seen >= 0 && seen < 2 ** (8 * width))) bad++;
        if ((kind >>> 16) % 1024 === 0) driver.bus.write(address, width, value % 2 ** (8 * width));
        else driver.bus.write(0xe0002000 + (at % 0x1000), width, value % 2 ** (8 * width));
        if ((kind >>> 16) % 2048 === 1) {
          shown = Math.max(shown, gpu.refresh().pixels.length);
          gpu.setPreferredSize(at % 4096, value % 4096);
        }
        if ((kind >>> 16) % 16384 === 2) driver.fn.load(driver.fn.save());
        continue;
      }
      if ((kind >>> 8) % 2048 === 0) {
        driver.fn.reset();
        driver.start();
      }
      // Small numbers name what exists.
      const small = Array.from({ length: 14 }, () => {
        const word = next();
        const choice = (word >>> 24) % 16;
        return choice === 0 ? next() : word % (choice < 8 ? 3 : choice < 12 ? 8 : 64);
      });
      const request = [types[at % types.length] ?? 0, 0, 0, 0, 0, 0, ...small];
      const queue = driver.queue((kind >>> 20) % 8 === 0 ? 1 : 0);
      driver.put(REQUEST, new Uint8Array(Uint32Array.from(request).buffer));
      try {
        queue.add([
          { address: (value & 0xfff) === 0 ? at : REQUEST, length: 24 + (value % 57) },
          { address: RESPONSE, length: 1 + ((value >>> 8) % 0x800), write: true },
        ]);
      } catch {
        // The driver has no descriptors left: the device was stopped by a register above.
        driver.fn.reset();
        driver.start();
        continue;
      }
      driver.notify((kind >>> 20) % 8 === 0 ? 1 : 0);
      queue.take();
    }
    expect(bad).toBe(0);
    expect(shown).toBeGreaterThan(0);
  });
});
