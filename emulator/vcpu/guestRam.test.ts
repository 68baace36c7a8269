import { describe, expect, it } from 'vitest';
import { guestPhysical } from '../bus/types.ts';
import { createGuestMemory } from './guestMemory.ts';
import { GuestRam } from './guestRam.ts';

const page = 0x1000;

function createRam(changes: [number, number][] = []) {
  const memory = createGuestMemory(1, [
    { start: 0, size: 4 * page },
    { start: 0x100000, size: 2 * page, readOnly: true },
    { start: 4 * page, size: page },
  ]);
  const ram = new GuestRam(memory, (address, length) => changes.push([address, length]));
  return { memory, ram };
}

describe('guest RAM', () => {
  it('holds values of every width, little-endian', () => {
    const { ram } = createRam();
    ram.writeU64(guestPhysical(0x101), 0x8877665544332211n);
    expect(ram.readU8(guestPhysical(0x101))).toBe(0x11);
    expect(ram.readU16(guestPhysical(0x102))).toBe(0x3322);
    expect(ram.readU32(guestPhysical(0x105))).toBe(0x88776655);
    expect(ram.readU64(guestPhysical(0x101))).toBe(0x8877665544332211n);
  });

  it('reads and writes across neighbouring slots', () => {
    const { ram } = createRam();
    ram.writeU32(guestPhysical(4 * page - 2), 0xaabbccdd);
    expect(ram.readU32(guestPhysical(4 * page - 2))).toBe(0xaabbccdd);
    expect(ram.readU16(guestPhysical(4 * page))).toBe(0xaabb);
    expect(ram.inRam(guestPhysical(3 * page), 2 * page)).toBe(true);
  });

  it('gives ones where nothing answers, and drops writes there', () => {
    const { ram } = createRam();
    const bytes = new Uint8Array(4);
    ram.write(guestPhysical(5 * page - 2), Uint8Array.of(1, 2, 3, 4));
    ram.read(guestPhysical(5 * page - 2), bytes);
    expect([...bytes]).toEqual([1, 2, 0xff, 0xff]);
    expect(ram.readU64(guestPhysical(2 ** 40))).toBe(2n ** 64n - 1n);
    expect(ram.inRam(guestPhysical(5 * page - 2), 4)).toBe(false);
  });

  it('fills ROM only by load', () => {
    const { ram } = createRam();
    const rom = guestPhysical(0x100000);
    ram.load(rom, Uint8Array.of(7));
    ram.writeU8(rom, 9);
    ram.write(rom, Uint8Array.of(9));
    expect(ram.readU8(rom)).toBe(7);
    expect(ram.inRam(rom, 1)).toBe(false);
  });

  it('reports writes into pages with decoded code, and no others', () => {
    const changes: [number, number][] = [];
    const { memory, ram } = createRam(changes);
    const slot = memory.slots[0];
    new Uint8Array(memory.memory.buffer)[memory.codeMap + (slot?.offset ?? 0) / page + 1] = 1;
    ram.write(guestPhysical(0), new Uint8Array(page));
    ram.writeU32(guestPhysical(2 * page), 1);
    expect(changes).toEqual([]);
    ram.writeU32(guestPhysical(page + 8), 1);
    ram.write(guestPhysical(0x800), new Uint8Array(page));
    ram.wrote(guestPhysical(0x900), page);
    expect(changes).toEqual([
      [page + 8, 4],
      [0x800, page],
      [0x900, page],
    ]);
  });

  it('shows itself across slots, but no ROM', () => {
    const { ram } = createRam();
    const at = guestPhysical(4 * page - 2);
    const [low, high, ...more] = ram.views(at, 4);
    expect([low?.length, high?.length, more]).toEqual([2, 2, []]);
    high?.set([7, 8]);
    expect(ram.readU16(guestPhysical(4 * page))).toBe(0x0807);
    expect(() => ram.views(guestPhysical(0x100000), 1)).toThrow(RangeError);
  });
});
