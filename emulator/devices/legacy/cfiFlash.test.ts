import { beforeEach, describe, expect, it } from 'vitest';
import { SeededEntropy } from '../../bus/entropy.ts';
import { MemoryBus } from '../../bus/memoryBus.ts';
import type { Width } from '../../bus/types.ts';
import { ArrayDirectMemory } from '../pci/testing/arrayDirectMemory.ts';
import { CfiFlash, type FlashStore } from './cfiFlash.ts';

const size = 0x20000;
const base = 0xffc00000;
const romOffset = 0x1000;

let memory: ArrayDirectMemory;
let bus: MemoryBus;
let written: [offset: number, bytes: Uint8Array][];
let failures: Error[];
let flash: CfiFlash;

function create(store?: FlashStore): CfiFlash {
  memory = new ArrayDirectMemory(4096, romOffset + size);
  memory.rom.fill(0xff);
  bus = new MemoryBus();
  failures = [];
  const onHostFailure = (error: Error): void => void failures.push(error);
  return new CfiFlash({
    id: 'flash',
    memory,
    bus,
    start: base,
    romOffset,
    size,
    store,
    onHostFailure,
  });
}

beforeEach(() => {
  written = [];
  flash = create({
    write: (offset, bytes) => {
      written.push([offset, bytes]);
      return Promise.resolve();
    },
  });
});

/** As the CPU: memory where it is mapped, else the bus. */
const read = (offset: number): number => {
  const part = memory.at(base + offset);
  return part === undefined ? bus.read(base + offset, 1) : (part.bytes[offset] as number);
};
const write = (offset: number, ...values: readonly number[]): void =>
  values.forEach((value) => bus.write(base + offset, 1, value));

describe('a flash chip', () => {
  it('is memory until it gets a command', () => {
    memory.rom[romOffset + 5] = 0x42;
    expect(read(5)).toBe(0x42);
    write(0, 0x70);
    expect(read(5)).toBe(0x80);
    write(0, 0xff);
    expect(read(5)).toBe(0x42);
  });

  it('clears bits by programming and sets them by erasing a block', () => {
    write(0x1004, 0x10, 0xf0, 0x40, 0x3f, 0xff);
    expect(read(0x1004)).toBe(0x30);
    write(0x1004, 0x10, 0xff, 0xff);
    expect(read(0x1004)).toBe(0x30);
    write(0x2000, 0x10, 0x00, 0xff);
    write(0x1800, 0x20, 0xd0, 0xff);
    expect(read(0x1004)).toBe(0xff);
    expect(read(0x2000)).toBe(0x00);
  });

  it('programs a buffer of bytes when that is confirmed', () => {
    write(0x10, 0xe8);
    expect(read(0x10) & 0x80).toBe(0x80);
    write(0x10, 2);
    [0x11, 0x22, 0x33].forEach((value, i) => write(0x10 + i, value));
    write(0x10, 0xd0, 0xff);
    expect([read(0x10), read(0x11), read(0x12), read(0x13)]).toEqual([0x11, 0x22, 0x33, 0xff]);
  });

  it('says that an unconfirmed erase is a sequence error', () => {
    write(0, 0x50, 0x20, 0x00);
    expect(read(0)).toBe(0xb0);
    write(0, 0x50);
    expect(read(0)).toBe(0x00);
  });

  it('names itself and describes its blocks by CFI', () => {
    write(0, 0x90);
    expect([read(0), read(1)]).toEqual([0x89, 0x17]);
    write(0x55, 0x98);
    expect(String.fromCharCode(read(0x10), read(0x11), read(0x12))).toBe('QRY');
    expect(2 ** read(0x27)).toBe(size);
    expect([read(0x2d) + 256 * read(0x2e) + 1, 256 * read(0x2f)]).toEqual([size / 4096, 4096]);
  });

  it('gives changed blocks to its store, and drops code that was decoded from them', async () => {
    write(0x3001, 0x10, 0xaa, 0x10, 0xa0, 0xff);
    await flash.pause();
    expect(written.map(([offset, { length }]) => [offset, length])).toEqual([[0x3000, 4096]]);
    expect(written[0]?.[1][1]).toBe(0xa0);
    expect(memory.changes).toEqual([[base, size]]);
  });

  it('keeps what the store could not take and tries again', async () => {
    let full = true;
    const taken: number[] = [];
    flash = create({
      write: (offset) => {
        if (full) return Promise.reject(new Error('no space'));
        taken.push(offset);
        return Promise.resolve();
      },
    });
    write(0x4000, 0x10, 0x00, 0xff);
    await flash.pause();
    expect(failures.map(({ message }) => message)).toEqual(['no space']);
    full = false;
    flash.resume();
    await flash.pause();
    expect(taken).toEqual([0x4000]);
  });

  it('goes on after save and load in the middle of a command', async () => {
    write(0x5000, 0x10, 0x12, 0xff);
    write(0x6000, 0x20);
    const state = structuredClone(flash.save());
    const other = flash;
    flash = create({
      write: (offset, bytes) => {
        written.push([offset, bytes]);
        return Promise.resolve();
      },
    });
    await other.pause();
    written = [];
    flash.load(state);
    expect(flash.save()).toEqual(state);
    write(0x5000, 0xd0, 0xff);
    expect(read(0x5000)).toBe(0xff);
    await flash.pause();
    expect(written.map(([offset]) => offset)).toContain(0x5000);
  });

  it('takes a million random accesses without an exception, and only programs itself', () => {
    const entropy = new SeededEntropy(11);
    const words = new Uint32Array(3);
    const bytes = new Uint8Array(words.buffer);
    const widths: readonly Width[] = [1, 2, 4];
    const commands = [0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98, 0xd0, 0xe8, 0xff, 0xff];
    memory.rom.fill(0x5a, 0, romOffset);
    let bad = 0;
    for (let n = 0; n < 1_000_000; n++) {
      entropy.fill(bytes);
      const [kind = 0, at = 0, value = 0] = words;
      const width = widths[kind % 3] ?? 1;
      const address = base + (at % size);
      if ((kind & 0x300) === 0) {
        const seen = bus.read(address, width);
        if (!(Number.isInteger(seen) && seen >= 0 && seen < 2 ** (8 * width))) bad++;
      } else if ((kind & 0x400) === 0) {
        bus.write(address, 1, commands[(kind >>> 11) % commands.length] ?? 0);
      } else bus.write(address, width, value % 2 ** (8 * width));
      if ((kind & 0xffff0000) === 0) flash.load(flash.save());
    }
    expect(bad).toBe(0);
    expect(memory.rom.subarray(0, romOffset).every((byte) => byte === 0x5a)).toBe(true);
    expect(memory.parts.length).toBeLessThanOrEqual(1);
  });
});
