/** PXE in the system ROM (PXE 2.1 §3.1, §4.4.5): the !PXE and PXENV+ structures, the entries, the way into a boot program. */
import type { Assembler16 } from '../assembler16.ts';
import { trapVectors } from '../trapPorts.ts';

const romSegment = 0xf000;
/** Offsets in the ROM. The last three are memory that is written: the ROM is RAM. */
export const pxeRom = {
  pxe: 0xb000,
  pxenv: 0xb060,
  code: 0xb0a0,
  frame: 0xb800,
  discover: 0xbe00,
  answer: 0xc100,
  end: 0xc800,
} as const;
export const pxeRomSpace = { frame: 0x600, discover: 0x300, answer: 0x700 } as const;

/** Leaves the assembler behind pxeRom.end; gives the offset of the code that enters a boot program. */
export function pxeStubs(a: Assembler16): number {
  a.at(pxeRom.code);
  for (const [label, vector] of [
    ['pxeCall', trapVectors.pxe],
    ['pxenvCall', trapVectors.pxenv],
  ] as const) {
    // The trap ends with IRET, to the RETF here.
    a.label(label).bytes(0x9c, 0x0e).near(0xe8, `${label}Trap`).bytes(0xcb); // pushf; push cs; call; retf
    a.label(`${label}Trap`).bytes(0x68).word(vector).near(0xe9, 'trap'); // push vector; jmp trap
  }
  a.label('pxeReturn').bytes(0xcd, 0x18); // int 18h: the boot program gave up
  a.label('pxeEnter');
  a.bytes(0x31, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c); // xor ax,ax; mov ss,ax; mov sp,7c00h
  a.bytes(0x68).word(romSegment).bytes(0x68).word(pxeRom.pxe); // push seg; push offset of !PXE
  a.bytes(0xb8).word(romSegment).bytes(0x8e, 0xc0, 0xbb).word(pxeRom.pxenv); // es:bx = PXENV+
  a.bytes(0x0e, 0x68).word(a.offsetOf('pxeReturn')); // push cs; push pxeReturn
  a.bytes(0xea).word(0x7c00).word(0); // jmp 0000:7c00

  const far = (offset: number): void => void a.word(offset).word(romSegment);
  a.at(pxeRom.pxe).text('!PXE').bytes(0x58, 0, 0, 0);
  far(0);
  far(0);
  far(a.offsetOf('pxeCall'));
  a.word(0).word(0); // no entry for protected mode
  a.word(0xffff).word(0xffff); // no status callout
  a.bytes(0, 7).word(0);
  // Stack, UNDI data, code, code to write, base data, code, code to write: all of it is the ROM.
  for (let i = 0; i < 7; i++)
    a.word(i === 0 ? 0 : romSegment)
      .word(0)
      .word(i === 0 ? 0 : romSegment >>> 12)
      .word(i === 0 ? 0 : 0xffff);
  checksum(a, pxeRom.pxe, 0x58, 5);

  a.at(pxeRom.pxenv).text('PXENV+').word(0x0201).bytes(0x2c, 0);
  far(a.offsetOf('pxenvCall'));
  a.word(0).word(0).word(0);
  a.word(0).word(0);
  for (let i = 0; i < 4; i++) a.word(romSegment).word(0xffff);
  far(pxeRom.pxe);
  checksum(a, pxeRom.pxenv, 0x2c, 9);
  a.at(pxeRom.end);
  return a.offsetOf('pxeEnter');
}

/** All bytes add up to zero. */
function checksum(a: Assembler16, start: number, length: number, at: number): void {
  const sum = a.image.subarray(start, start + length).reduce((all, byte) => all + byte, 0);
  a.image[start + at] = -sum & 0xff;
}
