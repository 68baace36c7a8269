/**
 * The ACPI tables, ACPI 6.4 §5.2: RSDP, RSDT, XSDT, FADT (revision 3, as ACPI 2.0 has it: every
 * OS takes that), FACS, DSDT, MADT. They are laid out once with pointers relative to the blob;
 * `placeAcpiTables` fixes them to an address, `acpiTableLoader` lets a firmware do so.
 */
import { ByteWriter, checksum } from '../byteWriter.ts';
import { dsdtBody } from './dsdt.ts';
import type { AcpiPlatform } from './platform.ts';

/** A field of the blob that holds the address of another place in the blob. */
interface Pointer {
  readonly at: number;
  readonly size: 4 | 8;
  readonly target: number;
}
interface Sum {
  readonly start: number;
  readonly length: number;
  readonly at: number;
}

export interface AcpiTables {
  /** All tables but the RSDP. Pointers hold offsets, checksums are 0. */
  readonly blob: Uint8Array;
  readonly pointers: readonly Pointer[];
  readonly sums: readonly Sum[];
  /** Offsets of RSDT and XSDT. */
  readonly rsdt: number;
  readonly xsdt: number;
}

const OEM_ID = 'GUESTH';
const OEM_TABLE_ID = 'GUESTHPC';
const HEADER = 36;

class TableWriter extends ByteWriter {
  /** Generic address structure, §5.2.3.2, in system I/O space. */
  ioAddress(port: number, bits: number): this {
    const accessSize = bits === 8 ? 1 : bits === 16 ? 2 : 3;
    return port === 0
      ? this.u8(...new Array<number>(12).fill(0))
      : this.u8(1, bits, 0, accessSize).u64(port);
  }
}

export function buildAcpiTables(platform: AcpiPlatform): AcpiTables {
  const blob = new TableWriter();
  const pointers: Pointer[] = [];
  const sums: Sum[] = [];

  const addTable = (signature: string, revision: number, body: TableWriter): number => {
    blob.zeroes(-blob.length & 15);
    const start = blob.length;
    const length = HEADER + body.length;
    // §5.2.6 table 5.3
    blob.ascii(signature).u32(length).u8(revision, 0).ascii(OEM_ID).ascii(OEM_TABLE_ID);
    blob.u32(1).ascii('GUES').u32(1);
    // Long bodies (the DSDT) do not fit a spread call.
    for (const byte of body.bytes) blob.bytes.push(byte);
    sums.push({ start, length, at: start + 9 });
    return start;
  };

  const facs = addFacs(blob);
  const dsdtCode = new TableWriter();
  for (const byte of dsdtBody(platform)) dsdtCode.bytes.push(byte);
  const dsdt = addTable('DSDT', 2, dsdtCode);
  const fadt = addTable('FACP', 3, fadtBody(platform, facs, dsdt));
  pointers.push(
    { at: fadt + 36, size: 4, target: facs },
    { at: fadt + 40, size: 4, target: dsdt },
    { at: fadt + 140, size: 8, target: dsdt },
  );
  const madt = addTable('APIC', 3, madtBody(platform));
  const listed = [fadt, madt];

  const rsdt = addTable(
    'RSDT',
    1,
    listed.reduce((w, t) => w.u32(t), new TableWriter()),
  );
  listed.forEach((target, i) => pointers.push({ at: rsdt + HEADER + 4 * i, size: 4, target }));
  const xsdt = addTable(
    'XSDT',
    1,
    listed.reduce((w, t) => w.u64(t), new TableWriter()),
  );
  listed.forEach((target, i) => pointers.push({ at: xsdt + HEADER + 8 * i, size: 8, target }));
  return { blob: Uint8Array.from(blob.bytes), pointers, sums, rsdt, xsdt };
}

/** §5.2.10; 64-byte aligned at the start of the blob, has no checksum. */
function addFacs(blob: TableWriter): number {
  const start = blob.length;
  blob.ascii('FACS').u32(64).u32(0).u32(0).u32(0).u32(0).u64(0).u8(2).zeroes(31);
  return start;
}

/** §5.2.9, up to X_GPE1_BLK: 244 bytes with the header. */
function fadtBody(platform: AcpiPlatform, facs: number, dsdt: number): TableWriter {
  const pm = platform.pmBase;
  const legacyDevices = 0x0001;
  const i8042 = 0x0002;
  const noVga = 0x0004;
  // WBINVD works, C1 works, no sleep button, no fixed RTC wake, reset register.
  const flags = (1 << 0) | (1 << 2) | (1 << 5) | (1 << 6) | (1 << 10);
  const w = new TableWriter();
  w.u32(facs).u32(dsdt).u8(0, 1).u16(platform.sciIrq).u32(platform.smiCommandPort);
  w.u8(platform.acpiEnable, platform.acpiDisable, 0, 0);
  // PM1a and PM1b event, PM1a and PM1b control, PM2 control, timer, GPE0, GPE1
  w.u32(pm)
    .u32(0)
    .u32(pm + 4)
    .u32(0)
    .u32(0)
    .u32(pm + 8)
    .u32(pm + 0xc)
    .u32(0);
  w.u8(4, 2, 0, 4, 4, 0, 0, 0);
  // C2 and C3 latencies above the limits: not supported.
  w.u16(0xfff).u16(0xfff).u16(0).u16(0).u8(0, 0, 0, 0, platform.centuryByte);
  w.u16(legacyDevices | i8042 | noVga)
    .u8(0)
    .u32(flags);
  w.ioAddress(platform.resetPort, 8).u8(platform.resetValue, 0, 0, 0);
  w.u64(0).u64(dsdt);
  w.ioAddress(pm, 32)
    .ioAddress(0, 0)
    .ioAddress(pm + 4, 16)
    .ioAddress(0, 0)
    .ioAddress(0, 0);
  w.ioAddress(pm + 8, 32)
    .ioAddress(pm + 0xc, 32)
    .ioAddress(0, 0);
  return w;
}

/** §5.2.12 */
function madtBody(platform: AcpiPlatform): TableWriter {
  const w = new TableWriter();
  const pcCompatible = 1;
  w.u32(platform.localApicBase).u32(pcCompatible);
  for (let id = 0; id < platform.cpus; id++) w.u8(0, 8, id, id).u32(1);
  w.u8(1, 12, platform.ioApicId, 0).u32(platform.ioApicBase).u32(0);
  for (const { irq, gsi, flags } of platform.overrides) w.u8(2, 10, 0, irq).u32(gsi).u16(flags);
  // NMI on LINT1 of every local APIC.
  w.u8(4, 6, 0xff).u16(0).u8(1);
  return w;
}

/** §5.2.5.3, revision 2. */
export function rsdpBytes(rsdt: number, xsdt: number): Uint8Array {
  const w = new TableWriter();
  w.ascii('RSD PTR ').u8(0).ascii(OEM_ID).u8(2).u32(rsdt).u32(36).u64(xsdt).u32(0);
  return Uint8Array.from(w.bytes);
}

/** The RSDP and the tables as they lie at `base` (aligned to 64), RSDP first. */
export function placeAcpiTables(
  tables: AcpiTables,
  base: number,
): { readonly bytes: Uint8Array; readonly rsdp: number } {
  const blobBase = base + 64;
  const bytes = new Uint8Array(64 + tables.blob.length);
  const blob = bytes.subarray(64);
  blob.set(tables.blob);
  const view = new DataView(bytes.buffer, 64);
  for (const { at, size, target } of tables.pointers) {
    if (size === 4) view.setUint32(at, blobBase + target, true);
    else view.setBigUint64(at, BigInt(blobBase + target), true);
  }
  for (const { start, length, at } of tables.sums) {
    blob[at] = checksum(blob.subarray(start, start + length));
  }
  const rsdp = rsdpBytes(blobBase + tables.rsdt, blobBase + tables.xsdt);
  rsdp[8] = checksum(rsdp.subarray(0, 20));
  rsdp[32] = checksum(rsdp);
  bytes.set(rsdp);
  return { bytes, rsdp: base };
}
