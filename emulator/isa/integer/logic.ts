/** AND, OR, XOR, NOT, TEST (SDM 2A, 2B). */
import type { Semantics, Val } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { FlagRule } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { AL, Eb, Ev, Gb, Gv, Ib, Iz, r, rAX, rw } from '../operands.ts';
import { aluForms } from './aluForms.ts';

type Operation = (s: Semantics, a: Val, b: Val) => Val;
const binary: readonly (readonly [string, number, Operation])[] = [
  ['OR', 1, (s, a, b) => s.or(a, b)],
  ['AND', 4, (s, a, b) => s.and(a, b)],
  ['XOR', 6, (s, a, b) => s.xor(a, b)],
];

for (const [name, index, operation] of binary) {
  inst(name, {
    forms: aluForms(index),
    semantics(s, dst, src) {
      const result = operation(s, s.read(dst), s.read(src));
      s.write(dst, result);
      s.flags(FlagRule.logic, result);
    },
  });
}

inst('NOT', {
  forms: [
    form([rw(Eb)], op(0xf6).digit(2).lockable()),
    form([rw(Ev)], op(0xf7).digit(2).lockable()),
  ],
  semantics(s, dst) {
    s.write(dst, s.not(s.read(dst)));
  },
});

inst('TEST', {
  forms: [
    form([r(Eb), r(Gb)], op(0x84)),
    form([r(Ev), r(Gv)], op(0x85)),
    form([r(AL), r(Ib)], op(0xa8)),
    form([r(rAX), r(Iz)], op(0xa9)),
    form([r(Eb), r(Ib)], op(0xf6).digit(0)),
    form([r(Ev), r(Iz)], op(0xf7).digit(0)),
    // /1 is the same instruction, in the opcode map of AMD (APM 3 appendix A.2) and on every CPU.
    form([r(Eb), r(Ib)], op(0xf6).digit(1)),
    form([r(Ev), r(Iz)], op(0xf7).digit(1)),
  ],
  semantics(s, left, right) {
    s.flags(FlagRule.logic, s.and(s.read(left), s.read(right)));
  },
});
