/** Which engine a machine runs on, and how it comes by it: the wasm core's, KVM, or one after the other. */
import { UserError } from '../../shared/services/errors.ts';
import { autoEngine } from '../../shared/vm/autoEngine.ts';
import {
  checkCapabilities,
  checkKvmRequest,
  engineCapabilities,
} from '../../shared/vm/capabilities.ts';
import type { EngineInUse, EngineName, EngineSwitched } from '../../shared/vm/engines.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import { StateError } from '../bus/types.ts';
import type { Machine } from '../machine/machine.ts';
import type { EngineRequest, PcEngine } from '../machine/pcParts.ts';
import type { EngineCpu } from '../vcpu/engineMemory.ts';
import type { GuestMemory } from '../vcpu/guestMemory.ts';
import type { HostCpu } from '../vcpu/cpuFeatures.ts';
import { type EngineMaker, SwitchableEngine } from '../vcpu/switchableEngine.ts';
import type { WasmEngineRequest } from '../vcpu/wasm/wasmEngine.ts';
import { lowerCompilerPriority } from './compilerPriority.ts';
import { loadCore } from './coreModule.ts';

/** From measurements of boots (docs/performance.md). */
const translate = { after: 2500, gather: 2_000_000 };

type WasmMaker = (guest: GuestMemory, request: WasmEngineRequest) => EngineCpu;
type KvmMaker = (request: EngineRequest) => EngineMaker;

export class MachineEngine {
  readonly #request: MachineRequest;
  #loadingWasm: Promise<WasmMaker> | undefined;
  #wasm: WasmMaker | undefined;
  #inUse: EngineInUse;
  #loadingKvm: Promise<KvmMaker> | undefined;
  #kvm: KvmMaker | undefined;
  /** The CPU that the guest was told of when KVM came first: it can go back there. */
  #hostCpu: HostCpu | undefined;

  private constructor(request: MachineRequest, inUse: EngineInUse) {
    this.#request = request;
    this.#inUse = inUse;
  }

  /** Decides about 'auto'. Rejects with UserError for a machine that the engine does not run. */
  static async choose(request: MachineRequest): Promise<MachineEngine> {
    const inUse =
      request.engine === 'auto'
        ? await autoEngine(request, async () => (await import('./probeKvm.ts')).probeKvm())
        : { name: request.engine };
    checkCapabilities({ ...request, engine: inUse.name });
    const engine = new MachineEngine(request, inUse);
    // V8 compiles the core, and the vCPUs' threads begin, while the machine's files are opened.
    const loading = inUse.name === 'kvm' ? engine.#prepare('kvm') : engine.#loadWasm();
    loading.catch(() => undefined);
    return engine;
  }

  /** Before `create`. Rejects with UserError where KVM is wanted and cannot be reached. */
  ready(): Promise<void> {
    return this.#prepare(this.#inUse.name);
  }

  get inUse(): EngineInUse {
    return this.#inUse;
  }

  /** Throws UserError where the host does not have the engine. */
  create(request: EngineRequest): PcEngine {
    return new SwitchableEngine(request, this.#inUse.name, (name) => (guest) => {
      if (name !== 'kvm') {
        if (this.#wasm === undefined) throw new Error('the core was not prepared');
        return this.#wasm(guest, {
          ...request,
          hostCpu: this.#hostCpu,
          ...(name === 'translator' && { translate }),
        });
      }
      if (this.#kvm === undefined) throw new Error('KVM was not prepared');
      const cpu = this.#kvm(request)(guest);
      if (this.#inUse.name === 'kvm') this.#hostCpu ??= cpu.hostCpu;
      return cpu;
    });
  }

  /** Moves a machine's guest. Rejects with UserError; the guest then goes on where it is. */
  async switchTo(machine: Machine, name: EngineName): Promise<EngineSwitched> {
    if (name === this.#inUse.name) return { pauseMs: 0 };
    if (this.#request.clock !== 'host')
      throw new UserError({
        code: 'unsupported',
        message: 'Time of this VM is counted by instructions, so it stays on its engine.',
      });
    const { maxMemoryMiB } = engineCapabilities[name];
    if (this.#request.memoryMiB > maxMemoryMiB)
      throw new UserError({
        code: 'unsupported',
        message: `A VM with more than ${maxMemoryMiB} MiB of memory stays on KVM: memory of the ${name} has 32-bit addresses.`,
      });
    if (this.#request.cpus > 1)
      throw new UserError({
        code: 'unsupported',
        message: 'A VM with several CPUs stays on KVM: the translator runs one.',
      });
    await this.#prepare(name);
    try {
      const switched = await machine.switchEngine(name);
      this.#inUse = { name };
      return switched;
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      throw new UserError(
        {
          code: 'unsupported',
          message: `The VM stays on its engine: ${error.message}.`,
          hint: 'A VM that is started with the engine "kvm", or "auto" where that takes KVM, can move.',
        },
        { cause: error },
      );
    }
  }

  /** Not where KVM runs the guest: the instruction set and its translator are half of all code. */
  #loadWasm(): Promise<WasmMaker> {
    this.#loadingWasm ??= Promise.all([loadCore(), import('../vcpu/wasm/wasmEngine.ts')]).then(
      ([core, { wasmEngineCpu }]) =>
        (guest, request) =>
          wasmEngineCpu(core, guest, request),
    );
    return this.#loadingWasm;
  }

  async #prepare(name: EngineName): Promise<void> {
    if (name !== 'kvm') {
      this.#wasm = await this.#loadWasm();
      lowerCompilerPriority();
      return;
    }
    checkKvmRequest(this.#request);
    this.#loadingKvm ??= import('./kvmEngineFactory.ts').then(({ kvmEngineFactory }) =>
      kvmEngineFactory(this.#request.cpus),
    );
    this.#kvm = await this.#loadingKvm;
  }
}
