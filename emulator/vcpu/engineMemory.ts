/** What engines of all kinds have in common: the machine's memory as devices see it, with notes of what was written. */
import type { CpuModel } from '../../shared/vm/cpuModels.ts';
import type { DirectMemory } from '../bus/directMemory.ts';
import type { RamWatch } from '../bus/ramWatch.ts';
import type { Entropy } from '../bus/types.ts';
import type { VideoMemory } from '../bus/videoMemory.ts';
import type { HostCpu } from './cpuFeatures.ts';
import { EngineRamWatch } from './engineRamWatch.ts';
import { EngineVideoMemory } from './engineVideoMemory.ts';
import { createGuestMemory, type GuestMemory } from './guestMemory.ts';
import { GuestRam } from './guestRam.ts';
import type { Vcpu, VcpuHost } from './vcpu.ts';
import type { VcpuThreads } from './vcpuThreads.ts';

export interface EngineRequest {
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
  /** Memory of a chip to which the engine may hand writes later, though before any other access and before it is looked at. */
  readonly lateWrites?: { readonly start: number; readonly size: number };
  /** 1 by default, and with the translator. */
  readonly cpus?: number;
  readonly cpuModel: CpuModel;
  readonly host: VcpuHost;
  /** Source of RDRAND; the host's by default. */
  readonly entropy?: Entropy;
}

/** One engine's CPU on a memory that may have others'. */
export interface EngineCpu {
  readonly vcpu: Vcpu;
  /** Where vCPUs have threads of their own; `vcpu` is the first then. */
  readonly threads?: VcpuThreads | undefined;
  /** Instructions, or their like, since creation. */
  instructionsRetired(): number;
  /** The memory's slots are others now; also inside run(). */
  slotsChanged(): void;
  /** Chooses the part of the memory whose writes are noted in its map. None of the three is for inside run(). */
  noteWrites(area: GuestMemory['all']): void;
  /** Brings the map up to date. */
  gatherWrites(): void;
  /** The map was read and cleared: the next writes are noted again. */
  watchWrites(): void;
  /** Of an engine whose guest's clocks do not follow machine time by themselves: that runs from now on, or stands still. Not inside run(). */
  runTime?(running: boolean): void;
  /** Of a hardware engine: what it can give to a guest. */
  readonly hostCpu?: HostCpu;
  dispose(): void;
}

export interface EngineMemory {
  readonly memory: GuestRam;
  readonly videoMemory: VideoMemory;
  readonly directMemory: DirectMemory;
  /** The whole guest RAM, live. */
  readonly ram: Uint8Array;
  readonly ramWatch: RamWatch;
}

/** Throws RangeError if the host lacks the memory. */
export function memoryFor({
  slots,
  videoMemory = 0,
  romMemory = 0,
  cpus = 1,
}: Pick<EngineRequest, 'slots' | 'videoMemory' | 'romMemory' | 'cpus'>): GuestMemory {
  return createGuestMemory(
    1,
    slots.map(({ start, size, ramOffset }) => ({ start, size, at: ramOffset })),
    videoMemory,
    romMemory,
    cpus,
  );
}

/** `cpu`: the engine that runs the guest now. */
export function engineMemory(
  guest: GuestMemory,
  { memory: ramBytes, slots, romMemory = 0 }: Pick<EngineRequest, 'memory' | 'slots' | 'romMemory'>,
  cpu: () => EngineCpu,
): EngineMemory {
  const [first] = guest.slots;
  const [request] = slots;
  if (first === undefined || request === undefined) throw new Error('a machine needs memory');
  guest.onSlotsChanged = () => cpu().slotsChanged();
  const ramStart = first.offset - request.ramOffset;
  const ram = new Uint8Array(guest.memory.buffer, ramStart, ramBytes);
  const codeChanged = (start: number, length: number): void =>
    cpu().vcpu.codeChanged(start, length);
  return {
    memory: new GuestRam(guest, codeChanged),
    videoMemory: new EngineVideoMemory(guest, cpu),
    directMemory: {
      ram,
      rom: new Uint8Array(guest.memory.buffer, guest.rom.offset, romMemory),
      mapRam: (start, size, offset, readOnly) =>
        guest.mapSlot({ start, size, offset: ramStart + offset, readOnly }),
      mapRom: (start, size, offset) =>
        guest.mapSlot({ start, size, offset: guest.rom.offset + offset, readOnly: true }),
      codeChanged,
    },
    ram,
    ramWatch: new EngineRamWatch(guest, cpu, ramStart, ramBytes),
  };
}
