/** For tests: engines on KVM, or that a host without it says so. */
import { UserError } from '../../../shared/services/errors.ts';
import { SeededEntropy } from '../../bus/entropy.ts';
import { bareHost } from '../bareHost.ts';
import type { HostCpu } from '../cpuFeatures.ts';
import type { EngineRequest } from '../engineMemory.ts';
import type { GuestRam } from '../guestRam.ts';
import type { Vcpu } from '../vcpu.ts';
import { createWasmEngine } from '../wasm/wasmEngine.ts';
import { type HostCalls, loadHostCalls } from './hostCalls.ts';
import { createKvmEngine } from './kvmEngine.ts';

/** What `create` makes; undefined where it is refused in the words for a host that has no KVM, which is as it should be. */
export async function onHostWithKvm<T>(create: (calls: HostCalls) => T): Promise<T | undefined> {
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  try {
    return create(calls);
  } catch (error) {
    if (error instanceof UserError && error.message.includes('KVM engine cannot be used'))
      return undefined;
    throw error;
  }
}

/** An engine of 1 MiB whose run() ends at each write to a port, and the ports written to. */
export interface PortEngine {
  readonly vcpu: Vcpu;
  readonly memory: GuestRam;
  readonly ram: Uint8Array;
  readonly ports: readonly number[];
  dispose(): void;
}

function portEngine(create: (request: EngineRequest) => Omit<PortEngine, 'ports'>): PortEngine {
  const ports: number[] = [];
  const memory = 2 ** 20;
  const engine = create({
    ...{ memory, cpuModel: 'host-like', entropy: new SeededEntropy(1) },
    slots: [{ start: 0, size: memory, ramOffset: 0 }],
    host: bareHost({
      portWrite: (port) => {
        ports.push(port);
        engine.vcpu.requestExit();
      },
    }),
  });
  return { ...engine, ports, dispose: () => engine.dispose() };
}

/** Makers of such engines, `core` the CPU core's module; the wasm one's guest is told of the CPU of the last one on KVM. Undefined without KVM. */
export function portEngines(
  core: WebAssembly.Module,
): Promise<{ onKvm(): PortEngine; onWasm(): PortEngine } | undefined> {
  let hostCpu: HostCpu | undefined;
  return onHostWithKvm((calls) => {
    const onKvm = (): PortEngine =>
      portEngine((request) => {
        const engine = createKvmEngine(calls, request);
        hostCpu = engine.vcpu.hostCpu;
        return engine;
      });
    const onWasm = (): PortEngine =>
      portEngine((request) => ({
        ...createWasmEngine(core, { ...request, hostCpu }),
        dispose: () => undefined,
      }));
    onKvm().dispose();
    return { onKvm, onWasm };
  });
}

/** The port that the guest writes to next. */
export function runToPort({ vcpu, ports }: PortEngine): number | undefined {
  const before = ports.length;
  while (ports.length === before) {
    const exit = vcpu.run(1_000_000);
    if (exit.reason !== 'budget') throw new Error(JSON.stringify(exit));
  }
  return ports.at(-1);
}
