import { UserError } from '../../shared/services/errors.ts';
import { loadHostCalls } from '../vcpu/kvm/hostCalls.ts';
import { kvmEngineCpu, type KvmEngineCpu } from '../vcpu/kvm/kvmEngine.ts';
import type { EngineRequest } from '../vcpu/engineMemory.ts';
import type { GuestMemory } from '../vcpu/guestMemory.ts';

/** Rejects with UserError where there are no system calls to reach KVM by; what the result does, throws others. */
export async function kvmEngineFactory(): Promise<
  (request: EngineRequest) => (guest: GuestMemory) => KvmEngineCpu
> {
  const calls = await loadHostCalls();
  if (calls === undefined)
    throw new UserError({
      code: 'unsupported',
      message: 'The KVM engine needs Linux on an x86-64 processor.',
      hint: 'Choose the engine "translator".',
    });
  return (request) => (guest) => kvmEngineCpu(calls, guest, request);
}
