/**
 * BT, BTS, BTR, BTC, BSF, BSR, POPCNT (SDM 2A, 2B). LZCNT and TZCNT are not in the model: F3 before
 * BSR and BSF is ignored.
 */
import type { Op, Semantics, Val, Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, FlagRule } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Ev, Gv, Ib, r, rw, w } from '../operands.ts';

type Change = (s: Semantics, value: Val, mask: Val) => Val;
const instructions: readonly (readonly [string, number, Change | undefined])[] = [
  ['BT', 4, undefined],
  ['BTS', 5, (s, value, mask) => s.or(value, mask)],
  ['BTR', 6, (s, value, mask) => s.and(value, s.not(mask))],
  ['BTC', 7, (s, value, mask) => s.xor(value, mask)],
];

function testBit(s: Semantics, dst: Op, index: Val, change: Change | undefined): void {
  const width = dst.width as Width;
  const value = s.read(dst);
  const position = s.and(index, width - 1);
  const found = s.bit(s.shrU(value, position), 0);
  if (change) s.write(dst, change(s, value, s.shl(s.const(1, width), position)));
  s.setFlag(Flag.CF, found);
}

for (const [name, digit, change] of instructions) {
  const access = change ? rw : r;
  const lockable = <T extends { lockable(): T }>(encoding: T): T =>
    change ? encoding.lockable() : encoding;
  inst(name, {
    forms: [form([access(Ev), r(Gv)], lockable(op(0x0f, 0x83 + digit * 8)))],
    semantics(s, dst, src) {
      const index = s.read(src);
      if (!dst.isMemory) return testBit(s, dst, index, change);
      // The index is signed and reaches beyond the operand, in steps of its size.
      const shift = dst.width === 64 ? 6 : dst.width === 32 ? 5 : 4;
      const offset = s.shl(s.shrS(s.signExtend(index, 64), shift), shift - 3);
      testBit(s, s.displaced(dst, offset, dst.width, change ? 'rw' : 'r'), index, change);
    },
  });
  inst(name, {
    forms: [form([access(Ev), r(Ib)], lockable(op(0x0f, 0xba).digit(digit)))],
    semantics(s, dst, src) {
      testBit(s, dst, s.zeroExtend(s.read(src), dst.width as Width), change);
    },
  });
}

inst('BSF', {
  forms: [form([w(Gv), r(Ev)], op(0x0f, 0xbc))],
  semantics(s, dst, src) {
    const value = s.read(src);
    s.if(s.isNonZero(value), () => s.write(dst, s.ctz(value)));
    s.flags(FlagRule.logic, value);
  },
});

inst('BSR', {
  forms: [form([w(Gv), r(Ev)], op(0x0f, 0xbd))],
  semantics(s, dst, src) {
    const width = dst.width as Width;
    const value = s.read(src);
    s.if(s.isNonZero(value), () => s.write(dst, s.sub(s.const(width - 1, width), s.clz(value))));
    s.flags(FlagRule.logic, value);
  },
});

inst('POPCNT', {
  forms: [form([w(Gv), r(Ev)], op(0x0f, 0xb8).f3())],
  semantics(s, dst, src) {
    const value = s.read(src);
    s.write(dst, s.popcnt(value));
    const statusFlags = 0x8d5;
    const zero = 1 << Flag.ZF;
    s.writeFlags(s.select(s.isZero(value), s.const(zero, 32), 0), statusFlags);
  },
});
