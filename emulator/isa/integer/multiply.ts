/**
 * MUL, IMUL, DIV, IDIV (SDM 2A, 2B). 128-bit dividends go to helpers in cpu/wideDivision.ts.
 * SF, ZF, AF, PF after MUL and IMUL, and all flags after DIV and IDIV, are undefined.
 */
import type { Semantics, Val, Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Reg, Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Eb, Ev, Gv, Ibs, Iz, r, rw, w } from '../operands.ts';

helpers('wideDivision', {
  /** (high, low, divisor): quotient; the caller has excluded overflow. */
  divideUnsigned128: [[64, 64, 64], { returns: 64, faults: false, writes: false }],
  /** (high, low, divisor): quotient, or #DE. */
  divideSigned128: [[64, 64, 64], { returns: 64, faults: true, writes: false }],
});

inst('MUL', {
  forms: [form([r(Eb)], op(0xf6).digit(4)), form([r(Ev)], op(0xf7).digit(4))],
  semantics(s, src) {
    const width = src.width as Width;
    const a = s.reg(Reg.RAX, width);
    const b = s.read(src);
    if (width === 8) {
      const product = s.mul(s.zeroExtend(a, 16), s.zeroExtend(b, 16));
      const wide = s.isNonZero(s.shrU(product, 8));
      s.setReg(Reg.RAX, product);
      s.flagsFrom(s.truncate(product, 8), wide, wide);
      return;
    }
    const low = s.mul(a, b);
    const high = s.mulHighU(a, b);
    const wide = s.isNonZero(high);
    s.setReg(Reg.RAX, low);
    s.setReg(Reg.RDX, high);
    s.flagsFrom(low, wide, wide);
  },
});

inst('IMUL', {
  forms: [form([r(Eb)], op(0xf6).digit(5)), form([r(Ev)], op(0xf7).digit(5))],
  semantics(s, src) {
    const width = src.width as Width;
    const a = s.reg(Reg.RAX, width);
    const b = s.read(src);
    if (width === 8) {
      const product = s.mul(s.signExtend(a, 16), s.signExtend(b, 16));
      const wide = s.ne(s.signExtend(s.truncate(product, 8), 16), product);
      s.setReg(Reg.RAX, product);
      s.flagsFrom(s.truncate(product, 8), wide, wide);
      return;
    }
    const low = s.mul(a, b);
    const high = s.mulHighS(a, b);
    const wide = s.ne(s.shrS(low, width - 1), high);
    s.setReg(Reg.RAX, low);
    s.setReg(Reg.RDX, high);
    s.flagsFrom(low, wide, wide);
  },
});

function multiplyTruncated(s: Semantics, a: Val, b: Val): Val {
  const product = s.mul(a, b);
  s.flagsOfProduct(product, () => s.ne(s.shrS(product, a.width - 1), s.mulHighS(a, b)));
  return product;
}

inst('IMUL', {
  forms: [form([rw(Gv), r(Ev)], op(0x0f, 0xaf))],
  semantics(s, dst, src) {
    const a = s.read(dst);
    const b = s.read(src);
    s.write(dst, multiplyTruncated(s, a, b));
  },
});

inst('IMUL', {
  forms: [form([w(Gv), r(Ev), r(Iz)], op(0x69)), form([w(Gv), r(Ev), r(Ibs)], op(0x6b))],
  semantics(s, dst, src, factor) {
    const a = s.read(src);
    const b = s.read(factor);
    s.write(dst, multiplyTruncated(s, a, b));
  },
});

/** rDX:rAX as one value of twice the width (AX for 8 bits). */
function dividend(s: Semantics, width: 8 | 16 | 32): Val {
  if (width === 8) return s.reg(Reg.RAX, 16);
  const wide: Width = width === 16 ? 32 : 64;
  const high = s.shl(s.zeroExtend(s.reg(Reg.RDX, width), wide), width);
  return s.or(high, s.zeroExtend(s.reg(Reg.RAX, width), wide));
}

function storeDivision(s: Semantics, width: Width, quotient: Val, remainder: Val): void {
  if (width === 8) {
    s.setReg(Reg.RAX, s.truncate(quotient, 8));
    s.setRegHigh(Reg.RAX, s.truncate(remainder, 8));
  } else {
    s.setReg(Reg.RAX, s.truncate(quotient, width));
    s.setReg(Reg.RDX, s.truncate(remainder, width));
  }
}

inst('DIV', {
  forms: [form([r(Eb)], op(0xf6).digit(6)), form([r(Ev)], op(0xf7).digit(6))],
  semantics(s, src) {
    const width = src.width as Width;
    const divisor = s.read(src);
    if (width === 64) {
      const high = s.reg(Reg.RDX, 64);
      const low = s.reg(Reg.RAX, 64);
      // A high half not below the divisor overflows; this takes in a divisor of zero.
      s.raiseIf(s.geU(high, divisor), Vector.DE);
      const quotient = s.variable(s.const(0, 64));
      s.if(
        s.isZero(high),
        () => s.set(quotient, s.divU(low, divisor)),
        () => s.set(quotient, s.call('divideUnsigned128', high, low, divisor)),
      );
      const q = s.get(quotient);
      storeDivision(s, 64, q, s.sub(low, s.mul(q, divisor)));
      return;
    }
    const a = dividend(s, width);
    const b = s.zeroExtend(divisor, a.width);
    s.raiseIf(s.isZero(b), Vector.DE);
    const quotient = s.divU(a, b);
    s.raiseIf(s.isNonZero(s.shrU(quotient, width)), Vector.DE);
    storeDivision(s, width, quotient, s.remU(a, b));
  },
});

inst('IDIV', {
  forms: [form([r(Eb)], op(0xf6).digit(7)), form([r(Ev)], op(0xf7).digit(7))],
  semantics(s, src) {
    const width = src.width as Width;
    const divisor = s.read(src);
    if (width === 64) {
      const low = s.reg(Reg.RAX, 64);
      const quotient = s.call('divideSigned128', s.reg(Reg.RDX, 64), low, divisor);
      storeDivision(s, 64, quotient, s.sub(low, s.mul(quotient, divisor)));
      return;
    }
    const a = s.signExtend(dividend(s, width), 64);
    const b = s.signExtend(divisor, 64);
    s.raiseIf(s.isZero(b), Vector.DE);
    if (width === 32) {
      const lowest = s.eq(a, 0x8000_0000_0000_0000n);
      s.raiseIf(s.both(lowest, s.eq(b, 0xffff_ffff_ffff_ffffn)), Vector.DE);
    }
    const quotient = s.divS(a, b);
    s.raiseIf(s.ne(s.signExtend(s.truncate(quotient, width), 64), quotient), Vector.DE);
    storeDivision(s, width, quotient, s.remS(a, b));
  },
});
