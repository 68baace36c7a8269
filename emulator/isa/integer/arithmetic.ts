/** ADC, SUB, SBB, CMP, INC, DEC, NEG (SDM 2A, 2B). ADD is in add.ts. */
import type { Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, FlagRule } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Eb, Ev, Zv, rw } from '../operands.ts';
import { aluForms } from './aluForms.ts';

inst('ADC', {
  forms: aluForms(2),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const b = s.read(src);
    const sum = s.add(s.add(a, b), s.fromCond(s.flag(Flag.CF), dst.width as Width));
    s.write(dst, sum);
    s.flags(FlagRule.add, sum, a, b);
  },
});

inst('SUB', {
  forms: aluForms(5),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const b = s.read(src);
    const difference = s.sub(a, b);
    s.write(dst, difference);
    s.flags(FlagRule.sub, difference, a, b);
  },
});

inst('SBB', {
  forms: aluForms(3),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const b = s.read(src);
    const difference = s.sub(s.sub(a, b), s.fromCond(s.flag(Flag.CF), dst.width as Width));
    s.write(dst, difference);
    s.flags(FlagRule.sub, difference, a, b);
  },
});

inst('CMP', {
  forms: aluForms(7, 'r'),
  semantics(s, left, right) {
    const a = s.read(left);
    const b = s.read(right);
    s.flags(FlagRule.sub, s.sub(a, b), a, b);
  },
});

inst('INC', {
  forms: [
    form([rw(Eb)], op(0xfe).digit(0).lockable()),
    form([rw(Ev)], op(0xff).digit(0).lockable()),
    form([rw(Zv)], op(0x40).not64()),
  ],
  semantics(s, dst) {
    const result = s.add(s.read(dst), 1);
    s.write(dst, result);
    s.flags(FlagRule.inc, result);
  },
});

inst('DEC', {
  forms: [
    form([rw(Eb)], op(0xfe).digit(1).lockable()),
    form([rw(Ev)], op(0xff).digit(1).lockable()),
    form([rw(Zv)], op(0x48).not64()),
  ],
  semantics(s, dst) {
    const result = s.sub(s.read(dst), 1);
    s.write(dst, result);
    s.flags(FlagRule.dec, result);
  },
});

inst('NEG', {
  forms: [
    form([rw(Eb)], op(0xf6).digit(3).lockable()),
    form([rw(Ev)], op(0xf7).digit(3).lockable()),
  ],
  semantics(s, dst) {
    const a = s.read(dst);
    const zero = s.const(0, dst.width as Width);
    const result = s.sub(zero, a);
    s.write(dst, result);
    s.flags(FlagRule.sub, result, zero, a);
  },
});
