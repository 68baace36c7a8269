import type { Clock, DmaMemory, Entropy } from '../bus/types.ts';
import type { PciBus } from '../devices/pci/pciBus.ts';
import type { PciFunction } from '../devices/pci/pciFunction.ts';
import { VirtioBlock } from '../devices/storage/virtioBlock.ts';
import { VirtioBalloon } from '../devices/virtio/virtioBalloon.ts';
import { VirtioConsole } from '../devices/virtio/virtioConsole.ts';
import type { VirtioDevice } from '../devices/virtio/virtioDevice.ts';
import { VirtioPci } from '../devices/virtio/virtioPci.ts';
import { VirtioRng } from '../devices/virtio/virtioRng.ts';
import { networkFunctions } from './adapters.ts';
import type { MachineSpec } from './machine.ts';
import { OrderedDisk } from './orderedDisk.ts';
import type { PcInput } from './pcInput.ts';
import { pciSlots } from './pcLayout.ts';

export interface VirtioParts {
  readonly spec: MachineSpec;
  readonly clock: Clock;
  readonly memory: DmaMemory;
  readonly entropy: Entropy;
  readonly input: Pick<PcInput, 'virtioKeyboard' | 'tablet'>;
  readonly onHostFailure: (error: Error) => void;
}

/** The virtio devices of a specification, disks first, in slots counted up from the first free one; and its network adapters. */
export function virtioFunctions(pci: PciBus, parts: VirtioParts): readonly PciFunction[] {
  const { spec, memory, entropy, input } = parts;
  const disks = spec.drives.filter((drive) => drive.kind === 'disk');
  const devices: [string, VirtioDevice][] = disks
    .filter((disk) => disk.interface === 'virtio')
    .map(({ backend, position }) => [
      `virtio-blk${position}`,
      new VirtioBlock({
        disk: spec.time === 'host' ? backend : new OrderedDisk(backend),
        serial: `guesthouse-${position}`,
        onHostFailure: parts.onHostFailure,
      }),
    ]);
  const consoles = spec.consoles ?? [];
  if (consoles.length > 0) {
    const ports = consoles.map((backend, index) => ({ name: `guesthouse.${index}`, backend }));
    devices.push(['virtio-console', new VirtioConsole({ ports })]);
  }
  devices.push(
    ['virtio-rng', new VirtioRng({ entropy })],
    ['virtio-balloon', new VirtioBalloon()],
    ['virtio-keyboard', input.virtioKeyboard],
    ['virtio-tablet', input.tablet],
  );
  return [
    ...devices.map(
      ([id, device], index) =>
        new VirtioPci(id, pci.slot(pciSlots.firstVirtio + index), memory, device),
    ),
    ...networkFunctions(pci, spec.adapters ?? [], { ...parts, cpus: spec.cpus }),
  ];
}
