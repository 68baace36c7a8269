import { expect, it } from 'vitest';
import { UserError } from '../../../shared/services/errors.ts';
import { loadCore } from '../../host/coreModule.ts';
import { bareHost } from '../bareHost.ts';
import type { CpuState } from '../cpuState.ts';
import type { HostCpu } from '../cpuFeatures.ts';
import type { EngineRequest } from '../engineMemory.ts';
import type { Vcpu } from '../vcpu.ts';
import { createWasmEngine } from '../wasm/wasmEngine.ts';
import { loadHostCalls } from './hostCalls.ts';
import { createKvmEngine } from './kvmEngine.ts';

const ramBytes = 0x10000;
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

interface Part {
  readonly vcpu: Vcpu;
  readonly ram: Uint8Array;
  readonly ports: number[];
  dispose(): void;
}

function part(create: (request: EngineRequest) => Omit<Part, 'ports'>): Part {
  const ports: number[] = [];
  const engine = create({
    ...{ memory: ramBytes, cpuModel: 'host-like' },
    slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
    host: bareHost({
      portWrite: (port) => {
        ports.push(port);
        engine.vcpu.requestExit();
      },
    }),
  });
  return { vcpu: engine.vcpu, ram: engine.ram, ports, dispose: () => engine.dispose() };
}

function runToPort({ vcpu, ports }: Part): number | undefined {
  const before = ports.length;
  while (ports.length === before) {
    const exit = vcpu.run(1_000_000);
    if (exit.reason !== 'budget') throw new Error(JSON.stringify(exit));
  }
  return ports.at(-1);
}

it("meets a breakpoint of the guest's debug registers, also after a move; without /dev/kvm it says so", async () => {
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  const core = await loadCore();
  let hostCpu: HostCpu | undefined;
  const onKvm = (): Part =>
    part((request) => {
      const engine = createKvmEngine(calls, request);
      hostCpu = engine.vcpu.hostCpu;
      return engine;
    });
  const onWasm = (): Part =>
    part((request) => ({
      ...createWasmEngine(core, { ...request, hostCpu }),
      dispose: () => undefined,
    }));
  try {
    onKvm().dispose();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(/KVM engine cannot be used/);
    return;
  }
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
