/**
 * CPUID of the two CPU models (SDM 2A, CPUID; KVM's leaves: Documentation/virt/kvm/x86/cpuid.rst). Both show
 * x86-64-v2 with the same features; they differ in family, model and name. "guesthouse-v2" is an in-order Atom
 * (model 28), which Linux knows not to speculate: no PTI, no retpolines.
 */
export type CpuModel = 'guesthouse-v2' | 'host-like';

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
  readonly cpus: number;
  /** Also the frequency of the crystal is 1 GHz: the local APIC timer counts nanoseconds. */
  readonly tscKhz: number;
}

const bits = (...numbers: readonly number[]): number =>
  numbers.reduce((sum, bit) => sum + 2 ** bit, 0);

const identities: Record<CpuModel, { signature: number; brand: string }> = {
  // Family 6, model 28, stepping 10.
  'guesthouse-v2': { signature: 0x000106ca, brand: 'Guesthouse v2 virtual CPU' },
  // Family 6, model 61 (Broadwell), stepping 4: a common out-of-order CPU, with all its mitigations.
  'host-like': { signature: 0x000306d4, brand: 'Guesthouse host-like virtual CPU' },
};

/** SSE3 SSSE3 CX16 PCID SSE4.1 SSE4.2 x2APIC POPCNT TSC-deadline RDRAND, and "under a hypervisor". */
const leaf1Ecx = bits(0, 9, 13, 17, 19, 20, 21, 23, 24, 30, 31);
/** FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2. */
const leaf1Edx = bits(0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26);
/** FSGSBASE TSC_ADJUST SMEP ERMS INVPCID. */
const leaf7Ebx = bits(0, 1, 7, 9, 10);
/** FSRM. */
const leaf7Edx = bits(4);
/** SYSCALL NX 1-GiB pages RDTSCP LM. */
const extendedEdx = bits(11, 20, 26, 27, 29);
/** kvmclock (both MSR pairs), no I/O delay, PV EOI, stable clock. */
const kvmFeatures = bits(0, 1, 3, 6, 24);

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

export function cpuidEntries({ model, cpus, tscKhz }: CpuidOptions): readonly CpuidEntry[] {
  const { signature, brand } = identities[model];
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
    plain(1, signature, (lineSize / 8) * 256 + cpus * 65536, leaf1Ecx, leaf1Edx + htt),
    // Everything about caches is in leaf 4.
    plain(2, 0x00feff01),
    cache(0, 1, 1, 32, 8),
    cache(1, 2, 1, 32, 8),
    cache(2, 3, 2, 1024, 16),
    // ARAT: the local APIC timer never stops.
    plain(6, bits(2)),
    { leaf: 7, subleaf: 0, eax: 0, ebx: leaf7Ebx, ecx: 0, edx: leaf7Edx },
    { leaf: 0xb, subleaf: 0, eax: 0, ebx: 1, ecx: 0x100, edx: 0 },
    { leaf: 0xb, subleaf: 1, eax: coreShift, ebx: cpus, ecx: 0x201, edx: 0 },
    // TSC = crystal * ebx / eax.
    plain(0x15, crystalHz / 1000, tscKhz, crystalHz),
    plain(0x16, tscKhz / 1000, tscKhz / 1000, 100),
    // The KVM signature, and TSC and APIC timer frequencies in kHz as VMware's timing leaf.
    plain(0x40000000, 0x40000010, text('KVMKVMKVM', 0), text('KVMKVMKVM', 4), text('KVMKVMKVM', 8)),
    plain(0x40000001, kvmFeatures),
    plain(0x40000010, tscKhz, crystalHz / 1000),
    plain(0x80000000, 0x80000008),
    plain(0x80000001, 0, 0, bits(0), extendedEdx),
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

/** The same CPU without what `features` lacks. */
export function limitedTo(
  features: CpuFeatures,
  entries: readonly CpuidEntry[],
): readonly CpuidEntry[] {
  const words = Object.entries(featureWords);
  return entries.map((entry) => {
    const masked = words
      .filter(([, { leaf }]) => leaf === entry.leaf)
      .map(([word, { register }]) => [
        register,
        (entry[register] & features[word as FeatureWord]) >>> 0,
      ]);
    return { ...entry, ...(Object.fromEntries(masked) as Partial<CpuidEntry>) };
  });
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
