import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Machine, MachineSpec } from '../machine/machine.ts';
import { createPc } from '../machine/pc.ts';
import { SwitchableEngine } from '../vcpu/switchableEngine.ts';
import { createWasmEngine } from '../vcpu/wasm/wasmEngine.ts';
import { loadCore } from './coreModule.ts';
import { kvmEngineFactory } from './kvmEngineFactory.ts';
import { probeKvm } from './probeKvm.ts';

const times = 200;
/** Where the guest keeps a bit for each CPU that was started, and how many others it waits for. */
const seenAt = 0x600;
const waitsForAt = 0x608;

/**
 * Firmware in real mode. The boot processor takes its x2APIC, starts the others by INIT and SIPI to F000:0000, writes to port
 * E9h 200 times, waits for all to be done, resets the machine by port CF9h, does the same again, and ends:
 *   xor %eax,%eax; mov %ax,%ds; mov %eax,0x600; mov %eax,0x604
 *   mov $0x1b,%ecx; rdmsr; or $0xc00,%eax; wrmsr
 *   mov $0x830,%ecx; xor %edx,%edx; mov $0xc4500,%eax; wrmsr; mov $0xc46f0,%eax; wrmsr
 *   mov $'a',%al; mov $200,%cx; 1: out %al,$0xe9; dec %cx; jnz 1b
 *   2: pause; mov 0x604,%ax; cmp 0x608,%ax; jne 2b
 *   incb 0x60a; cmpb $2,0x60a; je 3f; mov $6,%al; mov $0xcf9,%dx; out %al,%dx; jmp 4f
 *   3: mov 0x600,%al; out %al,$0xf4; 4: hlt; jmp 4b
 * Each of the others:
 *   xor %ax,%ax; mov %ax,%ds; mov $1,%eax; cpuid; shr $24,%ebx; lock bts %ebx,0x600
 *   mov %bl,%al; add $'a',%al; mov $200,%cx; 1: out %al,$0xe9; dec %cx; jnz 1b
 *   lock incw 0x604; 2: cli; hlt; jmp 2b
 */
function firmware(): Uint8Array {
  const rom = new Uint8Array(0x20000);
  const code = (at: number, hex: string): void => rom.set(Buffer.from(hex, 'hex'), 0x10000 + at);
  code(
    0,
    '31c08ed866b8010000000fa266c1eb1866f00fab1e000688d80461b9c800e6e94975fbf0ff060406faf4ebfc00',
  );
  code(
    0x40,
    '6631c08ed866a3000666a3040666b91b0000000f32660d000c00000f3066b9300800006631d266b800450c000f3066b8f0460c000f30b061b9c800e6e94975fbf390a104063b06080675f5fe060a06803e0a06027408b006baf90ceeeb05a00006e6f4f4ebfd',
  );
  // The reset vector jumps there.
  code(0xfff0, 'e94d00');
  return rom;
}

class Letters {
  readonly counts = new Map<string, number>();
  write(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const letter = String.fromCharCode(byte);
      this.counts.set(letter, (this.counts.get(letter) ?? 0) + 1);
    }
  }
  connect(): void {
    // Nobody types.
  }
}

const spec = (cpus: number, engine: MachineSpec['engine'], letters: Letters): MachineSpec => ({
  ...{ memory: 16 << 20, cpus, cpuModel: 'host-like', engine, drives: [], serial: [] },
  boot: { order: ['hdd'], menu: false, external: { code: firmware() } },
  ...{ debugConsole: letters, debugExit: true, time: 'host' },
});
const parts = {
  yieldToEventLoop: () => nextTurn(),
  onHostFailure: (why: string): void => expect.fail(why),
};

function start(machine: Machine, cpus: number): void {
  new DataView(machine.ram.buffer, machine.ram.byteOffset).setUint16(waitsForAt, cpus - 1, true);
  machine.start();
}

it('starts four CPUs by INIT and SIPI, serves the ports of all, and starts them again after a reset', async () => {
  if (!['ready', 'interpreted'].includes((await probeKvm()).kind)) return;
  const letters = new Letters();
  const kvm = await kvmEngineFactory(4);
  const machine = createPc(spec(4, 'kvm', letters), {
    ...parts,
    createEngine: (request) => new SwitchableEngine(request, 'kvm', () => kvm(request)),
  });
  try {
    start(machine, 4);
    // Pauses come in the middle of accesses; nothing is lost or done twice.
    for (let i = 0; i < 20; i++) {
      await nextTurn();
      await machine.pause();
      machine.resume();
    }
    expect(await machine.ended).toEqual({ kind: 'debugExit', value: 0b1110 });
    expect(Object.fromEntries(letters.counts)).toEqual(
      Object.fromEntries([...'abcd'].map((letter) => [letter, 2 * times])),
    );
    expect(machine.ram[seenAt]).toBe(0b1110);
  } finally {
    await machine.dispose();
  }
});

it('refuses several CPUs on the translator', async () => {
  const core = await loadCore();
  expect(() =>
    createPc(spec(2, 'translator', new Letters()), {
      ...parts,
      createEngine: (request) => createWasmEngine(core, request),
    }),
  ).toThrow('several CPUs need hardware assistance; the translator runs one');
});
