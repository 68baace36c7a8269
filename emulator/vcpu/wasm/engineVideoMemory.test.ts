import { describe, expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import { guestPhysical } from '../../bus/types.ts';
import type { TestCpu } from './testCpu.ts';
import { createTestCpu, startProtected, store32, testVideoBytes, u32 } from './testCpu.ts';

const core = await loadCore();

const hlt = 0xf4;
const frameBuffer = 0xe0000000;
/** Code of a jump over the `bytes` before it. */
const jumpBack = (bytes: number): number[] => [0xeb, 256 - bytes - 2];

function writtenPages({ videoMemory }: TestCpu): number[] {
  const pages = new Uint8Array(testVideoBytes / 4096);
  const any = videoMemory.takeWritten(pages);
  const list = [...pages.keys()].filter((page) => pages[page] !== 0);
  expect(any).toBe(list.length > 0);
  return list;
}

function runToHalt({ vcpu }: TestCpu): void {
  for (let i = 0; i < 1000; i++) if (vcpu.run(1000).reason === 'halt') return;
  throw new Error('the CPU does not halt');
}

describe.each([
  ['decoded', undefined],
  ['translated', 1],
] as const)('video memory under %s code', (_, translateAfter) => {
  function started(code: readonly number[]): TestCpu {
    const cpu = createTestCpu(core, translateAfter);
    cpu.videoMemory.map(frameBuffer, testVideoBytes, 0);
    startProtected(cpu, code);
    return cpu;
  }

  it('is written like RAM, and each page is noted once a picture', () => {
    const cpu = started([
      ...store32(frameBuffer + 0x5008, 0x12345678),
      ...store32(frameBuffer + 0x9000, 2),
      ...jumpBack(20),
    ]);
    expect(writtenPages(cpu)).toEqual([]);
    for (let i = 0; i < 3; i++) {
      cpu.vcpu.run(1000);
      expect(writtenPages(cpu)).toEqual([5, 9]);
      expect(writtenPages(cpu)).toEqual([]);
    }
    expect([...cpu.videoMemory.bytes.subarray(0x5008, 0x500c)]).toEqual([0x78, 0x56, 0x34, 0x12]);
  });

  it('notes string stores and DMA', () => {
    // mov edi, frameBuffer + 0x1f00; mov ecx, 0x1000; xor eax, eax; rep stosb
    const code = [0xbf, ...u32(frameBuffer + 0x1f00), 0xb9, ...u32(0x1200), 0x31, 0xc0, 0xf3, 0xaa];
    const cpu = started([...code, hlt]);
    runToHalt(cpu);
    expect(writtenPages(cpu)).toEqual([1, 2, 3]);
    cpu.memory.write(guestPhysical(frameBuffer + 0x7ffe), Uint8Array.of(1, 2, 3, 4));
    expect(writtenPages(cpu)).toEqual([7, 8]);
    cpu.memory.writeU32(guestPhysical(frameBuffer + 0x3000), 5);
    expect(writtenPages(cpu)).toEqual([3]);
  });

  it('is gone for the CPU once it is unmapped, and elsewhere when mapped again', () => {
    const cpu = createTestCpu(core, translateAfter);
    const { bytes } = cpu.videoMemory;
    const first = cpu.videoMemory.map(frameBuffer, 0x10000, 0);
    startProtected(cpu, [...store32(frameBuffer, 7), ...jumpBack(10)]);
    const stores = (): number[] => {
      bytes.fill(0);
      cpu.vcpu.run(1000);
      return [0, 0x20000].map((at) => bytes[at] ?? 0);
    };
    expect(stores()).toEqual([7, 0]);
    first.remove();
    expect(stores()).toEqual([0, 0]);
    cpu.videoMemory.map(frameBuffer, 0x10000, 0x20000);
    expect(stores()).toEqual([0, 7]);
  });
});
