/**
 * MOVS, STOS, LODS, CMPS, SCAS with REP, REPE, REPNE (SDM 2A, 2B). INS and OUTS are in isa/system.
 * REP MOVS and STOS move page runs at a time through cpu/strings.ts.
 */
import type { Semantics, Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, FlagRule, Reg, Seg } from '../flagRules.ts';
import type { Op } from '../forms.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';

helpers('strings', {
  /**
   * (source segment, bytes of an element, bytes of an address, most elements): elements moved, 0 if
   * it must be done singly.
   */
  bulkMove: [[32, 32, 32, 32], { returns: 32, faults: false, writes: true }],
  bulkStore: [[32, 32, 32, 32], { returns: 32, faults: false, writes: true }],
});

function advance(s: Semantics, width: number, ...registers: readonly number[]): void {
  const size = s.addressSize;
  const bytes = width / 8;
  const step = s.select(s.flag(Flag.DF), s.const(-bytes, size), s.const(bytes, size));
  for (const register of registers) s.setReg(register, s.add(s.reg(register, size), step));
}

/** The byte opcode and the 16/32/64-bit one that follows it. */
function stringInstruction(
  name: string,
  opcode: number,
  repeat: 'repeats' | 'repeatsOnZero',
  semantics: (s: Semantics, width: Width) => void,
): void {
  const repeated = (code: number): Op =>
    repeat === 'repeats' ? op(code).repeats() : op(code).repeatsOnZero();
  inst(name, {
    forms: [form([], repeated(opcode))],
    semantics: (s) => semantics(s, 8),
  });
  inst(name, {
    forms: [form([], repeated(opcode + 1).sized())],
    semantics: (s) => semantics(s, s.size),
  });
}

stringInstruction('MOVS', 0xa4, 'repeats', (s, width) => {
  s.string(() => {
    const value = s.load('ds', s.reg(Reg.RSI, s.addressSize), width);
    s.store(Seg.ES, s.reg(Reg.RDI, s.addressSize), value);
    advance(s, width, Reg.RSI, Reg.RDI);
  }, 'bulkMove');
});

stringInstruction('STOS', 0xaa, 'repeats', (s, width) => {
  s.string(() => {
    s.store(Seg.ES, s.reg(Reg.RDI, s.addressSize), s.reg(Reg.RAX, width));
    advance(s, width, Reg.RDI);
  }, 'bulkStore');
});

stringInstruction('LODS', 0xac, 'repeats', (s, width) => {
  s.string(() => {
    s.setReg(Reg.RAX, s.load('ds', s.reg(Reg.RSI, s.addressSize), width));
    advance(s, width, Reg.RSI);
  });
});

stringInstruction('CMPS', 0xa6, 'repeatsOnZero', (s, width) => {
  s.string(() => {
    const left = s.load('ds', s.reg(Reg.RSI, s.addressSize), width);
    const right = s.load(Seg.ES, s.reg(Reg.RDI, s.addressSize), width);
    s.flags(FlagRule.sub, s.sub(left, right), left, right);
    advance(s, width, Reg.RSI, Reg.RDI);
  });
});

stringInstruction('SCAS', 0xae, 'repeatsOnZero', (s, width) => {
  s.string(() => {
    const left = s.reg(Reg.RAX, width);
    const right = s.load(Seg.ES, s.reg(Reg.RDI, s.addressSize), width);
    s.flags(FlagRule.sub, s.sub(left, right), left, right);
    advance(s, width, Reg.RDI);
  });
});
