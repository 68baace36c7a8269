/**
 * The Linux boot protocol for x86 (Documentation/arch/x86/boot.rst, protocol 2.06 to 2.15) by its
 * 64-bit entry point, or by the 32-bit one for kernels that have no other. The kernel unpacks itself,
 * unless its payload is a plain vmlinux (CONFIG_KERNEL_UNCOMPRESSED, or unpacked by the host): then
 * vmlinux is put where it was linked for and entered as the kernel's own unpacking code would enter it.
 * Left out: zImage and kernels older than 2.6.22, EFI handover, setup_data.
 */
import { guestPhysical } from '../bus/types.ts';
import type { EntryState } from '../vcpu/vcpu.ts';
import {
  isRam,
  loadSegment,
  lowMemory,
  placeCommandLine,
  placeGdt,
  placeIdentityPages,
  placeInitrd,
  type BootRequest,
  type Range,
} from './bootMemory.ts';
import { isElf, parseElf, segmentType } from './elf.ts';
import { KernelImageError } from './kernelImageError.ts';

/** Offsets in the file and, because it is copied there, in boot_params ("The Real-Mode Kernel Header"). */
const header = {
  setupSectors: 0x1f1,
  videoMode: 0x1fa,
  end: 0x201,
  magic: 0x202,
  version: 0x206,
  loaderType: 0x210,
  loadFlags: 0x211,
  code32Start: 0x214,
  initrdAddress: 0x218,
  initrdSize: 0x21c,
  commandLine: 0x228,
  initrdLimit: 0x22c,
  relocatable: 0x234,
  extendedLoadFlags: 0x236,
  commandLineSize: 0x238,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
  preferredAddress: 0x258,
  initSize: 0x260,
} as const;

/** Offsets in boot_params (Documentation/arch/x86/zero-page.rst). */
const zeroPage = { acpiRsdp: 0x70, e820Count: 0x1e8, e820: 0x2d0, e820Limit: 128 } as const;

const LOADED_HIGH = 0x01;
const XLF_KERNEL_64 = 0x01;
const UNDEFINED_LOADER = 0xff;

export const isBzImage = (bytes: Uint8Array): boolean =>
  bytes.length > 0x264 &&
  bytes[0x1fe] === 0x55 &&
  bytes[0x1ff] === 0xaa &&
  String.fromCharCode(...bytes.subarray(header.magic, header.magic + 4)) === 'HdrS';

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Bytes of the real-mode part, which the protected-mode kernel follows. */
function setupSize(kernel: Uint8Array): number {
  const sectors = kernel[header.setupSectors] ?? 0;
  return ((sectors === 0 ? 4 : sectors) + 1) * 512;
}

/** The compressed vmlinux inside, as fields payload_offset and payload_length give it (2.08). */
export function bzImagePayload(kernel: Uint8Array): Uint8Array | undefined {
  const view = viewOf(kernel);
  if (view.getUint16(header.version, true) < 0x208) return undefined;
  const start = setupSize(kernel) + view.getUint32(header.payloadOffset, true);
  const length = view.getUint32(header.payloadLength, true);
  return length === 0 || start + length > kernel.length
    ? undefined
    : kernel.subarray(start, start + length);
}

export function loadBzImage(request: BootRequest): EntryState {
  const { kernel, memory } = request;
  const view = viewOf(kernel);
  const version = view.getUint16(header.version, true);
  const flags = kernel[header.loadFlags] ?? 0;
  if (version < 0x206 || (flags & LOADED_HIGH) === 0)
    throw new KernelImageError(
      `The kernel speaks boot protocol ${version >> 8}.${String(version & 0xff).padStart(2, '0')}; 2.06 is the oldest supported.`,
      'Choose a kernel from Linux 2.6.22 or later, built as bzImage.',
    );
  const { start, taken, bits, entry } = placeVmlinux(request) ?? placeCompressed(request, version);

  const page = new Uint8Array(4096);
  const out = viewOf(page);
  const headerEnd = header.magic + (kernel[header.end] ?? 0);
  page.set(kernel.subarray(header.setupSectors, headerEnd), header.setupSectors);
  page[header.loaderType] = UNDEFINED_LOADER;
  out.setUint16(header.videoMode, 0xffff, true);
  out.setUint32(header.code32Start, start, true);
  out.setUint32(
    header.commandLine,
    placeCommandLine(request, view.getUint32(header.commandLineSize, true)),
    true,
  );
  if (request.initrd !== undefined && request.initrd.length > 0) {
    const limit = view.getUint32(header.initrdLimit, true) + 1;
    const initrd = placeInitrd(request, request.initrd, limit, taken);
    out.setUint32(header.initrdAddress, initrd.start, true);
    out.setUint32(header.initrdSize, initrd.end - initrd.start, true);
  }
  out.setBigUint64(zeroPage.acpiRsdp, BigInt(request.acpiRsdp), true);
  const entries = request.e820.slice(0, zeroPage.e820Limit);
  page[zeroPage.e820Count] = entries.length;
  entries.forEach((entry, i) => {
    const at = zeroPage.e820 + i * 20;
    out.setBigUint64(at, BigInt(entry.start), true);
    out.setBigUint64(at + 8, BigInt(entry.size), true);
    out.setUint32(at + 16, entry.type, true);
  });
  memory.write(guestPhysical(lowMemory.bootParams), page);

  // "64-bit BOOT PROTOCOL" and "32-bit BOOT PROTOCOL" of boot.rst.
  const common = { rsi: lowMemory.bootParams, rbx: 0, rsp: lowMemory.bootParams };
  return bits === 64
    ? {
        ...common,
        mode: 'long64',
        rip: entry,
        cr3: placeIdentityPages(memory),
        gdt: placeGdt(memory, 64),
      }
    : { ...common, mode: 'protected32', rip: entry, gdt: placeGdt(memory, 32) };
}

interface PlacedKernel {
  readonly start: number;
  /** Memory that the initrd must keep clear of. */
  readonly taken: readonly Range[];
  readonly bits: 32 | 64;
  readonly entry: number;
}

function placeCompressed(request: BootRequest, version: number): PlacedKernel {
  const { kernel } = request;
  const view = viewOf(kernel);
  const body = kernel.subarray(setupSize(kernel));
  if (body.length === 0)
    throw new KernelImageError(
      'The kernel file ends within its setup code.',
      'The file may be incomplete; copy it again.',
    );
  const long =
    version >= 0x20c && (view.getUint16(header.extendedLoadFlags, true) & XLF_KERNEL_64) !== 0;

  // Where it runs: what it prefers if that is RAM, else where bzImages always went.
  const modern = version >= 0x20a;
  const needed = modern ? view.getUint32(header.initSize, true) : body.length * 4;
  const preferred = modern ? Number(view.getBigUint64(header.preferredAddress, true)) : 0x100000;
  const relocatable = kernel[header.relocatable] !== 0;
  const fits = (start: number): boolean => isRam(request.e820, { start, end: start + needed });
  const start = relocatable && !fits(preferred) && fits(0x100000) ? 0x100000 : preferred;
  const range = loadSegment(request, start, body, 0);
  const taken = { start, end: Math.max(range.end, start + needed) };
  if (!isRam(request.e820, taken)) loadSegment(request, start, body, needed);
  return {
    start,
    taken: [taken],
    ...(long ? { bits: 64, entry: start + 0x200 } : { bits: 32, entry: start }),
  };
}

function placeVmlinux(request: BootRequest): PlacedKernel | undefined {
  const payload = bzImagePayload(request.kernel);
  if (payload === undefined || !isElf(payload)) return undefined;
  const file = parseElf(payload);
  const taken = file.segments
    .filter((s) => s.type === segmentType.load && s.sizeInMemory > 0)
    .map((s) => loadSegment(request, s.physicalAddress, s.content, s.sizeInMemory));
  const start = Math.min(...taken.map((range) => range.start));
  return { start, taken, bits: file.bits, entry: file.entry };
}

/** The same kernel with its payload unpacked, for `loadBzImage`; its own unpacking code is dropped. */
export function withPlainPayload(bzImage: Uint8Array, vmlinux: Uint8Array): Uint8Array {
  const setup = setupSize(bzImage);
  const image = new Uint8Array(setup + vmlinux.length);
  image.set(bzImage.subarray(0, setup));
  image.set(vmlinux, setup);
  viewOf(image).setUint32(header.payloadOffset, 0, true);
  viewOf(image).setUint32(header.payloadLength, vmlinux.length, true);
  return image;
}
