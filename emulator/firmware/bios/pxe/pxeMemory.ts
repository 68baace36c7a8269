/**
 * PXE at the top of base memory, as boot programs expect it (PXE 2.1 §3.1, §4.4.5): they count what the
 * segments of !PXE take, and free and clear what lies between. First the base code's packets, which go with
 * UNLOAD_STACK, then UNDI: the !PXE and PXENV+ structures, entries that jump into the ROM, a received frame.
 */
import { bda, extendedDataStart } from '../biosData.ts';
import type { BiosContext } from '../biosContext.ts';
import { Assembler16 } from '../assembler16.ts';

/** Segments at whole KiB, and bytes. */
const undiSize = 0x800;
const baseSize = 0xc00;
export const undiSegment = (extendedDataStart - undiSize) >>> 4;
export const baseSegment = undiSegment - (baseSize >>> 4);
/** What a program that is loaded at 7C00h must stay below. */
export const pxeMemoryStart = baseSegment * 16;

/** Offsets in the segments, and the room of what is written there later. */
export const undiLayout = { pxe: 0, pxenv: 0x60, entries: 0xa0, frame: 0x100 } as const;
export const baseLayout = { discover: 0, answer: 0x300 } as const;
export const pxeSpace = { frame: 0x600, discover: 0x300, answer: 0x700 } as const;

const pxeLength = 0x58;
const pxenvLength = 0x2c;

/** In the ROM, by label, and the trap that each is. */
export const pxeEntries = [
  { label: 'pxeCall', vector: 'pxe' },
  { label: 'pxenvCall', vector: 'pxenv' },
] as const;

/** `romEntries`: offsets in the ROM's segment, in the order of pxeEntries. */
export function undiImage(romSegment: number, romEntries: readonly number[]): Uint8Array {
  const a = new Assembler16(undiLayout.frame);
  const far = (offset: number): void => void a.word(offset).word(undiSegment);
  const entries = romEntries.map((offset, i) => {
    const at = undiLayout.entries + 5 * i;
    a.at(at).bytes(0xea).word(offset).word(romSegment); // jmp romSegment:offset
    return at;
  });
  const [pxeEntry = 0, pxenvEntry = 0] = entries;

  a.at(undiLayout.pxe).text('!PXE').bytes(pxeLength, 0, 0, 0);
  far(0); // no UNDI ROM ID
  far(0); // nor one of the base code
  far(pxeEntry);
  a.word(0).word(0); // no entry for protected mode
  a.word(0xffff).word(0xffff); // no status callout
  a.bytes(0, 7).word(0);
  const descriptor = (segment: number, size: number): void =>
    void a
      .word(segment)
      .word(segment << 4)
      .word(segment >>> 12)
      .word(size);
  descriptor(0, 0); // callers have stacks
  // Data, code, and code to write.
  for (let i = 0; i < 3; i++) descriptor(undiSegment, undiSize);
  for (let i = 0; i < 3; i++) descriptor(baseSegment, baseSize);
  checksum(a, undiLayout.pxe, pxeLength, 5);

  a.at(undiLayout.pxenv).text('PXENV+').word(0x0201).bytes(pxenvLength, 0);
  far(pxenvEntry);
  a.word(0).word(0).word(0);
  a.word(0).word(0);
  for (const [segment, size] of [
    [baseSegment, baseSize],
    [baseSegment, baseSize],
    [undiSegment, undiSize],
    [undiSegment, undiSize],
  ] as const)
    a.word(segment).word(size);
  far(undiLayout.pxe);
  checksum(a, undiLayout.pxenv, pxenvLength, 9);
  return a.finish();
}

/** All bytes add up to zero. */
function checksum(a: Assembler16, start: number, length: number, at: number): void {
  const sum = a.image.subarray(start, start + length).reduce((all, byte) => all + byte, 0);
  a.image[start + at] = -sum & 0xff;
}

/** Puts PXE into base memory, of which less is free then. */
export function placePxe(
  { memory, data }: BiosContext,
  image: Uint8Array,
  { discover, answer }: { readonly discover: Uint8Array; readonly answer: Uint8Array },
): void {
  const base = baseSegment * 16;
  memory.write(base, new Uint8Array(extendedDataStart - base));
  memory.write(base + baseLayout.discover, discover.subarray(0, pxeSpace.discover));
  memory.write(base + baseLayout.answer, answer.subarray(0, pxeSpace.answer));
  memory.write(undiSegment * 16, image);
  data.set16(bda.memoryKiB, pxeMemoryStart / 1024);
}

/** All of base memory is free again, unless a program has put something of its own at its top. */
export function freePxe({ data }: BiosContext): void {
  const free = data.get16(bda.memoryKiB);
  if (free >= pxeMemoryStart / 1024) data.set16(bda.memoryKiB, extendedDataStart / 1024);
}
