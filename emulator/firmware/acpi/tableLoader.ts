/**
 * The tables as fw_cfg files with QEMU's linker script (docs: hw/acpi/bios-linker-loader):
 * SeaBIOS and OVMF allocate the files, patch pointers and checksums, and install them.
 */
import { rsdpBytes, type AcpiTables } from './acpiTables.ts';

const COMMAND_SIZE = 128;
const ALLOCATE = 1;
const ADD_POINTER = 2;
const ADD_CHECKSUM = 3;
const ZONE_HIGH = 1;
const ZONE_FSEG = 2;

const tablesFile = 'etc/acpi/tables';
const rsdpFile = 'etc/acpi/rsdp';
const scriptFile = 'etc/table-loader';

export const acpiFileNames = [tablesFile, rsdpFile, scriptFile] as const;

export function acpiFirmwareFiles(
  tables: AcpiTables,
): Map<(typeof acpiFileNames)[number], Uint8Array> {
  const commands: Uint8Array[] = [];
  const command = (
    type: number,
    ...fields: (string | readonly [value: number, size: number])[]
  ) => {
    const bytes = new Uint8Array(COMMAND_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, type, true);
    let at = 4;
    for (const field of fields) {
      if (typeof field === 'string') {
        bytes.set(new TextEncoder().encode(field), at);
        at += 56;
      } else {
        const [value, size] = field;
        if (size === 1) view.setUint8(at, value);
        else view.setUint32(at, value, true);
        at += size;
      }
    }
    commands.push(bytes);
  };

  command(ALLOCATE, tablesFile, [64, 4], [ZONE_HIGH, 1]);
  command(ALLOCATE, rsdpFile, [16, 4], [ZONE_FSEG, 1]);
  for (const { at, size } of tables.pointers) {
    command(ADD_POINTER, tablesFile, tablesFile, [at, 4], [size, 1]);
  }
  for (const { start, length, at } of tables.sums) {
    command(ADD_CHECKSUM, tablesFile, [at, 4], [start, 4], [length, 4]);
  }
  command(ADD_POINTER, rsdpFile, tablesFile, [16, 4], [4, 1]);
  command(ADD_POINTER, rsdpFile, tablesFile, [24, 4], [8, 1]);
  command(ADD_CHECKSUM, rsdpFile, [8, 4], [0, 4], [20, 4]);
  command(ADD_CHECKSUM, rsdpFile, [32, 4], [0, 4], [36, 4]);

  const script = new Uint8Array(commands.length * COMMAND_SIZE);
  commands.forEach((bytes, i) => script.set(bytes, i * COMMAND_SIZE));

  // Pointers start out as offsets into their target, which is what the script adds addresses to.
  const blob = tables.blob.slice();
  const view = new DataView(blob.buffer);
  for (const { at, size, target } of tables.pointers) {
    if (size === 4) view.setUint32(at, target, true);
    else view.setBigUint64(at, BigInt(target), true);
  }
  return new Map<(typeof acpiFileNames)[number], Uint8Array>([
    [tablesFile, blob],
    [rsdpFile, rsdpBytes(tables.rsdt, tables.xsdt)],
    [scriptFile, script],
  ]);
}
