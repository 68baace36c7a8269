/**
 * What a file is, by its content. Layouts: ISO 9660 (ECMA-119 §8) with El Torito 1.0, MBR and GPT (UEFI 2.10 §5),
 * QCOW and QCOW2 (QEMU docs/interop/qcow2.txt), VDI 1.1, VMDK (VMware "Virtual Disk Format 5.0"), VHD ("Virtual Hard
 * Disk Image Format Specification" 1.0), VHDX (MS-VHDX §2), tar (POSIX ustar), OVF 1.x (DSP0243). Nothing is verified
 * beyond what tells the kinds apart: who opens the file does that.
 */

export const mediumKinds = [
  'iso',
  'floppy',
  'raw',
  'qcow2',
  'vdi',
  'vmdk',
  'vhd',
  'vhdx',
  'ova',
  'ovf',
  'vbox',
  'kernel',
] as const;
export type MediumKind = (typeof mediumKinds)[number];

/** What a file that is none of them seems to be. */
export type OtherContent = 'empty' | 'compressed' | 'archive' | 'program' | 'text' | 'unknown';

export type Medium =
  | {
      readonly kind: MediumKind;
      /** An ISO's volume label. */
      readonly label?: string;
      /** An ISO that PCs boot (El Torito); a disk with a boot sector. */
      readonly bootable?: boolean;
      /** Of an image with a format of its own: the disk's size in bytes. */
      readonly diskBytes?: number;
    }
  | {
      readonly kind: 'other';
      readonly content: OtherContent;
      /** The file's first bytes as hexadecimal digits. */
      readonly start: string;
    };

/** How much of a file's start and end the recognition looks at. */
export const headBytes = 68 * 1024;
export const tailBytes = 512;

/** The parts of a file that `recogniseMedium` wants; `read` gives fewer bytes at the end only. */
export async function inspectMedium(
  size: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<Medium> {
  const head = await read(0, Math.min(size, headBytes));
  const tail = await read(Math.max(0, size - tailBytes), Math.min(size, tailBytes));
  return recogniseMedium(size, head, tail);
}

/** `head` and `tail`: the first `headBytes` and the last `tailBytes` of a file of `size` bytes, or all of it. */
export function recogniseMedium(size: number, head: Uint8Array, tail: Uint8Array): Medium {
  const file = new Reader(head);
  return (
    imageFormat(file, new Reader(tail)) ??
    iso(file) ??
    archive(file) ??
    markup(file) ??
    kernel(file) ??
    bare(file, size) ?? { kind: 'other', content: otherContent(file, size), start: file.hex(0, 8) }
  );
}

function imageFormat(file: Reader, tail: Reader): Medium | undefined {
  if (file.is(0, 'QFI\xfb')) return { kind: 'qcow2', diskBytes: file.big64(24) };
  if (file.little32(0x40) === 0xbeda107f) return { kind: 'vdi', diskBytes: file.little64(0x170) };
  if (file.is(0, 'KDMV')) return { kind: 'vmdk', diskBytes: file.little64(0x0c) * 512 };
  if (file.is(0, 'COWD') || file.is(0, '# Disk DescriptorFile')) return { kind: 'vmdk' };
  if (file.is(0, 'vhdxfile')) return { kind: 'vhdx' };
  // A dynamic disk repeats its footer at the start; a fixed one has it at the end only.
  if (file.is(0, 'conectix')) return { kind: 'vhd', diskBytes: file.big64(48) };
  if (tail.is(0, 'conectix')) return { kind: 'vhd', diskBytes: tail.big64(48) };
  return undefined;
}

const sector = 2048;

function iso(file: Reader): Medium | undefined {
  const descriptor = 16 * sector;
  if (!file.is(descriptor + 1, 'CD001')) return undefined;
  const label = file.text(descriptor + 40, 32);
  const bootable = file.is(descriptor + sector + 7, 'EL TORITO SPECIFICATION');
  return { kind: 'iso', bootable, ...(label === '' ? {} : { label }) };
}

function archive(file: Reader): Medium | undefined {
  // The descriptor is an OVA's first member (DSP0243 §5.3).
  const isTar = file.is(257, 'ustar');
  return isTar && /\.ovf$/i.test(file.text(0, 100)) ? { kind: 'ova' } : undefined;
}

function markup(file: Reader): Medium | undefined {
  const text = file.asText(4096);
  if (text === undefined || !/^\s*</.test(text)) return undefined;
  if (/<VirtualBox[\s>]/.test(text)) return { kind: 'vbox' };
  const isOvf = /<(?:\w+:)?Envelope[\s>]/.test(text) && /dmtf\.org\/ovf|ovf\/envelope/.test(text);
  return isOvf ? { kind: 'ovf' } : undefined;
}

function kernel(file: Reader): Medium | undefined {
  // Linux/x86 boot protocol: the setup header's magic.
  if (file.is(0x202, 'HdrS') && file.little16(510) === 0xaa55) return { kind: 'kernel' };
  // ELF, executable, for x86 or x86-64 without an interpreter's note: vmlinux or Multiboot.
  const isElf = file.is(0, '\x7fELF') && file.little16(16) === 2;
  const isX86 = file.little16(18) === 3 || file.little16(18) === 62;
  return isElf && isX86 ? { kind: 'kernel' } : undefined;
}

/** Sizes of floppies from 160 KiB to 2.88 MB, in bytes. */
const floppySizes: ReadonlySet<number> = new Set(
  [160, 180, 320, 360, 640, 720, 1200, 1440, 1680, 1722, 2880].map((kib) => kib * 1024),
);

/** An image without a header: a disk is known by its partition table, a floppy by its size too. */
function bare(file: Reader, size: number): Medium | undefined {
  if (size === 0 || size % 512 !== 0) return undefined;
  const bootSector = file.little16(510) === 0xaa55;
  const fat = bootSector && /^FAT(?:12|16| {3})|^FAT32/.test(file.text(54, 8) || file.text(82, 8));
  if (floppySizes.has(size)) {
    const empty = file.little32(0) === 0 && !bootSector;
    if (bootSector || fat || empty) return { kind: 'floppy', bootable: bootSector };
  }
  const gpt = file.is(512, 'EFI PART');
  const ext = file.little16(1024 + 56) === 0xef53;
  const partitioned = bootSector && partitionTable(file);
  if (gpt || partitioned || fat || ext) return { kind: 'raw', bootable: bootSector };
  return bootSector ? { kind: 'raw', bootable: true } : undefined;
}

/** Four entries whose flags are valid, at least one of them used. */
function partitionTable(file: Reader): boolean {
  const entries = [446, 462, 478, 494];
  const valid = entries.every((at) => (file.byte(at) & 0x7f) === 0);
  return valid && entries.some((at) => file.byte(at + 4) !== 0);
}

function otherContent(file: Reader, size: number): OtherContent {
  if (size === 0) return 'empty';
  const compressed = ['\x1f\x8b', '\xfd7zXZ\0', 'BZh', '\x28\xb5\x2f\xfd', '\x04\x22\x4d\x18'];
  if (compressed.some((magic) => file.is(0, magic))) return 'compressed';
  const archives = ['PK\x03\x04', '7z\xbc\xaf\x27\x1c', 'Rar!\x1a\x07'];
  if (archives.some((magic) => file.is(0, magic)) || file.is(257, 'ustar')) return 'archive';
  if (file.is(0, '\x7fELF') || file.is(0, 'MZ')) return 'program';
  return file.asText(512) === undefined ? 'unknown' : 'text';
}

/** Fields of a file's bytes; what lies beyond them reads as zero. */
class Reader {
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(at: number): number {
    return this.#bytes[at] ?? 0;
  }
  little16(at: number): number {
    return this.byte(at) | (this.byte(at + 1) << 8);
  }
  little32(at: number): number {
    return this.little16(at) + this.little16(at + 2) * 0x10000;
  }
  little64(at: number): number {
    return this.little32(at) + this.little32(at + 4) * 2 ** 32;
  }
  big64(at: number): number {
    let value = 0;
    for (let i = 0; i < 8; i++) value = value * 256 + this.byte(at + i);
    return value;
  }
  /** Whether the Latin-1 characters of `text` stand there. */
  is(at: number, text: string): boolean {
    return [...text].every((character, i) => this.byte(at + i) === character.charCodeAt(0));
  }
  /** Up to the first zero, without the spaces around it. */
  text(at: number, length: number): string {
    const bytes = this.#bytes.subarray(at, at + length);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end))).trim();
  }
  hex(at: number, length: number): string {
    return [...this.#bytes.subarray(at, at + length)]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' ');
  }
  /** The first bytes as text; undefined if they are none. */
  asText(length: number): string | undefined {
    const bytes = this.#bytes.subarray(0, length);
    const text = new TextDecoder('utf-8').decode(bytes);
    const strange = [...text].filter((c) => c < ' ' && !'\t\n\r\f'.includes(c)).length;
    // The last character may have been cut through.
    return strange > 0 || text.slice(0, -4).includes('\ufffd') ? undefined : text;
  }
}
