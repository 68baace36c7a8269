import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checksum } from '../byteWriter.ts';
import { buildAcpiTables, placeAcpiTables } from './acpiTables.ts';
import { eisaId, nameString, scope } from './aml.ts';
import type { AcpiPlatform } from './platform.ts';
import { acpiFirmwareFiles } from './tableLoader.ts';

const platform: AcpiPlatform = {
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
  pirqOf: (device, pin) => (device + pin - 2) & 3,
  floppyTypes: [4, 0],
  comPorts: [
    { base: 0x3f8, irq: 4 },
    { base: 0x2f8, irq: 3 },
  ],
};

/** Reads the placed tables as an operating system does, from the RSDP on. */
function walk(): Map<string, Uint8Array> {
  const base = 0xe0000;
  const { bytes, rsdp } = placeAcpiTables(buildAcpiTables(platform), base);
  const view = new DataView(bytes.buffer);
  const found = new Map<string, Uint8Array>();
  const table = (address: number): Uint8Array => {
    const at = address - base;
    const all = bytes.subarray(at, at + view.getUint32(at + 4, true));
    found.set(new TextDecoder().decode(all.subarray(0, 4)), all);
    return all;
  };
  const xsdt = table(Number(view.getBigUint64(rsdp - base + 24, true)));
  table(view.getUint32(rsdp - base + 16, true));
  const entries = new DataView(xsdt.buffer, xsdt.byteOffset, xsdt.length);
  for (let at = 36; at < xsdt.length; at += 8) table(Number(entries.getBigUint64(at, true)));
  const fadt = found.get('FACP');
  if (fadt === undefined) throw new Error('no FADT');
  const fields = new DataView(fadt.buffer, fadt.byteOffset, fadt.length);
  table(fields.getUint32(40, true));
  const facsAt = fields.getUint32(36, true) - base;
  found.set('FACS', bytes.subarray(facsAt, facsAt + 64));
  return found;
}

describe('ACPI tables', () => {
  it('are reachable from the RSDP and have checksums of zero', () => {
    const tables = walk();
    expect([...tables.keys()].sort()).toEqual(['APIC', 'DSDT', 'FACP', 'FACS', 'RSDT', 'XSDT']);
    for (const [name, bytes] of tables) {
      if (name !== 'FACS') expect(bytes.reduce((a, b) => a + b, 0) & 0xff, name).toBe(0);
    }
    const rsdp = placeAcpiTables(buildAcpiTables(platform), 0xe0000).bytes.subarray(0, 36);
    expect(checksum(rsdp.subarray(0, 20))).toBe(0);
    expect(checksum(rsdp)).toBe(0);
  });

  it('describe the power management ports in the FADT', () => {
    const fadt = walk().get('FACP') ?? new Uint8Array();
    const view = new DataView(fadt.buffer, fadt.byteOffset, fadt.length);
    expect(fadt.length).toBe(244);
    expect(view.getUint16(46, true)).toBe(9);
    expect(view.getUint32(56, true)).toBe(0x600);
    expect(view.getUint32(64, true)).toBe(0x604);
    expect(view.getUint32(76, true)).toBe(0x608);
    expect([fadt[88], fadt[89], fadt[91], fadt[108]]).toEqual([4, 2, 4, 0x32]);
    expect(view.getBigUint64(116 + 4, true)).toBe(0xcf9n);
    expect(fadt[128]).toBe(6);
  });

  it('disassemble and compile again without errors', ({ skip }) => {
    if (spawnSync('iasl', ['-v']).error) skip('iasl is not installed');
    const folder = mkdtempSync(join(tmpdir(), 'acpi-'));
    try {
      for (const [name, bytes] of walk()) {
        const file = join(folder, `${name}.aml`);
        writeFileSync(file, bytes);
        const out = spawnSync('iasl', ['-d', file], { encoding: 'utf8' });
        expect(out.status, out.stdout + out.stderr).toBe(0);
        expect(out.stdout + out.stderr).not.toMatch(/\berror\b|invalid/i);
      }
      const compiled = spawnSync('iasl', [join(folder, 'DSDT.dsl')], { encoding: 'utf8' });
      expect(compiled.stdout + compiled.stderr).toMatch(/ 0 Errors, 0 Warnings/);
      expect(readFileSync(join(folder, 'DSDT.dsl'), 'utf8')).toMatch(/PNP0501[^]*PNP0700/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are offered to firmware as files with a linker script', () => {
    const files = acpiFirmwareFiles(buildAcpiTables(platform));
    expect([...files.keys()]).toEqual(['etc/acpi/tables', 'etc/acpi/rsdp', 'etc/table-loader']);
    const script = files.get('etc/table-loader') ?? new Uint8Array();
    expect(script.length % 128).toBe(0);
    expect(script[0]).toBe(1);
  });
});

describe('AML', () => {
  it('compresses EISA IDs as in the specification', () => {
    expect([...eisaId('PNP0A03')]).toEqual([0x0c, 0x41, 0xd0, 0x0a, 0x03]);
  });

  it('writes names with their prefixes and counts', () => {
    expect([...nameString('\\_SB.PCI0')]).toEqual([0x5c, 0x2e, ...Buffer.from('_SB_PCI0')]);
  });

  it('lengthens a package length that does not fit', () => {
    const long = scope('_SB', new Uint8Array(100));
    expect([...long.subarray(0, 3)]).toEqual([
      0x10,
      0x40 | ((2 + 4 + 100) & 15),
      (2 + 4 + 100) >> 4,
    ]);
  });
});
