import { planDrives, type DriveSet } from './drives.ts';
import { type CpuModel, cpuModelObstacle } from './cpuModels.ts';
import { type BootConfig, mostCoreMemoryMiB, mostMemoryMiB } from './config.ts';
import type { MachineRequest } from './machineRequest.ts';
import { UserError } from '../services/errors.ts';

/** What each engine of this build can do. */
export const engineCapabilities: Readonly<
  Record<MachineRequest['engine'], { readonly maxCpus: number; readonly maxMemoryMiB: number }>
> = {
  interpreter: { maxCpus: 1, maxMemoryMiB: mostCoreMemoryMiB },
  translator: { maxCpus: 1, maxMemoryMiB: mostCoreMemoryMiB },
  kvm: { maxCpus: 8, maxMemoryMiB: mostMemoryMiB },
  /** Where it takes KVM. */
  auto: { maxCpus: 8, maxMemoryMiB: mostMemoryMiB },
};

/**
 * Throws UserError (code 'unsupported') for a machine that no engine of this build can run, and
 * 'too-many-drives' for more drives than the controllers take.
 */
export function checkCapabilities(
  wanted: Pick<MachineRequest, 'engine' | 'memoryMiB' | 'cpus' | 'cpuModel'> &
    DriveSet & {
      readonly boot?: BootConfig | undefined;
      readonly clock?: MachineRequest['clock'];
    },
): void {
  planDrives(wanted);
  if (wanted.boot?.firmware !== undefined && wanted.boot.kernel !== undefined) {
    throw new UserError({
      code: 'unsupported',
      message:
        'A kernel that is named is loaded without firmware, so firmware cannot be named too.',
      hint: 'Leave out the one or the other.',
    });
  }
  const engine = engineCapabilities[wanted.engine];
  if (wanted.engine === 'kvm') checkKvmRequest(wanted);
  else if (wanted.engine !== 'auto') checkCpuModel(wanted.cpuModel, wanted.engine);
  if (wanted.memoryMiB > engine.maxMemoryMiB) {
    throw new UserError({
      code: 'unsupported',
      message: `More than ${engine.maxMemoryMiB} MiB of memory need KVM: memory of the ${wanted.engine} has 32-bit addresses.`,
      hint: `Set the memory to ${engine.maxMemoryMiB} MiB or less, or choose the engine "kvm" where "guesthouse doctor" finds it usable.`,
    });
  }
  if (wanted.cpus > engine.maxCpus) {
    throw new UserError({
      code: 'unsupported',
      message:
        engine.maxCpus === 1
          ? `Several CPUs need hardware assistance: the ${wanted.engine} runs one, not ${wanted.cpus}.`
          : `The ${wanted.engine} engine runs at most ${engine.maxCpus} CPUs, not ${wanted.cpus}.`,
      hint:
        engine.maxCpus === 1
          ? 'Set the number of CPUs to 1, or choose the engine "kvm" where "guesthouse doctor" finds it usable.'
          : `Set the number of CPUs to ${engine.maxCpus} or fewer.`,
    });
  }
}

/** What a machine cannot be on the KVM engine. Throws UserError (code 'unsupported'). */
export function checkKvmRequest({
  cpuModel,
  clock = 'host',
}: {
  readonly cpuModel: MachineRequest['cpuModel'];
  readonly clock?: MachineRequest['clock'];
}): void {
  const refuse = (message: string, hint: string): never => {
    throw new UserError({ code: 'unsupported', message, hint });
  };
  if (clock !== 'host')
    refuse(
      'The KVM engine does not count instructions, so time cannot be counted by them.',
      'Leave out --clock counted, or choose the engine "translator".',
    );
  checkCpuModel(cpuModel, 'kvm');
}

function checkCpuModel(model: CpuModel, engine: 'interpreter' | 'translator' | 'kvm'): void {
  const obstacle = cpuModelObstacle(model, engine);
  if (obstacle === undefined) return;
  const needsKvm =
    'Choose another CPU model, or the engine "kvm" where "guesthouse doctor" finds it usable.';
  const { message, hint } =
    obstacle.kind === 'speculates'
      ? {
          message: `The CPU model ${model} tells the guest that its CPU does not speculate, which is not so on the KVM engine.`,
          hint: 'Choose another CPU model, such as --cpu-model host-like.',
        }
      : obstacle.kind === 'of-the-host'
        ? {
            message: `The CPU model ${model} is the processor of the host, which the ${engine} does not use.`,
            hint: needsKvm,
          }
        : {
            message: `The ${engine} lacks features of the CPU model ${model}: ${obstacle.features.join(', ')}.`,
            hint: needsKvm,
          };
  throw new UserError({ code: 'unsupported', message, hint });
}
