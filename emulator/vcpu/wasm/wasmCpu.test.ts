import { describe, expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import type { TestCpu } from './testCpu.ts';
import {
  codeAddress,
  createTestCpu as createCpu,
  print,
  startProtected,
  store32,
  testRamBytes,
  u32,
} from './testCpu.ts';
import { guestPhysical } from '../../bus/types.ts';

const core = await loadCore();

function createTestCpu(): TestCpu {
  return createCpu(core);
}

const sti = 0xfb;
const cli = 0xfa;
const hlt = 0xf4;
const iret = 0xcf;
/** jmp to itself. */
const forever = [0xeb, 0xfe];
/** hlt; jmp back to it. */
const sleep = [hlt, 0xeb, 0xfd];

/** Local APIC registers, SDM 3A table 10-1. */
const apic = (offset: number): number => 0xfee00000 + offset;
const enableApic = store32(apic(0xf0), 0x1ff);
const endOfInterrupt = store32(apic(0xb0), 0);

const wrmsr = (index: number, low: number, high = 0): number[] => [
  ...[0xb9, ...u32(index)],
  ...[0xb8, ...u32(low)],
  ...[0xba, ...u32(high)],
  ...[0x0f, 0x30],
];

function runUntilHalt(cpu: TestCpu): void {
  for (let i = 0; i < 100; i++) {
    const exit = cpu.vcpu.run(10_000);
    if (exit.reason === 'halt') return;
    if (exit.reason !== 'budget') throw new Error(`${exit.reason} at ${cpu.vcpu.describe()}`);
  }
  throw new Error('the CPU does not halt');
}

describe('interrupts', () => {
  it('wakes from HLT when the 8259 raises INTR, with the vector of INTA', () => {
    const cpu = createTestCpu();
    // Real mode, with the interrupt vector table at 0.
    cpu.write(8 * 4, 0x00, 0x20, 0, 0);
    cpu.write(0x2000, ...print('A'), iret);
    cpu.write(0x1000, sti, hlt, ...print('B'), ...sleep);
    cpu.vcpu.setEntry({ mode: 'real16', rip: 0x1000, rsp: 0x8000 });
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('');
    cpu.vcpu.setPicInterrupt(true);
    cpu.vcpu.run(1);
    cpu.vcpu.setPicInterrupt(false);
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('AB');
  });

  it('holds interrupts off for one instruction after STI', () => {
    const cpu = createTestCpu();
    startProtected(cpu, [sti, cli, ...print('n'), ...sleep], { 8: [...print('y'), iret] });
    cpu.vcpu.setPicInterrupt(true);
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('n');
  });

  it('delivers a one-shot timer of the local APIC at its time', () => {
    const cpu = createTestCpu();
    const code = [
      ...enableApic,
      ...store32(apic(0x3e0), 0xb), // divide by 1
      ...store32(apic(0x320), 0x40),
      ...store32(apic(0x380), 1000),
      sti,
      ...sleep,
    ];
    startProtected(cpu, code, { 0x40: [...print('T'), ...endOfInterrupt, iret] });
    cpu.time.ns = 500;
    runUntilHalt(cpu);
    expect(cpu.vcpu.nextTimerNs()).toBe(1500);
    cpu.time.ns = 1499;
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('');
    cpu.time.ns = 1500;
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('T');
    expect(cpu.vcpu.nextTimerNs()).toBe(Infinity);
  });

  it('repeats a periodic timer without drifting', () => {
    const cpu = createTestCpu();
    const code = [
      ...enableApic,
      ...store32(apic(0x3e0), 0x0), // divide by 2
      ...store32(apic(0x320), 0x20040),
      ...store32(apic(0x380), 500),
      sti,
      ...sleep,
    ];
    startProtected(cpu, code, { 0x40: [...print('T'), ...endOfInterrupt, iret] });
    runUntilHalt(cpu);
    for (const ns of [1000, 2300, 3001]) {
      cpu.time.ns = ns;
      runUntilHalt(cpu);
    }
    expect(cpu.printed()).toBe('TTT');
    expect(cpu.vcpu.nextTimerNs()).toBe(4000);
  });

  it('fires the TSC deadline and clears it', () => {
    const cpu = createTestCpu();
    const readDeadline = [0xb9, ...u32(0x6e0), 0x0f, 0x32, 0x85, 0xc0, 0x75, 0x04, ...print('0')];
    const code = [
      ...enableApic,
      ...store32(apic(0x320), 0x40040),
      ...wrmsr(0x6e0, 5000),
      sti,
      hlt,
      ...readDeadline,
      ...sleep,
    ];
    startProtected(cpu, code, { 0x40: [...print('T'), ...endOfInterrupt, iret] });
    runUntilHalt(cpu);
    expect(cpu.vcpu.nextTimerNs()).toBe(5000);
    cpu.time.ns = 5000;
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('T0');
  });

  it('takes the higher priority first and respects the task priority', () => {
    const cpu = createTestCpu();
    const code = [
      ...enableApic,
      ...store32(apic(0x80), 0x50),
      sti,
      0x90,
      ...print('-'),
      ...store32(apic(0x80), 0),
      0x90,
      ...sleep,
    ];
    startProtected(cpu, code, {
      0x41: [...print('1'), ...endOfInterrupt, iret],
      0x55: [...print('5'), ...endOfInterrupt, iret],
      0x61: [...print('6'), ...endOfInterrupt, iret],
    });
    // Three instructions, so that the APIC is enabled when the messages come.
    cpu.vcpu.run(3);
    for (const vector of [0x41, 0x55, 0x61]) {
      cpu.vcpu.deliver({ destination: 0, logical: false, vector, delivery: 0, level: false });
    }
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('6-51');
  });

  it('tells the host when a level-triggered interrupt is ended, and only then', () => {
    const cpu = createTestCpu();
    startProtected(cpu, [...enableApic, sti, ...sleep], {
      0x41: [...endOfInterrupt, iret],
      0x42: [...endOfInterrupt, iret],
    });
    runUntilHalt(cpu);
    cpu.vcpu.deliver({ destination: 0, logical: false, vector: 0x41, delivery: 0, level: true });
    cpu.vcpu.deliver({ destination: 0, logical: false, vector: 0x42, delivery: 0, level: false });
    runUntilHalt(cpu);
    expect(cpu.ended).toEqual([0x41]);
  });

  it('ignores messages to other CPUs and takes broadcasts', () => {
    const cpu = createTestCpu();
    startProtected(cpu, [...enableApic, sti, ...sleep], {
      0x41: [...print('x'), ...endOfInterrupt, iret],
      0x42: [...print('b'), ...endOfInterrupt, iret],
    });
    runUntilHalt(cpu);
    cpu.vcpu.deliver({ destination: 3, logical: false, vector: 0x41, delivery: 0, level: false });
    cpu.vcpu.deliver({
      destination: 0xff,
      logical: false,
      vector: 0x42,
      delivery: 0,
      level: false,
    });
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('b');
  });

  it('delivers an NMI with interrupts off, and the next one only after IRET', () => {
    const cpu = createTestCpu();
    const nmi = { destination: 0, logical: false, vector: 0, delivery: 4, level: false } as const;
    startProtected(cpu, [cli, ...sleep], { 2: [...print('('), 0x90, ...print(')'), iret] });
    runUntilHalt(cpu);
    cpu.vcpu.deliver(nmi);
    cpu.vcpu.run(2);
    cpu.vcpu.deliver(nmi);
    runUntilHalt(cpu);
    expect(cpu.printed()).toBe('()()');
  });

  it('offers the paravirtual EOI: the guest ends an interrupt by clearing a bit', () => {
    const cpu = createTestCpu();
    const word = 0x3000;
    // btr dword [word], 0: then no EOI, as Linux does.
    const clearBit = [0x0f, 0xba, 0x35, ...u32(word), 0];
    startProtected(cpu, [...enableApic, ...wrmsr(0x4b564d04, word + 1), sti, ...sleep], {
      0x41: [...print('1'), ...clearBit, iret],
      0x31: [...print('0'), ...clearBit, iret],
    });
    runUntilHalt(cpu);
    for (const vector of [0x41, 0x31, 0x41]) {
      cpu.vcpu.deliver({ destination: 0, logical: false, vector, delivery: 0, level: false });
      runUntilHalt(cpu);
    }
    expect(cpu.printed()).toBe('101');
  });
});

describe('a CPU on the wasm core', () => {
  it('is in its power-on state after reset', () => {
    const cpu = createTestCpu();
    const { registers, segments, rflags } = cpu.vcpu.state();
    expect(registers.rip).toBe(0xfff0n);
    expect(segments.cs).toMatchObject({ selector: 0xf000, base: 0xffff0000n, limit: 0xffff });
    expect(registers.cr0).toBe(0x60000010n);
    expect(rflags).toBe(2);
    // EDX: family 6, model 28, stepping 10.
    expect((registers.gpr as BigUint64Array)[2]).toBe(0x106can);
  });

  it('reports a triple fault with the place and the last exception', () => {
    const cpu = createTestCpu();
    // An IDT with limit 0: no handler for #UD, none for #GP, none for #DF.
    const lidt = [0x0f, 0x01, 0x1d, ...u32(0x700)];
    startProtected(cpu, [...lidt, 0x0f, 0x0b]);
    expect(cpu.vcpu.run(100)).toEqual({ reason: 'shutdown' });
    expect(cpu.vcpu.describe()).toMatch(/^triple fault at 10:100e, last exception 13$/);
    expect(cpu.vcpu.run(100)).toEqual({ reason: 'shutdown' });
  });

  it('runs code that DMA has overwritten', () => {
    const cpu = createTestCpu();
    startProtected(cpu, [...print('a'), ...forever]);
    cpu.vcpu.run(100);
    cpu.write(codeAddress + 11, ...print('b'), ...forever);
    cpu.vcpu.run(100);
    expect(cpu.printed()).toBe('ab');
  });

  it('counts the time-stamp counter in nanoseconds of machine time, and shifts it by WRMSR', () => {
    const cpu = createTestCpu();
    cpu.time.ns = 123_456.75;
    startProtected(cpu, [0x0f, 0x31, 0xa3, ...u32(0x3000), ...wrmsr(0x10, 0), ...sleep]);
    runUntilHalt(cpu);
    expect(cpu.memory.readU32(guestPhysical(0x3000))).toBe(123_456);
    expect(cpu.vcpu.state().registers.tscAdjust).toBe(BigInt.asUintN(64, -123_456n));
  });

  it('fills the pages of kvmclock', () => {
    const cpu = createTestCpu();
    const [page, wall] = [0x3000, 0x3100];
    cpu.time.ns = 5_000_000_000;
    startProtected(cpu, [...wrmsr(0x4b564d01, page + 1), ...wrmsr(0x4b564d00, wall), ...sleep]);
    runUntilHalt(cpu);
    const { memory } = cpu;
    expect(memory.readU32(guestPhysical(page)) % 2).toBe(0);
    expect(memory.readU64(guestPhysical(page + 8))).toBe(5_000_000_000n);
    expect(memory.readU64(guestPhysical(page + 16))).toBe(5_000_000_000n);
    // Nanoseconds = (ticks << shift) * multiplier / 2^32, with a tick of 1 ns.
    expect(memory.readU32(guestPhysical(page + 24))).toBe(0x80000000);
    expect(memory.readU8(guestPhysical(page + 28))).toBe(1);
    // PVCLOCK_TSC_STABLE_BIT.
    expect(memory.readU8(guestPhysical(page + 29))).toBe(1);
    // The wall clock when machine time was 0.
    expect(memory.readU32(guestPhysical(wall + 4))).toBe(1_700_000_000 - 5);
  });

  it('goes on from a saved state exactly as it would have', () => {
    // A loop with flags, memory, stack, x87 and SSE in it.
    const code = [
      ...[0x66, 0x0f, 0x6e, 0xc1], // movd xmm0, ecx
      ...[0x66, 0x0f, 0xfe, 0xc8], // paddd xmm1, xmm0
      ...[0xd9, 0xe8, 0xdd, 0xd8], // fld1; fstp st0
      ...[0x01, 0xc8, 0x11, 0xc2], // add eax, ecx; adc edx, eax
      ...[0x50, 0x8f, 0x05, ...u32(0x3000)], // push eax; pop [0x3000]
      ...[0x41, 0xeb, 0xe7], // inc ecx; jmp back
    ];
    const original = createTestCpu();
    startProtected(original, code);
    original.vcpu.run(5_003);
    const copy = createTestCpu();
    copy.ram.set(original.ram.slice());
    copy.vcpu.load(structuredClone(original.vcpu.save()));
    expect(copy.vcpu.state()).toEqual(original.vcpu.state());
    original.vcpu.run(7_001);
    copy.vcpu.run(7_001);
    expect(copy.vcpu.state()).toEqual(original.vcpu.state());
    expect(Buffer.from(copy.ram.slice(0, testRamBytes)).equals(original.ram.slice())).toBe(true);
  });

  it('refuses a state of another version or shape', () => {
    const cpu = createTestCpu();
    const state = cpu.vcpu.save();
    expect(() => cpu.vcpu.load({ ...state, version: 99 })).toThrow(/version 99/);
    expect(() => cpu.vcpu.load({ ...state, data: { rflags: 2 } })).toThrow(/damaged/);
  });
});
