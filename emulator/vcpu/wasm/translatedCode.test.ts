import { describe, expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import type { CpuState } from '../cpuState.ts';
import {
  assemble,
  callRepeatedly,
  entryOf,
  firstLong,
  invlpg,
  loadCr3,
  setCr4,
  spaces,
  startLong,
  store64,
} from './longTestCpu.ts';
import type { TestCpu } from './testCpu.ts';
import { createTestCpu, print, u32 } from './testCpu.ts';

/**
 * What translated code must not hide: other mappings, other writers, faults, debug registers, interrupts, the
 * end of a slice. Each program runs on the interpreter too. SDM 3A §4.10, §8.1.3, §17.2; SDM 2B, REP.
 */

const core = await loadCore();

const hlt = 0xf4;
const iretq = [0x48, 0xcf];
const callee = 0x30000;
const other = 0x31000;
const scratch = 0x50000;
const cr4Pge = 0x80;
const cr4Pcide = 0x20000;
const keep = 1n << 63n;
const flagIf = 0x200;

describe.each([
  ['decoded', undefined, 10_000],
  ['translated', 1, 5],
  // Regions follow each other, once there are some.
  ['linked', 1, 300],
] as const)('%s code', (kind, translateAfter, budget) => {
  function started(
    code: readonly number[],
    handlers: Readonly<Record<number, readonly number[]>> = {},
  ): TestCpu {
    const cpu = createTestCpu(core, translateAfter);
    startLong(cpu, code, handlers);
    cpu.write(callee, ...print('a'), 0xc3);
    cpu.write(other, ...print('b'), 0xc3);
    return cpu;
  }

  function runUntilHalt(cpu: TestCpu): string {
    for (let i = 0; i < 3000; i++) {
      const exit = cpu.vcpu.run(kind === 'linked' && i < 30 ? 5 : budget);
      if (exit.reason === 'halt') {
        expectTranslated(cpu);
        return cpu.printed();
      }
      if (exit.reason !== 'budget') throw new Error(`${exit.reason}: ${cpu.vcpu.describe()}`);
    }
    throw new Error('the CPU does not halt');
  }

  /** That the test tests what it says. */
  function expectTranslated(cpu: TestCpu): void {
    const { regionRuns = 0 } = cpu.vcpu.counters();
    if (kind !== 'decoded') expect(regionRuns).toBeGreaterThan(0);
  }

  const general = (state: CpuState, number: number): number =>
    Number((state.registers.gpr as BigUint64Array)[number]);
  const repeat =
    (count: number, target = callee) =>
    (at: number): number[] =>
      callRepeatedly(at, target, count);
  const program = (
    ...pieces: readonly (readonly number[] | ((at: number) => readonly number[]))[]
  ): number[] => assemble(firstLong, ...pieces, [hlt]);
  const mapTo = (space: 0 | 1, page: number, flags = 3): number[] =>
    store64(entryOf(space, callee), page + flags);

  it('is another one after INVLPG of its page', () => {
    const cpu = started(program(repeat(6), mapTo(0, other), invlpg(callee), repeat(3)));
    expect(runUntilHalt(cpu)).toBe('aaaaaabbb');
  });

  it('returns to its callers on all pages, and to where INVLPG has put one', () => {
    const call = (at: number, target: number): number[] => [0xe8, ...u32(target - (at + 5))];
    const callers = Array.from({ length: 8 }, (_, i) => 0x40000 + 0x1040 * i);
    const moved = 0x4a000 + (callers[3]! & 0xfff);
    // mov edi, 6; (call each; dec edi; jnz) x 6
    const rounds = (at: number): number[] => [
      ...[0xbf, ...u32(6)],
      ...callers.flatMap((caller, i) => call(at + 5 + 5 * i, caller)),
      ...[0xff, 0xcf, ...back(5 * callers.length + 2)],
    ];
    const mapping = store64(entryOf(0, callers[3]!), 0x4a003);
    const cpu = started(program(rounds, rounds, mapping, invlpg(callers[3]!), rounds));
    const letters = [...'stuvwxyz'];
    callers.forEach((at, i) => cpu.write(at, ...call(at, callee), ...print(letters[i]!), 0xc3));
    cpu.write(moved, ...call(callers[3]!, callee), ...print('!'), 0xc3);
    const round = letters.map((letter) => `a${letter}`).join('');
    expect(runUntilHalt(cpu)).toBe(round.repeat(12) + round.replace('v', '!').repeat(6));
  });

  const setRsp = (value: number): number[] => [0x48, 0xc7, 0xc4, ...u32(value)];
  const back = (length: number): number[] => [0x75, 0x100 - length - 2];

  it('has the second half of an instruction where that page is now, or faults', () => {
    // mov al, letter: its opcode ends one page, its immediate begins the next.
    const crossing = 0x32fff;
    const [second, third] = [0x33000, 0x34000];
    const map = (page: number): number[] => [
      ...store64(entryOf(0, second), page),
      ...invlpg(second),
    ];
    const cpu = started(
      program(
        ...[repeat(8, crossing), map(third + 3), repeat(3, crossing)],
        // mov byte [second], 'c'
        ...[[0xc6, 0x04, 0x25, ...u32(second), 0x63], repeat(2, crossing)],
        ...[map(0), repeat(1, crossing)],
      ),
      { 14: [...print('f'), hlt] },
    );
    cpu.write(crossing, ...print('a'), 0xc3);
    cpu.write(third, ...print('b').slice(1), 0xc3);
    expect(runUntilHalt(cpu)).toBe('aaaaaaaabbbccf');
  });

  it('has its stack where INVLPG has put it', () => {
    // push rcx; xor qword [entry], 0x1000; invlpg; pop rdx: what was pushed the turn before; add ebx, edx; dec ecx; jnz
    const turn = [
      ...[0x51, 0x48, 0x81, 0x34, 0x25, ...u32(entryOf(0, scratch)), ...u32(0x1000)],
      ...[...invlpg(scratch), 0x5a, 0x01, 0xd3, 0xff, 0xc9],
    ];
    const cpu = started(
      program(setRsp(scratch + 0x800), [0xb9, ...u32(20)], turn, back(turn.length)),
    );
    runUntilHalt(cpu);
    expect(general(cpu.vcpu.state(), 3)).toBe(209);
  });

  it('may have its stack in the page of the code that it calls, and push over that', () => {
    // call; rax = letter and the rest of the callee; rsp to its end, push rax; rsp back; dec ecx; jnz
    const turn = (at: number): number[] => [
      ...[0xe8, ...u32(callee - (at + 5)), 0xb8, ...u32(0xc3e9e661), 0x01, 0xc8],
      ...[...setRsp(callee + 9), 0x50, ...setRsp(callee + 0x800), 0xff, 0xc9],
    ];
    const code = program(setRsp(callee + 0x800), [0xb9, ...u32(10)], turn, back(turn(0).length));
    const cpu = started(code);
    expect(runUntilHalt(cpu)).toBe('akjihgfedc');
  });

  it('reads and writes in steps over the ends of pages', () => {
    // eax = [rsi]; add [rdi], eax; inc rsi; add rdi, 4; dec ecx; jnz
    const turn = [0x8b, 0x06, 0x01, 0x07, 0x48, 0xff, 0xc6, 0x48, 0x83, 0xc7, 0x04, 0xff, 0xc9];
    const from = scratch + 0xf80;
    const to = scratch + 0x2e82;
    const cpu = started(
      program([0xbe, ...u32(from), 0xbf, ...u32(to), 0xb9, ...u32(300)], turn, back(turn.length)),
    );
    const bytes = Array.from({ length: 304 }, (_, i) => (i * 37) & 0xff);
    cpu.write(from, ...bytes);
    runUntilHalt(cpu);
    const expected = Array.from({ length: 300 }, (_, i) => bytes.slice(i, i + 4)).flat();
    expect([...cpu.ram.subarray(to, to + 1200)]).toEqual(expected);
  });

  it('is that of the address space after MOV CR3', () => {
    const [a, b] = spaces.map(({ cr3 }) => loadCr3(BigInt(cr3))) as [number[], number[]];
    const cpu = started(program(mapTo(1, other), repeat(4), b, repeat(3), a, repeat(2)));
    expect(runUntilHalt(cpu)).toBe('aaaabbbaa');
  });

  it('is that of the address space after MOV CR3 that keeps what the PCIDs had', () => {
    const a = loadCr3(BigInt(spaces[0].cr3 + 1) | keep);
    const b = loadCr3(BigInt(spaces[1].cr3 + 2) | keep);
    const turns = [b, repeat(3), a, repeat(3), b, repeat(3), a, repeat(2)];
    const cpu = started(program(mapTo(1, other), setCr4(cr4Pcide), a, repeat(4), ...turns));
    expect(runUntilHalt(cpu)).toBe('aaaabbbaaabbbaa');
  });

  it('is another one after MOV CR3 that drops what its PCID had', () => {
    const a = loadCr3(BigInt(spaces[0].cr3 + 1));
    const cpu = started(program(setCr4(cr4Pcide), a, repeat(4), mapTo(0, other), a, repeat(3)));
    expect(runUntilHalt(cpu)).toBe('aaaabbb');
  });

  it.each([
    ['INVLPG', invlpg(callee)],
    ['a change of CR4.PGE', [...setCr4(0), 0x48, 0x83, 0xe0, 0x7f, 0x0f, 0x22, 0xe0]],
  ])('is another one after %s if its page was global', (_, flush) => {
    const global = 0x103;
    const reload = loadCr3(BigInt(spaces[0].cr3));
    const cpu = started(
      program(
        mapTo(0, callee, global),
        [...setCr4(cr4Pge), ...reload],
        repeat(4),
        mapTo(0, other, global),
        flush,
        repeat(3),
      ),
    );
    expect(runUntilHalt(cpu)).toBe('aaaabbb');
  });

  it('may be called from code that lies two gigabytes away', () => {
    const far = 0x8000_0000;
    const [loop, jump, body] = [0x30800, far + 0x307f0, far + 0x30820];
    const farCall = (target: number, count: number): number[] => [
      ...[0x48, 0xb8, ...u32(target), ...u32(0)], // mov rax, target
      ...[0xb9, ...u32(count)], // mov ecx, count
      ...[0xff, 0xd0, 0xff, 0xc9, 0x75, 0xfa], // call rax; dec ecx; jnz
    ];
    const farLoop = (at: number): number[] => [
      ...[0x48, 0xb8, ...u32(jump), ...u32(0), 0xb9, ...u32(40)],
      ...[0xe8, ...u32(loop - (at + 20))],
    ];
    const turns = Array.from({ length: 6 }, () => [
      farCall(jump, 6),
      farCall(body, 6),
      farLoop,
      farCall(body, 4),
    ]).flat();
    const cpu = started(program(...turns));
    // The third gigabyte is the first one again.
    for (const { cr3 } of spaces) cpu.write(cr3 + 0x1000 + 16, ...u32(cr3 + 0x2003));
    cpu.write(loop, 0xff, 0xd0, 0xff, 0xc9, 0x75, 0xfa, 0xc3);
    cpu.write(jump - far, 0xeb, 0x2e);
    // mov al, [rip + data]; out e9h, al; mov eax, jump; ret
    const load = [0x8a, 0x05, ...u32(0xda)];
    cpu.write(body - far, ...load, 0xe6, 0xe9, 0xb8, ...u32(jump), 0xc3);
    cpu.write(0x30900, 0x61);
    expect(runUntilHalt(cpu)).toBe('a'.repeat(6 * (6 + 6 + 40 + 4)));
  });

  it('changes when it is written through another mapping of its page', () => {
    const alias = 0x32000;
    // mov ecx, 5: call; inc byte [alias of the immediate]; dec ecx; jnz
    const body = (at: number): number[] => [
      ...[0xe8, ...u32(callee - (at + 5))],
      ...[0xfe, 0x04, 0x25, ...u32(alias + 1)],
      ...[0xff, 0xc9, 0x75, 0xf0],
    ];
    const cpu = started(
      program(store64(entryOf(0, alias), callee + 3), invlpg(alias), [0xb9, ...u32(5)], body),
    );
    expect(runUntilHalt(cpu)).toBe('abcde');
  });

  it('changes when a device writes to it', () => {
    // mov al, 'x'; jmp back
    const cpu = started([0xb0, 0x78, 0xeb, 0xfc]);
    for (let i = 0; i < 50; i++) cpu.vcpu.run(budget);
    expect(general(cpu.vcpu.state(), 0) & 0xff).toBe(0x78);
    cpu.write(firstLong + 1, 0x79);
    for (let i = 0; i < 3; i++) cpu.vcpu.run(budget);
    expect(general(cpu.vcpu.state(), 0) & 0xff).toBe(0x79);
    expectTranslated(cpu);
  });

  it('faults in the middle of REP with exact registers, and goes on after it', () => {
    const entry = entryOf(0, 0x41000);
    const rounds = 6;
    const body = [
      ...store64(entry, 0),
      ...invlpg(0x41000),
      ...[0xbf, ...u32(0x40ff0), 0xb9, ...u32(0x30)], // mov edi, 0x40ff0; mov ecx, 0x30
      ...[0xb0, 0x5a, 0xf3, 0xaa], // mov al, 0x5a; rep stosb
      ...[0xff, 0xcb], // dec ebx
    ];
    const code = [0xbb, ...u32(rounds), ...body, 0x75, 0x100 - (body.length + 2)];
    const handler = [
      0x50, // push rax
      ...[0x48, 0x89, 0x0c, 0x25, ...u32(scratch)], // mov [scratch], rcx
      ...[0x48, 0x89, 0x3c, 0x25, ...u32(scratch + 8)], // mov [scratch+8], rdi
      ...[0x0f, 0x20, 0xd0, 0x48, 0x89, 0x04, 0x25, ...u32(scratch + 16)], // mov rax, cr2; mov [..], rax
      ...store64(entry, 0x41003),
      ...[0xff, 0x04, 0x25, ...u32(scratch + 24)], // inc dword [scratch+24]
      ...[0x58, 0x48, 0x83, 0xc4, 0x08, ...iretq], // pop rax; add rsp, 8
    ];
    const cpu = started([...code, hlt], { 14: handler });
    runUntilHalt(cpu);
    const words = new DataView(cpu.ram.buffer, cpu.ram.byteOffset);
    expect(words.getUint32(scratch, true)).toBe(0x20);
    expect(words.getUint32(scratch + 8, true)).toBe(0x41000);
    expect(words.getUint32(scratch + 16, true)).toBe(0x41000);
    expect(words.getUint32(scratch + 24, true)).toBe(rounds);
    expect([...cpu.ram.subarray(0x40fef, 0x41021)]).toEqual([0, ...Array(0x30).fill(0x5a), 0]);
    const state = cpu.vcpu.state();
    expect([general(state, 1), general(state, 7)]).toEqual([0, 0x41020]);
  });

  /** mov ebx, 3; outer: mov ecx, 4; inner: mov [scratch], ecx; dec ecx; jnz; dec ebx; jz; arm; jmp outer */
  const loops = (arm: readonly number[]): number[] => {
    const inner = [0x89, 0x0c, 0x25, ...u32(scratch), 0xff, 0xc9, 0x75, 0xf5];
    const outer = [0xb9, ...u32(4), ...inner, 0xff, 0xcb, 0x74, arm.length + 2, ...arm];
    return [0xbb, ...u32(3), ...outer, 0xeb, 0x100 - (outer.length + 2), hlt];
  };
  const innerAt = firstLong + 10;
  const breakpoint = (address: number, dr7: number): number[] => [
    ...[0xb8, ...u32(address), 0x0f, 0x23, 0xc0], // mov eax, address; mov dr0, rax
    ...[0xb8, ...u32(dr7), 0x0f, 0x23, 0xf8], // mov eax, dr7; mov dr7, rax
  ];

  it('is stepped through when TF is set after it has run', () => {
    const arm = [0x9c, 0x81, 0x0c, 0x24, ...u32(0x100), 0x9d]; // pushfq; or dword [rsp], TF; popfq
    const cpu = started(loops(arm), { 1: [...print('.'), ...iretq] });
    // A round: jmp, mov ecx, 4 x 3, dec, jz; the second arms again in 3; then the last.
    expect(runUntilHalt(cpu)).toBe('.'.repeat(2 + 12 + 2 + 3 + 2 + 12 + 2));
  });

  it('stops at an instruction breakpoint set in it after it has run', () => {
    const arm = breakpoint(innerAt + 7, 0x401);
    // or dword [rsp+16], RF: else the instruction would break again.
    const handler = [...print('!'), 0x81, 0x4c, 0x24, 0x10, ...u32(0x10000), ...iretq];
    expect(runUntilHalt(started(loops(arm), { 1: handler }))).toBe('!'.repeat(8));
  });

  it('stops behind the store that hits a data breakpoint', () => {
    const arm = breakpoint(scratch, 0xd0401);
    // mov al, [scratch]; add al, '0'; out: what was stored is there already.
    const handler = [0x8a, 0x04, 0x25, ...u32(scratch), 0x04, 0x30, 0xe6, 0xe9, ...iretq];
    expect(runUntilHalt(started(loops(arm), { 1: handler }))).toBe('43214321');
  });

  it('lets an interrupt into a long loop', () => {
    // sti; (inc rax; cmp dword [scratch], 0; je) until the handler has written there; hlt
    const loop = [0x48, 0xff, 0xc0, 0x83, 0x3c, 0x25, ...u32(scratch), 0, 0x74, 0xf3];
    const handler = [0xff, 0x04, 0x25, ...u32(scratch), 0x50, ...print('I'), 0x58, ...iretq];
    const cpu = started([0xfb, ...loop, hlt], { 8: handler });
    for (let i = 0; i < 100; i++) expect(cpu.vcpu.run(1000).reason).toBe('budget');
    const before = cpu.vcpu.state();
    expect(before.rflags & flagIf).toBe(flagIf);
    expect(general(before, 0)).toBeGreaterThan(30_000);
    cpu.vcpu.setPicInterrupt(true);
    cpu.vcpu.run(1);
    cpu.vcpu.setPicInterrupt(false);
    expect(cpu.vcpu.run(1000).reason).toBe('halt');
    expect(cpu.printed()).toBe('I');
    // Not one turn was done twice or lost: the loop's last turn is the one that was interrupted, or the next.
    expect(general(cpu.vcpu.state(), 0) - general(before, 0)).toBeLessThanOrEqual(1);
    expectTranslated(cpu);
  });

  it('ends a slice within the loop, and every instruction is counted', () => {
    // inc rax; jmp
    const cpu = started([0x48, 0xff, 0xc0, 0xeb, 0xfb]);
    for (const slice of [1, 2, 10, 100, 1000, 10_000, 99_999, 7]) {
      const before = cpu.vcpu.instructionsRetired();
      expect(cpu.vcpu.run(slice).reason).toBe('budget');
      const done = cpu.vcpu.instructionsRetired() - before;
      expect(done).toBeGreaterThanOrEqual(slice);
      expect(done).toBeLessThan(slice + 8);
      const state = cpu.vcpu.state();
      const midway = Number(state.registers.rip) - firstLong === 3 ? 1 : 0;
      // LIDT comes before.
      if (general(state, 0) > 0)
        expect(cpu.vcpu.instructionsRetired()).toBe(1 + 2 * general(state, 0) - midway);
    }
    expectTranslated(cpu);
  });

  it('says how much ran in translated code, and why that was left', () => {
    const cpu = started(program(repeat(100), mapTo(0, other), invlpg(callee), repeat(200)));
    runUntilHalt(cpu);
    const counters = cpu.vcpu.counters();
    if (kind === 'decoded') {
      expect(counters).not.toHaveProperty('regionRuns');
      return;
    }
    const exits = Object.entries(counters).filter(([name]) => name.startsWith('exits'));
    expect(exits.reduce((n, [, count]) => n + count, 0)).toBe(counters['regionRuns']);
    expect(counters).toMatchObject({ exitsByFault: 0, exitsByEvent: 0 });
    const { instructions = 0, regionInstructions = 0, hitRatePercent = 0 } = counters;
    expect(hitRatePercent).toBeCloseTo((100 * regionInstructions) / instructions, 1);
    expect(hitRatePercent).toBeGreaterThan(20);
    const { regionsMade = 0, regionsDropped = 0, regionsLive = 0 } = counters;
    expect(regionsMade).toBe(regionsDropped + regionsLive);
    const { runningMs = 0, interpretedMs = 0, translatedMs = 0 } = counters;
    expect(Math.abs(interpretedMs + translatedMs - runningMs)).toBeLessThanOrEqual(1);
  });
});
