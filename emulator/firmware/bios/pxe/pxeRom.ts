/** PXE's machine code in the system ROM (PXE 2.1 §3.1, §4.4.5): the entries' traps, and the way into a boot program. */
import type { Assembler16 } from '../assembler16.ts';
import { trapVectors } from '../trapPorts.ts';
import { pxeEntries, undiSegment, undiLayout } from './pxeMemory.ts';

/** Leaves the assembler behind the code; gives the offset of what enters a boot program. */
export function pxeStubs(a: Assembler16): number {
  for (const { label, vector } of pxeEntries) {
    // The trap ends with IRET, to the RETF here.
    a.label(label).bytes(0x9c, 0x0e).near(0xe8, `${label}Trap`).bytes(0xcb); // pushf; push cs; call; retf
    a.label(`${label}Trap`).bytes(0x68).word(trapVectors[vector]).near(0xe9, 'trap'); // push vector; jmp trap
  }
  a.label('pxeReturn').bytes(0xcd, 0x18); // int 18h: the boot program gave up
  a.label('pxeEnter');
  a.bytes(0x31, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c); // xor ax,ax; mov ss,ax; mov sp,7c00h
  a.bytes(0x68).word(undiSegment).bytes(0x68).word(undiLayout.pxe); // push segment and offset of !PXE
  a.bytes(0xb8).word(undiSegment).bytes(0x8e, 0xc0, 0xbb).word(undiLayout.pxenv); // es:bx = PXENV+
  a.bytes(0x0e, 0x68).word(a.offsetOf('pxeReturn')); // push cs; push pxeReturn
  a.bytes(0xea).word(0x7c00).word(0); // jmp 0000:7c00
  return a.offsetOf('pxeEnter');
}
