/**
 * CPUID of the CPU models (SDM 2A, CPUID; KVM's leaves: Documentation/virt/kvm/x86/cpuid.rst). "guesthouse-v2" is an in-order Atom
 * (model 28), which Linux knows not to speculate: no PTI, no retpolines.
 */
import type { CpuModel } from '../../shared/vm/cpuModels.ts';
import { type CpuFeatures, everyNamed } from './cpuFeatures.ts';

export interface CpuidEntry {
  readonly leaf: number;
  /** Undefined: the leaf has no subleaves. */
  readonly subleaf?: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

export interface CpuidOptions {
  readonly model: CpuModel;
  /** What the CPU can do: of the model, what the engine has. */
  readonly features: CpuFeatures;
  readonly cpus: number;
  /** Also the frequency of the crystal is 1 GHz: the local APIC timer counts nanoseconds. */
  readonly tscKhz: number;
}

const bits = (...numbers: readonly number[]): number =>
  numbers.reduce((sum, bit) => sum + 2 ** bit, 0);

/** What the translator's CPU can do. */
export const coreFeatures: CpuFeatures = {
  // SSE3 SSSE3 CX16 PCID SSE4.1 SSE4.2 x2APIC POPCNT TSC-deadline RDRAND, and "under a hypervisor".
  leaf1Ecx: bits(0, 9, 13, 17, 19, 20, 21, 23, 24, 30, 31),
  // FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2.
  leaf1Edx: bits(0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26),
  // FSGSBASE TSC_ADJUST SMEP ERMS INVPCID.
  leaf7Ebx: bits(0, 1, 7, 9, 10),
  leaf7Ecx: 0,
  // FSRM.
  leaf7Edx: bits(4),
  // LAHF.
  extendedEcx: bits(0),
  // SYSCALL NX 1-GiB pages RDTSCP LM.
  extendedEdx: bits(11, 20, 26, 27, 29),
  // kvmclock (both MSR pairs), no I/O delay, PV EOI, stable clock.
  paravirtual: bits(0, 1, 3, 6, 24),
};

/** The level, with what any processor of it has besides: NX, RDTSCP; and what is the local APIC's and KVM's. */
const level2: CpuFeatures = {
  ...coreFeatures,
  leaf1Ecx: bits(0, 9, 13, 19, 20, 21, 23, 24, 31),
  // TSC_ADJUST.
  leaf7Ebx: bits(1),
  leaf7Edx: 0,
  extendedEdx: bits(11, 20, 27, 29),
};

const level3: CpuFeatures = {
  ...level2,
  // FMA MOVBE XSAVE AVX F16C; RDRAND, which all of them have.
  leaf1Ecx: level2.leaf1Ecx + bits(12, 22, 26, 28, 29, 30),
  // BMI1 AVX2 BMI2; FSGSBASE and SMEP, which all of them have.
  leaf7Ebx: level2.leaf7Ebx + bits(0, 3, 5, 7, 8),
  // LZCNT.
  extendedEcx: level2.extendedEcx + bits(5),
};

interface Model {
  readonly signature: number;
  readonly brand: string;
  readonly features: CpuFeatures;
}

/** Family 6, model 61 (Broadwell), stepping 4: a common out-of-order CPU, with all its mitigations. */
const outOfOrder = 0x000306d4;

const models: Record<CpuModel, Model> = {
  'guesthouse-v2': {
    // Family 6, model 28, stepping 10.
    signature: 0x000106ca,
    brand: 'Guesthouse v2 virtual CPU',
    features: coreFeatures,
  },
  'host-like': {
    signature: outOfOrder,
    brand: 'Guesthouse host-like virtual CPU',
    features: coreFeatures,
  },
  'x86-64-v2': {
    signature: outOfOrder,
    brand: 'Guesthouse x86-64-v2 virtual CPU',
    features: level2,
  },
  'x86-64-v3': {
    signature: outOfOrder,
    brand: 'Guesthouse x86-64-v3 virtual CPU',
    features: level3,
  },
  host: {
    signature: outOfOrder,
    brand: "Guesthouse virtual CPU with the host's features",
    features: everyNamed(coreFeatures),
  },
};

export const featuresOfModel = (model: CpuModel): CpuFeatures => models[model].features;

/** Whether the model is one and the same on every host. */
export const isFixed = (model: CpuModel): boolean => model !== 'host' && model !== 'host-like';

const crystalHz = 1_000_000_000;
const lineSize = 64;

/** Four little-endian characters. */
function text(source: string, at: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = value * 256 + ((source.charCodeAt(at + i) || 0) & 0xff);
  return value;
}

/** One cache of leaf 4: type 1 data, 2 code, 3 unified. */
function cache(
  subleaf: number,
  type: number,
  level: number,
  kib: number,
  ways: number,
): CpuidEntry {
  const sets = (kib * 1024) / (ways * lineSize);
  return {
    leaf: 4,
    subleaf,
    eax: type | (level << 5) | (1 << 8),
    ebx: (ways - 1) * 2 ** 22 + (lineSize - 1),
    ecx: sets - 1,
    edx: 0,
  };
}

/** The components of the extended state: x87 and SSE, AVX behind them (SDM 1 §13.2, §13.4). */
function extendedStates({ leaf1Ecx }: CpuFeatures): readonly CpuidEntry[] {
  if ((leaf1Ecx & bits(26)) === 0) return [];
  const [whole, legacy, avx] = [832, 576, 256];
  if ((leaf1Ecx & bits(28)) === 0)
    return [{ leaf: 0xd, subleaf: 0, eax: 3, ebx: legacy, ecx: legacy, edx: 0 }];
  return [
    { leaf: 0xd, subleaf: 0, eax: 7, ebx: legacy, ecx: whole, edx: 0 },
    { leaf: 0xd, subleaf: 2, eax: avx, ebx: legacy, ecx: 0, edx: 0 },
  ];
}

export function cpuidEntries({
  model,
  features,
  cpus,
  tscKhz,
}: CpuidOptions): readonly CpuidEntry[] {
  const { signature, brand } = models[model];
  const name = brand.padEnd(47, '\0');
  const coreShift = Math.ceil(Math.log2(Math.max(cpus, 1)));
  const htt = cpus > 1 ? bits(28) : 0;
  const brandLeaf = (leaf: number, at: number): CpuidEntry => ({
    leaf,
    eax: text(name, at),
    ebx: text(name, at + 4),
    ecx: text(name, at + 8),
    edx: text(name, at + 12),
  });
  const plain = (leaf: number, eax: number, ebx = 0, ecx = 0, edx = 0): CpuidEntry => ({
    leaf,
    eax,
    ebx,
    ecx,
    edx,
  });
  return [
    // Leaf 0 and 1 come first: the core takes the signature after reset from the second entry.
    plain(0, 0x16, text('GenuineIntel', 0), text('GenuineIntel', 8), text('GenuineIntel', 4)),
    plain(
      1,
      signature,
      (lineSize / 8) * 256 + cpus * 65536,
      features.leaf1Ecx,
      (features.leaf1Edx | htt) >>> 0,
    ),
    // Everything about caches is in leaf 4.
    plain(2, 0x00feff01),
    cache(0, 1, 1, 32, 8),
    cache(1, 2, 1, 32, 8),
    cache(2, 3, 2, 1024, 16),
    // ARAT: the local APIC timer never stops.
    plain(6, bits(2)),
    {
      ...{ leaf: 7, subleaf: 0, eax: 0 },
      ...{ ebx: features.leaf7Ebx, ecx: features.leaf7Ecx, edx: features.leaf7Edx },
    },
    { leaf: 0xb, subleaf: 0, eax: 0, ebx: 1, ecx: 0x100, edx: 0 },
    { leaf: 0xb, subleaf: 1, eax: coreShift, ebx: cpus, ecx: 0x201, edx: 0 },
    ...extendedStates(features),
    // TSC = crystal * ebx / eax.
    plain(0x15, crystalHz / 1000, tscKhz, crystalHz),
    plain(0x16, tscKhz / 1000, tscKhz / 1000, 100),
    // The KVM signature, and TSC and APIC timer frequencies in kHz as VMware's timing leaf.
    plain(0x40000000, 0x40000010, text('KVMKVMKVM', 0), text('KVMKVMKVM', 4), text('KVMKVMKVM', 8)),
    plain(0x40000001, features.paravirtual),
    plain(0x40000010, tscKhz, crystalHz / 1000),
    plain(0x80000000, 0x80000008),
    plain(0x80000001, 0, 0, features.extendedEcx, features.extendedEdx),
    brandLeaf(0x80000002, 0),
    brandLeaf(0x80000003, 16),
    brandLeaf(0x80000004, 32),
    // L2: 1 MiB, 16-way, 64-byte lines.
    plain(0x80000006, 0, 0, 1024 * 65536 + 8 * 4096 + lineSize),
    // The invariant-TSC bit (EDX 8) stays clear: with it Linux prefers the raw TSC to kvm-clock.
    plain(0x80000007, 0),
    // 48 linear and 40 physical address bits.
    plain(0x80000008, 0x3028),
  ];
}
