import { SeededEntropy } from '../../bus/entropy.ts';
import { guestPhysical } from '../../bus/types.ts';
import type { WasmEngine } from './wasmEngine.ts';
import { createWasmEngine } from './wasmEngine.ts';

/** For tests: a CPU with 4 MiB of RAM, a clock that the test moves, and a port that collects bytes. */
export interface TestCpu extends WasmEngine {
  /** Bytes written to port 0xe9, as text. */
  printed(): string;
  /** Machine time; the test moves it. */
  readonly time: { ns: number; wallMs: number };
  /** Vector that the 8259 gives at INTA. */
  readonly pic: { vector: number };
  readonly ended: number[];
  write(address: number, ...bytes: readonly number[]): void;
}

export const testRamBytes = 4 * 2 ** 20;
export const testVideoBytes = 2 ** 20;

/** `translateAfter`: runs after which code is translated; by default it is only interpreted. */
export function createTestCpu(core: WebAssembly.Module, translateAfter?: number): TestCpu {
  const output: number[] = [];
  const time = { ns: 0, wallMs: 1_700_000_000_000 };
  const pic = { vector: 8 };
  const ended: number[] = [];
  const engine = createWasmEngine(core, {
    memory: testRamBytes,
    slots: [{ start: 0, size: testRamBytes, ramOffset: 0 }],
    videoMemory: testVideoBytes,
    cpuModel: 'guesthouse-v2',
    entropy: new SeededEntropy(1),
    ...(translateAfter === undefined ? {} : { translate: { after: translateAfter, gather: 0 } }),
    host: {
      portRead: () => 0xff,
      portWrite: (port, _width, value) => {
        if (port === 0xe9) output.push(value);
      },
      memoryRead: () => 0xffffffff,
      memoryWrite: () => undefined,
      acknowledgePic: () => pic.vector,
      endOfInterrupt: (vector) => ended.push(vector),
      nowNs: () => time.ns,
      wallMs: () => time.wallMs,
    },
  });
  return {
    ...engine,
    time,
    pic,
    ended,
    printed: () => String.fromCharCode(...output),
    write: (address, ...bytes) =>
      engine.memory.write(guestPhysical(address), Uint8Array.from(bytes)),
  };
}

/** Little-endian bytes of a 32-bit value. */
export const u32 = (value: number): number[] => [0, 8, 16, 24].map((bit) => (value >>> bit) & 0xff);

/** Code of `mov dword [address], value`, 32-bit code. */
export const store32 = (address: number, value: number): number[] => [
  ...[0xc7, 0x05],
  ...u32(address),
  ...u32(value),
];

/** Code of `mov al, text; out 0xe9, al`. */
export const print = (text: string): number[] => [0xb0, text.charCodeAt(0), 0xe6, 0xe9];

export const gdtAddress = 0x800;
export const idtAddress = 0x900;
export const codeAddress = 0x1000;
/** Handlers of vector n lie at handlerAddress(n). */
export const handlerAddress = (vector: number): number => 0x4000 + vector * 0x40;

/** Flat 32-bit protected mode with an IDT; `code` runs at codeAddress, handlers get their own bytes. */
export function startProtected(
  cpu: TestCpu,
  code: readonly number[],
  handlers: Readonly<Record<number, readonly number[]>> = {},
): void {
  cpu.write(gdtAddress + 0x10, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0);
  cpu.write(gdtAddress + 0x18, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);
  for (const [vector, bytes] of Object.entries(handlers)) {
    const at = handlerAddress(Number(vector));
    cpu.write(
      idtAddress + 8 * Number(vector),
      ...[at & 0xff, (at >> 8) & 0xff, 0x10, 0, 0, 0x8e, at >> 16, 0],
    );
    cpu.write(at, ...bytes);
  }
  const lidt = [0x0f, 0x01, 0x1d, ...u32(idtAddress - 0x20)];
  cpu.write(idtAddress - 0x20, 0xff, 0x07, ...u32(idtAddress));
  cpu.write(codeAddress, ...lidt, ...code);
  cpu.vcpu.setEntry({
    mode: 'protected32',
    rip: codeAddress,
    rsp: 0x80000,
    gdt: { base: gdtAddress, limit: 0x1f },
  });
}
