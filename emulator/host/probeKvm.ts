/** Tries the KVM engine: a 64-bit guest that counts down and halts is really run. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { HostEntropy } from '../bus/entropy.ts';
import { guestPhysical } from '../bus/types.ts';
import type { KvmFinding } from '../../shared/vm/kvmFinding.ts';
import { HostCallError, loadHostCalls, type HostCalls } from '../vcpu/kvm/hostCalls.ts';
import { bareHost } from '../vcpu/bareHost.ts';
import { createKvmEngine } from '../vcpu/kvm/kvmEngine.ts';
import type { VcpuExit } from '../vcpu/vcpu.ts';

const { ENOENT, ENODEV, ENXIO, EACCES, EPERM, EBUSY } = constants.errno;
const device = '/dev/kvm';
const port = 0xe9;
const [startMark, endMark] = [0x11, 0x6b];
const repeats = 5;
const rounds = 4000;
/** An interpreting kernel needs 300 or more; KVM on an emulated, busy processor needed 40. */
const slowNs = 100;
const longestMs = 1000;

export async function probeKvm(): Promise<KvmFinding> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { kind: 'other-system' };
  const calls = await loadHostCalls();
  if (calls === undefined) return { kind: 'no-calls' };
  try {
    return tryGuest(calls);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!(cause instanceof HostCallError)) throw error;
    return findingOf(cause, hostFacts());
  }
}

export interface HostFacts {
  /** /proc/cpuinfo. */
  readonly cpuInfo: string;
  /** Name of the group that /dev/kvm belongs to. */
  readonly group: string | undefined;
}

function hostFacts(): HostFacts {
  const cpuInfo = readFileSync('/proc/cpuinfo', 'utf8');
  if (!existsSync(device)) return { cpuInfo, group: undefined };
  const { gid } = statSync(device);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.split(':')[2] === String(gid));
  return { cpuInfo, group: line?.split(':')[0] };
}

export function findingOf({ errno, message }: HostCallError, facts: HostFacts): KvmFinding {
  if (([EACCES, EPERM] as number[]).includes(errno))
    return { kind: 'no-permission', group: facts.group };
  if (errno === EBUSY) return { kind: 'busy' };
  if (!([ENOENT, ENODEV, ENXIO] as number[]).includes(errno))
    return { kind: 'refused', detail: message };
  const flags = /^flags\s*:(.*)$/m.exec(facts.cpuInfo)?.[1]?.split(' ') ?? [];
  const vendor = facts.cpuInfo.includes('GenuineIntel')
    ? 'intel'
    : facts.cpuInfo.includes('AuthenticAMD')
      ? 'amd'
      : undefined;
  return {
    kind: 'no-device',
    vendor,
    virtualization: flags.includes('vmx') || flags.includes('svm'),
    virtual: flags.includes('hypervisor'),
  };
}

/** Throws UserError, caused by a HostCallError. */
function tryGuest(calls: HostCalls): KvmFinding {
  let heard: number | undefined;
  let lastMark: number | undefined;
  let counted = Infinity;
  const engine = createKvmEngine(calls, {
    memory: 2 ** 20,
    slots: [{ start: 0, size: 2 ** 20, ramOffset: 0 }],
    cpuModel: 'host-like',
    entropy: new HostEntropy(),
    host: bareHost({
      portWrite: (at, _, value) => {
        if (at !== port) return;
        // The quickest from one access to the next: without what the first entry costs, and others' work.
        const now = performance.now();
        counted = Math.min(counted, now - (lastMark ?? -Infinity));
        lastMark = now;
        heard = value;
      },
    }),
  });
  const pvm = existsSync('/sys/module/kvm_pvm');
  try {
    const { memory, vcpu } = engine;
    // GDT: 64-bit code at 0x10, data at 0x18. Page tables: the first 2 MiB.
    memory.writeU64(guestPhysical(0x810), 0xaf9b000000ffffn);
    memory.writeU64(guestPhysical(0x818), 0xcf93000000ffffn);
    memory.writeU64(guestPhysical(0x2000), 0x3003n);
    memory.writeU64(guestPhysical(0x3000), 0x4003n);
    memory.writeU64(guestPhysical(0x4000), 0x83n);
    // mov $repeats, %ebx; 1: mov $startMark, %al; out %al, $port; mov $rounds, %ecx; 2: dec %ecx; jnz 2b; dec %ebx; jnz 1b
    // movabs $endMark << 32, %rax; shr $32, %rax; out %al, $port; hlt
    const count = [rounds & 0xff, rounds >>> 8, 0, 0];
    memory.write(
      guestPhysical(0x1000),
      Uint8Array.from([
        ...[0xbb, repeats, 0, 0, 0, 0xb0, startMark, 0xe6, port, 0xb9, ...count],
        ...[0xff, 0xc9, 0x75, 0xfc, 0xff, 0xcb, 0x75, 0xef],
        ...[0x48, 0xb8, 0, 0, 0, 0, endMark, 0, 0, 0, 0x48, 0xc1, 0xe8, 32, 0xe6, port, 0xf4],
      ]),
    );
    vcpu.setEntry({
      mode: 'long64',
      rip: 0x1000,
      cr3: 0x2000,
      gdt: { base: 0x800, limit: 0x1f },
    });
    const entered = performance.now();
    let exit: VcpuExit = { reason: 'budget' };
    while (exit.reason === 'budget' && heard !== endMark) {
      if (performance.now() - entered > longestMs)
        return { kind: 'guest-failed', pvm, detail: `it did not end within ${longestMs} ms` };
      exit = vcpu.run(1e6);
    }
    const nsPerInstruction = (counted * 1e6) / (2 * rounds);
    if (heard !== endMark) {
      const detail = exit.reason === 'failure' ? exit.detail : `it ended by ${exit.reason}`;
      return { kind: 'guest-failed', pvm, detail };
    }
    if (pvm || nsPerInstruction > slowNs) return { kind: 'interpreted', nsPerInstruction, pvm };
    return { kind: 'ready', nsPerInstruction };
  } finally {
    engine.dispose();
  }
}
