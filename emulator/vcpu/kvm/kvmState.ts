/**
 * KVM's registers as the one architectural state of all engines, and back. Only a mapping: what is where in struct kvm_regs and so
 * on (arch/x86/include/uapi/asm/kvm.h), in the XSAVE area (SDM 1 §13.4) and on the local APIC's page (SDM 3A table 11-1).
 */
import { type CpuState, type ExtendedState, noExtendedState } from '../cpuState.ts';
import {
  type KvmRegisterImage,
  msr,
  mtrrFixed,
  mtrrVariable,
  putSegment,
  regs,
  segmentIn,
  sregs,
} from './kvmRegisters.ts';
import { MP_STATE_HALTED, MP_STATE_RUNNABLE } from './kvmAbi.ts';

/** What the kernel's structures do not hold. */
export interface KvmMoment {
  /** Machine time in ns, and the TSC then. */
  readonly nowNs: number;
  readonly tsc: bigint;
  readonly tscKhz: number;
  /** Level of the 8259's wire. */
  readonly picHigh: boolean;
  /** Version word of the guest's kvmclock page. */
  readonly kvmVersion: number;
  /** PDPTEs as the memory at CR3 has them; zeros without PAE paging. */
  readonly pdpte: BigUint64Array;
  readonly features: CpuState['features'];
}

/** Offset in struct kvm_regs of each general register in the order of its encoding. */
const generalOffsets = [0, 2, 3, 1, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15].map((n) => 8 * n);

/** The segments' names: ours and in struct kvm_sregs. */
const segmentNames = [
  ...(['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'tr'] as const).map((name) => [name, name] as const),
  ['ldtr', 'ldt'] as const,
];

const controls = {
  cr0: sregs.cr0,
  cr2: sregs.cr2,
  cr3: sregs.cr3,
  cr4: sregs.cr4,
  efer: sregs.efer,
  apicBase: sregs.apicBase,
} as const;

const msrs = {
  star: msr.star,
  lstar: msr.lstar,
  cstar: msr.cstar,
  sfmask: msr.sfmask,
  kernelGsBase: msr.kernelGsBase,
  sysenterCs: msr.sysenterCs,
  sysenterEsp: msr.sysenterEsp,
  sysenterEip: msr.sysenterEip,
  pat: msr.pat,
  tscAux: msr.tscAux,
  tscAdjust: msr.tscAdjust,
  miscEnable: msr.miscEnable,
  mtrrDefType: msr.mtrrDefType,
  kvmSystemTime: msr.kvmSystemTime,
  kvmWallClock: msr.kvmWallClock,
  kvmPvEoi: msr.kvmPvEoi,
  lapicTscDeadline: msr.tscDeadline,
} as const;

/** On the local APIC's page. */
const apicWords = {
  lapicTpr: 0x80,
  lapicLdr: 0xd0,
  lapicDfr: 0xe0,
  lapicSvr: 0xf0,
  lapicEsr: 0x280,
  lapicIcr: 0x300,
  lapicIcrHigh: 0x310,
  lapicTimerInitial: 0x380,
  lapicTimerDivide: 0x3e0,
} as const;
const apicSets = { lapicIsr: 0x100, lapicTmr: 0x180, lapicIrr: 0x200 } as const;
const apicLvt = 0x320;
const apicCurrent = 0x390;

/** In the legacy region of the XSAVE area; then which components the area holds. */
const x87 = { control: 0, status: 2, valid: 4, opcode: 6, ip: 8, dp: 16, mxcsr: 24, st: 32 };
const xmmAt = 160;
const presentAt = 512;
const ymmHighAt = 576;
/** In XSTATE_BV and XCR0. */
const [legacyComponents, avxComponent] = [3, 4];
/** In struct kvm_xcrs: how many there are, and the value of the first, XCR0. */
const xcrs = { count: 0, xcr0: 16 } as const;

/** In struct kvm_vcpu_events. */
const events = { shadow: 11, nmiPending: 13, nmiMasked: 14, flags: 20 } as const;
/** KVM_VCPUEVENT_VALID_NMI_PENDING and _SHADOW. */
const eventsValid = 1 | 4;
/** Our bits of a shadow, STI 1 and MOV SS 2, are KVM's 2 and 1. */
const swapShadow = (bits: number): number => ((bits & 1) << 1) | ((bits >> 1) & 1);

const divisor = (divide: number): number => 2 ** ((((divide & 3) | ((divide >> 1) & 4)) + 1) & 7);
const timerMode = (lvt: number): number => (lvt >>> 17) & 3;
const deadlineMode = 2;

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);
const register = <T>(state: CpuState, name: string): T => state.registers[name] as T;

/** Machine time of the timer's next interrupt. */
function nextTimer(apic: DataView, deadline: bigint, { nowNs, tsc, tscKhz }: KvmMoment): number {
  if (timerMode(apic.getUint32(apicLvt, true)) === deadlineMode)
    return deadline === 0n ? Infinity : nowNs + (Number(deadline - tsc) * 1e6) / tscKhz;
  const left = apic.getUint32(apicCurrent, true);
  return left === 0
    ? Infinity
    : nowNs + left * divisor(apic.getUint32(apicWords.lapicTimerDivide, true));
}

function extendedState(xsave: Uint8Array, xcr: DataView): ExtendedState {
  if (xcr.getUint32(xcrs.count, true) === 0) return noExtendedState();
  return {
    xcr0: xcr.getBigUint64(xcrs.xcr0, true),
    ymmHigh: xsave.slice(ymmHighAt, ymmHighAt + 256),
  };
}

export function cpuStateOf(image: KvmRegisterImage, moment: KvmMoment): CpuState {
  const views = Object.fromEntries(
    Object.entries(image.structures).map(([name, bytes]) => [name, viewOf(bytes)]),
  ) as Record<keyof KvmRegisterImage['structures'], DataView>;
  const { sregs: system, regs: general, xsave, lapic: apic, debug, events: event } = views;
  const registers: Record<string, number | bigint | Uint8Array | BigUint64Array> = {};
  registers.gpr = BigUint64Array.from(generalOffsets, (at) => general.getBigUint64(at, true));
  registers.rip = general.getBigUint64(regs.rip, true);
  const segments = Object.fromEntries(
    segmentNames.map(([ours, theirs]) => [ours, segmentIn(system, theirs)]),
  ) as unknown as CpuState['segments'];
  registers.cpl = (segments.ss.attributes >>> 5) & 3;
  for (const [name, at] of Object.entries(controls))
    registers[name] = system.getBigUint64(at, true);
  for (const [name, at] of [
    ['gdt', sregs.gdt],
    ['idt', sregs.idt],
  ] as const) {
    registers[`${name}Base`] = system.getBigUint64(at, true);
    registers[`${name}Limit`] = system.getUint16(at + 8, true);
  }
  registers.dr = BigUint64Array.from({ length: 8 }, (_, i) =>
    i < 4
      ? debug.getBigUint64(8 * i, true)
      : i < 6
        ? 0n
        : debug.getBigUint64(32 + 8 * (i - 6), true),
  );
  registers.pdpte = moment.pdpte;

  const top = (xsave.getUint16(x87.status, true) >>> 11) & 7;
  const area = image.structures.xsave;
  const stack = new Uint8Array(128);
  for (let i = 0; i < 8; i++) {
    const at = x87.st + 16 * i;
    stack.set(area.subarray(at, at + 10), 16 * ((top + i) & 7));
  }
  registers.x87 = stack;
  registers.xmm = area.slice(xmmAt, xmmAt + 256);
  registers.fpuControl = xsave.getUint16(x87.control, true);
  registers.fpuStatus = xsave.getUint16(x87.status, true) & ~0x3800;
  registers.fpuTop = top;
  registers.fpuEmpty = ~xsave.getUint8(x87.valid) & 0xff;
  registers.fpuOpcode = xsave.getUint16(x87.opcode, true);
  registers.fpuIp = xsave.getBigUint64(x87.ip, true);
  registers.fpuDp = xsave.getBigUint64(x87.dp, true);
  registers.fpuCs = 0;
  registers.fpuDs = 0;
  registers.mxcsr = xsave.getUint32(x87.mxcsr, true);

  const read = (number: number): bigint => image.msrs.get(number) ?? 0n;
  for (const [name, number] of Object.entries(msrs)) registers[name] = read(number);
  registers.mtrrVariable = BigUint64Array.from(mtrrVariable, read);
  registers.mtrrFixed = BigUint64Array.from(mtrrFixed, read);
  registers.tscKhz = moment.tscKhz;
  registers.tscPerNs = moment.tscKhz / 1e6;
  const ticks = BigInt(Math.trunc((moment.nowNs * moment.tscKhz) / 1e6));
  registers.tscOffset = BigInt.asUintN(64, moment.tsc - ticks);

  registers.shadow = swapShadow(event.getUint8(events.shadow));
  registers.nmiBlocked = event.getUint8(events.nmiMasked);
  registers.nmiPending = event.getUint8(events.nmiPending);
  registers.halted = views.mp.getUint32(0, true) === MP_STATE_HALTED ? 1 : 0;
  registers.picInterrupt = moment.picHigh ? 1 : 0;
  // At each exit KVM looks whether the guest has ended an interrupt so, and takes the offer back.
  registers.kvmEoiActive = 0;
  registers.kvmVersion = moment.kvmVersion;

  for (const [name, at] of Object.entries(apicWords)) registers[name] = apic.getUint32(at, true);
  for (const [name, at] of Object.entries(apicSets)) {
    const bits = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 8; i++) bits.setUint32(4 * i, apic.getUint32(at + 16 * i, true), true);
    registers[name] = new Uint8Array(bits.buffer);
  }
  const lvt = new DataView(new ArrayBuffer(24));
  for (let i = 0; i < 6; i++) lvt.setUint32(4 * i, apic.getUint32(apicLvt + 16 * i, true), true);
  registers.lapicLvt = new Uint8Array(lvt.buffer);
  registers.lapicEsrNew = 0;
  registers.lapicExternal = 0;
  registers.lapicTimerStart = moment.nowNs;
  registers.lapicTimerNext = nextTimer(apic, read(msr.tscDeadline), moment);
  const rflags = Number(general.getBigUint64(regs.rflags, true));
  const extended = extendedState(area, views.xcrs);
  return { rflags, features: moment.features, segments, registers, extended };
}

/**
 * `base`: what the vCPU has for all that the state does not name. `nowNs`: machine time. The offer of a PV EOI that may be
 * open (`kvmEoiActive`) must have been settled in the state.
 */
export function imageOf(state: CpuState, base: KvmRegisterImage, nowNs: number): KvmRegisterImage {
  const structures = Object.fromEntries(
    Object.entries(base.structures).map(([name, bytes]) => [name, Uint8Array.from(bytes)]),
  ) as Record<keyof KvmRegisterImage['structures'], Uint8Array>;
  const general = viewOf(structures.regs);
  generalOffsets.forEach((at, i) =>
    general.setBigUint64(at, register<BigUint64Array>(state, 'gpr')[i] ?? 0n, true),
  );
  general.setBigUint64(regs.rip, register(state, 'rip'), true);
  general.setBigUint64(regs.rflags, BigInt(state.rflags), true);

  const system = viewOf(structures.sregs);
  for (const [ours, theirs] of segmentNames) putSegment(system, theirs, state.segments[ours]);
  for (const [name, at] of Object.entries(controls))
    system.setBigUint64(at, register(state, name), true);
  system.setBigUint64(sregs.cr8, BigInt(register<number>(state, 'lapicTpr') >>> 4), true);
  for (const [name, at] of [
    ['gdt', sregs.gdt],
    ['idt', sregs.idt],
  ] as const) {
    system.setBigUint64(at, register(state, `${name}Base`), true);
    system.setUint16(at + 8, register(state, `${name}Limit`), true);
  }
  const debug = viewOf(structures.debug);
  const dr = register<BigUint64Array>(state, 'dr');
  [0, 1, 2, 3, 6, 7].forEach((number, i) => debug.setBigUint64(8 * i, dr[number] ?? 0n, true));

  const xsave = viewOf(structures.xsave);
  const top = register<number>(state, 'fpuTop');
  const stack = register<Uint8Array>(state, 'x87');
  for (let i = 0; i < 8; i++) {
    const at = 16 * ((top + i) & 7);
    structures.xsave.set(stack.subarray(at, at + 10), x87.st + 16 * i);
  }
  structures.xsave.set(register<Uint8Array>(state, 'xmm'), xmmAt);
  xsave.setUint16(x87.control, register(state, 'fpuControl'), true);
  xsave.setUint16(x87.status, register<number>(state, 'fpuStatus') | (top << 11), true);
  xsave.setUint8(x87.valid, ~register<number>(state, 'fpuEmpty') & 0xff);
  xsave.setUint16(x87.opcode, register(state, 'fpuOpcode'), true);
  xsave.setBigUint64(x87.ip, register(state, 'fpuIp'), true);
  xsave.setBigUint64(x87.dp, register(state, 'fpuDp'), true);
  xsave.setUint32(x87.mxcsr, register(state, 'mxcsr'), true);
  const { xcr0, ymmHigh } = state.extended;
  const hasAvx = (xcr0 & BigInt(avxComponent)) !== 0n || ymmHigh.some((byte) => byte !== 0);
  structures.xsave.set(ymmHigh, ymmHighAt);
  const present = legacyComponents | (hasAvx ? avxComponent : 0);
  xsave.setUint32(presentAt, xsave.getUint32(presentAt, true) | present, true);
  const xcr = viewOf(structures.xcrs);
  xcr.setUint32(xcrs.count, 1, true);
  xcr.setBigUint64(xcrs.xcr0, xcr0, true);

  const values = new Map(base.msrs);
  const put = (number: number, value: bigint): void => {
    if (values.has(number)) values.set(number, value);
  };
  for (const [name, number] of Object.entries(msrs)) put(number, register(state, name));
  register<BigUint64Array>(state, 'mtrrVariable').forEach((value, i) =>
    put(mtrrVariable[i] as number, value),
  );
  register<BigUint64Array>(state, 'mtrrFixed').forEach((value, i) =>
    put(mtrrFixed[i] as number, value),
  );

  const event = viewOf(structures.events);
  event.setUint8(events.shadow, swapShadow(register(state, 'shadow')));
  event.setUint8(events.nmiMasked, register(state, 'nmiBlocked'));
  event.setUint8(events.nmiPending, register(state, 'nmiPending'));
  event.setUint32(events.flags, event.getUint32(events.flags, true) | eventsValid, true);
  viewOf(structures.mp).setUint32(
    0,
    register<number>(state, 'halted') === 1 ? MP_STATE_HALTED : MP_STATE_RUNNABLE,
    true,
  );

  const apic = viewOf(structures.lapic);
  for (const [name, at] of Object.entries(apicWords))
    apic.setUint32(at, register(state, name), true);
  for (const [name, at] of Object.entries(apicSets)) {
    const bits = viewOf(register<Uint8Array>(state, name));
    for (let i = 0; i < 8; i++) apic.setUint32(at + 16 * i, bits.getUint32(4 * i, true), true);
  }
  const lvt = viewOf(register<Uint8Array>(state, 'lapicLvt'));
  for (let i = 0; i < 6; i++) apic.setUint32(apicLvt + 16 * i, lvt.getUint32(4 * i, true), true);
  const next = register<number>(state, 'lapicTimerNext');
  const counts = next !== Infinity && timerMode(lvt.getUint32(0, true)) !== deadlineMode;
  const left = Math.ceil((next - nowNs) / divisor(register(state, 'lapicTimerDivide')));
  apic.setUint32(apicCurrent, counts ? Math.max(1, left) : 0, true);
  return { structures, msrs: values };
}
