/**
 * Which model-specific registers a guest on KVM has (api.rst, KVM_X86_SET_MSR_FILTER): those of the translator's CPU (cpu/msr.ts) and no
 * others, so that it uses none that a saved state does not have. All else is #GP, as there. The x2APIC's are not subject to a filter.
 */
import type { KvmVm } from './kvmVm.ts';

const MSR_FILTER_DEFAULT_DENY = 1;
const MSR_FILTER_READ_WRITE = 3;
const rangeSize = 24;
/** KVM_MSR_FILTER_MAX_RANGES and the size of its bitmaps in bits. */
const [mostRanges, mostInRange] = [16, 0x600 * 8];
const bitmapsAt = 0x400;

const span = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** SDM 4, table 2-2; from 4b564d00h on: Documentation/virt/kvm/x86/msr.rst. In rising order. */
export const guestMsrs: readonly number[] = [
  // TSC, kvmclock's old pair, platform ID, APIC base, feature control, TSC_ADJUST, microcode, platform information, MTRRs.
  ...[0x10, 0x11, 0x12, 0x17, 0x1b, 0x3a, 0x3b, 0x79, 0x8b, 0xce, 0xfe],
  // SYSENTER, machine check, performance and thermal status, MISC_ENABLE, DEBUGCTL.
  ...[0x174, 0x175, 0x176, 0x179, 0x17a, 0x198, 0x199, 0x19b, 0x19c, 0x1a0, 0x1d9],
  ...[...span(0x200, 0x20f), 0x250, 0x258, 0x259, ...span(0x268, 0x26f), 0x277, 0x2ff],
  // TSC deadline; kvmclock, PV EOI.
  ...[0x6e0, 0x4b564d00, 0x4b564d01, 0x4b564d04],
  // EFER, SYSCALL, segment bases, TSC_AUX.
  ...[...span(0xc0000080, 0xc0000084), ...span(0xc0000100, 0xc0000103)],
];

export interface MsrRange {
  readonly first: number;
  readonly count: number;
}

/** The least that a filter's bitmaps have to span. */
export function rangesOf(msrs: readonly number[]): readonly MsrRange[] {
  const ranges: { first: number; count: number }[] = [];
  for (const number of msrs) {
    const last = ranges.at(-1);
    if (last !== undefined && number - last.first < mostInRange)
      last.count = number - last.first + 1;
    else ranges.push({ first: number, count: 1 });
  }
  return ranges;
}

/** Throws HostCallError. */
export function filterMsrs(vm: KvmVm): void {
  const ranges = rangesOf(guestMsrs);
  if (ranges.length > mostRanges) throw new Error('too many ranges of MSRs');
  const area = vm.area('vm').fill(0);
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  view.setUint32(0, MSR_FILTER_DEFAULT_DENY, true);
  let bitmap = bitmapsAt;
  ranges.forEach(({ first, count }, i) => {
    const at = 8 + i * rangeSize;
    view.setUint32(at, MSR_FILTER_READ_WRITE, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, first, true);
    view.setBigUint64(at + 16, BigInt(vm.addressOf(area) + bitmap), true);
    for (const number of guestMsrs) {
      const bit = number - first;
      if (bit < 0 || bit >= count) continue;
      const byte = bitmap + (bit >>> 3);
      area[byte] = (area[byte] as number) | (1 << (bit & 7));
    }
    bitmap += Math.ceil(count / 64) * 8;
  });
  vm.vm('X86_SET_MSR_FILTER', vm.addressOf(area));
}
