import { beforeEach, describe, expect, it } from 'vitest';
import { SeededEntropy } from '../../bus/entropy.ts';
import { MemoryBus } from '../../bus/memoryBus.ts';
import { ShadowRam } from './shadowRam.ts';
import { ArrayDirectMemory } from './testing/arrayDirectMemory.ts';

const romSize = 0x40000;
let memory: ArrayDirectMemory;
let bus: MemoryBus;
let shadow: ShadowRam;

beforeEach(() => {
  memory = new ArrayDirectMemory(0x100000, romSize);
  memory.rom.forEach((_, i) => (memory.rom[i] = i >>> 12));
  bus = new MemoryBus();
  shadow = new ShadowRam({ memory, bus, romSize });
});

const read = (address: number): number => {
  const part = memory.at(address);
  return part === undefined ? bus.read(address, 1) : (part.bytes[address - part.start] as number);
};
const write = (address: number, value: number): void => {
  const part = memory.at(address);
  if (part?.readOnly === false) part.bytes[address - part.start] = value;
  else bus.write(address, 1, value);
};

describe('shadow RAM', () => {
  it('shows the end of the ROM below 1 MiB at power-on, and nothing below that', () => {
    expect([read(0xfffff), read(0xf0000), read(0xe0000)]).toEqual([0x3f, 0x30, 0x20]);
    expect(read(0xdffff)).toBe(0xff);
    write(0xf0000, 1);
    expect([read(0xf0000), memory.ram[0xf0000]]).toEqual([0x30, 0]);
  });

  it('has the F segment in the high half of PAM0, and 16 KiB in each half of the others', () => {
    shadow.set([0x30, 0x03, 0, 0, 0, 0, 0x30]);
    for (const address of [0xf0000, 0xfffff, 0xc0000, 0xc3fff, 0xec000]) {
      write(address, 0x77);
      expect(memory.ram[address]).toBe(0x77);
      expect(read(address)).toBe(0x77);
    }
    for (const address of [0xc4000, 0xe8000]) {
      write(address, 0x77);
      expect(memory.ram[address]).toBe(0);
    }
  });

  it('protects RAM that is only read, and fills RAM behind ROM that is only written', () => {
    shadow.set([0x20, 0, 0, 0, 0, 0, 0]);
    write(0xf1234, 0x55);
    expect(read(0xf1234)).toBe(0x31);
    shadow.set([0x10, 0, 0, 0, 0, 0, 0]);
    expect(read(0xf1234)).toBe(0x55);
    // What was decoded from that RAM earlier is no longer right.
    expect(memory.changes).toEqual([[0xc0000, 0x40000]]);
    write(0xf1234, 0x66);
    expect(read(0xf1234)).toBe(0x55);
  });

  it('is the same for every value of the registers, mapped or over the bus', () => {
    const entropy = new SeededEntropy(3);
    const bytes = new Uint8Array(7 + 6);
    for (let n = 0; n < 20_000; n++) {
      entropy.fill(bytes);
      const pam = [...bytes.subarray(0, 7)];
      shadow.set(pam);
      const offset = ((bytes[7] ?? 0) * 0x400 + (bytes[8] ?? 0)) % 0x40000;
      const segment = Math.floor(offset / 0x4000);
      const nibble =
        segment >= 12
          ? (pam[0] ?? 0) >>> 4
          : ((pam[1 + (segment >>> 1)] ?? 0) >>> (segment % 2 ? 4 : 0)) & 15;
      const address = 0xc0000 + offset;
      const before = memory.ram[address] as number;
      const rom = offset < 0x20000 ? 0xff : (memory.rom[offset] as number);
      expect(read(address)).toBe((nibble & 1) !== 0 ? before : rom);
      write(address, bytes[9] ?? 0);
      expect(memory.ram[address]).toBe((nibble & 2) !== 0 ? bytes[9] : before);
      expect(memory.parts.length).toBeLessThanOrEqual(8);
    }
  });
});
