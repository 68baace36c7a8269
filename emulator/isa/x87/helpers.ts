/** Helpers of the x87 and what every x87 instruction begins with. */
import type { Op, Semantics, Val } from '../dsl.ts';
import { helpers } from '../helpers.ts';

const check = { faults: true, writes: false } as const;
const quiet = { faults: false } as const;

helpers('x87', {
  x87Check: [[], check],
  x87CheckNoWait: [[], check],
  fwait: [[], check],
  mmxCheck: [[], check],
  /** Changes TOP and tags before conversions that may raise #XM, as processors do. */
  mmxEnter: [[], { faults: false, writes: false }],
  emms: [[], quiet],
  /** (address of the instruction), and with its memory operand's offset. */
  x87Note: [[64], quiet],
  x87NoteMemory: [[64, 64], quiet],
});

helpers('x87Arithmetic', {
  /** (operation /digit, value). */
  arithmeticM32: [[32, 32], quiet],
  arithmeticM64: [[32, 64], quiet],
  arithmeticInteger: [[32, 32], quiet],
  /** (operation, i, destination, pops). */
  arithmeticRegister: [[32, 32, 32, 32], quiet],
  /** (i, quiet, pops). */
  compareRegister: [[32, 32, 32], quiet],
  compareM32: [[32, 32], quiet],
  compareM64: [[64, 32], quiet],
  compareInteger: [[32, 32], quiet],
  /** Image of ZF PF CF. */
  compareToFlags: [[32, 32, 32], { ...quiet, returns: 32 }],
  ftst: [[], quiet],
  fxam: [[], quiet],
  changeSign: [[32], quiet],
  fsqrt: [[], quiet],
  frndint: [[], quiet],
  fscale: [[], quiet],
  fprem: [[32], quiet],
  fxtract: [[], quiet],
  rotateStack: [[32], quiet],
});

helpers('x87Transcendental', {
  f2xm1: [[], quiet],
  fyl2x: [[], quiet],
  fyl2xp1: [[], quiet],
  fpatan: [[], quiet],
});

helpers('x87Circular', {
  fptan: [[], quiet],
  fsin: [[], quiet],
  fcos: [[], quiet],
  fsincos: [[], quiet],
});

helpers('x87Transfer', {
  fldM32: [[32], quiet],
  fldM64: [[64], quiet],
  /** (significand, sign and exponent). */
  fldM80: [[64, 16], quiet],
  fild: [[64], quiet],
  fbld: [[64, 16], quiet],
  fldSt: [[32], quiet],
  fldConstant: [[32], quiet],
  /** (i, pops). */
  fstSt: [[32, 32], quiet],
  fstpNoCheck: [[32], quiet],
  fxch: [[32], quiet],
  /** (i, condition). */
  fcmov: [[32, 32], quiet],
  ffree: [[32, 32], quiet],
  /** (linear address, pops): atomic. */
  fstM32: [[64, 32], { faults: true }],
  fstM64: [[64, 32], { faults: true }],
  fstpM80: [[64], { faults: true }],
  /** (linear address, bytes, truncate, pops). */
  fist: [[64, 32, 32, 32], { faults: true }],
  fbstp: [[64], { faults: true }],
});

helpers('x87Environment', {
  fninit: [[], quiet],
  fnclex: [[], quiet],
  fldcw: [[16], quiet],
  readControlWord: [[], { ...quiet, writes: false, returns: 16 }],
  readStatusWord: [[], { ...quiet, writes: false, returns: 16 }],
  /** (linear address, operand size 16 or 32). */
  fnstenv: [[64, 32], { faults: true }],
  fnsave: [[64, 32], { faults: true }],
  fldenv: [[64, 32], { faults: true }],
  frstor: [[64, 32], { faults: true }],
  /** (linear address, wide). */
  fxsave: [[64, 32], { faults: true }],
  fxrstor: [[64, 32], { faults: true }],
});

/** #NM and #MF, before anything else. */
export const begin = (s: Semantics): void => s.callVoid('x87Check');

/** Instruction and operand pointers; after the last fault. */
export function note(s: Semantics, memory?: Op): void {
  if (memory === undefined) s.callVoid('x87Note', s.currentRip());
  else s.callVoid('x87NoteMemory', s.currentRip(), s.address(memory));
}

export const u32 = (s: Semantics, value: number): Val => s.const(value, 32);
