import { expect, it } from 'vitest';
import { bareHost } from '../bareHost.ts';
import { HostCallError, loadHostCalls } from './hostCalls.ts';
import { createKvmEngine, type KvmEngine } from './kvmEngine.ts';
import { guestMsrs, rangesOf } from './kvmMsrFilter.ts';

it('spans registers with as few ranges as bitmaps allow', () => {
  expect(rangesOf([0x10, 0x1b, 0x6e0, 0x4b564d00, 0xc0000080, 0xc0000103])).toEqual([
    { first: 0x10, count: 0x6d1 },
    { first: 0x4b564d00, count: 1 },
    { first: 0xc0000080, count: 0x84 },
  ]);
  expect(guestMsrs).toEqual(guestMsrs.toSorted((a, b) => a - b));
});

const ramBytes = 0x10000;
const code = 0x1000;
const handler = 0x2000;

/** Writes to port E9h which way it came: 1 read, 2 #GP by the real-mode IVT. */
function guest(ram: Uint8Array, msr: number): void {
  const view = new DataView(ram.buffer, ram.byteOffset, ram.length);
  // mov $msr,%ecx; rdmsr; mov $1,%al; out %al,$0xe9; hlt
  ram.set([0x66, 0xb9, 0, 0, 0, 0, 0x0f, 0x32, 0xb0, 1, 0xe6, 0xe9, 0xf4], code);
  view.setUint32(code + 2, msr, true);
  // mov $2,%al; out %al,$0xe9; hlt
  ram.set([0xb0, 2, 0xe6, 0xe9, 0xf4], handler);
  view.setUint32(13 * 4, handler, true);
}

it('gives #GP for registers that no saved state has, and the others', async () => {
  const calls = await loadHostCalls();
  if (calls === undefined) throw new Error('this host has no such system calls');
  let seen: number | undefined;
  const host = bareHost({
    portWrite: (_port, _width, value) => {
      seen = value;
      engine?.vcpu.requestExit();
    },
  });
  let engine: KvmEngine | undefined;
  try {
    engine = createKvmEngine(calls, {
      ...{ memory: ramBytes, cpuModel: 'host-like', host },
      slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
    });
  } catch (error) {
    // A host without KVM.
    expect((error as Error).cause).toBeInstanceOf(HostCallError);
    return;
  }
  try {
    // SYSENTER_CS and MTRR_DEF_TYPE; KVM's steal time and asynchronous page faults, which the CPU model does not show.
    for (const [msr, expected] of [
      [0x174, 1],
      [0x2ff, 1],
      [0x4b564d03, 2],
      [0x4b564d02, 2],
    ] as const) {
      engine.vcpu.setEntry({ mode: 'real16', cs: 0, rip: code, rsp: 0x8000 });
      guest(engine.ram, msr);
      seen = undefined;
      for (let slices = 0; slices < 50 && seen === undefined; slices++) engine.vcpu.run(1e6);
      expect({ msr, seen }).toEqual({ msr, seen: expected });
    }
  } finally {
    engine.dispose();
  }
});
