/**
 * SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD, SHRD (SDM 2B). A masked count of zero leaves all flags.
 * OF is defined for counts of 1 only; the formula for 1 is used for all counts.
 */
import type { Op, Semantics, Val, Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag } from '../flagRules.ts';
import type { Form } from '../forms.ts';
import { form, op } from '../forms.ts';
import { CL, Eb, Ev, Gv, Ib, One, r, rw } from '../operands.ts';

const forms = (digit: number): Form[] => [
  form([rw(Eb), r(Ib)], op(0xc0).digit(digit)),
  form([rw(Ev), r(Ib)], op(0xc1).digit(digit)),
  form([rw(Eb), r(One)], op(0xd0).digit(digit)),
  form([rw(Ev), r(One)], op(0xd1).digit(digit)),
  form([rw(Eb), r(CL)], op(0xd2).digit(digit)),
  form([rw(Ev), r(CL)], op(0xd3).digit(digit)),
];

/** The count as a 32-bit value, masked to 5 or 6 bits. */
function maskedCount(s: Semantics, count: Op, width: number): Val {
  if (count.spec === One) return s.const(1, 32);
  return s.and(s.zeroExtend(s.read(count), 32), width === 64 ? 63 : 31);
}

function ifCounted(s: Semantics, count: Op, masked: Val, body: () => void): void {
  if (count.spec === One) body();
  else s.if(s.isNonZero(masked), body);
}

const signBit = (s: Semantics, a: Val): Val => s.shrU(a, a.width - 1);
const lowBit = (s: Semantics, a: Val) => s.bit(a, 0);

inst('SHL', {
  forms: [...forms(4), ...forms(6)],
  semantics(s, dst, src) {
    const width = dst.width as Width;
    const a = s.read(dst);
    const count = maskedCount(s, src, width);
    const result = s.shl(a, count);
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      // Bit `width - count` of a. Narrow values may be shifted by more than their width: carry 0.
      const out =
        width < 32
          ? s.truncate(s.shrU(s.shl(s.zeroExtend(a, 64), count), width), width)
          : s.shrU(a, s.and(s.sub(s.const(width, 32), count), width - 1));
      s.flagsFrom(result, lowBit(s, out), lowBit(s, s.xor(signBit(s, result), out)));
    });
  },
});

inst('SHR', {
  forms: forms(5),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const count = maskedCount(s, src, dst.width);
    const result = s.shrU(a, count);
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      const out = s.shrU(a, s.sub(count, 1));
      s.flagsFrom(result, lowBit(s, out), lowBit(s, signBit(s, a)));
    });
  },
});

inst('SAR', {
  forms: forms(7),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const count = maskedCount(s, src, dst.width);
    const result = s.shrS(a, count);
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      const out = s.shrS(a, s.sub(count, 1));
      s.flagsFrom(result, lowBit(s, out), s.bit(s.const(0, 8), 0));
    });
  },
});

inst('ROL', {
  forms: forms(0),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const count = maskedCount(s, src, dst.width);
    const result = s.rotl(a, count);
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      s.setFlag(Flag.CF, lowBit(s, result));
      s.setFlag(Flag.OF, lowBit(s, s.xor(signBit(s, result), result)));
    });
  },
});

inst('ROR', {
  forms: forms(1),
  semantics(s, dst, src) {
    const a = s.read(dst);
    const count = maskedCount(s, src, dst.width);
    const result = s.rotr(a, count);
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      const top = signBit(s, result);
      s.setFlag(Flag.CF, lowBit(s, top));
      s.setFlag(Flag.OF, lowBit(s, s.xor(top, s.shrU(result, result.width - 2))));
    });
  },
});

/** Rotation through carry: counts are modulo width + 1. */
function carryCount(s: Semantics, src: Op, width: number): Val {
  const count = maskedCount(s, src, width);
  return width < 32 && src.spec !== One ? s.remU(count, width + 1) : count;
}

/**
 * {CF, a} rotated left by `left`, which is 0..width: `width` + 1 bits, of which the low ones are the
 * result. For 64 bits the three parts that make up the result are combined one by one.
 */
function rotateThroughCarry(s: Semantics, a: Val, left: Val): Val {
  const carry = s.flag(Flag.CF);
  const width = a.width;
  if (width === 64) {
    // left 1..63 here (see callers): a << left | CF << (left - 1) | a >> (65 - left)
    const high = s.shl(a, s.and(left, 63));
    const middle = s.shl(s.fromCond(carry, 64), s.and(s.sub(left, 1), 63));
    const low = s.shrU(s.shrU(a, 1), s.and(s.sub(s.const(64, 32), left), 63));
    return s.or(s.or(high, middle), low);
  }
  const all = s.or(s.zeroExtend(a, 64), s.shl(s.fromCond(carry, 64), width));
  const right = s.sub(s.const(width + 1, 32), left);
  return s.truncate(s.or(s.shl(all, left), s.shrU(all, right)), width);
}

inst('RCL', {
  forms: forms(2),
  semantics(s, dst, src) {
    const width = dst.width as Width;
    const a = s.read(dst);
    const count = carryCount(s, src, width);
    const result = s.select(s.isZero(count), a, rotateThroughCarry(s, a, count));
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      const out = s.shrU(a, s.and(s.sub(s.const(width, 32), count), width === 64 ? 63 : 31));
      s.setFlag(Flag.CF, lowBit(s, out));
      s.setFlag(Flag.OF, lowBit(s, s.xor(signBit(s, result), out)));
    });
  },
});

inst('RCR', {
  forms: forms(3),
  semantics(s, dst, src) {
    const width = dst.width as Width;
    const a = s.read(dst);
    const count = carryCount(s, src, width);
    let rotated: Val;
    if (width === 64) {
      // a >> count | CF << (64 - count) | a << (65 - count)
      const low = s.shrU(a, count);
      const carry = s.fromCond(s.flag(Flag.CF), 64);
      const opposite = s.and(s.sub(s.const(64, 32), count), 63);
      rotated = s.or(s.or(low, s.shl(carry, opposite)), s.shl(s.shl(a, 1), opposite));
    } else rotated = rotateThroughCarry(s, a, s.sub(s.const(width + 1, 32), count));
    const result = s.select(s.isZero(count), a, rotated);
    s.write(dst, result);
    ifCounted(s, src, count, () => {
      s.setFlag(Flag.CF, lowBit(s, s.shrU(a, s.sub(count, 1))));
      s.setFlag(Flag.OF, lowBit(s, s.xor(signBit(s, result), s.shrU(result, width - 2))));
    });
  },
});

/** 16-bit double shifts by more than 16 are undefined; here the destination comes in again, as on Intel. */
inst('SHLD', {
  forms: [
    form([rw(Ev), r(Gv), r(Ib)], op(0x0f, 0xa4)),
    form([rw(Ev), r(Gv), r(CL)], op(0x0f, 0xa5)),
  ],
  semantics(s, dst, src, by) {
    const width = dst.width as 16 | 32 | 64;
    const a = s.read(dst);
    const b = s.read(src);
    const count = maskedCount(s, by, width);
    let shifted: Val;
    let out: Val;
    if (width === 16) {
      const all = s.or(
        s.or(s.shl(s.zeroExtend(a, 64), 32), s.shl(s.zeroExtend(b, 64), 16)),
        s.zeroExtend(a, 64),
      );
      shifted = s.truncate(s.shrU(s.shl(all, count), 32), 16);
      out = s.truncate(s.shrU(s.shl(all, count), 48), 16);
    } else {
      const opposite = s.and(s.sub(s.const(width, 32), count), width - 1);
      shifted = s.or(s.shl(a, count), s.shrU(b, opposite));
      out = s.shrU(a, opposite);
    }
    const result = s.select(s.isZero(count), a, shifted);
    s.write(dst, result);
    s.if(s.isNonZero(count), () => {
      s.flagsFrom(result, lowBit(s, out), lowBit(s, signBit(s, s.xor(result, a))));
    });
  },
});

inst('SHRD', {
  forms: [
    form([rw(Ev), r(Gv), r(Ib)], op(0x0f, 0xac)),
    form([rw(Ev), r(Gv), r(CL)], op(0x0f, 0xad)),
  ],
  semantics(s, dst, src, by) {
    const width = dst.width as 16 | 32 | 64;
    const a = s.read(dst);
    const b = s.read(src);
    const count = maskedCount(s, by, width);
    let shifted: Val;
    let out: Val;
    if (width === 16) {
      const all = s.or(
        s.or(s.shl(s.zeroExtend(a, 64), 32), s.shl(s.zeroExtend(b, 64), 16)),
        s.zeroExtend(a, 64),
      );
      shifted = s.truncate(s.shrU(all, count), 16);
      out = s.truncate(s.shrU(all, s.and(s.sub(count, 1), 63)), 16);
    } else {
      const opposite = s.and(s.sub(s.const(width, 32), count), width - 1);
      shifted = s.or(s.shrU(a, count), s.shl(b, opposite));
      out = s.shrU(a, s.and(s.sub(count, 1), width - 1));
    }
    const result = s.select(s.isZero(count), a, shifted);
    s.write(dst, result);
    s.if(s.isNonZero(count), () => {
      s.flagsFrom(result, lowBit(s, out), lowBit(s, signBit(s, s.xor(result, a))));
    });
  },
});
