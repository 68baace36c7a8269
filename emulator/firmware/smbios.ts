/** System Management BIOS tables, DMTF DSP0134 3.0 (the structures are those of 2.8), with both entry points. */
import { ByteWriter, checksum } from './byteWriter.ts';

export interface SmbiosMachine {
  /** RAM in bytes. */
  readonly memory: number;
  readonly cpus: number;
  /** Ranges of RAM, ascending. */
  readonly ram: readonly { readonly start: number; readonly size: number }[];
}

export interface SmbiosTables {
  readonly structures: Uint8Array;
  readonly count: number;
  readonly longest: number;
}

const handles = {
  bios: 0,
  system: 0x100,
  chassis: 0x300,
  cpu: 0x400,
  memory: 0x1000,
  device: 0x1100,
  mapped: 0x1300,
  boot: 0x2000,
  end: 0x7f00,
};
const maker = 'Guesthouse';
const OTHER = 1;
const UNKNOWN = 2;

export function buildSmbios(machine: SmbiosMachine): SmbiosTables {
  const all = new ByteWriter();
  let [count, longest] = [0, 0];
  /** §6.1: header, formatted area, strings, two zeroes. */
  const add = (type: number, handle: number, body: ByteWriter, ...strings: string[]): void => {
    const before = all.length;
    all
      .u8(type, body.length + 4)
      .u16(handle)
      .append(body);
    for (const text of strings) all.ascii(text).u8(0);
    all.zeroes(strings.length === 0 ? 2 : 1);
    count++;
    longest = Math.max(longest, all.length - before);
  };
  const w = (): ByteWriter => new ByteWriter();
  const mib = machine.memory / 0x100000;

  // §7.1: PCI, boot from CD, selectable boot, EDD; ACPI; virtual machine.
  add(
    0,
    handles.bios,
    w().u8(1, 2).u16(0xf000).u8(3, 0).u32(0x00098080).u32(0).u8(0x01, 0x1c, 1, 0, 0xff, 0xff),
    maker,
    '1.0',
    '01/01/2026',
  );
  // §7.2, with an empty UUID: wake-up by the power switch.
  add(1, handles.system, w().u8(1, 2, 3, 0).zeroes(16).u8(6, 0, 0), maker, 'Guesthouse PC', '1.0');
  // §7.4
  add(
    3,
    handles.chassis,
    w().u8(1, OTHER, 2, 0, 0, 3, 3, 3, 2).u32(0).u8(0, 0, 0, 0, 0),
    maker,
    '1.0',
  );
  for (let i = 0; i < machine.cpus; i++) {
    // §7.5: a processor in a socket of its own; one core.
    const cpu = w()
      .u8(1, 3, OTHER, 2)
      .zeroes(8)
      .u8(3, 0)
      .u16(0)
      .u16(2000)
      .u16(2000)
      .u8(0x41, OTHER);
    cpu.u16(0xffff).u16(0xffff).u16(0xffff).u8(0, 0, 0, 1, 1, 1).u16(0x0004).u16(OTHER);
    add(4, handles.cpu + i, cpu, `CPU ${i}`, maker, 'Virtual CPU');
  }
  // §7.17: system memory on the board, no error correction; size in KiB.
  add(
    16,
    handles.memory,
    w()
      .u8(OTHER, 3, 3)
      .u32(machine.memory / 1024)
      .u16(0xfffe)
      .u16(1)
      .u64(0),
  );
  const device = w().u16(handles.memory).u16(0xfffe).u16(0xffff).u16(0xffff);
  device
    .u16(mib < 0x7fff ? mib : 0x7fff)
    .u8(9, 0, 1, 0, 7)
    .u16(UNKNOWN)
    .u16(0)
    .u8(2, 0, 0, 0, 0);
  device
    .u32(mib < 0x7fff ? 0 : mib)
    .u16(0)
    .u16(0)
    .u16(0)
    .u16(0);
  add(17, handles.device, device, 'DIMM 0', maker);
  machine.ram.forEach(({ start, size }, i) => {
    const kib = start / 1024;
    add(
      19,
      handles.mapped + i,
      w()
        .u32(kib)
        .u32(kib + size / 1024 - 1)
        .u16(handles.memory)
        .u8(1)
        .u64(0)
        .u64(0),
    );
  });
  // §7.33: no errors at boot.
  add(32, handles.boot, w().zeroes(6).u8(0));
  add(127, handles.end, w());
  return { structures: all.finish(), count, longest };
}

/** §5.2.1: "_SM_" of 2.8, for a table at `address` below 4 GiB. */
export function smbios2Anchor(
  { structures, count, longest }: SmbiosTables,
  address: number,
): Uint8Array {
  const w = new ByteWriter().ascii('_SM_').u8(0, 0x1f, 2, 8).u16(longest).u8(0).zeroes(5);
  w.ascii('_DMI_').u8(0).u16(structures.length).u32(address).u16(count).u8(0x28);
  const bytes = w.finish();
  bytes[0x15] = checksum(bytes.subarray(0x10));
  bytes[4] = checksum(bytes);
  return bytes;
}

/** §5.2.2: "_SM3_". */
export function smbios3Anchor({ structures }: SmbiosTables, address: number): Uint8Array {
  const w = new ByteWriter()
    .ascii('_SM3_')
    .u8(0, 0x18, 3, 0, 0, 1, 0)
    .u32(structures.length)
    .u64(address);
  const bytes = w.finish();
  bytes[5] = checksum(bytes);
  return bytes;
}
