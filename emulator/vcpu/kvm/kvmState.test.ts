import { expect, it } from 'vitest';
import { guestPhysical, type VersionedState } from '../../bus/types.ts';
import { loadCore } from '../../host/coreModule.ts';
import type { CpuState } from '../cpuState.ts';
import { createTestCpu } from '../wasm/testCpu.ts';
import { size } from './kvmAbi.ts';
import { type KvmRegisterImage, msr, mtrrFixed, mtrrVariable } from './kvmRegisters.ts';
import { cpuStateOf, imageOf } from './kvmState.ts';
import { portEngines, runToPort } from './testEngines.ts';

/** A register file of KVM's that holds nothing. */
const emptyImage: KvmRegisterImage = {
  structures: {
    sregs: new Uint8Array(size.sregs),
    regs: new Uint8Array(size.regs),
    xsave: new Uint8Array(size.xsave),
    xcrs: new Uint8Array(size.xcrs),
    lapic: new Uint8Array(size.lapic),
    debug: new Uint8Array(size.debugregs),
    events: new Uint8Array(size.events),
    mp: new Uint8Array(4),
  },
  msrs: new Map([...Object.values(msr), ...mtrrVariable, ...mtrrFixed].map((n) => [n, 0n])),
};

const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);

it('gives each register a place in the structures of KVM, and finds it there again', async () => {
  const plain = createTestCpu(await loadCore()).vcpu.state();
  const x87 = bytes(128, 3);
  for (let i = 0; i < 8; i++) x87.fill(0, 16 * i + 10, 16 * i + 16);
  const lapicLvt = new Uint8Array(plain.registers.lapicLvt as Uint8Array);
  lapicLvt.set([0x30, 0, 2, 0]);
  const state: CpuState = {
    rflags: 0x246,
    features: plain.features,
    segments: {
      ...plain.segments,
      cs: { selector: 0x33, base: 0n, limit: 0xffffffff, attributes: 0xa0fb },
      ss: { selector: 0x2b, base: 0n, limit: 0xffffffff, attributes: 0xc0f3 },
      gs: { selector: 0, base: 0xffff888012345678n, limit: 0xffffffff, attributes: 0x1c000 },
    },
    registers: {
      ...plain.registers,
      gpr: BigUint64Array.from({ length: 16 }, (_, i) => 0xfedcba9800000000n + BigInt(i)),
      ...{ rip: 0x7fff12345678n, cpl: 3, x87, xmm: bytes(256, 99), mxcsr: 0x1fa0 },
      ...{ fpuControl: 0x37f, fpuStatus: 0x4100, fpuTop: 5, fpuEmpty: 0x1e, fpuOpcode: 0x7d9 },
      ...{ fpuIp: 0x1234n, fpuDp: 0x5678n, shadow: 1, nmiBlocked: 1, halted: 1, picInterrupt: 1 },
      dr: BigUint64Array.of(1n, 2n, 3n, 4n, 0n, 0n, 0xffff0ff1n, 0x401n),
      ...{ cr0: 0x80050033n, cr2: 0xabcn, cr3: 0x4000n, cr4: 0x6b0n, efer: 0xd01n },
      ...{ star: 7n, lstar: 8n, cstar: 9n, sfmask: 10n, kernelGsBase: 11n, tscAux: 12n },
      ...{ tscKhz: 2_600_000, tscPerNs: 2.6, tscOffset: 0xffffffffffff0000n, kvmVersion: 6 },
      ...{ kvmSystemTime: 0x9001n, kvmWallClock: 0xa000n, kvmPvEoi: 0xb001n },
      ...{ lapicIrr: bytes(32, 1), lapicIsr: bytes(32, 50), lapicTmr: bytes(32, 90), lapicLvt },
      // Periodic, by 16: 1000 counts from 5000 ns on.
      ...{ lapicTimerDivide: 3, lapicTimerInitial: 1000, lapicTimerStart: 5000 },
      ...{ lapicTimerNext: 21_000, lapicTpr: 0x20, lapicIcr: 0x4500 },
    },
    extended: { xcr0: 7n, ymmHigh: bytes(256, 7) },
  };
  const nowNs = 5000;
  const found = cpuStateOf(imageOf(state, emptyImage, nowNs), {
    nowNs,
    tsc: 13_000n - 0x10000n,
    tscKhz: 2_600_000,
    picHigh: true,
    kvmVersion: 6,
    pdpte: new BigUint64Array(4),
    features: state.features,
  });
  expect(found).toEqual(state);
});

/**
 * Long mode: four rounds of 5000 steps of a checksum in RAX, a byte to port 0xe9 after each, which ends run(); the sum to
 * 0x5000, port 0xea.
 *   mov $4, %ebx; 1: mov $5000, %ecx; 2: add %rcx, %rax; rol $7, %rax; xor %rcx, %rax; dec %ecx; jnz 2b
 *   out %al, $0xe9; dec %ebx; jnz 1b; mov %rax, 0x5000; out %al, $0xea; hlt
 */
const program = Buffer.from(
  'bb04000000b9881300004801c848c1c0074831c8ffc975f2e6e9ffcb75e74889042500500000e6eaf4',
  'hex',
);

function checksum(): bigint {
  let sum = 0n;
  for (let round = 0; round < 4; round++)
    for (let n = 5000n; n > 0n; n--) {
      sum = BigInt.asUintN(64, sum + n);
      sum = BigInt.asUintN(64, (sum << 7n) | (sum >> 57n)) ^ n;
    }
  return sum;
}

it('goes on with one state on KVM and on the wasm engine in turn; without /dev/kvm it says so', async () => {
  const engines = await portEngines(await loadCore());
  if (engines === undefined) return;
  const { onKvm, onWasm } = engines;
  let current = onKvm();
  try {
    const { memory, vcpu } = current;
    memory.writeU64(guestPhysical(0x810), 0xaf9b000000ffffn);
    memory.writeU64(guestPhysical(0x818), 0xcf93000000ffffn);
    memory.writeU64(guestPhysical(0x2000), 0x3003n);
    memory.writeU64(guestPhysical(0x3000), 0x4003n);
    memory.writeU64(guestPhysical(0x4000), 0x83n);
    memory.write(guestPhysical(0x1000), program);
    vcpu.setEntry({ mode: 'long64', rip: 0x1000, cr3: 0x2000, gdt: { base: 0x800, limit: 0x1f } });
    let saved: VersionedState | undefined;
    for (const next of [onWasm, onKvm, onWasm]) {
      expect(runToPort(current)).toBe(0xe9);
      saved = structuredClone(current.vcpu.save());
      const ram = current.ram.slice();
      current.dispose();
      current = next();
      current.ram.set(ram);
      current.vcpu.load(saved);
      expect((current.vcpu.save().data as CpuState).registers.gpr).toEqual(
        (saved.data as CpuState).registers.gpr,
      );
    }
    expect(runToPort(current)).toBe(0xe9);
    expect(runToPort(current)).toBe(0xea);
    expect(current.memory.readU64(guestPhysical(0x5000))).toBe(checksum());
  } finally {
    current.dispose();
  }
});
