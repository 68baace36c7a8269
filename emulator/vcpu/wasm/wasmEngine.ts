import { HostEntropy } from '../../bus/entropy.ts';
import {
  type EngineCpu,
  engineMemory,
  type EngineMemory,
  type EngineRequest,
  memoryFor,
} from '../engineMemory.ts';
import type { HostCpu } from '../cpuFeatures.ts';
import type { GuestMemory } from '../guestMemory.ts';
import type { TranslationPolicy } from './translations.ts';
import { WasmCpu } from './wasmCpu.ts';

export interface WasmEngineRequest extends EngineRequest {
  /** When code is translated; by default it never is. */
  readonly translate?: TranslationPolicy;
  /** See WasmCpuOptions. */
  readonly hostCpu?: HostCpu | undefined;
}

export interface WasmEngine extends EngineMemory {
  readonly vcpu: WasmCpu;
  instructionsRetired(): number;
}

export interface WasmEngineCpu extends EngineCpu {
  readonly vcpu: WasmCpu;
}

/** A CPU on the wasm core, in a memory that it may share with other engines. */
export function wasmEngineCpu(
  core: WebAssembly.Module,
  guest: GuestMemory,
  { cpuModel, translate, hostCpu, host, entropy = new HostEntropy() }: WasmEngineRequest,
): WasmEngineCpu {
  const vcpu = new WasmCpu({
    core,
    memory: guest,
    index: 0,
    cpus: 1,
    model: cpuModel,
    translate,
    hostCpu,
    host,
    entropy,
  });
  return {
    vcpu,
    instructionsRetired: () => vcpu.instructionsRetired(),
    slotsChanged: () => vcpu.slotsChanged(guest.slots),
    noteWrites: (area) => vcpu.noteWrites(area),
    gatherWrites: () => undefined,
    watchWrites: () => vcpu.watchVideo(),
    dispose: () => undefined,
  };
}

/** One CPU and its memory on the wasm core. Throws RangeError if the host lacks the memory. */
export function createWasmEngine(core: WebAssembly.Module, request: WasmEngineRequest): WasmEngine {
  const guest = memoryFor(request);
  const cpu = wasmEngineCpu(core, guest, request);
  return {
    vcpu: cpu.vcpu,
    ...engineMemory(guest, request, () => cpu),
    instructionsRetired: () => cpu.instructionsRetired(),
  };
}
