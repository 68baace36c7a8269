/**
 * The x86/HVM direct boot ABI, "PVH" (xen/docs/misc/pvh.pandoc and
 * xen/include/public/arch-x86/hvm/start_info.h, version 1), by which Linux's vmlinux and other ELF
 * kernels are entered in 32-bit protected mode.
 */
import { guestPhysical } from '../bus/types.ts';
import type { EntryState } from '../vcpu/vcpu.ts';
import {
  loadSegment,
  lowMemory,
  placeCommandLine,
  placeInitrd,
  type BootRequest,
} from './bootMemory.ts';
import { elfNotes, segmentType, type ElfFile } from './elf.ts';

/** XEN_ELFNOTE_PHYS32_ENTRY (xen/include/public/elfnote.h). */
const PHYS32_ENTRY = 18;
const START_MAGIC = 0x336ec578;

const startInfo = { size: 56, modules: 0x100, memoryMap: 0x200 } as const;

/** The address in the note, if the file has one. */
export function pvhEntry(file: ElfFile): number | undefined {
  const note = elfNotes(file).find((n) => n.name === 'Xen' && n.type === PHYS32_ENTRY);
  if (note === undefined || note.content.length < 4) return undefined;
  const view = new DataView(note.content.buffer, note.content.byteOffset, note.content.byteLength);
  return view.getUint32(0, true);
}

export function loadPvh(request: BootRequest, file: ElfFile, entry: number): EntryState {
  const { memory } = request;
  const taken = file.segments
    .filter((s) => s.type === segmentType.load && s.sizeInMemory > 0)
    .map((s) => loadSegment(request, s.physicalAddress, s.content, s.sizeInMemory));
  const base = lowMemory.startInfo;
  const block = new Uint8Array(startInfo.memoryMap + request.e820.length * 24);
  const view = new DataView(block.buffer);
  view.setUint32(0, START_MAGIC, true);
  view.setUint32(4, 1, true); // version
  if (request.initrd !== undefined && request.initrd.length > 0) {
    const initrd = placeInitrd(request, request.initrd, 0x1_0000_0000, taken);
    view.setUint32(12, 1, true); // nr_modules
    view.setBigUint64(16, BigInt(base + startInfo.modules), true);
    view.setBigUint64(startInfo.modules, BigInt(initrd.start), true);
    view.setBigUint64(startInfo.modules + 8, BigInt(initrd.end - initrd.start), true);
  }
  // Linux copies 2048 bytes with the zero into boot_command_line.
  view.setBigUint64(24, BigInt(placeCommandLine(request, 2047)), true);
  view.setBigUint64(32, BigInt(request.acpiRsdp), true);
  view.setBigUint64(40, BigInt(base + startInfo.memoryMap), true);
  view.setUint32(48, request.e820.length, true);
  request.e820.forEach((e, i) => {
    const at = startInfo.memoryMap + i * 24;
    view.setBigUint64(at, BigInt(e.start), true);
    view.setBigUint64(at + 8, BigInt(e.size), true);
    view.setUint32(at + 16, e.type, true);
  });
  memory.write(guestPhysical(base), block);
  return { mode: 'protected32', rip: entry, rbx: base };
}
