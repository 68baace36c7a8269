/** The drives of the PC that are not virtio: their controllers and wires. */
import type { BlockBackend } from '../backends/block.ts';
import type { PortBus } from '../bus/portBus.ts';
import type { Clock, Device, DmaMemory, IrqLine } from '../bus/types.ts';
import type { Dma8237 } from '../devices/legacy/dma8237.ts';
import type { PciBus } from '../devices/pci/pciBus.ts';
import { ahciPorts } from '../../shared/vm/driveCounts.ts';
import { Ahci } from '../devices/storage/ahci.ts';
import { AtaDisk } from '../devices/storage/ataDisk.ts';
import { AtapiCdrom } from '../devices/storage/atapiCdrom.ts';
import { FloppyController } from '../devices/storage/floppyController.ts';
import { FloppyDrive } from '../devices/storage/floppyDrive.ts';
import type { IdeChannelParts } from '../devices/storage/ideChannel.ts';
import { IdePiix3 } from '../devices/storage/idePiix3.ts';
import type { DriveSpec } from './drives.ts';
import {
  floppyDmaChannel,
  ideChannels,
  isaIrqs,
  pciSlots,
  ports as portNumbers,
  southBridge,
} from './pcLayout.ts';

export interface PcStorageParts {
  readonly drives: readonly DriveSpec[];
  readonly pci: PciBus;
  readonly ports: PortBus;
  readonly memory: DmaMemory;
  readonly clock: Clock;
  readonly dma: Dma8237;
  readonly irq: (number: number) => IrqLine;
  readonly onHostFailure: (error: Error) => void;
}

export interface PcStorage {
  /** In the order of loading. */
  readonly devices: readonly Device[];
  readonly ahci: Ahci | undefined;
}

/** Plugs them in. */
export function plugStorage(parts: PcStorageParts): PcStorage {
  const ahci = plugAhci(parts);
  const floppy = plugFloppy(parts);
  return {
    devices: [
      plugIde(parts),
      ...(ahci === undefined ? [] : [ahci]),
      ...(floppy === undefined ? [] : [floppy]),
    ],
    ahci,
  };
}

export const sataDisk = (disk: BlockBackend, port: number): AtaDisk =>
  new AtaDisk({ disk, serial: `guesthouse-ahci${port}`, queueDepth: 32 });

/** The drive at a place of a controller. */
function driveAt(
  drives: readonly DriveSpec[],
  where: 'ide' | 'ahci',
  position: number,
): AtaDisk | AtapiCdrom | undefined {
  const drive = drives.find(
    (d) => d.kind !== 'floppy' && d.interface === where && d.position === position,
  );
  const serial = `guesthouse-${where}${position}`;
  const sata = where === 'ahci';
  if (drive?.kind === 'disk')
    return sata ? sataDisk(drive.backend, position) : new AtaDisk({ disk: drive.backend, serial });
  return drive?.kind === 'cdrom' ? new AtapiCdrom({ slot: drive.slot, serial, sata }) : undefined;
}

/** Only there if it has a drive. */
function plugAhci({ drives, pci, memory, onHostFailure }: PcStorageParts): Ahci | undefined {
  const all = Array.from({ length: ahciPorts }, (_, port) => driveAt(drives, 'ahci', port));
  if (all.every((drive) => drive === undefined)) return undefined;
  const ahci = new Ahci(pci.slot(pciSlots.ahci), { memory, drives: all, onHostFailure });
  pci.plug(ahci);
  return ahci;
}

function plugIde({ drives, pci, ports, memory, irq, onHostFailure }: PcStorageParts): IdePiix3 {
  const channel = (index: 0 | 1): IdeChannelParts => ({
    irq: irq(ideChannels[index].irq),
    memory,
    drives: [driveAt(drives, 'ide', 2 * index), driveAt(drives, 'ide', 2 * index + 1)],
    onHostFailure,
  });
  const ide = new IdePiix3(pci.slot(pciSlots.southBridge, southBridge.ide), [
    channel(0),
    channel(1),
  ]);
  ide.channels.forEach((wired, index) => {
    const at = ideChannels[index === 0 ? 0 : 1];
    ports.map(at.command, 8, wired.commandRegion);
    ports.map(at.control, 1, wired.controlRegion);
  });
  pci.plug(ide);
  return ide;
}

/** Only there if it has a drive. */
function plugFloppy(parts: PcStorageParts): FloppyController | undefined {
  const { drives, ports, clock, dma, irq, onHostFailure } = parts;
  const drive = (position: 0 | 1): FloppyDrive | undefined => {
    const found = drives.find((one) => one.kind === 'floppy' && one.position === position);
    return found?.kind === 'floppy' ? new FloppyDrive(found.slot) : undefined;
  };
  const both = [drive(0), drive(1)] as const;
  if (both[0] === undefined && both[1] === undefined) return undefined;
  const floppy = new FloppyController({
    ...{ clock, onHostFailure, drives: both },
    irq: irq(isaIrqs.floppy),
    dma: dma.channel(floppyDmaChannel),
  });
  ports.map(portNumbers.floppy, 6, floppy.region);
  ports.map(portNumbers.floppyChange, 1, floppy.changeRegion);
  return floppy;
}
