import { describe, expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import type { TestCpu } from './testCpu.ts';
import { codeAddress, createTestCpu, startProtected, u32 } from './testCpu.ts';

/** Instructions behind which the world may be another: mappings, the interrupt flag, shadows. */

const core = await loadCore();

const hlt = 0xf4;
/** startProtected puts seven bytes of LIDT before the code. */
const first = codeAddress + 7;
const pageDirectory = 0x10000;
const pageTable = 0x11000;
const otherDirectory = 0x12000;
const otherTable = 0x13000;

describe.each([
  ['decoded', undefined, 10_000],
  ['translated', 1, 7],
] as const)('%s system code', (_, translateAfter, budget) => {
  function created(): TestCpu {
    return createTestCpu(core, translateAfter);
  }

  function runUntilHalt(cpu: TestCpu, betweenSlices: () => void = () => undefined): string {
    for (let i = 0; i < 5000; i++) {
      const exit = cpu.vcpu.run(budget);
      if (exit.reason === 'halt') {
        if (translateAfter !== undefined)
          expect(cpu.vcpu.counters()['regionRuns']).toBeGreaterThan(5);
        return cpu.printed();
      }
      if (exit.reason !== 'budget') throw new Error(exit.reason);
      betweenSlices();
    }
    throw new Error('the CPU does not halt');
  }

  /** Pages of 4 KiB, one to one; in the other directory page 2 is where page 3 is. */
  function writeTables(cpu: TestCpu): void {
    cpu.write(pageDirectory, ...u32(pageTable + 3));
    cpu.write(otherDirectory, ...u32(otherTable + 3));
    for (let page = 0; page < 1024; page++) {
      cpu.write(pageTable + 4 * page, ...u32(page * 0x1000 + 3));
      cpu.write(otherTable + 4 * page, ...u32((page === 2 ? 3 : page) * 0x1000 + 3));
    }
  }

  /** Paging on, ecx = 40, eax = the other directory, edx = this one; then to 0x2000. */
  const toPage2 = [
    ...[0xb8, ...u32(pageDirectory), 0x0f, 0x22, 0xd8],
    ...[0x0f, 0x20, 0xc0, 0x0d, ...u32(0x80000000), 0x0f, 0x22, 0xc0],
    ...[0xb9, ...u32(40), 0xb8, ...u32(otherDirectory), 0xba, ...u32(pageDirectory)],
  ];
  const jump = [0xe9, ...u32(0x2000 - (first + toPage2.length + 5))];

  it('goes on in the page that a CR3 load has put under it', () => {
    const cpu = created();
    startProtected(cpu, [...toPage2, ...jump]);
    writeTables(cpu);
    for (const [page, letter] of [
      [2, 'a'],
      [3, 'b'],
    ] as const)
      cpu.write(
        page * 0x1000,
        // mov cr3, eax; mov bl, letter; ebp = eax; out 0xe9, bl; eax = ebp; xchg eax, edx; dec ecx; jnz
        ...[0x0f, 0x22, 0xd8, 0xb3, letter.charCodeAt(0), 0x89, 0xc5, 0x88, 0xd8, 0xe6, 0xe9],
        ...[0x89, 0xe8, 0x92, 0x49, 0x75, 0xef, hlt],
      );
    expect(runUntilHalt(cpu)).toBe('ba'.repeat(20));
  });

  it('goes on in the page that INVLPG has made visible', () => {
    const cpu = created();
    startProtected(cpu, [...toPage2, ...jump]);
    writeTables(cpu);
    for (const [page, letter] of [
      [2, 'a'],
      [3, 'b'],
    ] as const)
      cpu.write(
        page * 0x1000,
        // xor dword [page table entry], 0x1000; invlpg [0x2000]; out 0xe9, letter; dec ecx; jnz
        ...[0x81, 0x35, ...u32(pageTable + 8), ...u32(0x1000), 0x0f, 0x01, 0x3d, ...u32(0x2000)],
        ...[0xb0, letter.charCodeAt(0), 0xe6, 0xe9, 0x49, 0x75, 0xe8, hlt],
      );
    expect(runUntilHalt(cpu)).toBe('ba'.repeat(20));
  });

  it('takes interrupts behind the instruction after STI, whenever they come', () => {
    // ecx = 400: sti; inc ebx; cli; loop. The handler prints where it returns to: always to the CLI.
    const cpu = created();
    const code = [0xb9, ...u32(400), 0xfb, 0x43, 0xfa, 0xe2, 0xfb, hlt];
    startProtected(cpu, code, { 8: [0x8a, 0x04, 0x24, 0xe6, 0xe9, 0xcf] });
    Object.defineProperty(cpu.pic, 'vector', {
      get() {
        cpu.vcpu.setPicInterrupt(false);
        return 8;
      },
    });
    const text = runUntilHalt(cpu, () => cpu.vcpu.setPicInterrupt(true));
    const where = String.fromCharCode((first + 7) & 0xff);
    expect(new Set(text)).toEqual(new Set(translateAfter === undefined ? [] : [where]));
    if (translateAfter !== undefined) expect(text.length).toBeGreaterThan(50);
  });

  it('sees an interrupt that waits between STI and the CLI after a NOP', () => {
    const cpu = created();
    // ecx = 50: sti; nop; cli; inc ebx; loop; the interrupt comes once, in the first turn
    startProtected(cpu, [0xb9, ...u32(50), 0xfb, 0x90, 0xfa, 0x43, 0xe2, 0xfa, hlt], {
      8: [0x88, 0xd8, 0x04, 0x30, 0xe6, 0xe9, 0xcf],
    });
    Object.defineProperty(cpu.pic, 'vector', {
      get() {
        cpu.vcpu.setPicInterrupt(false);
        return 8;
      },
    });
    cpu.vcpu.setPicInterrupt(true);
    expect(runUntilHalt(cpu)).toBe('0');
  });

  it('comes back from a handler that it calls by INT, with its flags', () => {
    const cpu = created();
    // ecx = 200: cmp ecx, 100; int 8, which counts in ebx and sets ZF; adc esi, 0; dec ecx; jnz; print ebx, esi
    const turn = [0x83, 0xf9, 100, 0xcd, 8, 0x83, 0xd6, 0, 0x49];
    const code = [
      0xb9,
      ...u32(200),
      0x31,
      0xdb,
      0x31,
      0xf6,
      ...turn,
      0x75,
      0x100 - turn.length - 2,
    ];
    const print = [0x88, 0xd8, 0xe6, 0xe9, 0x89, 0xf0, 0xe6, 0xe9];
    startProtected(cpu, [...code, ...print, hlt], { 8: [0x43, 0x31, 0xc0, 0xcf] });
    expect([...runUntilHalt(cpu)].map((c) => c.charCodeAt(0))).toEqual([200, 99]);
  });

  it('keeps flags and registers across PUSHF, POPF, MOV to DS and port I/O', () => {
    const cpu = created();
    // ecx = 30; esi = 0: cmp ecx, 15; pushf; mov eax, ds; mov ds, eax; popf; adc esi, ecx; dec ecx; jnz; print esi
    const loop = [0x83, 0xf9, 15, 0x9c, 0x8c, 0xd8, 0x8e, 0xd8, 0xe4, 0x80, 0x9d, 0x11, 0xce];
    const code = [0xb9, ...u32(30), 0x31, 0xf6, ...loop, 0x49, 0x75, 0x100 - loop.length - 3];
    startProtected(cpu, [...code, 0x89, 0xf0, 0xe6, 0xe9, hlt]);
    // 1 + … + 30, and a carry for each count below 15
    expect(runUntilHalt(cpu).charCodeAt(0)).toBe((465 + 14) & 0xff);
  });
});
