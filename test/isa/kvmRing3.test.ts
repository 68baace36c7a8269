/** Ring-3 cases of the suite on KVM where it is kvm_pvm, which interprets them, against this machine's CPU. */
import { expect, test } from 'vitest';
import { probeKvm } from '../../emulator/host/probeKvm.ts';
import { loadHostCalls } from '../../emulator/vcpu/kvm/hostCalls.ts';
import type { Outcome } from './caseFormat.ts';
import { compareOutcomes } from './compareOutcomes.ts';
import { CaseGenerator, type GeneratedCase } from './generator/generateCase.ts';
import { KvmRing3, refused } from './kvmRing3.ts';
import { buildOracle, NativeOracle } from './nativeOracle.ts';

const generated = 5000;
const [generalProtection, invalidOpcode] = [13, 6];
/** KVM's interpreter takes SF, ZF and PF of these from more than the result. */
const wrongFlags = new Set(['AAD', 'AAM']);

/** It looks at the privilege of MOV to and from a control register before it looks whether there is one. */
const isNoControlRegister = ({ names }: GeneratedCase, expected: Outcome, ours: Outcome): boolean =>
  names.includes('MOV') && expected.vector === invalidOpcode && ours.vector === generalProtection;

test("32-bit cases in ring 3 end on KVM as on this machine's own CPU", async () => {
  if ((await probeKvm()).kind !== 'interpreted') return;
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('unreachable');
  const generator = new CaseGenerator(1, undefined);
  const cases = Array.from({ length: generated }, (_, i) => generator.generate(i)).filter(
    (one) => one.test.mode === 32 && !one.names.some((name) => wrongFlags.has(name)),
  );
  const oracle = new NativeOracle(buildOracle());
  const guest = new KvmRing3(calls);
  try {
    const expected = await oracle.run(cases.map((one) => one.test));
    const differences: string[] = [];
    let compared = 0;
    cases.forEach((one, i) => {
      const [real, ours] = [expected[i], guest.run(one.test)];
      // SSE and most of the x87 are not interpreted; accesses outside the windows leave KVM_RUN.
      if (real === undefined || ours === undefined || ours.vector === refused) return;
      if (isNoControlRegister(one, real, ours)) return;
      compared++;
      const found = compareOutcomes(one, real, ours);
      if (found.length > 0)
        differences.push(`case ${one.number}, ${one.names.join(', ')}: ${found.join('; ')}`);
    });
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(400);
  } finally {
    guest.dispose();
    oracle.close();
  }
});
