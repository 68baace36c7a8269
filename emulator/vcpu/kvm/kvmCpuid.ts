/** CPUID of a KVM vCPU: the model's leaves, as far as this host's KVM has them (Documentation/virt/kvm/api.rst, KVM_SET_CPUID2). */
import { type CpuModel, cpuidEntries, type CpuidEntry } from '../cpuidModels.ts';
import { size } from './kvmAbi.ts';
import type { KvmVm } from './kvmVm.ts';

/** KVM_CPUID_FLAG_SIGNIFICANT_INDEX */
const significantIndex = 1;
const mostEntries = 256;

/** Without subleaves. `table`: scratch of the shared memory. */
function supportedCpuid(vm: KvmVm, table: Uint8Array): ReadonlyMap<number, CpuidEntry> {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  view.setUint32(0, mostEntries, true);
  vm.system('GET_SUPPORTED_CPUID', vm.addressOf(table));
  const supported = new Map<number, CpuidEntry>();
  for (let i = 0; i < view.getUint32(0, true); i++) {
    const [leaf, subleaf, , eax, ebx, ecx, edx] = Array.from({ length: 7 }, (_, n) =>
      view.getUint32(8 + i * size.cpuidEntry + 4 * n, true),
    ) as [number, number, number, number, number, number, number];
    if (subleaf === 0) supported.set(leaf, { leaf, eax, ebx, ecx, edx });
  }
  return supported;
}

export interface KvmCpuidRequest {
  readonly model: CpuModel;
  readonly tscKhz: number;
  /** Also the APIC ID. */
  readonly index: number;
  readonly cpus: number;
}

/** Gives a vCPU the model's leaves, without what this host's KVM does not have. `table`: scratch of the shared memory. */
export function setCpuid(
  vm: KvmVm,
  vcpuFd: number,
  { model, tscKhz, index, cpus }: KvmCpuidRequest,
  table: Uint8Array,
): void {
  const supported = supportedCpuid(vm, table);
  const entries = cpuidEntries({ model, cpus, tscKhz }).map((entry) =>
    withApicId(withoutUnsupported(entry, supported.get(entry.leaf)), index),
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
}

/** Where CPUID says which CPU it is: leaf 1 and the topology leaf (SDM 2A, CPUID). */
function withApicId(entry: CpuidEntry, index: number): CpuidEntry {
  if (entry.leaf === 1) return { ...entry, ebx: (entry.ebx | (index << 24)) >>> 0 };
  return entry.leaf === 0xb ? { ...entry, edx: index } : entry;
}

/** x2APIC, TSC deadline and "under a hypervisor": of the kernel's local APIC, whatever the processor has. */
const alwaysLeaf1 = 2 ** 31 + 2 ** 24 + 2 ** 21;

function withoutUnsupported(entry: CpuidEntry, host: CpuidEntry | undefined): CpuidEntry {
  const and = (a: number, b: number | undefined): number => (a & (b ?? 0)) >>> 0;
  const { leaf, eax, ebx, ecx, edx } = entry;
  if (leaf === 1)
    return {
      ...entry,
      ecx: and(ecx, ((host?.ecx ?? 0) | alwaysLeaf1) >>> 0),
      edx: and(edx, host?.edx),
    };
  if (leaf === 7) return { ...entry, ebx: and(ebx, host?.ebx), edx: and(edx, host?.edx) };
  if (leaf === 0x40000001) return { ...entry, eax: and(eax, host?.eax) };
  if (leaf === 0x80000001) return { ...entry, ecx: and(ecx, host?.ecx), edx: and(edx, host?.edx) };
  return entry;
}
