import { expect, it } from 'vitest';
import { type KvmFinding, kvmVerdict } from './kvmFinding.ts';

const noDevice = {
  kind: 'no-device',
  vendor: 'intel',
  virtualization: false,
  virtual: false,
} as const;

it.each<[KvmFinding, RegExp, RegExp]>([
  [{ ...noDevice, virtualization: true }, /no \/dev\/kvm, though .* VT-x/, /modprobe kvm_intel/],
  [
    { ...noDevice, vendor: 'amd', virtualization: true },
    /no \/dev\/kvm, though .* SVM/,
    /modprobe kvm_amd/,
  ],
  [noDevice, /shows no VT-x/, /BIOS setup/],
  [{ ...noDevice, virtual: true }, /itself virtual/, /nested virtualization .*Hyper-V/],
  [{ kind: 'no-permission', group: 'kvm' }, /may not open/, /usermod -aG kvm/],
  [{ kind: 'no-permission', group: 'root' }, /may not open/, /chgrp kvm/],
  [{ kind: 'busy' }, /another hypervisor/, /VirtualBox/],
  [{ kind: 'no-calls' }, /koffi/, /install/],
  [{ kind: 'interpreted', nsPerInstruction: 1500, pvm: true }, /kvm_pvm.*1\.5 µs/, /kvm_intel/],
  [{ kind: 'guest-failed', detail: 'it ended by shutdown', pvm: true }, /kvm_pvm/, /kvm_intel/],
  [{ kind: 'refused', detail: 'KVM_CREATE_VM: EINVAL' }, /EINVAL/, /4\.13/],
])('says why %j cannot be used, and what to do', (finding, reason, remedy) => {
  const verdict = kvmVerdict(finding);
  expect(verdict.usable).toBe(false);
  expect(verdict.reason).toMatch(reason);
  expect(verdict.remedy).toMatch(remedy);
});

it('takes KVM where a guest has run at speed', () => {
  expect(kvmVerdict({ kind: 'ready', nsPerInstruction: 0.4 }).usable).toBe(true);
});
