/** x87 arithmetic and comparison (SDM 2A FADD … FYL2XP1; opcode map SDM 2D tables ). */
import { inst } from '../dsl.ts';
import type { Semantics } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { Md, Mq, Mw, r, STi } from '../operands.ts';
import { begin, note, u32 } from './helpers.ts';

/** Name and /digit; DC and DE swap the reversed forms of a register destination. */
const operations = [
  ['FADD', 0],
  ['FMUL', 1],
  ['FSUB', 4],
  ['FSUBR', 5],
  ['FDIV', 6],
  ['FDIVR', 7],
] as const;

for (const [name, digit] of operations) {
  inst(name, {
    forms: [form([r(Md)], op(0xd8).digit(digit)), form([r(Mq)], op(0xdc).digit(digit))],
    semantics(s, source) {
      begin(s);
      const value = s.read(source);
      note(s, source);
      s.callVoid(source.width === 32 ? 'arithmeticM32' : 'arithmeticM64', u32(s, digit), value);
    },
  });
  inst(`${name.replace('F', 'FI')}`, {
    forms: [form([r(Md)], op(0xda).digit(digit)), form([r(Mw)], op(0xde).digit(digit))],
    semantics(s, source) {
      begin(s);
      const value = s.signExtend(s.read(source), 32);
      note(s, source);
      s.callVoid('arithmeticInteger', u32(s, digit), value);
    },
  });
  inst(name, {
    forms: [form([r(STi)], op(0xd8).digit(digit))],
    semantics(s, source) {
      begin(s);
      note(s);
      s.callVoid('arithmeticRegister', u32(s, digit), s.index(source), u32(s, 0), u32(s, 0));
    },
  });
  for (const [opcode, pops] of [
    [0xdc, 0],
    [0xde, 1],
  ] as const) {
    inst(pops ? `${name}P` : name, {
      forms: [form([r(STi)], op(opcode).digit(digit))],
      semantics(s, destination) {
        begin(s);
        note(s);
        const i = s.index(destination);
        s.callVoid('arithmeticRegister', u32(s, digit), i, i, u32(s, pops));
      },
    });
  }
}

for (const [name, digit, pops] of [
  ['FCOM', 2, 0],
  ['FCOMP', 3, 1],
] as const) {
  inst(name, {
    forms: [form([r(Md)], op(0xd8).digit(digit)), form([r(Mq)], op(0xdc).digit(digit))],
    semantics(s, source) {
      begin(s);
      const value = s.read(source);
      note(s, source);
      s.callVoid(source.width === 32 ? 'compareM32' : 'compareM64', value, u32(s, pops));
    },
  });
  inst(name.replace('F', 'FI'), {
    forms: [form([r(Md)], op(0xda).digit(digit)), form([r(Mw)], op(0xde).digit(digit))],
    semantics(s, source) {
      begin(s);
      const value = s.signExtend(s.read(source), 32);
      note(s, source);
      s.callVoid('compareInteger', value, u32(s, pops));
    },
  });
}

/** Name, encoding, quiet, pops. DC D0+i, DC D8+i and DE D0+i are undocumented twins. */
const comparisons = [
  ['FCOM', op(0xd8).digit(2), 0, 0],
  ['FCOM', op(0xdc).digit(2), 0, 0],
  ['FCOMP', op(0xd8).digit(3), 0, 1],
  ['FCOMP', op(0xdc).digit(3), 0, 1],
  ['FCOMP', op(0xde).digit(2), 0, 1],
  ['FUCOM', op(0xdd).digit(4), 1, 0],
  ['FUCOMP', op(0xdd).digit(5), 1, 1],
] as const;

for (const [name, encoding, quiet, pops] of comparisons) {
  inst(name, {
    forms: [form([r(STi)], encoding)],
    semantics(s, source) {
      begin(s);
      note(s);
      s.callVoid('compareRegister', s.index(source), u32(s, quiet), u32(s, pops));
    },
  });
}

for (const [name, encoding, quiet] of [
  ['FCOMPP', op(0xde).modrm(0xd9), 0],
  ['FUCOMPP', op(0xda).modrm(0xe9), 1],
] as const) {
  inst(name, {
    forms: [form([], encoding)],
    semantics(s) {
      begin(s);
      note(s);
      s.callVoid('compareRegister', u32(s, 1), u32(s, quiet), u32(s, 2));
    },
  });
}

for (const [name, encoding, quiet, pops] of [
  ['FCOMI', op(0xdb).digit(6), 0, 0],
  ['FUCOMI', op(0xdb).digit(5), 1, 0],
  ['FCOMIP', op(0xdf).digit(6), 0, 1],
  ['FUCOMIP', op(0xdf).digit(5), 1, 1],
] as const) {
  inst(name, {
    forms: [form([r(STi)], encoding)],
    semantics(s, source) {
      begin(s);
      note(s);
      const image = s.call('compareToFlags', s.index(source), u32(s, quiet), u32(s, pops));
      s.flagsCompared(s.bit(image, 6), s.bit(image, 2), s.bit(image, 0));
    },
  });
}

/** Instructions on the stack top without operands: name, ModRM byte of D9, helper, its constant. */
const plain: readonly (readonly [string, number, string, number?])[] = [
  ['FCHS', 0xe0, 'changeSign', 1],
  ['FABS', 0xe1, 'changeSign', 0],
  ['FTST', 0xe4, 'ftst'],
  ['FXAM', 0xe5, 'fxam'],
  ['F2XM1', 0xf0, 'f2xm1'],
  ['FYL2X', 0xf1, 'fyl2x'],
  ['FPTAN', 0xf2, 'fptan'],
  ['FPATAN', 0xf3, 'fpatan'],
  ['FXTRACT', 0xf4, 'fxtract'],
  ['FPREM1', 0xf5, 'fprem', 1],
  ['FDECSTP', 0xf6, 'rotateStack', -1],
  ['FINCSTP', 0xf7, 'rotateStack', 1],
  ['FPREM', 0xf8, 'fprem', 0],
  ['FYL2XP1', 0xf9, 'fyl2xp1'],
  ['FSQRT', 0xfa, 'fsqrt'],
  ['FSINCOS', 0xfb, 'fsincos'],
  ['FRNDINT', 0xfc, 'frndint'],
  ['FSCALE', 0xfd, 'fscale'],
  ['FSIN', 0xfe, 'fsin'],
  ['FCOS', 0xff, 'fcos'],
];

for (const [name, modrm, helper, constant] of plain) {
  inst(name, {
    forms: [form([], op(0xd9).modrm(modrm))],
    semantics(s: Semantics) {
      begin(s);
      note(s);
      if (constant === undefined) s.callVoid(helper);
      else s.callVoid(helper, u32(s, constant));
    },
  });
}
