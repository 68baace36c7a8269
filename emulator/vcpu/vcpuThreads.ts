import type { Vcpu, VcpuExit } from './vcpu.ts';

/**
 * Virtual CPUs that each run on a thread of their own. What they ask of devices waits until the machine's thread serves it
 * there, between two turns of its event loop, so that devices are as single-threaded as with one CPU.
 */
export interface VcpuThreads {
  /** The boot processor first. Their `run` is for one that stands still. */
  readonly vcpus: readonly Vcpu[];
  /** All go on. */
  start(): void;
  /** Serves what the vCPUs ask for. What it returns ends the machine. */
  serve(): VcpuExit | undefined;
  /** The vCPU that is being served goes on only after the next wait: the guest polls. */
  rest(): void;
  /** Resolves when a vCPU asks for something, after `wake()`, or after `ns`, which may be Infinity. */
  wait(ns: number): Promise<void>;
  wake(): void;
  /** Returns when all stand still with no access under way. */
  stop(): VcpuExit | undefined;
}
