/** CPUID of a KVM vCPU: the model's leaves, as far as this host's KVM has them (Documentation/virt/kvm/api.rst, KVM_SET_CPUID2). */
import { UserError } from '../../../shared/services/errors.ts';
import type { CpuModel } from '../../../shared/vm/cpuModels.ts';
import { common, type CpuFeatures, featuresOf, missingFeatures } from '../cpuFeatures.ts';
import { cpuidEntries, type CpuidEntry, featuresOfModel, isFixed } from '../cpuidModels.ts';
import { size } from './kvmAbi.ts';
import type { KvmVm } from './kvmVm.ts';

/** KVM_CPUID_FLAG_SIGNIFICANT_INDEX */
const significantIndex = 1;
const mostEntries = 256;
/** x2APIC, TSC deadline and "under a hypervisor": of the kernel's local APIC, whatever the processor has. */
const alwaysLeaf1 = 2 ** 31 + 2 ** 24 + 2 ** 21;

/** `table`: scratch of the shared memory. */
function supportedFeatures(vm: KvmVm, table: Uint8Array): CpuFeatures {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  view.setUint32(0, mostEntries, true);
  vm.system('GET_SUPPORTED_CPUID', vm.addressOf(table));
  const entries = Array.from({ length: view.getUint32(0, true) }, (_, i): CpuidEntry => {
    const [leaf, subleaf, , eax, ebx, ecx, edx] = Array.from({ length: 7 }, (_, n) =>
      view.getUint32(8 + i * size.cpuidEntry + 4 * n, true),
    ) as [number, number, number, number, number, number, number];
    return { leaf, subleaf, eax, ebx, ecx, edx };
  });
  const features = featuresOf(entries.filter(({ subleaf }) => subleaf === 0));
  return { ...features, leaf1Ecx: (features.leaf1Ecx | alwaysLeaf1) >>> 0 };
}

export interface KvmCpuidRequest {
  readonly model: CpuModel;
  readonly tscKhz: number;
  /** Also the APIC ID. */
  readonly index: number;
  readonly cpus: number;
}

/** What this host's KVM has of a model. Throws UserError that names what a model of fixed features would have besides. */
function featuresHere(model: CpuModel, supported: CpuFeatures): CpuFeatures {
  const wanted = featuresOfModel(model);
  const missing = missingFeatures(wanted, supported);
  if (isFixed(model) && missing.length > 0)
    throw new UserError({
      code: 'unsupported',
      message: `KVM on this host does not have all of the CPU model ${model}: it lacks ${missing.join(', ')}.`,
      hint: 'Choose another CPU model (host-like takes what there is), or the engine "translator".',
    });
  return common(wanted, supported);
}

/**
 * Gives a vCPU the model's leaves, without what this host's KVM does not have: the result. `table`: scratch of the shared memory. Throws
 * UserError where the model must be whole and is not.
 */
export function setCpuid(
  vm: KvmVm,
  vcpuFd: number,
  { model, tscKhz, index, cpus }: KvmCpuidRequest,
  table: Uint8Array,
): CpuFeatures {
  const features = featuresHere(model, supportedFeatures(vm, table));
  const entries = cpuidEntries({ model, features, cpus, tscKhz }).map((entry) =>
    withApicId(entry, index),
  );
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  table.fill(0, 0, 8 + entries.length * size.cpuidEntry);
  view.setUint32(0, entries.length, true);
  entries.forEach(({ leaf, subleaf, eax, ebx, ecx, edx }, i) => {
    const flags = subleaf === undefined ? 0 : significantIndex;
    [leaf, subleaf ?? 0, flags, eax, ebx, ecx, edx].forEach((value, n) =>
      view.setUint32(8 + i * size.cpuidEntry + 4 * n, value, true),
    );
  });
  vm.ioctl(vcpuFd, 'SET_CPUID2', vm.addressOf(table));
  return features;
}

/** Where CPUID says which CPU it is: leaf 1 and the topology leaf (SDM 2A, CPUID). */
function withApicId(entry: CpuidEntry, index: number): CpuidEntry {
  if (entry.leaf === 1) return { ...entry, ebx: (entry.ebx | (index << 24)) >>> 0 };
  return entry.leaf === 0xb ? { ...entry, edx: index } : entry;
}
