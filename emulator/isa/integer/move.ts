/**
 * MOV (general registers and memory), MOVZX, MOVSX, MOVSXD, LEA, CBW..CDQE, CWD..CQO, CMOVcc,
 * SETcc, BSWAP, XLAT, LAHF, SAHF, flag instructions, NOP, SALC (SDM 2A, 2B). MOV of segment,
 * control and debug registers is in isa/system.
 */
import type { Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, Reg } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import {
  AL,
  Eb,
  Ed,
  Ev,
  Ew,
  Gb,
  Gv,
  Ib,
  Iv,
  Iz,
  M,
  Ob,
  Ov,
  Zb,
  Zv,
  a,
  r,
  rAX,
  rw,
  w,
} from '../operands.ts';

inst('MOV', {
  forms: [
    form([w(Eb), r(Gb)], op(0x88)),
    form([w(Ev), r(Gv)], op(0x89)),
    form([w(Gb), r(Eb)], op(0x8a)),
    form([w(Gv), r(Ev)], op(0x8b)),
    form([w(AL), r(Ob)], op(0xa0)),
    form([w(rAX), r(Ov)], op(0xa1)),
    form([w(Ob), r(AL)], op(0xa2)),
    form([w(Ov), r(rAX)], op(0xa3)),
    form([w(Zb), r(Ib)], op(0xb0)),
    form([w(Zv), r(Iv)], op(0xb8)),
    form([w(Eb), r(Ib)], op(0xc6).digit(0)),
    form([w(Ev), r(Iz)], op(0xc7).digit(0)),
  ],
  semantics(s, dst, src) {
    s.write(dst, s.read(src));
  },
});

inst('MOVZX', {
  forms: [form([w(Gv), r(Eb)], op(0x0f, 0xb6)), form([w(Gv), r(Ew)], op(0x0f, 0xb7))],
  semantics(s, dst, src) {
    s.write(dst, s.zeroExtend(s.read(src), dst.width as Width));
  },
});

inst('MOVSX', {
  forms: [form([w(Gv), r(Eb)], op(0x0f, 0xbe)), form([w(Gv), r(Ew)], op(0x0f, 0xbf))],
  semantics(s, dst, src) {
    s.write(dst, s.signExtend(s.read(src), dst.width as Width));
  },
});

inst('MOVSXD', {
  forms: [form([w(Gv), r(Ed)], op(0x63).only64())],
  semantics(s, dst, src) {
    if (s.size === 16) {
      // With a 66 prefix it is a plain 16-bit move.
      const narrow = src.isMemory ? s.displaced(src, 0, 16, 'r') : undefined;
      s.write(dst, narrow ? s.read(narrow) : s.truncate(s.read(src), 16));
    } else s.write(dst, s.signExtend(s.read(src), s.size));
  },
});

inst('LEA', {
  forms: [form([w(Gv), a(M)], op(0x8d))],
  semantics(s, dst, src) {
    s.write(dst, s.truncate(s.address(src), dst.width as Width));
  },
});

inst('CBW', {
  forms: [form([], op(0x98).sized())],
  semantics(s) {
    const half: Width = s.size === 64 ? 32 : s.size === 32 ? 16 : 8;
    s.setReg(Reg.RAX, s.signExtend(s.reg(Reg.RAX, half), s.size));
  },
});

inst('CWD', {
  forms: [form([], op(0x99).sized())],
  semantics(s) {
    s.setReg(Reg.RDX, s.shrS(s.reg(Reg.RAX, s.size), s.size - 1));
  },
});

inst('CMOVcc', {
  forms: [form([rw(Gv), r(Ev)], op(0x0f, 0x40).conditional())],
  semantics(s, dst, src) {
    // The source is read, and a 32-bit destination zero-extended, whatever the condition.
    const value = s.read(src);
    s.write(dst, s.select(s.condition(), value, s.read(dst)));
  },
});

inst('SETcc', {
  forms: [form([w(Eb)], op(0x0f, 0x90).conditional())],
  semantics(s, dst) {
    s.write(dst, s.fromCond(s.condition(), 8));
  },
});

inst('BSWAP', {
  forms: [form([rw(Zv)], op(0x0f, 0xc8))],
  semantics(s, dst) {
    // 16 bits are undefined; CPUs give zero.
    s.write(dst, s.size === 16 ? s.const(0, 16) : s.byteSwap(s.read(dst)));
  },
});

inst('XLAT', {
  forms: [form([], op(0xd7).addressSized())],
  semantics(s) {
    const index = s.zeroExtend(s.reg(Reg.RAX, 8), s.addressSize);
    const value = s.load('ds', s.add(s.reg(Reg.RBX, s.addressSize), index), 8);
    s.setReg(Reg.RAX, value);
  },
});

inst('SALC', {
  // Undocumented by Intel (APM 3 appendix A.2 lists it): AL = CF ? FF : 0.
  forms: [form([], op(0xd6).not64())],
  semantics(s) {
    s.setReg(Reg.RAX, s.neg(s.fromCond(s.flag(Flag.CF), 8)));
  },
});

inst('LAHF', {
  forms: [form([], op(0x9f))],
  semantics(s) {
    s.setRegHigh(Reg.RAX, s.truncate(s.readFlags(), 8));
  },
});

inst('SAHF', {
  forms: [form([], op(0x9e))],
  semantics(s) {
    s.writeFlags(s.zeroExtend(s.regHigh(Reg.RAX), 32), 0xd5);
  },
});

inst('CMC', {
  forms: [form([], op(0xf5))],
  semantics(s) {
    s.setFlag(Flag.CF, s.negate(s.flag(Flag.CF)));
  },
});
inst('CLC', {
  forms: [form([], op(0xf8))],
  semantics(s) {
    s.setFlag(Flag.CF, false);
  },
});
inst('STC', {
  forms: [form([], op(0xf9))],
  semantics(s) {
    s.setFlag(Flag.CF, true);
  },
});
inst('CLD', {
  forms: [form([], op(0xfc))],
  semantics(s) {
    s.setFlag(Flag.DF, false);
  },
});
inst('STD', {
  forms: [form([], op(0xfd))],
  semantics(s) {
    s.setFlag(Flag.DF, true);
  },
});

inst('NOP', {
  // Reserved NOPs: 0F 1F, ENDBR and what else Intel put into this range. 0F 18 is in isa/system.
  forms: [form([a(Ev)], op(0x0f, 0x19).span(7))],
  semantics() {
    // Neither reads nor checks its operand.
  },
});
