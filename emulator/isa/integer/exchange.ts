/** XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B (SDM 2A, 2B). */
import type { Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, FlagRule, Reg, Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Eb, Ev, Gb, Gv, M, Mq, Zv, a, rAX, r, rw } from '../operands.ts';

inst('XCHG', {
  forms: [form([rw(Eb), rw(Gb)], op(0x86).lockable()), form([rw(Ev), rw(Gv)], op(0x87).lockable())],
  semantics(s, left, right) {
    const a = s.read(left);
    const b = s.read(right);
    s.write(left, b);
    s.write(right, a);
  },
});

inst('XCHG', {
  // 90 is NOP, and PAUSE with F3; with REX.B it exchanges R8.
  forms: [form([rw(Zv), rw(rAX)], op(0x90))],
  semantics(s, other, accumulator) {
    s.if(s.isNonZero(s.index(other)), () => {
      const a = s.read(other);
      const b = s.read(accumulator);
      s.write(other, b);
      s.write(accumulator, a);
    });
  },
});

inst('XADD', {
  forms: [
    form([rw(Eb), rw(Gb)], op(0x0f, 0xc0).lockable()),
    form([rw(Ev), rw(Gv)], op(0x0f, 0xc1).lockable()),
  ],
  semantics(s, dst, src) {
    const a = s.read(dst);
    const b = s.read(src);
    const sum = s.add(a, b);
    // In this order: if both are one register it keeps the sum.
    s.write(src, a);
    s.write(dst, sum);
    s.flags(FlagRule.add, sum, a, b);
  },
});

inst('CMPXCHG', {
  forms: [
    form([rw(Eb), r(Gb)], op(0x0f, 0xb0).lockable()),
    form([rw(Ev), r(Gv)], op(0x0f, 0xb1).lockable()),
  ],
  semantics(s, dst, src) {
    const width = dst.width as Width;
    const old = s.read(dst);
    const accumulator = s.reg(Reg.RAX, width);
    const value = s.read(src);
    const same = s.eq(accumulator, old);
    // Memory is written in both cases; a register keeps even its upper half if they differ.
    if (dst.isMemory) {
      s.write(dst, s.select(same, value, old));
      s.if(s.negate(same), () => s.setReg(Reg.RAX, old));
    } else {
      s.if(
        same,
        () => s.write(dst, value),
        () => s.setReg(Reg.RAX, old),
      );
    }
    s.flags(FlagRule.sub, s.sub(accumulator, old), accumulator, old);
  },
});

inst('CMPXCHG8B', {
  forms: [form([rw(Mq)], op(0x0f, 0xc7).digit(1).np().w0().lockable())],
  semantics(s, dst) {
    const old = s.read(dst);
    const pair = (high: number, low: number) =>
      s.or(s.shl(s.zeroExtend(s.reg(high, 32), 64), 32), s.zeroExtend(s.reg(low, 32), 64));
    const same = s.eq(pair(Reg.RDX, Reg.RAX), old);
    s.write(dst, s.select(same, pair(Reg.RCX, Reg.RBX), old));
    s.if(s.negate(same), () => {
      s.setReg(Reg.RAX, s.truncate(old, 32));
      s.setReg(Reg.RDX, s.truncate(s.shrU(old, 32), 32));
    });
    s.setFlag(Flag.ZF, same);
  },
});

inst('CMPXCHG16B', {
  forms: [form([a(M)], op(0x0f, 0xc7).digit(1).np().w1().only64().lockable())],
  semantics(s, dst) {
    s.raiseIf(s.isNonZero(s.and(s.linear(dst, 16, true), 15)), Vector.GP, 0);
    const low = s.displaced(dst, 0, 64, 'rw');
    const high = s.displaced(dst, 8, 64, 'rw');
    const oldLow = s.read(low);
    const oldHigh = s.read(high);
    const same = s.both(s.eq(s.reg(Reg.RAX, 64), oldLow), s.eq(s.reg(Reg.RDX, 64), oldHigh));
    s.write(low, s.select(same, s.reg(Reg.RBX, 64), oldLow));
    s.write(high, s.select(same, s.reg(Reg.RCX, 64), oldHigh));
    s.if(s.negate(same), () => {
      s.setReg(Reg.RAX, oldLow);
      s.setReg(Reg.RDX, oldHigh);
    });
    s.setFlag(Flag.ZF, same);
  },
});
