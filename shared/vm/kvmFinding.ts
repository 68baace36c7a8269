import { z } from 'zod';

/** What a probe of the KVM engine has found (emulator/host/probeKvm.ts); `kvmVerdict` says what it means. */
export const kvmFindingSchema = z.discriminatedUnion('kind', [
  /** A 64-bit guest has run; an instruction of it took so long. */
  z.object({ kind: z.literal('ready'), nsPerInstruction: z.number() }),
  /** It has run, but KVM interprets it: more slowly than the translator runs it. */
  z.object({ kind: z.literal('interpreted'), nsPerInstruction: z.number(), pvm: z.boolean() }),
  z.object({ kind: z.literal('guest-failed'), detail: z.string().max(4000), pvm: z.boolean() }),
  z.object({ kind: z.literal('other-system') }),
  /** koffi, by which the system is called, could not be loaded. */
  z.object({ kind: z.literal('no-calls') }),
  /** No /dev/kvm. What the processor says of itself decides about the way out. */
  z.object({
    kind: z.literal('no-device'),
    vendor: z.enum(['intel', 'amd']).optional(),
    /** It has VMX or SVM. */
    virtualization: z.boolean(),
    /** It is itself virtual. */
    virtual: z.boolean(),
  }),
  z.object({ kind: z.literal('no-permission'), group: z.string().max(200).optional() }),
  z.object({ kind: z.literal('busy') }),
  z.object({ kind: z.literal('refused'), detail: z.string().max(4000) }),
]);
export type KvmFinding = z.infer<typeof kvmFindingSchema>;

export interface KvmVerdict {
  /** `auto` takes KVM. */
  readonly usable: boolean;
  readonly reason: string;
  readonly remedy?: string;
}

export function kvmVerdict(finding: KvmFinding): KvmVerdict {
  const no = (reason: string, remedy: string): KvmVerdict => ({ usable: false, reason, remedy });
  switch (finding.kind) {
    case 'ready':
      return {
        usable: true,
        reason: `KVM has run a 64-bit guest, at ${inWords(finding.nsPerInstruction)} an instruction`,
      };
    case 'interpreted':
      return no(
        `KVM interprets guests here${pvmWords(finding.pvm)}, at ${inWords(finding.nsPerInstruction)} an instruction; the translator is faster`,
        finding.pvm
          ? 'use a host with kvm_intel or kvm_amd: this host is itself virtual, and its provider decides about that'
          : 'look at what "dmesg" says of kvm',
      );
    case 'guest-failed':
      return no(
        `KVM did not run a 64-bit guest${pvmWords(finding.pvm)}: ${finding.detail}`,
        finding.pvm
          ? 'use a host with kvm_intel or kvm_amd'
          : 'look at what "dmesg" says of kvm, and update the kernel',
      );
    case 'other-system':
      return no('KVM is part of Linux on x86-64, which this host does not run', 'nothing to do');
    case 'no-calls':
      return no(
        'the library "koffi", by which KVM is reached, could not be loaded',
        'install Guesthouse again',
      );
    case 'no-device':
      return noDevice(finding);
    case 'no-permission':
      return no(
        'this user may not open /dev/kvm',
        finding.group === undefined || finding.group === 'root'
          ? 'let a group open it: "sudo chgrp kvm /dev/kvm && sudo chmod 660 /dev/kvm", and join it: "sudo usermod -aG kvm $USER", then log in again'
          : `join the group ${finding.group}: "sudo usermod -aG ${finding.group} $USER", then log in again`,
      );
    case 'busy':
      return no(
        'another hypervisor has the processor’s virtualization',
        'end it (VirtualBox, VMware)',
      );
    case 'refused':
      return no(
        `KVM refused: ${finding.detail}`,
        'update the kernel: Linux 4.13 or newer is needed',
      );
  }
}

function noDevice({
  vendor,
  virtualization,
  virtual,
}: Extract<KvmFinding, { kind: 'no-device' }>): KvmVerdict {
  const module = vendor === 'amd' ? 'kvm_amd' : 'kvm_intel';
  const technique = vendor === 'amd' ? 'SVM (AMD-V)' : 'VT-x';
  if (virtualization)
    return {
      usable: false,
      reason: `there is no /dev/kvm, though the processor has ${technique}`,
      remedy: `load the module: "sudo modprobe ${module}"; if that fails, switch ${technique} on in the BIOS setup`,
    };
  return virtual
    ? {
        usable: false,
        reason: 'there is no /dev/kvm: this host is itself virtual, without nested virtualization',
        remedy:
          'switch nested virtualization on where this host runs (in Hyper-V: Set-VMProcessor -ExposeVirtualizationExtensions $true)',
      }
    : {
        usable: false,
        reason: `there is no /dev/kvm, and the processor shows no ${technique}`,
        remedy: `switch ${technique} on in the BIOS setup, if the processor has it`,
      };
}

const pvmWords = (pvm: boolean): string => (pvm ? ' (module kvm_pvm)' : '');
const inWords = (ns: number): string =>
  ns >= 100 ? `${(ns / 1000).toFixed(1)} µs` : `${ns.toFixed(1)} ns`;
