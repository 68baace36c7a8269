/** The wasm core as engine under test. CORE=FILE takes another build of it. */
import { readFileSync } from 'node:fs';

import { createWasmEngine } from '../../emulator/vcpu/wasm/wasmEngine.ts';
import type { EngineFactory } from './suiteGuest.ts';

const file = process.env['CORE'] ?? new URL('../../emulator/cpu/build/core.wasm', import.meta.url);
const core = new WebAssembly.Module(readFileSync(file));

const engine =
  (translateAfter?: number): EngineFactory =>
  (host, ramBytes) =>
    createWasmEngine(core, {
      memory: ramBytes,
      slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
      cpuModel: 'guesthouse-v2',
      host,
      ...(translateAfter === undefined ? {} : { translate: { after: translateAfter, gather: 0 } }),
    });

export const wasmEngine = engine();
/** Translates everything that has run once. */
export const translatingEngine = engine(1);
