/** Temporary: the core driven directly, until vcpu/wasm is there. */
import { readFileSync } from 'node:fs';
import * as L from '../../emulator/cpu/layout.ts';
import type { EngineFactory } from './suiteGuest.ts';

const module = new WebAssembly.Module(
  readFileSync(process.env.CORE ?? new URL('../../emulator/cpu/build/core.wasm', import.meta.url)),
);

export const wasmEngine: EngineFactory = (host, ramBytes) => {
  const cpu = 2 << 20;
  const codeMap = cpu + L.VCPU_REGION_SIZE;
  const ramOffset = codeMap + (1 << 20);
  const pages = (ramOffset + ramBytes) >> 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
  const view = new DataView(memory.buffer);
  const exports = new WebAssembly.Instance(module, {
    env: {
      memory,
      abort: () => {
        throw new Error('abort');
      },
    },
    host: {
      CPU: cpu,
      portRead: host.portRead,
      portWrite: host.portWrite,
      memoryRead: host.memoryRead,
      memoryWrite: host.memoryWrite,
      acknowledgePic: host.acknowledgePic,
      endOfInterrupt: host.endOfInterrupt,
      sendMessage: () => undefined,
      nowNs: host.nowNs,
      wallMs: host.wallMs,
      entropy: () => 4,
      trace: (c: number, a: number, b: number) => console.log('trace', c, a, b),
    },
  }).exports as Record<string, any>;
  const u32 = (o: number, v: number) => view.setUint32(cpu + o, v >>> 0, true);
  const u64 = (o: number, v: bigint) => view.setBigUint64(cpu + o, BigInt.asUintN(64, v), true);
  u32(L.OFF_CODE_MAP, codeMap);
  u32(L.OFF_SLOT_COUNT, 1);
  u64(L.OFF_SLOTS, 0n);
  u64(L.OFF_SLOTS + 8, BigInt(ramBytes));
  u32(L.OFF_SLOTS + 16, ramOffset);
  u32(L.OFF_SLOTS + 20, 0);
  view.setFloat64(cpu + L.OFF_TSC_PER_NS, 1, true);
  u32(L.OFF_TSC_KHZ, 1_000_000);
  const vcpu: any = {
    run(budget: number) {
      const reason = exports.run(budget);
      return { reason: ['budget', 'halt', 'shutdown', 'failure'][reason], detail: 'failure' };
    },
    requestExit: () => exports.requestExit(),
    deliver: (m: any) =>
      exports.deliverMessage(
        m.destination,
        m.logical ? 1 : 0,
        m.vector,
        m.delivery,
        m.level ? 1 : 0,
      ),
    codeChanged: (a: number, n: number) => exports.codeChanged(a, n),
    setEntry(e: any) {
      exports.resetCpu();
      const seg = (i: number, sel: number, attr: number) => {
        const at = L.OFF_SEG + i * L.SEG_SIZE;
        u64(at, 0n);
        u32(at + 8, 0xffffffff);
        u32(at + 12, attr);
        u32(at + 16, sel);
      };
      for (let i = 0; i < 6; i++) seg(i, 0x18, 0xc093);
      seg(1, 0x10, 0xa09b);
      u64(L.OFF_CR0, 0x80000031n);
      u64(L.OFF_CR3, BigInt(e.cr3));
      u64(L.OFF_CR4, 0x20n);
      u64(L.OFF_EFER, 0x500n);
      u64(L.OFF_GDT_BASE, BigInt(e.gdt.base));
      u32(L.OFF_GDT_LIMIT, e.gdt.limit);
      u64(L.OFF_RIP, BigInt(e.rip));
      u64(L.OFF_GPR + 32, BigInt(e.rsp));
      exports.stateChanged();
    },
    exports,
    view,
    cpu,
  };
  return { vcpu, ram: new Uint8Array(memory.buffer, ramOffset, ramBytes) };
};
