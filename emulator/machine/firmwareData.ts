/** What firmware would find, or would have left behind, on this machine. */
import { fwCfgKeys } from '../devices/legacy/fwCfg.ts';
import { buildLowTables } from '../firmware/lowTables.ts';
import { buildSmbios, smbios3Anchor, type SmbiosMachine } from '../firmware/smbios.ts';
import { acpiPlatform } from './acpiPlatform.ts';
import { floppyTypes } from './drives.ts';
import type { MachineSpec } from './machine.ts';
import { lowRamLimit, lowTablesStart, memoryMap } from './pcLayout.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** CMOS bytes by the common PC convention (Ralf Brown's CMOS list): drives, equipment and memory sizes. */
export function cmosBytes(
  memory: number,
  [driveA, driveB]: readonly [number, number],
): [index: number, value: number][] {
  const floppies = (driveA === 0 ? 0 : 1) + (driveB === 0 ? 0 : 1);
  const low = Math.min(memory, lowRamLimit);
  const extendedKiB = Math.min(0xffff, Math.max(0, low - MiB) / KiB);
  const above16 = Math.max(0, low - 16 * MiB) / (64 * KiB);
  const above4G = (memory - low) / (64 * KiB);
  const word = (index: number, value: number): [number, number][] => [
    [index, value & 0xff],
    [index + 1, (value >>> 8) & 0xff],
  ];
  return [
    [0x10, (driveA << 4) | driveB],
    // Coprocessor, number of floppy drives, no display.
    [0x14, 0x02 | (floppies === 0 ? 0 : ((floppies - 1) << 6) | 1)],
    ...word(0x15, 640),
    ...word(0x17, extendedKiB),
    ...word(0x30, extendedKiB),
    ...word(0x34, above16),
    ...word(0x5b, above4G & 0xffff),
    [0x5d, above4G >>> 16],
  ];
}

/** The memory map as fw_cfg's etc/e820 has it: 20 bytes an entry, RAM and reservations. */
export function e820File(memory: number): Uint8Array {
  const map = memoryMap(memory).filter(({ start }) => start === 0 || start >= MiB);
  const view = new DataView(new ArrayBuffer(map.length * 20));
  map.forEach(({ start, size, type }, i) => {
    view.setBigUint64(i * 20, BigInt(start), true);
    view.setBigUint64(i * 20 + 8, BigInt(size), true);
    view.setUint32(i * 20 + 16, type, true);
  });
  return new Uint8Array(view.buffer);
}

export function fwCfgItems(
  memory: number,
  cpus: number,
  bootMenu: boolean,
): Map<number, Uint8Array> {
  const number = (value: number, size: 2 | 4 | 8): Uint8Array => {
    const view = new DataView(new ArrayBuffer(size));
    if (size === 2) view.setUint16(0, value, true);
    else if (size === 4) view.setUint32(0, value, true);
    else view.setBigUint64(0, BigInt(value), true);
    return new Uint8Array(view.buffer);
  };
  return new Map([
    [fwCfgKeys.uuid, new Uint8Array(16)],
    [fwCfgKeys.ramSize, number(memory, 8)],
    [fwCfgKeys.cpus, number(cpus, 2)],
    [fwCfgKeys.maxCpus, number(cpus, 2)],
    [fwCfgKeys.bootMenu, number(bootMenu ? 1 : 0, 2)],
    [fwCfgKeys.irq0Override, number(1, 4)],
  ]);
}

const smbiosMachine = ({ memory, cpus }: MachineSpec): SmbiosMachine => ({
  memory,
  cpus,
  ram: memoryMap(memory).filter(({ type }) => type === 1),
});

/** SMBIOS, MP and $PIR tables for `lowTablesStart`. */
export function lowTables(spec: MachineSpec): Uint8Array {
  return buildLowTables(
    {
      ...smbiosMachine(spec),
      platform: acpiPlatform(spec.cpus, Math.max(1, spec.serial.length), floppyTypes(spec.drives)),
      // Of family 6, with FPU and APIC: who wants more asks CPUID.
      cpu: { signature: 0x600, features: 0x201 },
    },
    lowTablesStart,
  );
}

/** As SeaBIOS and OVMF take them; they put the address in. */
export function smbiosFiles(spec: MachineSpec): [string, Uint8Array][] {
  const tables = buildSmbios(smbiosMachine(spec));
  return [
    ['etc/smbios/smbios-anchor', smbios3Anchor(tables, 0)],
    ['etc/smbios/smbios-tables', tables.structures],
  ];
}
