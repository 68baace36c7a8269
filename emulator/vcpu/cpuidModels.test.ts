import { describe, expect, it } from 'vitest';
import { cpuModelObstacle, cpuModels, type CpuModel } from '../../shared/vm/cpuModels.ts';
import { missingFeatures } from './cpuFeatures.ts';
import { coreFeatures, cpuidEntries, type CpuidEntry, featuresOfModel } from './cpuidModels.ts';

const leavesOf = (model: CpuModel, cpus = 1) =>
  cpuidEntries({ model, features: featuresOfModel(model), cpus, tscKhz: 1_000_000 });

const leaf = (entries: readonly CpuidEntry[], number: number): CpuidEntry => {
  const found = entries.find((entry) => entry.leaf === number);
  if (found === undefined) throw new Error(`no leaf ${number.toString(16)}`);
  return found;
};

const text = (...words: readonly number[]): string =>
  words
    .flatMap((word) => [0, 8, 16, 24].map((bit) => String.fromCharCode((word >>> bit) & 0xff)))
    .join('')
    .replace(/\0+$/, '');

describe('CPUID models', () => {
  it('shows the in-order Atom that Linux does not mitigate, and its name', () => {
    const entries = leavesOf('guesthouse-v2');
    const { ebx, ecx, edx } = leaf(entries, 0);
    expect(text(ebx, edx, ecx)).toBe('GenuineIntel');
    const { eax } = leaf(entries, 1);
    expect([(eax >> 8) & 15, ((eax >> 12) & 0xf0) | ((eax >> 4) & 15)]).toEqual([6, 28]);
    const name = [0x80000002, 0x80000003, 0x80000004].map((number) => leaf(entries, number));
    expect(text(...name.flatMap((n) => [n.eax, n.ebx, n.ecx, n.edx]))).toBe(
      'Guesthouse v2 virtual CPU',
    );
  });

  it('offers x86-64-v2 in both models, and none of what is hidden', () => {
    for (const model of ['guesthouse-v2', 'host-like'] as const) {
      const { ecx, edx } = leaf(leavesOf(model), 1);
      for (const bit of [0, 9, 13, 19, 20, 23]) expect((ecx >>> bit) & 1).toBe(1);
      // MONITOR, VMX, FMA, XSAVE, OSXSAVE, AVX.
      for (const bit of [3, 5, 12, 26, 27, 28]) expect((ecx >>> bit) & 1).toBe(0);
      for (const bit of [0, 4, 8, 15, 23, 24, 25, 26]) expect((edx >>> bit) & 1).toBe(1);
      const { ebx } = leaf(leavesOf(model), 7);
      // SMAP, RTM, AVX2.
      for (const bit of [20, 11, 5]) expect((ebx >>> bit) & 1).toBe(0);
    }
  });

  it('shows by x86-64-v2 and x86-64-v3 all of the levels of the psABI', () => {
    for (const model of ['x86-64-v2', 'x86-64-v3'] as const) {
      const entries = leavesOf(model);
      const { ecx, edx } = leaf(entries, 1);
      // CMOV CX8 FPU FXSR MMX SSE SSE2; CMPXCHG16B POPCNT SSE3 SSE4.1 SSE4.2 SSSE3; SYSCALL, LAHF.
      for (const bit of [15, 8, 0, 24, 23, 25, 26]) expect((edx >>> bit) & 1).toBe(1);
      for (const bit of [13, 23, 0, 19, 20, 9]) expect((ecx >>> bit) & 1).toBe(1);
      const extended = leaf(entries, 0x80000001);
      expect([(extended.edx >>> 11) & 1, extended.ecx & 1]).toEqual([1, 1]);
      const third = model === 'x86-64-v3' ? 1 : 0;
      // AVX F16C FMA MOVBE XSAVE; AVX2 BMI1 BMI2; LZCNT.
      for (const bit of [28, 29, 12, 22, 26]) expect((ecx >>> bit) & 1).toBe(third);
      for (const bit of [5, 3, 8]) expect((leaf(entries, 7).ebx >>> bit) & 1).toBe(third);
      expect((extended.ecx >>> 5) & 1).toBe(third);
    }
    // x87, SSE and AVX in 832 bytes, AVX in 256 from 576 on.
    const states = leavesOf('x86-64-v3').filter((entry) => entry.leaf === 0xd);
    expect(states).toMatchObject([
      { subleaf: 0, eax: 7, ecx: 832 },
      { subleaf: 2, eax: 256, ebx: 576 },
    ]);
    expect(leavesOf('x86-64-v2').some((entry) => entry.leaf === 0xd)).toBe(false);
  });

  it("knows before the start what the translator's CPU lacks of a model", () => {
    for (const model of cpuModels) {
      const obstacle = cpuModelObstacle(model, 'translator');
      const missing = missingFeatures(featuresOfModel(model), coreFeatures);
      if (model === 'host') expect(obstacle).toEqual({ kind: 'of-the-host' });
      else expect(obstacle?.kind === 'lacks' ? obstacle.features : []).toEqual(missing);
    }
  });

  it('has the KVM signature and agreeing frequencies', () => {
    const entries = leavesOf('host-like');
    const { ebx, ecx, edx } = leaf(entries, 0x40000000);
    expect(text(ebx, ecx, edx)).toBe('KVMKVMKVM');
    const crystal = leaf(entries, 0x15);
    expect((crystal.ecx * crystal.ebx) / crystal.eax).toBe(1e9);
    expect(leaf(entries, 0x40000010).eax).toBe(1_000_000);
  });

  it('fits every value into 32 bits', () => {
    for (const entry of leavesOf('guesthouse-v2', 8)) {
      for (const value of [entry.eax, entry.ebx, entry.ecx, entry.edx]) {
        expect(value).toBe(value >>> 0);
      }
    }
  });
});
