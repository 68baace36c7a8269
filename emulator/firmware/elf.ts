/**
 * Reading ELF files as far as boot loaders need it (System V ABI gABI 4.1 chapters 4 and 5; 32 and
 * 64 bit, little-endian): program headers and notes. No sections, no relocation.
 */
import { KernelImageError } from './kernelImageError.ts';

export interface ElfSegment {
  readonly type: number;
  readonly physicalAddress: number;
  readonly virtualAddress: number;
  readonly content: Uint8Array;
  /** Bytes in memory, at least those of `content`; the rest is zero. */
  readonly sizeInMemory: number;
}

export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly content: Uint8Array;
}

export interface ElfFile {
  readonly bits: 32 | 64;
  /** e_machine: 3 is i386, 62 x86-64. */
  readonly machine: number;
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
}

export const segmentType = { load: 1, interpreter: 3, note: 4 } as const;
export const elfMachine = { i386: 3, x86_64: 62 } as const;

export const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

const damaged = (what: string): KernelImageError =>
  new KernelImageError(
    `The kernel is a damaged ELF file: ${what}.`,
    'The file may be incomplete; copy it again.',
  );

export function parseElf(bytes: Uint8Array): ElfFile {
  if (!isElf(bytes) || bytes.length < 64) throw damaged('its header is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[4] === 2;
  if (bytes[5] !== 1)
    throw new KernelImageError(
      'The kernel is an ELF file for a big-endian processor.',
      'Choose a kernel for x86 PCs.',
    );
  const address = (at: number): number =>
    wide ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  const tableAt = address(wide ? 32 : 28);
  const entrySize = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  const least = wide ? 56 : 32;
  if (count > 0 && (entrySize < least || tableAt + count * entrySize > bytes.length))
    throw damaged('its program headers lie outside the file');
  const segments: ElfSegment[] = [];
  for (let i = 0; i < count; i++) {
    const at = tableAt + i * entrySize;
    const offset = address(at + (wide ? 8 : 4));
    const size = address(at + (wide ? 32 : 16));
    const sizeInMemory = address(at + (wide ? 40 : 20));
    const type = view.getUint32(at, true);
    const needed = type === segmentType.load || type === segmentType.note;
    if (needed && (offset > bytes.length || size > bytes.length - offset))
      throw damaged(`segment ${i} ends beyond the file's ${bytes.length} bytes`);
    segments.push({
      type,
      virtualAddress: address(at + (wide ? 16 : 8)),
      physicalAddress: address(at + (wide ? 24 : 12)),
      content: needed ? bytes.subarray(offset, offset + size) : new Uint8Array(0),
      sizeInMemory: Math.max(size, sizeInMemory),
    });
  }
  return {
    bits: wide ? 64 : 32,
    machine: view.getUint16(18, true),
    entry: address(24),
    segments,
  };
}

/** Notes of all PT_NOTE segments (gABI chapter 5 "Note Section"); names and contents 4-aligned. */
export function elfNotes(file: ElfFile): ElfNote[] {
  const notes: ElfNote[] = [];
  for (const { type, content } of file.segments) {
    if (type !== segmentType.note) continue;
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    let at = 0;
    while (at + 12 <= content.length) {
      const nameSize = view.getUint32(at, true);
      const size = view.getUint32(at + 4, true);
      const nameAt = at + 12;
      const contentAt = nameAt + ((nameSize + 3) & ~3);
      if (nameSize > content.length || size > content.length || contentAt + size > content.length)
        break;
      notes.push({
        name: new TextDecoder('latin1')
          .decode(content.subarray(nameAt, nameAt + nameSize))
          .replace(/\0.*$/s, ''),
        type: view.getUint32(at + 8, true),
        content: content.subarray(contentAt, contentAt + size),
      });
      at = contentAt + ((size + 3) & ~3);
    }
  }
  return notes;
}
