import { HostEntropy } from '../../bus/entropy.ts';
import type { DirectMemory } from '../../bus/directMemory.ts';
import type { Entropy } from '../../bus/types.ts';
import type { RamWatch } from '../../bus/ramWatch.ts';
import type { VideoMemory } from '../../bus/videoMemory.ts';
import type { VcpuHost } from '../vcpu.ts';
import type { CpuModel } from '../cpuidModels.ts';
import { createGuestMemory } from '../guestMemory.ts';
import { EngineRamWatch } from './engineRamWatch.ts';
import { EngineVideoMemory } from '../engineVideoMemory.ts';
import { GuestRam } from '../guestRam.ts';
import type { TranslationPolicy } from './translations.ts';
import { WasmCpu } from './wasmCpu.ts';

export interface WasmEngineRequest {
  /** Bytes of RAM in all. */
  readonly memory: number;
  /** Where its parts appear: guest physical start and size, and offset inside the RAM. */
  readonly slots: readonly {
    readonly start: number;
    readonly size: number;
    readonly ramOffset: number;
  }[];
  /** Bytes of video memory, a multiple of 4096; none by default. */
  readonly videoMemory?: number;
  /** Bytes of ROM that chips map, a multiple of 4096; none by default. */
  readonly romMemory?: number;
  readonly cpuModel: CpuModel;
  /** When code is translated; by default it never is. */
  readonly translate?: TranslationPolicy;
  readonly host: VcpuHost;
  /** Source of RDRAND; the host's by default. */
  readonly entropy?: Entropy;
}

export interface WasmEngine {
  readonly vcpu: WasmCpu;
  readonly memory: GuestRam;
  readonly videoMemory: VideoMemory;
  readonly directMemory: DirectMemory;
  /** The whole guest RAM, live. */
  readonly ram: Uint8Array;
  readonly ramWatch: RamWatch;
  instructionsRetired(): number;
}

/** One CPU and its memory on the wasm core. Throws RangeError if the host lacks the memory. */
export function createWasmEngine(
  core: WebAssembly.Module,
  {
    memory: ramBytes,
    slots,
    videoMemory: videoBytes = 0,
    romMemory: romBytes = 0,
    cpuModel,
    translate,
    host,
    entropy = new HostEntropy(),
  }: WasmEngineRequest,
): WasmEngine {
  const guest = createGuestMemory(
    1,
    slots.map(({ start, size, ramOffset }) => ({ start, size, at: ramOffset })),
    videoBytes,
    romBytes,
  );
  const vcpu = new WasmCpu({
    core,
    memory: guest,
    index: 0,
    cpus: 1,
    model: cpuModel,
    translate,
    host,
    entropy,
  });
  guest.onSlotsChanged = () => vcpu.slotsChanged(guest.slots);
  const [first] = guest.slots;
  const [request] = slots;
  if (first === undefined || request === undefined) throw new Error('a machine needs memory');
  const ramStart = first.offset - request.ramOffset;
  const ram = new Uint8Array(guest.memory.buffer, ramStart, ramBytes);
  return {
    vcpu,
    memory: new GuestRam(guest, (address, length) => vcpu.codeChanged(address, length)),
    videoMemory: new EngineVideoMemory(guest, () => vcpu.watchVideo()),
    directMemory: {
      ram,
      rom: new Uint8Array(guest.memory.buffer, guest.rom.offset, romBytes),
      mapRam: (start, size, offset, readOnly) =>
        guest.mapSlot({ start, size, offset: ramStart + offset, readOnly }),
      mapRom: (start, size, offset) =>
        guest.mapSlot({ start, size, offset: guest.rom.offset + offset, readOnly: true }),
      codeChanged: (start, length) => vcpu.codeChanged(start, length),
    },
    ram,
    ramWatch: new EngineRamWatch(guest, vcpu, ramStart, ramBytes),
    instructionsRetired: () => vcpu.instructionsRetired(),
  };
}
