import { UserError } from '../../shared/services/errors.ts';
import { hasHostCalls, loadHostCalls } from '../vcpu/kvm/hostCalls.ts';
import type { KvmEngineCpu } from '../vcpu/kvm/kvmEngine.ts';
import { type BegunThreads, beginThreads, endThreads } from '../vcpu/kvm/kvmThreads.ts';
import type { EngineRequest } from '../vcpu/engineMemory.ts';
import type { GuestMemory } from '../vcpu/guestMemory.ts';

/**
 * For machines of so many CPUs. Rejects with UserError where there are no system calls to reach KVM by; what the result does, throws others.
 */
export async function kvmEngineFactory(
  cpus: number,
): Promise<(request: EngineRequest) => (guest: GuestMemory) => KvmEngineCpu> {
  // They begin while the rest is loaded.
  let begun: BegunThreads | undefined = hasHostCalls ? beginThreads(cpus) : undefined;
  const [calls, { kvmEngineCpu }] = await Promise.all([
    loadHostCalls(),
    import('../vcpu/kvm/kvmEngine.ts'),
  ]);
  if (calls === undefined) {
    if (begun !== undefined) endThreads(begun);
    throw new UserError({
      code: 'unsupported',
      message: 'The KVM engine needs Linux on an x86-64 processor.',
      hint: 'Choose the engine "translator".',
    });
  }
  return (request) => (guest) => {
    const threads = begun ?? beginThreads(cpus);
    begun = undefined;
    return kvmEngineCpu(calls, guest, request, threads);
  };
}
