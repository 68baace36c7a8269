/**
 * The architectural state of a CPU as saved: what is where in the core's state block. Names as in the SDM;
 * KVM's and other engines' state goes into the same shape.
 */
import { checkedState } from '../bus/deviceState.ts';
import { StateError, type VersionedState } from '../bus/types.ts';
import * as layout from '../cpu/layout.ts';
import { type CpuFeatures, missingFeatures } from './cpuFeatures.ts';
import { coreFeatures } from './cpuidModels.ts';

type Kind = 'u32' | 'u64' | 'f64' | { readonly bytes: number } | { readonly u64s: number };
type Field = readonly [offset: number, kind: Kind];

/** Everything but the general registers' aliases, RFLAGS and segments, which need more than a copy. */
const fields: Readonly<Record<string, Field>> = {
  gpr: [layout.OFF_GPR, { u64s: 16 }],
  rip: [layout.OFF_RIP, 'u64'],
  cpl: [layout.OFF_CPL, 'u32'],
  xmm: [layout.OFF_XMM, { bytes: 256 }],
  x87: [layout.OFF_X87, { bytes: 128 }],
  fpuControl: [layout.OFF_FPU_CONTROL, 'u32'],
  fpuStatus: [layout.OFF_FPU_STATUS, 'u32'],
  fpuTop: [layout.OFF_FPU_TOP, 'u32'],
  fpuEmpty: [layout.OFF_FPU_EMPTY, 'u32'],
  fpuIp: [layout.OFF_FPU_FIP, 'u64'],
  fpuDp: [layout.OFF_FPU_FDP, 'u64'],
  fpuCs: [layout.OFF_FPU_FCS, 'u32'],
  fpuDs: [layout.OFF_FPU_FDS, 'u32'],
  fpuOpcode: [layout.OFF_FPU_FOP, 'u32'],
  mxcsr: [layout.OFF_MXCSR, 'u32'],
  cr0: [layout.OFF_CR0, 'u64'],
  cr2: [layout.OFF_CR2, 'u64'],
  cr3: [layout.OFF_CR3, 'u64'],
  cr4: [layout.OFF_CR4, 'u64'],
  dr: [layout.OFF_DR, { u64s: 8 }],
  pdpte: [layout.OFF_PDPTE, { u64s: 4 }],
  gdtBase: [layout.OFF_GDT_BASE, 'u64'],
  gdtLimit: [layout.OFF_GDT_LIMIT, 'u32'],
  idtBase: [layout.OFF_IDT_BASE, 'u64'],
  idtLimit: [layout.OFF_IDT_LIMIT, 'u32'],
  efer: [layout.OFF_EFER, 'u64'],
  star: [layout.OFF_STAR, 'u64'],
  lstar: [layout.OFF_LSTAR, 'u64'],
  cstar: [layout.OFF_CSTAR, 'u64'],
  sfmask: [layout.OFF_SFMASK, 'u64'],
  kernelGsBase: [layout.OFF_KERNEL_GS_BASE, 'u64'],
  sysenterCs: [layout.OFF_SYSENTER_CS, 'u64'],
  sysenterEsp: [layout.OFF_SYSENTER_ESP, 'u64'],
  sysenterEip: [layout.OFF_SYSENTER_EIP, 'u64'],
  pat: [layout.OFF_PAT, 'u64'],
  tscAux: [layout.OFF_TSC_AUX, 'u64'],
  tscOffset: [layout.OFF_TSC_OFFSET, 'u64'],
  tscKhz: [layout.OFF_TSC_KHZ, 'u32'],
  tscPerNs: [layout.OFF_TSC_PER_NS, 'f64'],
  tscAdjust: [layout.OFF_TSC_ADJUST, 'u64'],
  miscEnable: [layout.OFF_MISC_ENABLE, 'u64'],
  apicBase: [layout.OFF_APIC_BASE, 'u64'],
  mtrrDefType: [layout.OFF_MTRR_DEF_TYPE, 'u64'],
  mtrrVariable: [layout.OFF_MTRR_VARIABLE, { u64s: 16 }],
  mtrrFixed: [layout.OFF_MTRR_FIXED, { u64s: 11 }],
  shadow: [layout.OFF_SHADOW, 'u32'],
  nmiBlocked: [layout.OFF_NMI_BLOCKED, 'u32'],
  nmiPending: [layout.OFF_NMI_PENDING, 'u32'],
  halted: [layout.OFF_HALTED, 'u32'],
  picInterrupt: [layout.OFF_PIC_INTR, 'u32'],
  kvmSystemTime: [layout.OFF_KVM_SYSTEM_TIME, 'u64'],
  kvmWallClock: [layout.OFF_KVM_WALL_CLOCK, 'u64'],
  kvmPvEoi: [layout.OFF_KVM_PV_EOI, 'u64'],
  kvmEoiActive: [layout.OFF_KVM_EOI_ACTIVE, 'u32'],
  kvmVersion: [layout.OFF_KVM_VERSION, 'u32'],
  lapicIrr: [layout.OFF_LAPIC_IRR, { bytes: 32 }],
  lapicIsr: [layout.OFF_LAPIC_ISR, { bytes: 32 }],
  lapicTmr: [layout.OFF_LAPIC_TMR, { bytes: 32 }],
  lapicLvt: [layout.OFF_LAPIC_LVT, { bytes: 24 }],
  lapicTpr: [layout.OFF_LAPIC_TPR, 'u32'],
  lapicLdr: [layout.OFF_LAPIC_LDR, 'u32'],
  lapicDfr: [layout.OFF_LAPIC_DFR, 'u32'],
  lapicSvr: [layout.OFF_LAPIC_SVR, 'u32'],
  lapicEsr: [layout.OFF_LAPIC_ESR, 'u32'],
  lapicEsrNew: [layout.OFF_LAPIC_ESR_NEW, 'u32'],
  lapicIcr: [layout.OFF_LAPIC_ICR, 'u32'],
  lapicIcrHigh: [layout.OFF_LAPIC_ICR_HIGH, 'u32'],
  lapicTimerInitial: [layout.OFF_LAPIC_TIMER_INITIAL, 'u32'],
  lapicTimerDivide: [layout.OFF_LAPIC_TIMER_DIVIDE, 'u32'],
  lapicTimerStart: [layout.OFF_LAPIC_TIMER_START, 'f64'],
  lapicTimerNext: [layout.OFF_LAPIC_TIMER_NEXT, 'f64'],
  lapicTscDeadline: [layout.OFF_LAPIC_TSC_DEADLINE, 'u64'],
  lapicExternal: [layout.OFF_LAPIC_EXTINT, 'u32'],
};

const segmentNames = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;

export interface SegmentState {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  /** As VMX access rights (SDM 3C table 25-2). */
  readonly attributes: number;
}

export interface CpuState {
  readonly rflags: number;
  /** What the guest was told of its CPU: an engine that lacks some of it cannot go on. */
  readonly features: CpuFeatures;
  readonly segments: Readonly<Record<(typeof segmentNames)[number], SegmentState>>;
  readonly registers: Readonly<Record<string, number | bigint | Uint8Array | BigUint64Array>>;
  readonly extended: ExtendedState;
}

/** What XSAVE brings beyond x87 and SSE (SDM 1 §13.2); no CPU without XSAVE has any of it. */
export interface ExtendedState {
  readonly xcr0: bigint;
  /** Upper halves of YMM0 to YMM15. */
  readonly ymmHigh: Uint8Array;
}

/** As after a reset (SDM 1 §13.6). */
export const noExtendedState = (): ExtendedState => ({ xcr0: 1n, ymmHigh: new Uint8Array(256) });

export const cpuStateVersion = 4;

/**
 * A saved state's data, checked against `own`, which the CPU has now: of the same shape, and of a CPU that can do no more. Throws
 * StateError.
 */
export function checkedCpuState(id: string, state: VersionedState, own: CpuState): CpuState {
  const data = checkedState(id, upToDate(state, own), { version: cpuStateVersion, data: own });
  const missing = missingFeatures(data.features, own.features);
  if (missing.length > 0) {
    const where =
      missingFeatures(data.features, coreFeatures).length === 0
        ? 'on the engine and host that it comes from, or on the translator'
        : 'with KVM on a processor that has them';
    throw new StateError(
      `${id}: the guest was told of a CPU with ${missing.join(', ')}, which this engine does not have on this host; open the state ${where}`,
    );
  }
  return data;
}

/**
 * Version 1 had one rate of the TSC, of a tick a nanosecond, and did not name it; version 2 did not name the CPU's features; version 3
 * knew no CPU with XSAVE.
 */
function upToDate(state: VersionedState, own: CpuState): VersionedState {
  if (![1, 2, 3].includes(state.version)) return state;
  const data = state.data as CpuState;
  const rate: CpuState['registers'] = state.version === 1 ? { tscKhz: 1e6, tscPerNs: 1 } : {};
  return {
    version: cpuStateVersion,
    data: {
      ...data,
      features: state.version === 3 ? data.features : own.features,
      registers: { ...data.registers, ...rate },
      extended: noExtendedState(),
    } satisfies CpuState,
  };
}

/** Reads the state at `base`; `rflags` comes from the core, which keeps it lazily. */
export function readCpuState(
  view: DataView,
  base: number,
  { rflags, features }: Pick<CpuState, 'rflags' | 'features'>,
): CpuState {
  const registers: Record<string, number | bigint | Uint8Array | BigUint64Array> = {};
  for (const [name, [offset, kind]] of Object.entries(fields)) {
    const at = base + offset;
    if (kind === 'u32') registers[name] = view.getUint32(at, true);
    else if (kind === 'u64') registers[name] = view.getBigUint64(at, true);
    else if (kind === 'f64') registers[name] = view.getFloat64(at, true);
    else if ('bytes' in kind) {
      registers[name] = Uint8Array.from(new Uint8Array(view.buffer, at, kind.bytes));
    } else {
      registers[name] = BigUint64Array.from({ length: kind.u64s }, (_, i) =>
        view.getBigUint64(at + 8 * i, true),
      );
    }
  }
  const segments = Object.fromEntries(
    segmentNames.map((name, i) => {
      const at = base + layout.OFF_SEG + i * layout.SEG_SIZE;
      const segment: SegmentState = {
        selector: view.getUint32(at + layout.SEG_SELECTOR, true),
        base: view.getBigUint64(at + layout.SEG_BASE, true),
        limit: view.getUint32(at + layout.SEG_LIMIT, true),
        attributes: view.getUint32(at + layout.SEG_ATTR, true),
      };
      return [name, segment];
    }),
  ) as CpuState['segments'];
  return { rflags, features, segments, registers, extended: noExtendedState() };
}

/** Writes everything but RFLAGS. The state has been checked against one of this build. */
export function writeCpuState(view: DataView, base: number, state: CpuState): void {
  for (const [name, [offset, kind]] of Object.entries(fields)) {
    const at = base + offset;
    const value = state.registers[name];
    if (kind === 'u32') view.setUint32(at, value as number, true);
    else if (kind === 'u64') view.setBigUint64(at, value as bigint, true);
    else if (kind === 'f64') view.setFloat64(at, value as number, true);
    else if ('bytes' in kind) new Uint8Array(view.buffer, at, kind.bytes).set(value as Uint8Array);
    else {
      (value as BigUint64Array).forEach((word, i) => view.setBigUint64(at + 8 * i, word, true));
    }
  }
  segmentNames.forEach((name, i) => writeSegment(view, base, i, state.segments[name]));
}

/** `index` as in layout.ts: ES CS SS DS FS GS LDTR TR. */
export function writeSegment(
  view: DataView,
  base: number,
  index: number,
  { selector, base: segmentBase, limit, attributes }: SegmentState,
): void {
  const at = base + layout.OFF_SEG + index * layout.SEG_SIZE;
  view.setUint32(at + layout.SEG_SELECTOR, selector, true);
  view.setBigUint64(at + layout.SEG_BASE, segmentBase, true);
  view.setUint32(at + layout.SEG_LIMIT, limit, true);
  view.setUint32(at + layout.SEG_ATTR, attributes, true);
}
