import { expect, it } from 'vitest';
import { guestPhysical } from '../../bus/types.ts';
import { ramRanges } from '../../machine/pcLayout.ts';
import { bareHost } from '../bareHost.ts';
import { createKvmEngine, type KvmEngine } from './kvmEngine.ts';
import { pieces } from './kvmVm.ts';
import { onHostWithKvm } from './testEngines.ts';

const GiB = 2 ** 30;

it('parts a slot that has more pages than the bitmap of a dirty log', () => {
  const slot = { start: 4 * GiB, size: 9 * GiB, offset: 3 * GiB, readOnly: false };
  expect(pieces(slot, 4 * GiB)).toEqual([
    { ...slot, size: 4 * GiB },
    { ...slot, start: 8 * GiB, size: 4 * GiB, offset: 7 * GiB },
    { ...slot, start: 12 * GiB, size: GiB, offset: 11 * GiB },
  ]);
});

/** Guest physical: in RAM that lies beyond 4 GiB of the shared memory too. */
const far = 6 * GiB - 2 ** 21;
const memory = 5 * GiB;

/** Long mode: mov (%rdi), %rax; inc %rax; mov %rax, 0x1000(%rdi); out %al, $0xe9; jmp to the start. */
const program = Buffer.from('488b0748ffc048898700100000e6e9ebef', 'hex');

it('gives the guest, DMA and the notes of writes RAM beyond 4 GiB; without /dev/kvm it says so', async () => {
  const engine: KvmEngine | undefined = await onHostWithKvm((calls) =>
    createKvmEngine(calls, {
      ...{ memory, slots: ramRanges(memory), cpuModel: 'host-like' },
      host: bareHost({ portWrite: () => engine?.vcpu.requestExit() }),
    }),
  );
  if (engine === undefined) return;
  try {
    const { memory: ram, vcpu, ramWatch } = engine;
    ram.writeU64(guestPhysical(0x810), 0xaf9b000000ffffn);
    ram.writeU64(guestPhysical(0x818), 0xcf93000000ffffn);
    // The first 2 MiB, and those at `far`, each where it is.
    ram.writeU64(guestPhysical(0x2000), 0x3003n);
    ram.writeU64(guestPhysical(0x3000), 0x4003n);
    ram.writeU64(guestPhysical(0x3000 + 8 * 5), 0x5003n);
    ram.writeU64(guestPhysical(0x4000), 0x83n);
    ram.writeU64(guestPhysical(0x5000 + 8 * 511), BigInt(far) + 0x83n);
    ram.write(guestPhysical(0x1000), program);
    vcpu.setEntry({
      ...{ mode: 'long64', rip: 0x1000, cr3: 0x2000, rdi: far },
      gdt: { base: 0x800, limit: 0x1f },
    });
    const run = (): void => {
      expect(vcpu.run(1e9)).toEqual({ reason: 'budget' });
    };
    expect(ram.inRam(guestPhysical(far), 2 ** 21)).toBe(true);
    expect(ram.inRam(guestPhysical(far), 2 ** 21 + 1)).toBe(false);
    ram.writeU64(guestPhysical(far), 0x1122334455667788n);
    run();
    expect(ram.readU64(guestPhysical(far + 0x1000))).toBe(0x1122334455667789n);
    // RAM of 3 GiB lies below 4 GiB, the rest above.
    const page = (far - GiB) / 4096;
    expect(new DataView(engine.ram.buffer, engine.ram.byteOffset + far - GiB).getBigUint64(0, true)) //
      .toBe(0x1122334455667788n);

    ramWatch.start();
    expect([...ramWatch.take()]).toEqual([]);
    ram.views(guestPhysical(far), 8)[0]?.fill(7);
    ram.wrote(guestPhysical(far), 8);
    run();
    expect([...ramWatch.take()]).toEqual([page, page + 1]);
    expect(ram.readU64(guestPhysical(far + 0x1000))).toBe(0x0707070707070708n);
  } finally {
    engine.dispose();
  }
});
