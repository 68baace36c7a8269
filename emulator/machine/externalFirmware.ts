/** Firmware that is not ours, SeaBIOS or OVMF: its chips, and what it finds in fw_cfg and CMOS. */
import type { DirectMemory } from '../bus/directMemory.ts';
import type { MemoryBus } from '../bus/memoryBus.ts';
import type { Device, IoRegion } from '../bus/types.ts';
import { CfiFlash } from '../devices/legacy/cfiFlash.ts';
import { ShadowRam } from '../devices/pci/shadowRam.ts';
import type { BootOrder, DriveKind } from '../firmware/bios/biosMachine.ts';
import type { DriveSpec } from './drives.ts';
import type { BiosBoot, ExternalFirmware } from './machine.ts';
import { GiB, pciSlots, southBridge } from './pcLayout.ts';

/** Bytes of the machine's ROM memory. */
export const romSize = ({ code, variables }: ExternalFirmware): number =>
  code.length + (variables?.contents.length ?? 0);

export interface FirmwareChips {
  readonly shadow: ShadowRam;
  readonly devices: readonly Device[];
}

/** The ROM ends at 4 GiB; the variables' flash lies right below. */
export function plugFirmware(
  { code, variables }: ExternalFirmware,
  parts: {
    readonly memory: DirectMemory;
    readonly bus: MemoryBus;
    readonly onHostFailure: (error: Error) => void;
  },
): FirmwareChips {
  const { memory, bus, onHostFailure } = parts;
  const start = 4 * GiB - code.length;
  memory.rom.set(code);
  memory.mapRom(start, code.length, 0);
  bus.map(start, code.length, readOnly);
  const shadow = new ShadowRam({ memory, bus, romSize: code.length });
  if (variables === undefined) return { shadow, devices: [] };
  const { contents, store } = variables;
  memory.rom.set(contents, code.length);
  const flash = new CfiFlash({
    id: 'firmware-variables',
    ...{ memory, bus, store, onHostFailure },
    start: start - contents.length,
    romOffset: code.length,
    size: contents.length,
  });
  return { shadow, devices: [flash] };
}

/** Only writes come here: the CPU reads the ROM itself. */
const readOnly: IoRegion = { read: () => 0xff, write: () => undefined };

const kindOf = ({ kind }: DriveSpec): DriveKind => (kind === 'disk' ? 'hdd' : kind);

/**
 * fw_cfg's "bootorder": OpenFirmware paths as SeaBIOS and OVMF look for them, one a line, ended by a zero
 * byte. `virtioSlot` gives the PCI slot of the virtio disk at a position, `adapterSlots` those of the adapters.
 */
export function bootOrderFile(
  order: BootOrder,
  drives: readonly DriveSpec[],
  {
    virtioSlot,
    adapterSlots,
  }: {
    readonly virtioSlot: (position: number) => number;
    readonly adapterSlots: readonly number[];
  },
): Uint8Array {
  const hex = (value: number): string => value.toString(16);
  const path = (drive: DriveSpec): string => {
    const { position } = drive;
    if (drive.kind === 'floppy')
      return `isa@${hex(pciSlots.southBridge)}/fdc@03f0/floppy@${position}`;
    if (drive.interface === 'virtio') return `scsi@${hex(virtioSlot(position))}/disk@0,0`;
    if (drive.interface === 'ahci')
      return `pci8086,2922@${hex(pciSlots.ahci)}/drive@${position}/disk@0`;
    const ide = `${hex(pciSlots.southBridge)},${southBridge.ide}`;
    return `ide@${ide}/drive@${position >>> 1}/disk@${position & 1}`;
  };
  // As many of a kind as there are, in the order they are booted from.
  const paths = order.flatMap((kind) =>
    kind === 'network'
      ? adapterSlots.map((slot) => `ethernet@${hex(slot)}/ethernet-phy@0`)
      : drives.filter((drive) => kindOf(drive) === kind).map(path),
  );
  const lines = paths.map((one) => `/pci@i0cf8/${one}`);
  return new TextEncoder().encode(`${lines.join('\n')}\0`);
}

/** CMOS as SeaBIOS reads it: up to three kinds of drives in 3Dh and the high half of 38h, and the CPUs. */
export function firmwareCmos({ order }: BiosBoot, cpus: number): [index: number, value: number][] {
  const codes = { floppy: 1, hdd: 2, cdrom: 3, network: 4 } as const;
  const [first = 0, second = 0, third = 0] = order.map((kind) => codes[kind]);
  return [
    [0x3d, first | (second << 4)],
    // Bit 0: floppies without the boot signature are booted too.
    [0x38, (third << 4) | 1],
    [0x5f, cpus - 1],
  ];
}
