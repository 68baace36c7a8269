/** Feature bits of CPUID by name, and sets of them (SDM 2A, CPUID; KVM's leaf: Documentation/virt/kvm/x86/cpuid.rst). */
import type { CpuidEntry } from './cpuidModels.ts';

/** Words of feature bits (SDM 2A, CPUID; KVM's leaf 0x40000001), each with the names of those bits that a model may show. */
const featureWords = {
  leaf1Ecx: {
    ...{ leaf: 1, register: 'ecx' },
    names: {
      ...{ 0: 'SSE3', 1: 'PCLMULQDQ', 9: 'SSSE3', 12: 'FMA', 13: 'CMPXCHG16B', 17: 'PCID' },
      ...{ 19: 'SSE4.1', 20: 'SSE4.2', 21: 'x2APIC', 22: 'MOVBE', 23: 'POPCNT' },
      ...{ 24: 'TSC deadline', 25: 'AES', 26: 'XSAVE', 28: 'AVX', 29: 'F16C', 30: 'RDRAND' },
    },
  },
  leaf1Edx: {
    ...{ leaf: 1, register: 'edx' },
    names: {
      ...{ 0: 'x87', 3: 'PSE', 4: 'TSC', 6: 'PAE', 8: 'CMPXCHG8B', 9: 'APIC', 11: 'SYSENTER' },
      ...{ 12: 'MTRR', 13: 'PGE', 15: 'CMOV', 16: 'PAT', 19: 'CLFLUSH', 23: 'MMX', 24: 'FXSAVE' },
      ...{ 25: 'SSE', 26: 'SSE2' },
    },
  },
  leaf7Ebx: {
    ...{ leaf: 7, register: 'ebx' },
    names: {
      ...{ 0: 'FSGSBASE', 1: 'TSC_ADJUST', 3: 'BMI1', 5: 'AVX2', 7: 'SMEP', 8: 'BMI2', 9: 'ERMS' },
      ...{ 10: 'INVPCID', 18: 'RDSEED', 19: 'ADX', 20: 'SMAP', 29: 'SHA' },
    },
  },
  leaf7Ecx: { leaf: 7, register: 'ecx', names: { 2: 'UMIP', 22: 'RDPID' } },
  leaf7Edx: { leaf: 7, register: 'edx', names: { 4: 'FSRM' } },
  extendedEcx: { leaf: 0x80000001, register: 'ecx', names: { 0: 'LAHF', 5: 'LZCNT' } },
  extendedEdx: {
    ...{ leaf: 0x80000001, register: 'edx' },
    names: { 11: 'SYSCALL', 20: 'NX', 26: '1-GiB pages', 27: 'RDTSCP', 29: 'long mode' },
  },
  paravirtual: {
    ...{ leaf: 0x40000001, register: 'eax' },
    names: { 0: 'the old kvmclock', 3: 'kvmclock', 6: 'PV EOI', 24: 'the stable kvmclock' },
  },
} as const satisfies Record<
  string,
  { leaf: number; register: 'eax' | 'ebx' | 'ecx' | 'edx'; names: Readonly<Record<number, string>> }
>;
type FeatureWord = keyof typeof featureWords;

/** What a guest has been told that its CPU can do. */
export type CpuFeatures = Readonly<Record<FeatureWord, number>>;

/** The host's part in a guest's CPU: what a hardware engine can give. */
export interface HostCpu {
  readonly features: CpuFeatures;
  /** Rate of the TSC. */
  readonly tscKhz: number;
}

export function featuresOf(entries: readonly CpuidEntry[]): CpuFeatures {
  return Object.fromEntries(
    Object.entries(featureWords).map(([word, { leaf, register }]) => [
      word,
      entries.find((entry) => entry.leaf === leaf)?.[register] ?? 0,
    ]),
  ) as CpuFeatures;
}

/** What both have. */
export function common(one: CpuFeatures, other: CpuFeatures): CpuFeatures {
  return eachWord((word) => one[word] & other[word]);
}

/** `features` and all others that have a name. */
export function everyNamed(features: CpuFeatures): CpuFeatures {
  return eachWord((word) =>
    Object.keys(featureWords[word].names).reduce(
      (sum, bit) => sum | (1 << Number(bit)),
      features[word],
    ),
  );
}

function eachWord(value: (word: FeatureWord) => number): CpuFeatures {
  const words = Object.keys(featureWords) as FeatureWord[];
  return Object.fromEntries(words.map((word) => [word, value(word) >>> 0])) as CpuFeatures;
}

/** Names of what `wanted` has and `own` lacks. */
export function missingFeatures(wanted: CpuFeatures, own: CpuFeatures): readonly string[] {
  return Object.entries(featureWords).flatMap(([word, { leaf, register, names }]) => {
    const missing = wanted[word as FeatureWord] & ~own[word as FeatureWord];
    return Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (missing >>> bit) % 2 === 1)
      .map(
        (bit) =>
          (names as Readonly<Record<number, string>>)[bit] ??
          `CPUID ${leaf.toString(16)} ${register} bit ${bit}`,
      );
  });
}
