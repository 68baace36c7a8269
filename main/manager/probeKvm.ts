import { UserError } from '../../shared/services/errors.ts';
import { kvmFindingSchema, type KvmFinding } from '../../shared/vm/kvmFinding.ts';
import { controlVm } from '../../shared/vm/vmProtocol.ts';
import type { VmProcessStarter } from './vmProcessStarter.ts';

/** A probe that hangs is ended after so long. */
const longestMs = 20_000;

/** Tries the KVM engine in a process of its own: only such a process opens /dev/kvm. */
export async function probeKvm(starter: VmProcessStarter): Promise<KvmFinding> {
  const probe = starter.start('probe of KVM');
  const ignore = (): undefined => undefined;
  const control = controlVm(probe.channel, {
    ...{ serialOutput: ignore, ended: ignore, hostFailure: ignore, report: ignore },
  });
  const killer = setTimeout(() => probe.kill(), longestMs);
  try {
    return kvmFindingSchema.parse(await control.probeKvm());
  } catch (error) {
    throw new UserError(
      {
        code: 'probe',
        message: `The probe of KVM did not end well: ${error instanceof Error ? error.message : String(error)}`,
        hint: 'Machines run on the translator.',
      },
      { cause: error },
    );
  } finally {
    void control.shutdown().catch(() => undefined);
    await probe.exited;
    clearTimeout(killer);
  }
}
