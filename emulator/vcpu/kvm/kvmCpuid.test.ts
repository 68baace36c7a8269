import { expect, it } from 'vitest';
import { UserError } from '../../../shared/services/errors.ts';
import { cpuModels, type CpuModel } from '../../../shared/vm/cpuModels.ts';
import { StateError } from '../../bus/types.ts';
import { loadCore } from '../../host/coreModule.ts';
import { bareHost } from '../bareHost.ts';
import { common, missingFeatures } from '../cpuFeatures.ts';
import { coreFeatures, featuresOfModel, isFixed } from '../cpuidModels.ts';
import { createTestCpu } from '../wasm/testCpu.ts';
import type { CpuState } from '../cpuState.ts';
import { HostCallError, type HostCalls, loadHostCalls } from './hostCalls.ts';
import { createKvmEngine, type KvmEngine } from './kvmEngine.ts';

const ramBytes = 0x10000;

const make = (calls: HostCalls, cpuModel: CpuModel): KvmEngine =>
  createKvmEngine(calls, {
    ...{ memory: ramBytes, cpuModel, host: bareHost({}) },
    slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
  });

/** Undefined where the host has no KVM. */
function host(calls: HostCalls): KvmEngine | undefined {
  try {
    return make(calls, 'host');
  } catch (error) {
    if ((error as Error).cause instanceof HostCallError) return undefined;
    throw error;
  }
}

it('takes of a model what the processor has, and says of a fixed one what the processor lacks', async () => {
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  const whole = host(calls);
  if (whole === undefined) return;
  const { features } = whole.vcpu.hostCpu;
  whole.dispose();
  for (const model of cpuModels.filter((one) => one !== 'host' && one !== 'guesthouse-v2')) {
    const missing = missingFeatures(featuresOfModel(model), features);
    if (isFixed(model) && missing.length > 0) {
      expect(() => make(calls, model)).toThrow(UserError);
      expect(() => make(calls, model)).toThrow(`it lacks ${missing.join(', ')}`);
      continue;
    }
    const engine = make(calls, model);
    expect(engine.vcpu.hostCpu.features).toEqual(common(featuresOfModel(model), features));
    engine.dispose();
  }
});

it('names what an engine lacks of the CPU in a saved state, and where the state can be opened', async () => {
  const { vcpu } = createTestCpu(await loadCore());
  const { version, data } = vcpu.save();
  const of = (model: CpuModel): { version: number; data: CpuState } => ({
    version,
    data: { ...(data as CpuState), features: featuresOfModel(model) },
  });
  expect(() => vcpu.load(of('x86-64-v3'))).toThrow(StateError);
  expect(() => vcpu.load(of('x86-64-v3'))).toThrow(
    /with FMA, MOVBE, XSAVE, AVX, F16C, BMI1, AVX2, BMI2, LZCNT, which .* with KVM on a processor/,
  );
  vcpu.load(of('x86-64-v2'));
  expect((vcpu.save().data as CpuState).features).toEqual(featuresOfModel('x86-64-v2'));

  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  const whole = host(calls);
  if (whole === undefined) return;
  try {
    const lacks = missingFeatures(coreFeatures, whole.vcpu.hostCpu.features);
    if (lacks.length > 0)
      expect(() => whole.vcpu.load(of('guesthouse-v2'))).toThrow(
        new RegExp(`with ${lacks.join(', ')}, which .* or on the translator`),
      );
  } finally {
    whole.dispose();
  }
});
