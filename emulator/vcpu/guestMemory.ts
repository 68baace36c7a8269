import type { Mapping } from '../bus/portBus.ts';
import type { MemorySlot } from './memorySlots.ts';
import { CORE_STATIC_BASE, VCPU_REGION_SIZE } from '../cpu/layout.ts';

/**
 * The one shared memory of a machine, sized once (docs/engine.md, "One module, one memory"):
 * core's static data · a region per vCPU · a byte per 4 KiB page that says whether it holds decoded code · guest
 * RAM and ROM · ROM of chips · video memory · a byte per 4 KiB page from RAM's start to there that says whether it was
 * written: always for video memory, for the rest while someone watches it · a region per vCPU for an engine beside the wasm core.
 */
export interface GuestMemory {
  readonly memory: WebAssembly.Memory;
  /** Live: slots come and go with what the guest maps (mapSlot). */
  readonly slots: readonly MemorySlot[];
  /** Address of the state block of vCPU `index` in the wasm core. */
  regionOf(index: number): number;
  /** Address of the `hostRegionSize` bytes that another engine has for vCPU `index`. */
  hostRegionOf(index: number): number;
  readonly codeMap: number;
  /** ROM that chips map; `size` 0 if there is none. */
  readonly rom: { readonly offset: number; readonly size: number };
  /** Byte offsets in the memory; `size` 0 if there is none. */
  readonly video: { readonly offset: number; readonly size: number; readonly written: number };
  /** What lies from the start of RAM to the end of video memory, with its notes of writes. */
  readonly all: { readonly offset: number; readonly size: number; readonly written: number };
  /** Adds a slot; what it returns takes it away. The slot that was added first wins an overlap. */
  mapSlot(slot: MemorySlot): Mapping;
  /** Called after every change of `slots`. */
  onSlotsChanged: (() => void) | undefined;
}

export interface SlotRequest {
  /** Guest physical start and bytes, multiples of 4096. */
  readonly start: number;
  readonly size: number;
  readonly readOnly?: boolean;
  /** Where it lies in the contiguous guest part of the memory; slots follow each other by default. */
  readonly at?: number;
}

/** Bytes; starts of regions are multiples of 4096. */
export const hostRegionSize = 0x40000;

const staticEnd = 0x200000;
const codeMapSize = 0x100000;
const wasmPage = 0x10000;
const mostCorePages = 0x10000;
const pageSize = 0x1000;
/** RAM begins at a multiple of it, so that a hypervisor can map guest memory by large pages. */
const largePage = 0x200000;

/** More than the wasm core, whose addresses have 32 bits, can be in the memory; V8 gives 16 GiB at most. */
function sharedMemory(pages: number): WebAssembly.Memory {
  if (pages <= mostCorePages)
    return new WebAssembly.Memory({ initial: pages, maximum: mostCorePages, shared: true });
  const wide: WideMemoryDescriptor = {
    address: 'i64',
    initial: BigInt(pages),
    maximum: BigInt(pages),
    shared: true,
  };
  return new WebAssembly.Memory(wide as unknown as WebAssembly.MemoryDescriptor);
}

/** MemoryDescriptor of the JavaScript interface of wasm 3.0, which TypeScript does not have yet. */
interface WideMemoryDescriptor {
  readonly address: 'i64';
  readonly initial: bigint;
  readonly maximum: bigint;
  readonly shared: boolean;
}

/** `hostCpus`: how many other engines may have. Throws RangeError if the host cannot give that much memory. */
export function createGuestMemory(
  cpus: number,
  requests: readonly SlotRequest[],
  videoBytes = 0,
  romBytes = 0,
  hostCpus = cpus,
): GuestMemory {
  if (CORE_STATIC_BASE >= staticEnd) throw new Error('static data of the core has no room');
  const codeMap = staticEnd + cpus * VCPU_REGION_SIZE;
  const guestStart = Math.ceil((codeMap + codeMapSize) / largePage) * largePage;
  let next = 0;
  let end = 0;
  const slots = requests.map(({ start, size, readOnly = false, at = next }): MemorySlot => {
    if (start % pageSize !== 0 || size % pageSize !== 0 || at % pageSize !== 0) {
      throw new Error(`memory slot ${start}+${size} is not page-aligned`);
    }
    next = at + size;
    end = Math.max(end, next);
    return { start, size, offset: guestStart + at, readOnly };
  });
  const rom = { offset: guestStart + end, size: romBytes };
  const videoStart = rom.offset + romBytes;
  const written = videoStart + videoBytes;
  const all = { offset: guestStart, size: written - guestStart, written };
  const notes = written + (videoStart - guestStart) / pageSize;
  const video = { offset: videoStart, size: videoBytes, written: notes };
  const hostRegions = Math.ceil((written + all.size / pageSize) / pageSize) * pageSize;
  const pages = Math.ceil((hostRegions + hostCpus * hostRegionSize) / wasmPage);
  const memory = sharedMemory(pages);
  const guest: GuestMemory = {
    memory,
    slots,
    regionOf: (index) => staticEnd + index * VCPU_REGION_SIZE,
    hostRegionOf: (index) => hostRegions + index * hostRegionSize,
    codeMap,
    rom,
    video,
    all,
    mapSlot: (slot) => {
      slots.push(slot);
      guest.onSlotsChanged?.();
      return {
        remove: () => {
          const index = slots.indexOf(slot);
          if (index < 0) return;
          slots.splice(index, 1);
          guest.onSlotsChanged?.();
        },
      };
    },
    onSlotsChanged: undefined,
  };
  return guest;
}

/** Guest memory at a physical address, through the slots; undefined where none holds all of it. */
export function physicalView(
  { memory, slots }: GuestMemory,
  address: number,
  length: number,
): DataView | undefined {
  const slot = slots.find(
    ({ start, size }) => address >= start && address + length <= start + size,
  );
  if (slot === undefined) return undefined;
  return new DataView(memory.buffer, slot.offset + address - slot.start, length);
}
