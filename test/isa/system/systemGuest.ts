import { readFileSync } from 'node:fs';
import { guestPhysical } from '../../../emulator/bus/types.ts';
import { createWasmEngine } from '../../../emulator/vcpu/wasm/wasmEngine.ts';

const ramBytes = 64 * 2 ** 20;
const debugConsole = 0xe9;
const debugExit = 0xf4;

const coreFile =
  process.env.CORE ?? new URL('../../../emulator/cpu/build/core.wasm', import.meta.url);

/** What the kernel printed, and how it ended: 'exit', or what went wrong. */
export interface GuestRun {
  readonly output: string;
  readonly end: string;
}

/**
 * Loads a 32-bit ELF as Multiboot does and runs it until it writes to the debug-exit port. `translateAfter`: runs after
 * which code is translated; by default it is only interpreted.
 */
export function runOnCore(
  elf: Uint8Array,
  translateAfter?: number,
  maxInstructions = 2e9,
): GuestRun {
  const core = new WebAssembly.Module(readFileSync(coreFile));
  const printed: number[] = [];
  let exited = false;
  let now = 0;
  const engine = createWasmEngine(core, {
    memory: ramBytes,
    slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
    cpuModel: 'host-like',
    ...(translateAfter === undefined ? {} : { translate: { after: translateAfter, gather: 0 } }),
    host: {
      portRead: () => 0xffffffff,
      portWrite: (port, _width, value) => {
        if (port === debugConsole) printed.push(value & 0xff);
        if (port === debugExit) {
          exited = true;
          engine.vcpu.requestExit();
        }
      },
      memoryRead: () => 0xffffffff,
      memoryWrite: () => undefined,
      acknowledgePic: () => 0xff,
      endOfInterrupt: () => undefined,
      nowNs: () => (now += 100),
      wallMs: () => 0,
    },
  });
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const headers = view.getUint32(28, true);
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const at = headers + i * view.getUint16(42, true);
    if (view.getUint32(at, true) !== 1) continue;
    const offset = view.getUint32(at + 4, true);
    const address = view.getUint32(at + 12, true);
    engine.memory.write(
      guestPhysical(address),
      elf.subarray(offset, offset + view.getUint32(at + 16, true)),
    );
  }
  engine.vcpu.setEntry({ mode: 'protected32', rip: view.getUint32(24, true), rax: 0x2badb002 });
  let end = 'still running';
  while (engine.instructionsRetired() < maxInstructions) {
    const exit = engine.vcpu.run(translateAfter === undefined ? 1_000_000 : 1000);
    if (exited) end = 'exit';
    else if (exit.reason === 'failure') end = exit.detail;
    else if (exit.reason !== 'budget') end = `${exit.reason}: ${engine.vcpu.describe()}`;
    else continue;
    break;
  }
  return { output: Buffer.from(printed).toString('latin1'), end };
}
