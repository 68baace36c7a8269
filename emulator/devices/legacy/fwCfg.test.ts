import { describe, expect, it } from 'vitest';
import { SeededEntropy } from '../../bus/entropy.ts';
import { guestPhysical } from '../../bus/types.ts';
import { ArrayMemory } from '../virtio/testing/arrayMemory.ts';
import { FwCfg } from './fwCfg.ts';

function setUp() {
  const memory = new ArrayMemory(0x10000);
  const device = new FwCfg({
    memory,
    items: new Map([[5, Uint8Array.of(1, 0)]]),
    files: () =>
      new Map([
        ['etc/z', Uint8Array.of(9)],
        ['etc/a', Uint8Array.from(Buffer.from('hello'))],
      ]),
  });
  const item = (key: number, length: number) => {
    device.region.write(0, 2, key);
    return Buffer.from(Array.from({ length }, () => device.region.read(1, 1)));
  };
  const dma = (control: number, length: number, target: number) => {
    const view = new DataView(memory.bytes.buffer);
    view.setUint32(0x100, control);
    view.setUint32(0x104, length);
    view.setBigUint64(0x108, BigInt(target));
    device.dmaRegion.write(0, 4, 0);
    device.dmaRegion.write(4, 4, 0x00010000); // 0x100, big-endian
    return view.getUint32(0x100);
  };
  return { memory, device, item, dma };
}

describe('fw_cfg', () => {
  it('shows its signature, features and the directory of files sorted by name', () => {
    const { item, device } = setUp();
    expect(item(0, 4).toString()).toBe('QEMU');
    expect(item(1, 4).readUInt32LE()).toBe(3);
    const directory = item(0x19, 4 + 128);
    expect(directory.readUInt32BE(0)).toBe(2);
    expect(directory.readUInt32BE(4)).toBe(5);
    expect(directory.readUInt16BE(8)).toBe(0x20);
    expect(directory.subarray(12, 17).toString()).toBe('etc/a');
    expect(item(0x20, 6).toString()).toBe('hello\0');
    const signature = [0, 4].map((at) => device.dmaRegion.read(at, 4).toString(16));
    expect(signature).toEqual(['554d4551', '47464320']); // "QEMU CFG"
  });

  it('copies by DMA, with selection and skipping', () => {
    const { memory, dma } = setUp();
    expect(dma((0x20 << 16) | 8 | 4, 1, 0)).toBe(0);
    expect(dma(2, 3, 0x2000)).toBe(0);
    expect(Buffer.from(memory.bytes.subarray(0x2000, 0x2003)).toString()).toBe('ell');
  });

  it('reports an error for writes and for memory that is not there', () => {
    const { memory, dma } = setUp();
    expect(dma((0x20 << 16) | 8 | 16, 1, 0)).toBe(1);
    expect(dma((0x20 << 16) | 8 | 2, 0xffffffff, 0x2000)).toBe(1);
    expect(memory.readU8(guestPhysical(0x2000))).toBe(0);
  });

  it('makes a file when it is selected', () => {
    let made = 0;
    const device = new FwCfg({
      memory: new ArrayMemory(16),
      items: new Map(),
      files: () => new Map([['late', () => Uint8Array.of(++made, 7)]]),
    });
    // The directory has its length.
    device.region.write(0, 2, 0x19);
    device.region.read(1, 1);
    const before = made;
    device.region.write(0, 2, 0x20);
    expect([device.region.read(1, 1), device.region.read(1, 1)]).toEqual([before + 1, 7]);
    const state = structuredClone(device.save());
    device.load(state);
    expect(device.region.read(1, 1)).toBe(0);
  });

  it('takes a million random accesses without an exception', () => {
    const { memory, device } = setUp();
    const entropy = new SeededEntropy(5);
    const words = new Uint32Array(4);
    const bytes = new Uint8Array(words.buffer);
    const view = new DataView(memory.bytes.buffer);
    const widths = [1, 2, 4] as const;
    let bad = 0;
    for (let n = 0; n < 1_000_000; n++) {
      entropy.fill(bytes);
      const [kind = 0, at = 0, value = 0, more = 0] = words;
      const width = widths[kind % 3] ?? 1;
      switch ((kind >>> 8) % 6) {
        case 0:
          device.region.write(at % 2, width, value % 2 ** (8 * width));
          break;
        case 1: {
          const seen = device.region.read(at % 2, width);
          if (!(seen >= 0 && seen <= 0xff)) bad++;
          break;
        }
        case 2:
          device.dmaRegion.write(at % 8, width, value % 2 ** (8 * width));
          break;
        case 3:
          if (!(device.dmaRegion.read(at % 8, width) >= 0)) bad++;
          break;
        default: {
          // A control structure somewhere, mostly one that makes sense.
          const address = (at % 0x1000) * 16;
          view.setUint32(address, ((value & 0x3f) << 16) | (value >>> 27));
          view.setUint32(address + 4, (kind & 0x30000) === 0 ? more : more % 0x100);
          view.setBigUint64(address + 8, BigInt((kind & 0xc0000) === 0 ? more : more % 0x12000));
          device.dmaRegion.write(0, 4, (kind & 0x300000) === 0 ? value : 0);
          device.dmaRegion.write(
            4,
            4,
            Buffer.from([0, 0, address >>> 8, address & 0xff]).readUInt32LE(),
          );
        }
      }
    }
    expect(bad).toBe(0);
  });
});
