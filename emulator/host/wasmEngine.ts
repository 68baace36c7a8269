import type { EngineRequest, PcEngine } from '../machine/pcParts.ts';
import { createWasmEngine } from '../vcpu/wasm/wasmEngine.ts';

/** Compiles the CPU core once; each call of the result makes a CPU with its own memory. */
export async function wasmEngineFactory(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<(request: EngineRequest) => PcEngine> {
  const core = await WebAssembly.compile(bytes);
  return (request) => createWasmEngine(core, request);
}
