import { describe, expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import type { TestCpu } from './testCpu.ts';
import { codeAddress, createTestCpu, print, startProtected, store32, u32 } from './testCpu.ts';

/** What decoding and translating code must not change: code that changes, counts, faults. */

const core = await loadCore();

const hlt = 0xf4;
/** startProtected puts seven bytes of LIDT before the code. */
const first = codeAddress + 7;
const mov8 = (address: number, value: number): number[] => [0xc6, 0x05, ...u32(address), value];
const jump = (from: number, to: number): number[] => [0xe9, ...u32(to - from - 5)];

// Slices of a few instructions: what has run once is translated in the middle of each program.
describe.each([
  ['decoded', undefined, 10_000],
  ['translated', 1, 5],
] as const)('%s code', (_, translateAfter, budget) => {
  function started(
    code: readonly number[],
    handlers: Readonly<Record<number, readonly number[]>> = {},
  ): TestCpu {
    const cpu = createTestCpu(core, translateAfter);
    startProtected(cpu, code, handlers);
    return cpu;
  }

  function runUntilHalt(cpu: TestCpu): string {
    for (let i = 0; i < 1000; i++) {
      const exit = cpu.vcpu.run(budget);
      if (exit.reason === 'halt') return cpu.printed();
      if (exit.reason !== 'budget') throw new Error(exit.reason);
    }
    throw new Error('the CPU does not halt');
  }

  it('sees an instruction overwritten by the one before it', () => {
    // mov byte [immediate of the next], 'B'; mov al, 'A'; out 0xe9, al
    const cpu = started([...mov8(first + 8, 'B'.charCodeAt(0)), ...print('A'), hlt]);
    expect(runUntilHalt(cpu)).toBe('B');
  });

  it('sees a loop body change in every turn', () => {
    // ecx = 5: mov al, 'a'; out; inc byte [its immediate]; loop
    const body = first + 5;
    const code = [0xb9, ...u32(5), ...print('a'), 0xfe, 0x05, ...u32(body + 1), 0xe2, 0xf4, hlt];
    expect(runUntilHalt(started(code))).toBe('abcde');
  });

  it('keeps other code of a page when data beside it is written', () => {
    const data = 0x1800;
    const code = [0xb9, ...u32(3), ...store32(data, 1), ...print('x'), 0xe2, 0xf0, hlt];
    expect(runUntilHalt(started(code))).toBe('xxx');
  });

  it('runs an instruction that lies in two pages, and sees its second half change', () => {
    const at = 0x1ffe;
    // mov cl, 2, then round the loop twice: mov al, 'p' has its opcode in one page, its immediate in the next.
    const cpu = started([0xb1, 2, ...jump(first + 2, at)]);
    const crossing = 0x1fff;
    cpu.write(at, 0x90);
    cpu.write(crossing, ...print('p'), ...mov8(crossing + 1, 'q'.charCodeAt(0)), 0xfe, 0xc9);
    const after = crossing + 4 + 7 + 2;
    cpu.write(after, 0x75, 0x100 - (after + 2 - crossing), hlt);
    expect(runUntilHalt(cpu)).toBe('pq');
  });

  it('counts every retired instruction once, branches and blocks of one included', () => {
    // lidt; mov ecx, 100; (dec ecx; jnz) x 100; sti-less nops; hlt
    const cpu = started([0xb9, ...u32(100), 0x49, 0x75, 0xfd, 0x90, 0x90, hlt]);
    runUntilHalt(cpu);
    expect(cpu.vcpu.counters()['instructions']).toBe(2 + 200 + 3);
  });

  it('restarts REP where it was when a fault interrupts it', () => {
    // rep stosb from the end of a 4 KiB segment in ES: #GP at offset 0x1000, with ECX and EDI as they are.
    const limit = [0xff, 0x0f, 0, 0, 0, 0x93, 0x40, 0];
    const lgdt = [0x0f, 0x01, 0x15, ...u32(0x700)];
    const code = [
      ...lgdt,
      ...[0xb8, ...u32(0x20), 0x8e, 0xc0],
      ...[0xbf, ...u32(0xffd), 0xb9, ...u32(10)],
      ...[0xf3, 0xaa, hlt],
    ];
    // add ecx, '0'; mov eax, ecx; out 0xe9, al; hlt
    const cpu = started(code, { 13: [0x83, 0xc1, 0x30, 0x89, 0xc8, 0xe6, 0xe9, hlt] });
    cpu.write(0x800 + 0x20, ...limit);
    cpu.write(0x700, 0x27, 0x00, ...u32(0x800));
    expect(runUntilHalt(cpu)).toBe('7');
  });

  it('raises #GP for an instruction of more than 15 bytes and #UD for a wrong LOCK', () => {
    const prefixes = new Array<number>(15).fill(0x66);
    const long = started([...prefixes, 0x90, hlt], { 13: [...print('G'), hlt] });
    expect(runUntilHalt(long)).toBe('G');
    // lock mov [0], eax
    const locked = started([0xf0, 0xa3, ...u32(0), hlt], { 6: [...print('U'), hlt] });
    expect(runUntilHalt(locked)).toBe('U');
  });

  it('goes on in the same way after its page is mapped elsewhere', () => {
    // Twice: call 0x2000; then the page of 0x2000 is made that of 0x3000 and INVLPG is done.
    const paging = [
      ...store32(0x10000, 0x11003),
      ...[0xb8, ...u32(0x10000), 0x0f, 0x22, 0xd8], // mov eax, tables; mov cr3, eax
      ...[0x0f, 0x20, 0xc0, 0x0d, ...u32(0x80000000), 0x0f, 0x22, 0xc0], // cr0 |= PG
    ];
    const start = first + paging.length;
    const call = (from: number): number[] => [0xe8, ...u32(0x2000 - from - 5)];
    const remap = [...store32(0x11000 + 8, 0x3003), 0x0f, 0x01, 0x3d, ...u32(0x2000)];
    const loop = [...call(start + 5), 0x49, 0x75, 0xf8]; // call; dec ecx; jnz
    const before = [0xb9, ...u32(6), ...loop];
    const second = start + before.length + remap.length;
    const after = [0xb9, ...u32(3), ...call(second + 5), 0x49, 0x75, 0xf8];
    const cpu = started([...paging, ...before, ...remap, ...after, hlt]);
    for (let page = 0; page < 256; page++) {
      const entry = 0x11000 + 4 * page;
      cpu.write(entry, ...u32(page * 0x1000 + 3));
    }
    cpu.write(0x2000, ...print('a'), 0xc3);
    cpu.write(0x3000, ...print('b'), 0xc3);
    expect(runUntilHalt(cpu)).toBe('aaaaaabbb');
  });

  it('single-steps through a loop, an exception after each instruction', () => {
    // pushf; or dword [esp], 0x100; popf; mov ecx, 3; (dec ecx; jnz) x 3; #DB prints and returns
    const code = [0x9c, 0x81, 0x0c, 0x24, ...u32(0x100), 0x9d, 0xb9, ...u32(3)];
    const cpu = started([...code, 0x49, 0x75, 0xfd, hlt], { 1: [...print('.'), 0xcf] });
    expect(runUntilHalt(cpu)).toBe('.'.repeat(1 + 6));
  });
});
