/** The drives of the PC that are not virtio: their controllers and wires. */
import type { PortBus } from '../bus/portBus.ts';
import type { Device, DmaMemory, IrqLine } from '../bus/types.ts';
import type { PciBus } from '../devices/pci/pciBus.ts';
import { ahciPorts } from '../../shared/vm/drives.ts';
import { Ahci } from '../devices/storage/ahci.ts';
import { AtaDisk } from '../devices/storage/ataDisk.ts';
import { AtapiCdrom } from '../devices/storage/atapiCdrom.ts';
import type { IdeChannelParts } from '../devices/storage/ideChannel.ts';
import { IdePiix3 } from '../devices/storage/idePiix3.ts';
import type { DriveSpec } from './drives.ts';
import { ideChannels, pciSlots, southBridge } from './pcLayout.ts';

export interface PcStorageParts {
  readonly drives: readonly DriveSpec[];
  readonly pci: PciBus;
  readonly ports: PortBus;
  readonly memory: DmaMemory;
  readonly irq: (number: number) => IrqLine;
  readonly onHostFailure: (error: Error) => void;
}

/** Plugs them in; returns the devices in the order of loading. */
export function plugStorage(parts: PcStorageParts): readonly Device[] {
  const ahci = plugAhci(parts);
  return [plugIde(parts), ...(ahci === undefined ? [] : [ahci])];
}

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
    return new AtaDisk({ disk: drive.backend, serial, ...(sata ? { queueDepth: 32 } : {}) });
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
