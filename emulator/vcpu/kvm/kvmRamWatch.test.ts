import { expect, it } from 'vitest';
import { guestPhysical } from '../../bus/types.ts';
import { bareHost } from '../bareHost.ts';
import { createKvmEngine, type KvmEngine } from './kvmEngine.ts';
import { onHostWithKvm } from './testEngines.ts';

/** Real mode: mov %al, 0x5000; mov %al, 0x9000; out %al, $0xe9; jmp to the start. */
const program = [0xa2, 0x00, 0x50, 0xa2, 0x00, 0x90, 0xe6, 0xe9, 0xeb, 0xf6];

it('notes which pages of RAM the guest and devices write while someone watches; without /dev/kvm it says so', async () => {
  const engine: KvmEngine | undefined = await onHostWithKvm((calls) =>
    createKvmEngine(calls, {
      memory: 2 ** 20,
      slots: [{ start: 0, size: 2 ** 20, ramOffset: 0 }],
      cpuModel: 'host-like',
      host: bareHost({ portWrite: () => engine?.vcpu.requestExit() }),
    }),
  );
  if (engine === undefined) return;
  try {
    const { memory, vcpu, ramWatch } = engine;
    memory.write(guestPhysical(0x1000), Uint8Array.from(program));
    vcpu.setEntry({ mode: 'real16', rip: 0x1000 });
    const run = (): void => {
      expect(vcpu.run(1e9)).toEqual({ reason: 'budget' });
    };
    run();
    ramWatch.start();
    expect([...ramWatch.take()]).toEqual([]);
    run();
    memory.writeU8(guestPhysical(0xb000), 1);
    expect([...ramWatch.take()]).toEqual([0x5, 0x9, 0xb]);
    expect([...ramWatch.take()]).toEqual([]);
    run();
    expect([...ramWatch.take()]).toEqual([0x5, 0x9]);
    ramWatch.stop();
    ramWatch.start();
    expect([...ramWatch.take()]).toEqual([]);
  } finally {
    engine.dispose();
  }
});
