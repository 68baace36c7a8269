/** DAA, DAS, AAA, AAS, AAM, AAD (SDM 2A). OF, and what else the manual leaves undefined, is 0 here. */
import type { Semantics, Val } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, Reg, Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Ib, r } from '../operands.ts';

const never = (s: Semantics) => s.bit(s.const(0, 8), 0);
const lowDigitAbove9 = (s: Semantics, al: Val) =>
  s.either(s.gtU(s.and(al, 15), 9), s.flag(Flag.AF));

inst('DAA', {
  forms: [form([], op(0x27).not64())],
  semantics(s) {
    const al = s.reg(Reg.RAX, 8);
    const low = lowDigitAbove9(s, al);
    const high = s.either(s.gtU(al, 0x99), s.flag(Flag.CF));
    const zero = s.const(0, 8);
    const six = s.select(low, s.const(6, 8), zero);
    const result = s.add(s.add(al, six), s.select(high, s.const(0x60, 8), zero));
    s.setReg(Reg.RAX, result);
    s.flagsFrom(result, high, never(s));
    s.setFlag(Flag.AF, low);
  },
});

inst('DAS', {
  forms: [form([], op(0x2f).not64())],
  semantics(s) {
    const al = s.reg(Reg.RAX, 8);
    const low = lowDigitAbove9(s, al);
    const high = s.either(s.gtU(al, 0x99), s.flag(Flag.CF));
    const zero = s.const(0, 8);
    const six = s.select(low, s.const(6, 8), zero);
    const result = s.sub(s.sub(al, six), s.select(high, s.const(0x60, 8), zero));
    const borrow = s.both(low, s.ltU(al, 6));
    s.setReg(Reg.RAX, result);
    s.flagsFrom(result, s.either(high, borrow), never(s));
    s.setFlag(Flag.AF, low);
  },
});

for (const [name, opcode, sign] of [
  ['AAA', 0x37, 1],
  ['AAS', 0x3f, -1],
] as const) {
  inst(name, {
    forms: [form([], op(opcode).not64())],
    semantics(s) {
      const ax = s.reg(Reg.RAX, 16);
      const adjust = lowDigitAbove9(s, s.truncate(ax, 8));
      const adjusted = sign > 0 ? s.add(ax, 0x106) : s.sub(ax, 0x106);
      const result = s.and(s.select(adjust, adjusted, ax), 0xff0f);
      s.setReg(Reg.RAX, result);
      s.flagsFrom(s.truncate(result, 8), adjust, never(s));
      s.setFlag(Flag.AF, adjust);
    },
  });
}

inst('AAM', {
  forms: [form([r(Ib)], op(0xd4).not64())],
  semantics(s, base) {
    const divisor = s.read(base);
    s.raiseIf(s.isZero(divisor), Vector.DE);
    const al = s.reg(Reg.RAX, 8);
    const low = s.remU(al, divisor);
    const high = s.divU(al, divisor);
    s.setReg(Reg.RAX, low);
    s.setRegHigh(Reg.RAX, high);
    s.flagsFrom(low, never(s), never(s));
  },
});

inst('AAD', {
  forms: [form([r(Ib)], op(0xd5).not64())],
  semantics(s, base) {
    const al = s.add(s.reg(Reg.RAX, 8), s.mul(s.regHigh(Reg.RAX), s.read(base)));
    s.setReg(Reg.RAX, s.zeroExtend(al, 16));
    s.flagsFrom(al, never(s), never(s));
  },
});
