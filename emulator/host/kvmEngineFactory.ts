import { UserError } from '../../shared/services/errors.ts';
import type { EngineRequest, PcEngine } from '../machine/pcParts.ts';
import { loadHostCalls } from '../vcpu/kvm/hostCalls.ts';
import { createKvmEngine } from '../vcpu/kvm/kvmEngine.ts';

/** Rejects with UserError where there are no system calls to reach KVM by; what the result does, throws others. */
export async function kvmEngineFactory(): Promise<(request: EngineRequest) => PcEngine> {
  const calls = await loadHostCalls();
  if (calls === undefined)
    throw new UserError({
      code: 'unsupported',
      message: 'The KVM engine needs Linux on an x86-64 processor.',
      hint: 'Choose the engine "translator".',
    });
  return (request) => createKvmEngine(calls, request);
}
