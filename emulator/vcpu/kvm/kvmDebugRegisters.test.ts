import { expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import type { CpuState } from '../cpuState.ts';
import { portEngines, runToPort } from './testEngines.ts';

const [armed, hit, passed] = [0xe9, 0xea, 0xeb];
const target = 0x1016;

/**
 * Real mode: mov $target, %eax; mov %eax, %dr0; mov $1, %eax (L0); mov %eax, %dr7; out %al, $armed; nop…
 * target: nop; out %al, $passed. The handler of #DB: out %al, $hit; xor %eax, %eax; mov %eax, %dr7; iret
 */
const program = Buffer.from(
  '66b816100000' + '0f23c0' + '66b801000000' + '0f23f8' + 'e6e9' + '9090' + '90' + 'e6eb' + 'f4',
  'hex',
);
const handler = Buffer.from('e6ea6631c00f23f8cf', 'hex');

it("meets a breakpoint of the guest's debug registers, also after a move; without /dev/kvm it says so", async () => {
  const engines = await portEngines(await loadCore());
  if (engines === undefined) return;
  const { onKvm, onWasm } = engines;
  for (const [from, to] of [
    [onKvm, onKvm],
    [onKvm, onWasm],
    [onWasm, onKvm],
  ] as const) {
    const first = from();
    first.ram.set(program, 0x1000);
    first.ram.set(handler, 0x2000);
    // IVT, vector 1.
    first.ram.set([0x00, 0x20, 0, 0], 4);
    first.vcpu.setEntry({ mode: 'real16', cs: 0, rip: 0x1000, rsp: 0x8000 });
    expect(runToPort(first)).toBe(armed);
    const state = structuredClone(first.vcpu.save());
    const dr = (state.data as CpuState).registers.dr as BigUint64Array;
    expect([dr[0], (dr[7] ?? 0n) & 0xffn]).toEqual([BigInt(target), 1n]);
    const second = to();
    second.ram.set(first.ram);
    first.dispose();
    second.vcpu.load(state);
    expect(runToPort(second)).toBe(hit);
    expect(runToPort(second)).toBe(passed);
    second.dispose();
  }
});
