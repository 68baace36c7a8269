import { describe, expect, it } from 'vitest';
import { guestPhysical } from '../../bus/types.ts';
import { ArrayMemory } from '../virtio/testing/arrayMemory.ts';
import { FwCfg } from './fwCfg.ts';

function setUp() {
  const memory = new ArrayMemory(0x10000);
  const device = new FwCfg({
    memory,
    items: new Map([[5, Uint8Array.of(1, 0)]]),
    files: new Map([
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
});
