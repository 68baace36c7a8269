import { expect, it } from 'vitest';
import { bareHost } from '../bareHost.ts';
import { createKvmEngine, type KvmEngine } from './kvmEngine.ts';
import { onHostWithKvm } from './testEngines.ts';

const ramBytes = 0x10000;
const writes = 500;
const window = 0xa0000;

/**
 * Real mode: mov $0xa000, %ax; mov %ax, %es; xor %di, %di; mov $writes, %cx; 1: mov %di, %es:(%di); inc %di; inc %di; dec %cx; jnz 1b;
 * out %al, $0xe9; mov %al, %es:0x8000; out %al, $0xe9; mov %al, %es:0x9000; mov %es:0x9000, %al; out %al, $0xe9
 */
const program = Buffer.from(
  'b800a08ec031ffb9f40126893d47474975f8e6e926a20080e6e926a2009026a00090e6e9',
  'hex',
);

it('hands over writes to a window in their order, before what else the guest does, with few exits', async () => {
  const seen: string[] = [];
  const host = bareHost({
    memoryWrite: (address, width, value) => seen.push(`${address - window}.${width}=${value}`),
    memoryRead: (address) => {
      seen.push(`read ${address - window}`);
      return 0x5a;
    },
    portWrite: (_port, _width, value) => {
      seen.push(`out ${value}`);
      engine?.vcpu.requestExit();
    },
  });
  const engine: KvmEngine | undefined = await onHostWithKvm((calls) =>
    createKvmEngine(calls, {
      ...{ memory: ramBytes, cpuModel: 'host-like', host },
      slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
      lateWrites: { start: window, size: 0x20000 },
    }),
  );
  if (engine === undefined) return;
  try {
    engine.ram.set(program, 0x1000);
    engine.vcpu.setEntry({ mode: 'real16', cs: 0, rip: 0x1000, rsp: 0x8000 });
    const outs = (): number => seen.filter((one) => one.startsWith('out')).length;
    while (outs() < 3) expect(engine.vcpu.run(1e7).reason).toBe('budget');
    expect(seen).toEqual([
      ...Array.from({ length: writes }, (_, i) => `${2 * i}.2=${2 * i}`),
      ...['out 0', '32768.1=0', 'out 0', '36864.1=0', 'read 36864', 'out 90'],
    ]);
    // The ring has 170 entries.
    expect(engine.vcpu.counters().mmioAccesses).toBeLessThan(10);
  } finally {
    engine.dispose();
  }
});
