/** Tells by content what kind of kernel a file is, and loads it by the protocol of its kind. */
import type { EntryState } from '../vcpu/vcpu.ts';
import type { BootRequest } from './bootMemory.ts';
import { isBzImage, loadBzImage } from './bzImage.ts';
import { elfMachine, isElf, parseElf, segmentType, type ElfFile } from './elf.ts';
import { KernelImageError } from './kernelImageError.ts';
import { findMultibootHeader, loadMultiboot, type MultibootHeader } from './multiboot.ts';
import { loadPvh, pvhEntry } from './pvh.ts';

export type KernelImage =
  | { readonly kind: 'bzImage' }
  | { readonly kind: 'pvh'; readonly elf: ElfFile; readonly entry: number }
  | { readonly kind: 'multiboot'; readonly header: MultibootHeader };

const expected =
  'Choose a Linux kernel (bzImage or vmlinux), or a Multiboot or PVH ELF kernel for x86.';

/** Throws KernelImageError, which names what the file is instead. */
export function detectKernel(bytes: Uint8Array): KernelImage {
  if (isBzImage(bytes)) return { kind: 'bzImage' };
  const header = findMultibootHeader(bytes);
  if (isElf(bytes)) {
    const elf = parseElf(bytes);
    if (elf.machine !== elfMachine.i386 && elf.machine !== elfMachine.x86_64)
      throw new KernelImageError(
        `The kernel is an ELF file for ${processorName(elf.machine)}, not for x86.`,
        expected,
      );
    const entry = pvhEntry(elf);
    if (entry !== undefined) return { kind: 'pvh', elf, entry };
    if (header !== undefined) return { kind: 'multiboot', header };
    throw elf.segments.some((s) => s.type === segmentType.interpreter)
      ? new KernelImageError('The file is a program for Linux, not a kernel.', expected)
      : new KernelImageError(
          'The file is an ELF file with neither a PVH entry note nor a Multiboot header.',
          'Choose the bzImage of this kernel, or build it with CONFIG_PVH=y.',
        );
  }
  if (header !== undefined) return { kind: 'multiboot', header };
  throw new KernelImageError(`The file is ${describe(bytes)}, not a kernel.`, expected);
}

/**
 * Puts kernel, initrd and the structures of the boot protocol into guest memory and returns the
 * registers to start with. Can be called again after a reset: all it relies on is written anew.
 */
export function loadKernel(request: BootRequest): EntryState {
  const image = detectKernel(request.kernel);
  switch (image.kind) {
    case 'bzImage':
      return loadBzImage(request);
    case 'pvh':
      return loadPvh(request, image.elf, image.entry);
    case 'multiboot':
      return loadMultiboot(request, image.header);
  }
}

const processorName = (machine: number): string =>
  ({
    2: 'SPARC',
    8: 'MIPS',
    20: 'PowerPC',
    21: 'PowerPC',
    22: 's390',
    40: 'ARM',
    183: 'ARM64',
    243: 'RISC-V',
  })[machine] ?? `processor type ${machine}`;

/** Files people take for kernels, by their first bytes. */
const signatures: readonly (readonly [offset: number, bytes: string, name: string])[] = [
  [0, '\x1f\x8b', 'compressed by gzip (an initrd?)'],
  [0, '\xfd7zXZ\0', 'compressed by xz (an initrd?)'],
  [0, '\x28\xb5\x2f\xfd', 'compressed by zstd (an initrd?)'],
  [0, '\x02\x21\x4c\x18', 'compressed by lz4 (an initrd?)'],
  [0, '070701', 'a cpio archive (an initrd)'],
  [0, '070702', 'a cpio archive (an initrd)'],
  [0, '!<arch>\n', 'a Debian package or library archive'],
  [0, '\xed\xab\xee\xdb', 'an RPM package'],
  [0, 'PK\x03\x04', 'a zip archive'],
  [0, 'QFI\xfb', 'a qcow2 disk image'],
  [0, 'KDMV', 'a VMDK disk image'],
  [0, 'vhdxfile', 'a VHDX disk image'],
  [0x40, '\x7f\x10\xda\xbe', 'a VDI disk image'],
  [0x38, 'ARM\x64', 'a Linux kernel for ARM64'],
  [0x8001, 'CD001', 'a CD image'],
  [0x438, '\x53\xef', 'an ext2, ext3 or ext4 file system'],
  [0, 'MZ', 'an EFI or DOS program'],
  [0, '#!', 'a script'],
  [0x1fe, '\x55\xaa', 'a disk image or boot sector'],
];

function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  for (const [offset, text, name] of signatures)
    if ([...text].every((c, i) => bytes[offset + i] === c.charCodeAt(0))) return name;
  if (bytes.subarray(0, 512).every((b) => (b >= 0x20 && b < 0x7f) || (b >= 9 && b <= 13)))
    return 'plain text';
  return 'of an unknown kind';
}
