/** A CPU on KVM with its memory, in the form in which a machine takes any engine. */
import { constants } from 'node:os';
import { UserError } from '../../../shared/services/errors.ts';
import {
  type EngineCpu,
  engineMemory,
  type EngineMemory,
  type EngineRequest,
  memoryFor,
} from '../engineMemory.ts';
import type { GuestMemory } from '../guestMemory.ts';
import { CoalescedWrites } from './coalescedWrites.ts';
import { HostCallError, type HostCalls } from './hostCalls.ts';
import { needed } from './kvmAbi.ts';
import { KvmCpu } from './kvmCpu.ts';
import { type BegunThreads, endThreads, KvmThreads } from './kvmThreads.ts';
import { filterMsrs } from './kvmMsrFilter.ts';
import { KvmVm } from './kvmVm.ts';

export interface KvmEngine extends EngineMemory {
  readonly vcpu: KvmCpu;
  instructionsRetired(): number;
  dispose(): void;
}

export interface KvmEngineCpu extends EngineCpu {
  readonly vcpu: KvmCpu;
  readonly threads: KvmThreads | undefined;
}

/** A CPU on KVM, in a memory that it may share with other engines; with `begun`, which become its own, it runs on threads. Throws UserError where KVM does not do it. */
export function kvmEngineCpu(
  calls: HostCalls,
  guest: GuestMemory,
  { cpus = 1, cpuModel, lateWrites, host }: EngineRequest,
  begun?: BegunThreads,
): KvmEngineCpu {
  let vm: KvmVm | undefined;
  try {
    vm = new KvmVm(calls, guest);
    const opened = vm;
    const missing = needed.find((name) => !opened.has(name));
    if (missing !== undefined)
      throw new HostCallError(`KVM_CAP_${missing}`, constants.errno.ENOSYS);
    // Linux 5.10 and later.
    if (vm.has('X86_MSR_FILTER')) filterMsrs(vm);
    const vcpus = Array.from(
      { length: cpus },
      (_, index) => new KvmCpu(opened, { index, cpus, model: cpuModel }, host),
    );
    const [vcpu] = vcpus;
    if (vcpu === undefined) throw new RangeError('a machine needs a CPU');
    const ringPage = opened.extent('COALESCED_MMIO');
    const coalesced =
      lateWrites !== undefined && ringPage > 0
        ? new CoalescedWrites(opened, opened.area('run'), ringPage, lateWrites, host)
        : undefined;
    for (const each of vcpus) each.onLeave = () => coalesced?.take();
    const threads = begun && new KvmThreads(calls, vcpus, begun);
    return {
      vcpu,
      threads,
      instructionsRetired: () => vcpu.instructionsRetired(),
      slotsChanged: () => opened.slotsChanged(),
      noteWrites: (area) => opened.noteWrites(area),
      gatherWrites: () => {
        coalesced?.take();
        opened.takeDirty();
      },
      watchWrites: () => undefined,
      runTime: (running) => {
        for (const each of vcpus) each.runTime(running);
      },
      hostCpu: vcpu.hostCpu,
      dispose: () => {
        threads?.dispose();
        for (const each of vcpus) each.dispose();
        opened.dispose();
      },
    };
  } catch (error) {
    vm?.dispose();
    if (begun !== undefined) endThreads(begun);
    if (!(error instanceof HostCallError)) throw error;
    throw new UserError(
      {
        code: 'unsupported',
        message: `The KVM engine cannot be used on this host: ${error.message}.`,
        hint: 'Choose the engine "translator"; "guesthouse doctor" says more.',
      },
      { cause: error },
    );
  }
}

/** Throws UserError where KVM does not do it, RangeError if the host lacks the memory. */
export function createKvmEngine(calls: HostCalls, request: EngineRequest): KvmEngine {
  const guest = memoryFor(request);
  const cpu = kvmEngineCpu(calls, guest, request);
  return {
    vcpu: cpu.vcpu,
    ...engineMemory(guest, request, () => cpu),
    instructionsRetired: () => cpu.instructionsRetired(),
    dispose: () => {
      guest.onSlotsChanged = undefined;
      cpu.dispose();
    },
  };
}
