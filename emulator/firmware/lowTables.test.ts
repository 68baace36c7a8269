import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildLowTables } from './lowTables.ts';
import { smbios3Anchor, buildSmbios } from './smbios.ts';

const base = 0xf0000;
const MiB = 0x100000;
const machine = {
  memory: 512 * MiB,
  cpus: 2,
  ram: [
    { start: 0, size: 0x9fc00 },
    { start: MiB, size: 511 * MiB },
  ],
  cpu: { signature: 0x600, features: 0x201 },
  platform: {
    cpus: 2,
    ioApicBase: 0xfec00000,
    ioApicId: 0,
    localApicBase: 0xfee00000,
    overrides: [
      { irq: 0, gsi: 2, flags: 0 },
      { irq: 9, gsi: 9, flags: 0xd },
    ],
    sciIrq: 9,
    pmBase: 0x600,
    smiCommandPort: 0xb2,
    acpiEnable: 0xf1,
    acpiDisable: 0xf0,
    resetPort: 0xcf9,
    resetValue: 6,
    softOffType: 0,
    centuryByte: 0x32,
    pciMemoryStart: 0xe0000000,
    pciMemoryEnd: 0xfec00000,
    isaBridgeSlot: 1,
    pirqRouteControl: 0x60,
    pirqGsi: 16,
    pirqOf: (device: number, pin: number) => (device + pin - 2) & 3,
    floppyTypes: [0, 0] as const,
    comPorts: [{ base: 0x3f8, irq: 4 }],
  },
};
const tables = buildLowTables(machine, base);
const view = new DataView(tables.buffer);
const text = (at: number, length: number): string =>
  new TextDecoder().decode(tables.subarray(at, at + length));
const sum = (at: number, length: number): number =>
  tables.subarray(at, at + length).reduce((a, b) => a + b, 0) & 0xff;
/** Offset of a signature at a multiple of 16, as systems look for it. */
function find(signature: string): number {
  for (let at = 0; at < tables.length; at += 16) {
    if (text(at, signature.length) === signature) return at;
  }
  throw new Error(`no ${signature}`);
}

describe('tables of the F segment', () => {
  it('have SMBIOS entry points of both versions, with right sums', () => {
    const old = find('_SM_');
    expect([sum(old, 31), sum(old + 16, 15), tables[old + 6], tables[old + 7]]).toEqual([
      0, 0, 2, 8,
    ]);
    expect(view.getUint32(old + 24, true)).toBe(base);
    const modern = find('_SM3_');
    expect([sum(modern, 24), tables[modern + 7]]).toEqual([0, 3]);
    expect(view.getBigUint64(modern + 16, true)).toBe(BigInt(base));
  });

  it('have structures that dmidecode reads without complaint', ({ skip }) => {
    if (spawnSync('dmidecode', ['-V']).error) skip('dmidecode is not installed');
    const folder = mkdtempSync(join(tmpdir(), 'smbios-'));
    try {
      // A dump as `dmidecode --dump-bin` makes it: the entry point, and the structures at 32.
      const smbios = buildSmbios(machine);
      const dump = Buffer.alloc(32 + smbios.structures.length);
      dump.set(smbios3Anchor(smbios, 32));
      dump.set(smbios.structures, 32);
      writeFileSync(join(folder, 'dump'), dump);
      const { stdout, stderr } = spawnSync('dmidecode', ['--from-dump', join(folder, 'dump')], {
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      expect(stdout).not.toMatch(/OUT OF SPEC|BROKEN|truncated|invalid/i);
      expect(stdout).toContain('Manufacturer: Guesthouse');
      expect(stdout).toContain('Size: 512 MB');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lead from the MP pointer to processors, buses and interrupts', () => {
    const pointer = find('_MP_');
    expect(sum(pointer, 16)).toBe(0);
    const table = view.getUint32(pointer + 4, true) - base;
    const length = view.getUint16(table + 4, true);
    expect([text(table, 4), sum(table, length)]).toEqual(['PCMP', 0]);
    const sizes = [20, 8, 8, 8, 8];
    const counts = [0, 0, 0, 0, 0];
    let at = table + 44;
    for (let left = view.getUint16(table + 34, true); left > 0; left--) {
      const type = tables[at] ?? 9;
      counts[type] = (counts[type] ?? 0) + 1;
      at += sizes[type] ?? 0;
    }
    expect(at).toBe(table + length);
    // IRQ2 is the cascade, whose pin has IRQ0.
    expect(counts).toEqual([2, 2, 1, 15 + 31 * 4, 2]);
  });

  it('route PCI interrupts for systems of the time before ACPI', () => {
    const at = find('$PIR');
    const length = view.getUint16(at + 6, true);
    expect([sum(at, length), length]).toEqual([0, 32 + 16 * 31]);
    // Slot 3, INTA: PIRQ (3 + 1 - 2) & 3 = C, register 62h.
    expect([tables[at + 32 + 32 + 1], tables[at + 32 + 32 + 2]]).toEqual([3 << 3, 0x62]);
  });
});
