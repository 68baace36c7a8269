import { accessSync, constants } from 'node:fs';
import { expect, it } from 'vitest';
import { createGuestMemory } from '../guestMemory.ts';
import { HostCallError, loadHostCalls } from './hostCalls.ts';
import { KickTimer } from './kickTimer.ts';
import { exitReason, request, run, size } from './kvmAbi.ts';
import { KvmVm, withoutOverlaps } from './kvmVm.ts';

const MAP_SHARED_FIXED = 0x11;

function usable(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

it('gives KVM slots that do not overlap, what was mapped first winning', () => {
  const slot = (start: number, length: number, offset: number) => ({
    ...{ start, size: length, offset },
    readOnly: false,
  });
  expect(withoutOverlaps([slot(0x2000, 0x2000, 0x100000), slot(0x1000, 0x5000, 0x200000)])).toEqual(
    [
      slot(0x2000, 0x2000, 0x100000),
      slot(0x1000, 0x1000, 0x200000),
      slot(0x4000, 0x2000, 0x203000),
    ],
  );
});

it('runs real-mode code in the shared memory, and kicks a loop; without /dev/kvm it says so', async () => {
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  const guest = createGuestMemory(1, [{ start: 0, size: 0x100000 }]);
  if (!usable()) {
    expect(() => new KvmVm(calls, guest)).toThrow(HostCallError);
    return;
  }
  const vm = new KvmVm(calls, guest);
  // KVM maps by large pages only what lies alike in guest and host.
  expect(((guest.slots[0]?.offset ?? 0) - (guest.slots[0]?.start ?? 0)) % 2 ** 21).toBe(0);
  try {
    const vcpu = vm.createVcpu(0);
    const shared = vm.area('run');
    const length = vm.system('GET_VCPU_MMAP_SIZE');
    const at = vm.addressOf(shared);
    // PROT_READ | PROT_WRITE
    expect(calls.call('mmap', at, length, 3, MAP_SHARED_FIXED, vcpu, 0)).toBe(at);
    const state = new DataView(shared.buffer, shared.byteOffset, length);
    const scratch = vm.area('vcpu');
    const view = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);

    // out 0xe9, al; jmp to itself
    const ram = guest.slots[0]?.offset ?? 0;
    new Uint8Array(guest.memory.buffer, ram + 0x1000, 4).set([0xe6, 0xe9, 0xeb, 0xfe]);
    vm.ioctl(vcpu, 'GET_SREGS', vm.addressOf(scratch));
    // CS: base and selector.
    view.setBigUint64(0, 0n, true);
    view.setUint16(12, 0, true);
    vm.ioctl(vcpu, 'SET_SREGS', vm.addressOf(scratch));
    scratch.fill(0, 0, size.regs);
    view.setBigUint64(0, 0x5an, true);
    view.setBigUint64(128, 0x1000n, true);
    view.setBigUint64(136, 2n, true);
    vm.ioctl(vcpu, 'SET_REGS', vm.addressOf(scratch));

    const timer = new KickTimer(calls, scratch.subarray(0x1000, 0x1100));
    view.setUint32(0, 8, true);
    view.setBigUint64(4, timer.maskInside, true);
    vm.ioctl(vcpu, 'SET_SIGNAL_MASK', vm.addressOf(scratch));
    vm.ioctl(vcpu, 'RUN');
    expect(state.getUint32(run.exitReason, true)).toBe(exitReason.IO);
    expect(state.getUint16(run.io.port, true)).toBe(0xe9);
    expect(shared[Number(state.getBigUint64(run.io.dataOffset, true))]).toBe(0x5a);

    timer.arm(2e6);
    const started = performance.now();
    expect(calls.call('ioctl', vcpu, request.RUN, 0)).toBe(-4);
    expect(performance.now() - started).toBeGreaterThan(1.5);
    timer.take();
    timer.dispose();
  } finally {
    vm.dispose();
  }
});
