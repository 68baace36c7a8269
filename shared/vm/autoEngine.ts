import type { EngineInUse } from './engines.ts';
import { kvmVerdict, type KvmFinding } from './kvmFinding.ts';
import type { MachineRequest } from './machineRequest.ts';

/** What the engine 'auto' comes to for a machine. `probe`: tries KVM; not called where the machine itself decides. */
export async function autoEngine(
  { clock, cpuModel }: { readonly clock: MachineRequest['clock']; readonly cpuModel?: string },
  probe: () => Promise<KvmFinding>,
): Promise<Required<EngineInUse>> {
  if (clock !== 'host') return { name: 'translator', reason: 'time is counted by instructions' };
  if (cpuModel === 'guesthouse-v2')
    return { name: 'translator', reason: 'the CPU model guesthouse-v2 is not for KVM' };
  const { usable, reason } = kvmVerdict(await probe());
  return { name: usable ? 'kvm' : 'translator', reason };
}
