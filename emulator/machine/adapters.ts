/** The network adapters of a machine. */
import type { NetworkBackend } from '../backends/network.ts';
import { BootAdapter } from '../firmware/bios/bootAdapter.ts';
import type { Clock, DmaMemory, Entropy } from '../bus/types.ts';
import { E1000 } from '../devices/net/e1000.ts';
import { VirtioNet } from '../devices/net/virtioNet.ts';
import type { PciBus } from '../devices/pci/pciBus.ts';
import type { PciFunction } from '../devices/pci/pciFunction.ts';
import { VirtioPci } from '../devices/virtio/virtioPci.ts';
import { pciSlots } from './pcLayout.ts';

export interface AdapterSpec {
  readonly model: 'virtio' | 'e1000';
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** Pairs of queues, 1 to 8, where the model can have several; as many as CPUs if absent. */
  readonly queuePairs?: number;
  /** Called once, when the machine is built: its time and chance are the network's as well. */
  network(parts: { readonly clock: Clock; readonly entropy: Entropy }): NetworkBackend;
}

export interface AdapterParts {
  readonly cpus: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly memory: DmaMemory;
}

/** What firmware boots them by, and the adapters with it in their lines. */
export function withBootAdapters(adapters: readonly AdapterSpec[]): {
  readonly adapters: readonly AdapterSpec[];
  readonly boot: readonly BootAdapter[];
} {
  const boot = adapters.map(
    ({ mac }, index) =>
      new BootAdapter({
        ...{ name: `Network adapter ${index + 1}`, mac },
        bdf: (pciSlots.firstAdapter + index) * 8,
      }),
  );
  const joined = adapters.map((adapter, index): AdapterSpec => ({
    ...adapter,
    network: (parts) => {
      const network = adapter.network(parts);
      return boot[index]?.join(network) ?? network;
    },
  }));
  return { adapters: joined, boot };
}

/** Builds them, each in a slot that depends on its place alone, so that guests keep their names. */
export function networkFunctions(
  pci: PciBus,
  adapters: readonly AdapterSpec[],
  { cpus, clock, entropy, memory }: AdapterParts,
): readonly PciFunction[] {
  return adapters.map(({ model, mac, queuePairs = cpus, network: connect }, index) => {
    const slot = pci.slot(pciSlots.firstAdapter + index);
    const network = connect({ clock, entropy });
    return model === 'virtio'
      ? new VirtioPci(
          `net${index}`,
          slot,
          memory,
          new VirtioNet({ network, mac, pairs: queuePairs }),
        )
      : new E1000(`net${index}`, slot, { clock, memory, network, mac });
  });
}
