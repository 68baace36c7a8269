import type { DirectMemory } from '../bus/directMemory.ts';
import type { DmaMemory, Entropy } from '../bus/types.ts';
import type { RamWatch } from '../bus/ramWatch.ts';
import type { VideoMemory } from '../bus/videoMemory.ts';
import type { MachineSpec } from './machine.ts';
import type { EngineRequest as CommonRequest } from '../vcpu/engineMemory.ts';
import type { EngineName } from '../../shared/vm/engines.ts';
import type { Vcpu } from '../vcpu/vcpu.ts';
import type { VcpuThreads } from '../vcpu/vcpuThreads.ts';

export interface EngineRequest extends CommonRequest {
  readonly cpus: number;
  readonly engine: MachineSpec['engine'];
  /** For RDRAND; repeats with counted time. */
  readonly entropy: Entropy;
}

/** A CPU with its memory, on whatever engine. */
export interface PcEngine {
  /** The boot processor. */
  readonly vcpu: Vcpu;
  /** Where vCPUs have threads of their own. */
  readonly threads?: VcpuThreads | undefined;
  readonly memory: DmaMemory;
  readonly videoMemory: VideoMemory;
  /** RAM and ROM for chips that map them. */
  readonly directMemory: DirectMemory;
  /** The whole guest RAM, `memory` bytes, live. */
  readonly ram: Uint8Array;
  /** Without it RAM is copied while the machine stands still. */
  readonly ramWatch?: RamWatch;
  /** Instructions since creation; exact between slices, and growing the same way on every run. */
  instructionsRetired(): number;
  /** Machine time runs from now on, or stands still: so do the guest's clocks. Between slices. */
  runTime?(running: boolean): void;
  /** Makes ready for a move, while the guest runs; throws UserError where the host does not have the engine. */
  prepare?(name: EngineName): void;
  /** Moves the guest to another engine, between slices; throws UserError or StateError and leaves it where it is if that cannot be. */
  switchTo?(name: EngineName): void;
  dispose?(): void;
}

/** What the host gives to a machine. */
export interface PcParts {
  createEngine(request: EngineRequest): PcEngine;
  /** Resolves after the thread's event loop has gone round once (setImmediate, MessageChannel). */
  yieldToEventLoop(): Promise<void>;
  /** A host failure: the machine has paused itself and says why; resume() tries again. */
  onHostFailure(message: string): void;
}
