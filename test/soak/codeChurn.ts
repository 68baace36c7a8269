/** A guest without a kernel that writes functions, runs each until it is translated, and overwrites it. */
import { loadCore } from '../../emulator/host/coreModule.ts';
import { createTestCpu, startProtected, u32 } from '../../emulator/vcpu/wasm/testCpu.ts';
import { memorySample, type MemorySample } from './memorySample.ts';

const template = 0x8000;
const firstFunction = 0x10000;
const lastFunction = 0x60000;

/** mov eax, imm32; mov ecx, 60; (add eax, 3; dec ecx; jnz) x 60; ret */
const functionCode = [
  ...[0xb8, ...u32(0)],
  ...[0xb9, ...u32(60)],
  ...[0x83, 0xc0, 0x03, 0x49, 0x75, 0xfa],
  0xc3,
];

/** Copies the template to each 256th byte in turn with another constant, and calls it 40 times. */
function program(): number[] {
  const next = [
    ...[0xbe, ...u32(template), 0x57], // mov esi, template; push edi
    ...[0xb9, ...u32(8), 0xfc, 0xf3, 0xa5, 0x5f], // mov ecx, 8; cld; rep movsd; pop edi
    ...[0x89, 0x5f, 0x01], // mov [edi+1], ebx
    ...[0xba, ...u32(40)], // mov edx, 40
    ...[0xff, 0xd7, 0x4a, 0x75, 0xfb], // call edi; dec edx; jnz
    ...[0x43, 0x81, 0xc7, ...u32(0x100)], // inc ebx; add edi, 0x100
    ...[0x81, 0xff, ...u32(lastFunction), 0x72], // cmp edi, last; jb next
  ];
  const outer = [0xbf, ...u32(firstFunction), ...next, 0x100 - (next.length + 1)];
  return [0x31, 0xdb, ...outer, 0xeb, 0x100 - (outer.length + 2)];
}

export interface Churn {
  readonly samples: MemorySample[];
  readonly counters: Readonly<Record<string, number>>;
  /** Functions that the guest wrote and ran. */
  readonly functions: number;
}

export async function churnCode(seconds: number): Promise<Churn> {
  const cpu = createTestCpu(await loadCore(), 20);
  startProtected(cpu, program());
  cpu.write(template, ...functionCode);
  const samples: MemorySample[] = [];
  const end = performance.now() + seconds * 1000;
  const every = (seconds * 1000) / 60;
  for (let next = performance.now(); performance.now() < end;) {
    const exit = cpu.vcpu.run(20_000);
    if (exit.reason !== 'budget') throw new Error(`the guest ended: ${exit.reason}`);
    if (performance.now() < next) continue;
    next += every;
    // V8 frees what is dead when the event loop turns.
    await new Promise((turn) => setImmediate(turn));
    samples.push(memorySample());
  }
  const { registers } = cpu.vcpu.state();
  const functions = Number((registers.gpr as BigUint64Array)[3]);
  return { samples, counters: cpu.vcpu.counters(), functions };
}
