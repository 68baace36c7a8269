/**
 * Multiboot 0.6.96 ("Multiboot 1"): ELF kernels of either width with a 32-bit entry point, and flat
 * images whose header carries addresses (the a.out kludge). Left out: video modes, drives, APM and
 * symbol tables.
 */
import { guestPhysical } from '../bus/types.ts';
import type { EntryState } from '../vcpu/vcpu.ts';
import {
  loadSegment,
  lowMemory,
  placeCommandLine,
  placeGdt,
  placeInitrd,
  type BootRequest,
  type Range,
} from './bootMemory.ts';
import { isElf, parseElf, segmentType } from './elf.ts';
import { KernelImageError } from './kernelImageError.ts';

const HEADER_MAGIC = 0x1badb002;
const LOADER_MAGIC = 0x2badb002;
/** Header flags, §3.1.2. */
const UNKNOWN_REQUIREMENTS = 0xfff8;
const HAS_ADDRESSES = 0x10000;
/** Information flags, §3.3. */
const info = { memory: 0x1, commandLine: 0x4, modules: 0x8, memoryMap: 0x40, loaderName: 0x200 };

export interface MultibootHeader {
  /** Offset of the header in the file. */
  readonly offset: number;
  readonly flags: number;
}

/** The header lies 4-aligned in the first 8192 bytes (§3.1). */
export function findMultibootHeader(bytes: Uint8Array): MultibootHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 8192));
  for (let offset = 0; offset + 12 <= view.byteLength; offset += 4) {
    if (view.getUint32(offset, true) !== HEADER_MAGIC) continue;
    const flags = view.getUint32(offset + 4, true);
    if (((HEADER_MAGIC + flags + view.getUint32(offset + 8, true)) & 0xffffffff) === 0)
      return { offset, flags };
  }
  return undefined;
}

export function loadMultiboot(request: BootRequest, found: MultibootHeader): EntryState {
  if ((found.flags & UNKNOWN_REQUIREMENTS) !== 0)
    throw new KernelImageError(
      'The Multiboot kernel asks for a feature that does not exist in Multiboot 1.',
      'Choose another kernel.',
    );
  const { entry, taken } =
    (found.flags & HAS_ADDRESSES) !== 0 ? loadFlat(request, found) : loadElf(request);

  const { memory } = request;
  const base = lowMemory.startInfo;
  const moduleAt = base + 0x80;
  const nameAt = base + 0xa0;
  const mapAt = base + 0x100;
  const block = new Uint8Array(0x100 + request.e820.length * 24);
  const view = new DataView(block.buffer);
  const ramAt = (start: number): number =>
    request.e820
      .filter((e) => e.type === 1 && e.start <= start && e.start + e.size > start)
      .reduce((_, e) => e.start + e.size - start, 0);
  view.setUint32(
    0,
    info.memory | info.commandLine | info.modules | info.memoryMap | info.loaderName,
    true,
  );
  view.setUint32(4, Math.floor(ramAt(0) / 1024), true);
  view.setUint32(8, Math.floor(ramAt(0x100000) / 1024), true);
  view.setUint32(16, placeCommandLine(request, lowMemory.commandLineLimit - 1), true);
  if (request.initrd !== undefined && request.initrd.length > 0) {
    const initrd = placeInitrd(request, request.initrd, 0x1_0000_0000, taken);
    view.setUint32(20, 1, true);
    view.setUint32(24, moduleAt, true);
    view.setUint32(0x80, initrd.start, true);
    view.setUint32(0x84, initrd.end, true);
  }
  view.setUint32(44, request.e820.length * 24, true);
  view.setUint32(48, mapAt, true);
  view.setUint32(64, nameAt, true);
  block.set(new TextEncoder().encode('Guesthouse\0'), 0xa0);
  request.e820.forEach((e, i) => {
    const at = 0x100 + i * 24;
    view.setUint32(at, 20, true); // size of the entry behind this field
    view.setBigUint64(at + 4, BigInt(e.start), true);
    view.setBigUint64(at + 12, BigInt(e.size), true);
    view.setUint32(at + 20, e.type, true);
  });
  memory.write(guestPhysical(base), block);
  return {
    mode: 'protected32',
    rip: entry,
    rax: LOADER_MAGIC,
    rbx: base,
    gdt: placeGdt(memory, 32),
  };
}

interface Loaded {
  readonly entry: number;
  readonly taken: readonly Range[];
}

function loadElf(request: BootRequest): Loaded {
  if (!isElf(request.kernel))
    throw new KernelImageError(
      'The Multiboot kernel is neither an ELF file nor carries its load addresses.',
      'Choose an ELF kernel.',
    );
  const file = parseElf(request.kernel);
  const taken = file.segments
    .filter((s) => s.type === segmentType.load && s.sizeInMemory > 0)
    .map((s) => loadSegment(request, s.physicalAddress, s.content, s.sizeInMemory));
  if (file.entry >= 0x1_0000_0000)
    throw new KernelImageError(
      'The Multiboot kernel has its entry point above 4 GiB.',
      'Link it to a lower address.',
    );
  return { entry: file.entry, taken };
}

/** §3.1.3: header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr. */
function loadFlat(request: BootRequest, { offset }: MultibootHeader): Loaded {
  const { kernel } = request;
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  const field = (index: number): number =>
    offset + 12 + index * 4 + 4 <= kernel.length
      ? view.getUint32(offset + 12 + index * 4, true)
      : 0;
  const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [0, 1, 2, 3, 4].map(field) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const fileStart = offset - (headerAddress - loadAddress);
  const length = loadEnd === 0 ? kernel.length - fileStart : loadEnd - loadAddress;
  if (fileStart < 0 || length <= 0 || fileStart + length > kernel.length)
    throw new KernelImageError(
      'The Multiboot kernel has load addresses that do not fit the file.',
      'The file may be incomplete; copy it again.',
    );
  const content = kernel.subarray(fileStart, fileStart + length);
  const sizeInMemory = bssEnd === 0 ? length : bssEnd - loadAddress;
  return { entry, taken: [loadSegment(request, loadAddress, content, sizeInMemory)] };
}
