/**
 * Where loaders put things in guest memory: the memory map they are given, the low structures'
 * addresses, and the search for a free place for an initrd.
 */
import { guestPhysical, type DmaMemory } from '../bus/types.ts';
import { KernelImageError } from './kernelImageError.ts';

/** An entry of the memory map (ACPI 6.4 §15, INT 15h E820h). Bytes. */
export interface E820Entry {
  readonly start: number;
  readonly size: number;
  /** 1 RAM, 2 reserved, 3 ACPI reclaimable, 4 ACPI non-volatile */
  readonly type: 1 | 2 | 3 | 4;
}

/** What a loader is given. */
export interface BootRequest {
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  readonly commandLine: string;
  readonly memory: DmaMemory;
  /** In ascending order; tables that the firmware has placed are not in RAM entries. */
  readonly e820: readonly E820Entry[];
  /** Address of the ACPI RSDP, 0 for none. */
  readonly acpiRsdp: number;
}

/** Structures of the loaders in conventional memory, which no kernel is loaded over. */
export const lowMemory = {
  gdt: 0x1000,
  /** hvm_start_info or Multiboot information, with the lists behind it. */
  startInfo: 0x2000,
  /** "Zero page" of the Linux boot protocol. */
  bootParams: 0x7000,
  /** PML4, PDPT and four page directories. */
  pageTables: 0x9000,
  commandLine: 0x20000,
  commandLineLimit: 0x10000,
} as const;

export const pageSize = 4096;
export const alignUp = (n: number, to: number): number => Math.ceil(n / to) * to;
export const alignDown = (n: number, to: number): number => Math.floor(n / to) * to;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1048576)} MiB`;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Whether RAM covers the whole range. */
export const isRam = (e820: readonly E820Entry[], range: Range): boolean =>
  e820.some((e) => e.type === 1 && e.start <= range.start && e.start + e.size >= range.end);

/** Checks that a piece of the kernel falls on RAM and copies it there, zeroing what follows it. */
export function loadSegment(
  request: BootRequest,
  address: number,
  content: Uint8Array,
  sizeInMemory: number,
): Range {
  const range = { start: address, end: address + Math.max(content.length, sizeInMemory) };
  if (!isRam(request.e820, range)) {
    const ram = request.e820.reduce((sum, e) => sum + (e.type === 1 ? e.size : 0), 0);
    throw new KernelImageError(
      `The kernel needs memory up to ${mebibytes(range.end)}, and the machine has ${mebibytes(ram)}.`,
      `Give the machine at least ${mebibytes(range.end + (request.initrd?.length ?? 0))} of memory.`,
    );
  }
  request.memory.write(guestPhysical(address), content);
  zero(request.memory, address + content.length, range.end - address - content.length);
  return range;
}

const zeroes = new Uint8Array(0x10000);

export function zero(memory: DmaMemory, address: number, length: number): void {
  for (let done = 0; done < length; done += zeroes.length)
    memory.write(
      guestPhysical(address + done),
      zeroes.subarray(0, Math.min(zeroes.length, length - done)),
    );
}

/**
 * Puts the initrd as high as possible below `limit`, page-aligned and clear of the kernel, and
 * returns where it is.
 */
export function placeInitrd(
  request: BootRequest,
  initrd: Uint8Array,
  limit: number,
  taken: readonly Range[],
): Range {
  let best = -1;
  for (const { start, size, type } of request.e820) {
    if (type !== 1) continue;
    // Above the first MiB: conventional memory belongs to the firmware's structures.
    const floor = Math.max(start, 0x100000);
    let top = Math.min(start + size, limit, 0x1_0000_0000);
    for (;;) {
      const at = alignDown(top - initrd.length, pageSize);
      if (at < floor) break;
      const conflict = taken.find((t) => at < t.end && at + initrd.length > t.start);
      if (conflict === undefined) {
        best = Math.max(best, at);
        break;
      }
      top = Math.min(top - 1, conflict.start);
    }
  }
  if (best < 0)
    throw new KernelImageError(
      `There is no room in the machine's memory for the initrd of ${mebibytes(initrd.length)}.`,
      'Give the machine more memory.',
    );
  request.memory.write(guestPhysical(best), initrd);
  return { start: best, end: best + initrd.length };
}

/** Writes the command line, zero-terminated, and returns its address. `limit` is without the zero. */
export function placeCommandLine(request: BootRequest, limit: number): number {
  const bytes = new TextEncoder().encode(request.commandLine);
  const most = Math.min(limit, lowMemory.commandLineLimit - 1);
  if (bytes.length > most)
    throw new KernelImageError(
      `The kernel's command line has ${bytes.length} bytes; this kernel takes ${most}.`,
      'Shorten the command line.',
    );
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  request.memory.write(guestPhysical(lowMemory.commandLine), terminated);
  return lowMemory.commandLine;
}

/** Flat descriptors as Linux's boot protocol wants them: 0x10 code, 0x18 data (SDM 3A §3.4.5). */
export function placeGdt(
  memory: DmaMemory,
  bits: 32 | 64,
): { readonly base: number; readonly limit: number } {
  const code = bits === 64 ? 0x00af9b000000ffffn : 0x00cf9b000000ffffn;
  const entries = [0n, 0n, code, 0x00cf93000000ffffn];
  entries.forEach((entry, i) => memory.writeU64(guestPhysical(lowMemory.gdt + i * 8), entry));
  return { base: lowMemory.gdt, limit: entries.length * 8 - 1 };
}

/** Identity-maps the first 4 GiB with 2 MiB pages (SDM 3A §4.5) and returns the value for CR3. */
export function placeIdentityPages(memory: DmaMemory): number {
  const present = 0x3;
  const large = 0x80;
  const { pageTables } = lowMemory;
  const tables = new BigUint64Array((6 * pageSize) / 8);
  tables[0] = BigInt(pageTables + pageSize + present);
  for (let i = 0; i < 4; i++) tables[512 + i] = BigInt(pageTables + (2 + i) * pageSize + present);
  for (let i = 0; i < 2048; i++) tables[1024 + i] = BigInt(i * 0x200000 + present + large);
  memory.write(guestPhysical(pageTables), new Uint8Array(tables.buffer));
  return pageTables;
}
