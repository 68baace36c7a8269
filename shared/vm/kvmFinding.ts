/** What a probe of the KVM engine has found (emulator/host/probeKvm.ts), and what it means in words. */
export type KvmFinding =
  /** A 64-bit guest has run; an instruction of it took so long. */
  | { readonly kind: 'ready'; readonly nsPerInstruction: number }
  /** It has run, but KVM interprets it: more slowly than the translator runs it. */
  | { readonly kind: 'interpreted'; readonly nsPerInstruction: number; readonly pvm: boolean }
  | { readonly kind: 'guest-failed'; readonly detail: string; readonly pvm: boolean }
  | { readonly kind: 'other-system' }
  /** koffi, by which the system is called, could not be loaded. */
  | { readonly kind: 'no-calls' }
  /** No /dev/kvm. What the processor says of itself decides about the way out. */
  | {
      readonly kind: 'no-device';
      readonly vendor: 'intel' | 'amd' | undefined;
      /** It has VMX or SVM. */
      readonly virtualization: boolean;
      /** It is itself virtual. */
      readonly virtual: boolean;
    }
  | { readonly kind: 'no-permission'; readonly group: string | undefined }
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly detail: string };

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
