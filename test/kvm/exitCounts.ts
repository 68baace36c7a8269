/**
 * Counts of VM exits by their reason: the kernel's tracepoints kvm:kvm_exit (what left the guest) and kvm:kvm_userspace_exit (what
 * left KVM_RUN), counted by histogram triggers (Documentation/trace/histogram.rst).
 */

const folder = '/sys/kernel/tracing/events/kvm';
const points = [
  { event: 'kvm_exit', key: 'exit_reason' },
  { event: 'kvm_userspace_exit', key: 'reason' },
] as const;

/** Lines for sh, before the first run. */
export const startCounting: readonly string[] = [
  'mount -t tracefs none /sys/kernel/tracing',
  ...points.map(({ event, key }) => `echo hist:keys=${key} > ${folder}/${event}/trigger`),
];

/** Lines for sh that print the counts of a run, and begin anew. */
export const printCounts: readonly string[] = points.flatMap(({ event, key }) => [
  `awk -F'[:{}]' '/hitcount/ { print "COUNT ${event}", $3 + 0, $5 + 0 }' ${folder}/${event}/hist`,
  `echo hist:keys=${key}:clear >> ${folder}/${event}/trigger`,
]);

/** APM 2, appendix C: codes of SVM. */
const svmExits: Readonly<Record<number, string>> = {
  0x60: 'interrupts of the host',
  0x64: 'interrupt window',
  0x72: 'CPUID',
  0x78: 'HLT',
  0x7b: 'ports',
  0x7c: 'MSRs',
  0x400: 'nested page faults and MMIO',
};
/** include/uapi/linux/kvm.h, KVM_EXIT_… */
const userExits: Readonly<Record<number, string>> = { 2: 'ports', 6: 'MMIO', 10: 'signals' };

/** What `printCounts` has put into a log, a line for each tracepoint, the largest first. */
export function readCounts(log: string): readonly string[] {
  return points.map(({ event }) => {
    const names = event === 'kvm_exit' ? svmExits : userExits;
    const counts = new Map<string, number>();
    for (const [, reason, count] of log.matchAll(new RegExp(`COUNT ${event} (\\d+) (\\d+)`, 'g'))) {
      const name = names[Number(reason)] ?? 'others';
      counts.set(name, (counts.get(name) ?? 0) + Number(count));
    }
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    const title = event === 'kvm_exit' ? 'exits of the guest' : 'of KVM_RUN';
    return `${title}: ${sorted.map(([name, count]) => `${count} ${name}`).join(', ')}`;
  });
}
