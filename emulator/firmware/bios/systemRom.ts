/**
 * The system ROM, 64 KiB at F0000h: entry points where programs of the PC's first years expect them
 * (IBM PC/AT Technical Reference, BIOS listing), and stubs that trap to the services.
 */
import { Assembler16 } from './assembler16.ts';
import { font8x8 } from './font.ts';
import {
  apmEntry,
  hardwareInterrupts,
  hardwareVectors,
  optionRomStub,
  trapStub,
  type PowerOffPort,
} from './stubs.ts';
import { pxeEntries } from './pxe/pxeMemory.ts';
import { pxeStubs } from './pxe/pxeRom.ts';
import { trapVectors } from './trapPorts.ts';

export const systemRomBase = 0xf0000;
export const systemRomSegment = 0xf000;
/** Tables with an anchor in the F segment (SMBIOS, MP, $PIR) lie below the code. */
export const codeStart = 0x8000;

/** Interrupts that are served by a trap with a frame. */
export const trappedInterrupts: readonly number[] = [
  0x05, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x40,
];

/** Fixed entry points: offset in the ROM → interrupt. */
const fixedEntries: readonly (readonly [offset: number, vector: number])[] = [
  [0xe6f2, 0x19],
  [0xe739, 0x14],
  [0xe82e, 0x16],
  [0xe987, 0x09],
  [0xec59, 0x40],
  [0xef57, 0x0e],
  [0xefd2, 0x17],
  [0xf065, 0x10],
  [0xf841, 0x12],
  [0xf84d, 0x11],
  [0xf859, 0x15],
  [0xfe6e, 0x1a],
  [0xfea5, 0x08],
  [0xff54, 0x05],
];

export const entryPoints = {
  post: 0xe05b,
  disketteParameters: 0xefc7,
  font8x8: 0xfa6e,
  iret: 0xff53,
  reset: 0xfff0,
} as const;

/** The first instruction, below 1 MiB. */
export const resetVector = { segment: systemRomSegment, offset: entryPoints.reset } as const;

/** INT 1Eh, eleven bytes for a 1.44 MB drive. */
const disketteParameters = [0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08];

export interface SystemRom {
  readonly image: Uint8Array;
  /** Offset in F000 of an interrupt's handler. */
  handler(vector: number): number;
  /** INT 15h C0h's table. */
  readonly configurationTable: number;
  /** APM's protected-mode entries, for 16 and 32-bit code. */
  readonly apmEntries: { readonly protected16: number; readonly protected32: number };
  /** What enters a program that was loaded from the network, and what its calls come to (pxe/pxeMemory.ts). */
  readonly pxe: { readonly enter: number; readonly entries: readonly number[] };
}

/** `port` is where the trap ports are mapped. */
export function buildSystemRom(port: number, powerOff: PowerOffPort): SystemRom {
  const a = new Assembler16(0x10000);
  a.at(codeStart);
  trapStub(a, port);
  for (const vector of trappedInterrupts) {
    a.label(`int${vector}`);
    a.bytes(0x6a, vector).near(0xe9, 'trap'); // push vector; jmp trap
  }
  a.label('post').bytes(0xfa, 0xfc); // cli; cld
  a.bytes(0x31, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c); // xor ax,ax; mov ss,ax; mov sp,7c00h
  // The trap's IRET comes back here as its frame says.
  a.bytes(0x9c, 0x0e).near(0xe8, 'postTrap').short(0xeb, 'started'); // pushf; push cs; call
  a.label('postTrap').bytes(0x68).word(trapVectors.post).near(0xe9, 'trap');
  a.label('started');
  optionRomStub(a);
  a.bytes(0xfb, 0xcd, 0x19); // sti; int 19h, which does not come back
  hardwareInterrupts(a, port);
  a.label('configuration').word(8);
  // Model FC, submodel 1; second 8259, RTC, INT 15h/4Fh called, EBDA; no more.
  a.bytes(0xfc, 0x01, 0x00, 0x74, 0x40, 0, 0, 0);
  apmEntry(a, 'apm16', [], powerOff);
  apmEntry(a, 'apm32', [0x66], powerOff);
  const pxeEnter = pxeStubs(a);

  a.at(entryPoints.post).near(0xe9, 'post');
  a.at(entryPoints.disketteParameters).bytes(...disketteParameters);
  a.at(entryPoints.font8x8).data(font8x8().subarray(0, 0x400));
  a.at(entryPoints.iret).bytes(0xcf);
  for (const [offset, vector] of fixedEntries) a.at(offset).near(0xe9, `int${vector}`);
  // jmp f000:e05b, the date, model FC (AT).
  a.at(entryPoints.reset).bytes(0xea).word(entryPoints.post).word(systemRomSegment);
  a.text('01/01/26').at(0xfffe).bytes(0xfc);
  const image = a.finish();
  const handlers = new Map<number, number>();
  for (const vector of [...trappedInterrupts, ...hardwareVectors]) {
    handlers.set(vector, a.offsetOf(`int${vector}`));
  }
  return {
    image,
    handler: (vector) => handlers.get(vector) ?? entryPoints.iret,
    configurationTable: a.offsetOf('configuration'),
    apmEntries: { protected16: a.offsetOf('apm16'), protected32: a.offsetOf('apm32') },
    pxe: { enter: pxeEnter, entries: pxeEntries.map(({ label }) => a.offsetOf(label)) },
  };
}
