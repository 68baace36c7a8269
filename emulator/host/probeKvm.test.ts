import { accessSync, constants, existsSync } from 'node:fs';
import os from 'node:os';
import { expect, it } from 'vitest';
import { HostCallError } from '../vcpu/kvm/hostCalls.ts';
import { findingOf, probeKvm } from './probeKvm.ts';

const { ENOENT, EACCES, EBUSY, EINVAL } = os.constants.errno;
const facts = (flags: string, vendor = 'GenuineIntel') => ({
  cpuInfo: `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: fpu ${flags} sse\n`,
  group: 'kvm',
});
const opened = (errno: number) => new HostCallError('open /dev/kvm', errno);

it('tells what a missing device, a lack of permission and a busy processor are', () => {
  expect(findingOf(opened(ENOENT), facts('vmx'))).toEqual({
    ...{ kind: 'no-device', vendor: 'intel', virtualization: true, virtual: false },
  });
  expect(findingOf(opened(ENOENT), facts('hypervisor', 'AuthenticAMD'))).toEqual({
    ...{ kind: 'no-device', vendor: 'amd', virtualization: false, virtual: true },
  });
  expect(findingOf(opened(EACCES), facts(''))).toEqual({ kind: 'no-permission', group: 'kvm' });
  expect(findingOf(opened(EBUSY), facts('')).kind).toBe('busy');
  expect(findingOf(opened(EINVAL), facts(''))).toEqual({
    kind: 'refused',
    detail: 'open /dev/kvm: EINVAL',
  });
});

it('runs a 64-bit guest where this host has KVM, and says what it has found where not', async () => {
  const finding = await probeKvm();
  if (!existsSync('/dev/kvm')) return expect(finding.kind).toBe('no-device');
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return expect(finding.kind).toBe('no-permission');
  }
  // Under kvm_pvm a guest without paravirtualisation is interpreted.
  const pvm = existsSync('/sys/module/kvm_pvm');
  expect(finding.kind).toBe(pvm ? 'interpreted' : 'ready');
});
