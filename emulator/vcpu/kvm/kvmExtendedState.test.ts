import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cpuidEntries, featuresOfModel } from '../cpuidModels.ts';
import { createGuestMemory } from '../guestMemory.ts';
import { HostCallError, loadHostCalls } from './hostCalls.ts';
import { size } from './kvmAbi.ts';
import { KvmRegisters } from './kvmRegisters.ts';
import { cpuStateOf, imageOf } from './kvmState.ts';
import { KvmVm } from './kvmVm.ts';

const features = featuresOfModel('x86-64-v3');
const tscKhz = 2_600_000;

it('gives KVM XCR0 and the upper halves of YMM, and finds them there again; without /dev/kvm it says so', async () => {
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  let vm: KvmVm;
  try {
    vm = new KvmVm(calls, createGuestMemory(1, [{ start: 0, size: 0x100000 }]));
  } catch (error) {
    expect(error).toBeInstanceOf(HostCallError);
    return;
  }
  try {
    // A processor without AVX has no such state.
    if (!/^flags\s*:.* avx /m.test(readFileSync('/proc/cpuinfo', 'utf8'))) return;
    const fd = vm.createVcpu(0);
    const area = vm.area('vcpu');
    const table = area.subarray(0x3000);
    const view = new DataView(table.buffer, table.byteOffset, table.length);
    const entries = cpuidEntries({ model: 'x86-64-v3', features, cpus: 1, tscKhz });
    view.setUint32(0, entries.length, true);
    entries.forEach(({ leaf, subleaf, eax, ebx, ecx, edx }, i) =>
      // Flag 1: the index is significant.
      [leaf, subleaf ?? 0, subleaf === undefined ? 0 : 1, eax, ebx, ecx, edx].forEach((value, n) =>
        view.setUint32(8 + i * size.cpuidEntry + 4 * n, value, true),
      ),
    );
    vm.ioctl(fd, 'SET_CPUID2', vm.addressOf(table));
    const registers = new KvmRegisters(vm, fd, area);
    const powerOn = registers.take();
    const pdpte = new BigUint64Array(4);
    const moment = { nowNs: 0, tsc: 0n, tscKhz, picHigh: false, kvmVersion: 0, pdpte, features };
    const state = cpuStateOf(powerOn, moment);
    const none = { xcr0: 1n, ymmHigh: new Uint8Array(256) };
    expect(state.extended).toEqual(none);
    const extended = { xcr0: 7n, ymmHigh: Uint8Array.from({ length: 256 }, (_, i) => i ^ 0x5a) };
    registers.put(imageOf({ ...state, extended }, powerOn, 0));
    expect(cpuStateOf(registers.take(), moment).extended).toEqual(extended);
    registers.put(powerOn);
    expect(cpuStateOf(registers.take(), moment).extended).toEqual(none);
  } finally {
    vm.dispose();
  }
});
