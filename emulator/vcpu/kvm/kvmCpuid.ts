/** CPUID of a KVM vCPU: the model's leaves, as far as this host's KVM has them (Documentation/virt/kvm/api.rst, KVM_SET_CPUID2). */
import {
  type CpuFeatures,
  cpuidEntries,
  type CpuidEntry,
  type CpuModel,
  featuresOf,
  limitedTo,
} from '../cpuidModels.ts';
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

/** Gives a vCPU the model's leaves, without what this host's KVM does not have: the result. `table`: scratch of the shared memory. */
export function setCpuid(
  vm: KvmVm,
  vcpuFd: number,
  { model, tscKhz, index, cpus }: KvmCpuidRequest,
  table: Uint8Array,
): CpuFeatures {
  const entries = limitedTo(
    supportedFeatures(vm, table),
    cpuidEntries({ model, cpus, tscKhz }),
  ).map((entry) => withApicId(entry, index));
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
  return featuresOf(entries);
}

/** Where CPUID says which CPU it is: leaf 1 and the topology leaf (SDM 2A, CPUID). */
function withApicId(entry: CpuidEntry, index: number): CpuidEntry {
  if (entry.leaf === 1) return { ...entry, ebx: (entry.ebx | (index << 24)) >>> 0 };
  return entry.leaf === 0xb ? { ...entry, edx: index } : entry;
}
