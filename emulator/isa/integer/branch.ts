/**
 * Jcc, JMP, CALL, RET (near), LOOP, LOOPE, LOOPNE, JrCXZ, BOUND (SDM 2A, 2B). In 64-bit mode near
 * branches ignore the operand-size prefix, as on Intel (AMD truncates).
 */
import type { Semantics, Val } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, Reg, Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Ev, Gv, Iw, Jb, Jz, M, a, r } from '../operands.ts';

inst('Jcc', {
  forms: [
    form([r(Jb)], op(0x70).conditional().sized().force64()),
    form([r(Jz)], op(0x0f, 0x80).conditional().sized().force64()),
  ],
  semantics(s, target) {
    s.jumpRelativeIf(s.condition(), target);
  },
});

inst('JMP', {
  forms: [form([r(Jb)], op(0xeb).sized().force64()), form([r(Jz)], op(0xe9).sized().force64())],
  semantics(s, target) {
    s.jumpRelative(target);
  },
});

inst('JMP', {
  forms: [form([r(Ev)], op(0xff).digit(4).force64())],
  semantics(s, src) {
    const target = s.zeroExtend(s.read(src), 64);
    s.checkTarget(target);
    s.jump(target);
  },
});

const returnAddress = (s: Semantics): Val => s.truncate(s.nextRip(), s.size);

inst('CALL', {
  forms: [form([r(Jz)], op(0xe8).sized().force64())],
  semantics(s, target) {
    s.relativeTarget(target);
    s.push(returnAddress(s));
    s.jumpRelative(target);
  },
});

inst('CALL', {
  forms: [form([r(Ev)], op(0xff).digit(2).force64())],
  semantics(s, src) {
    const target = s.zeroExtend(s.read(src), 64);
    s.checkTarget(target);
    s.push(returnAddress(s));
    s.jump(target);
  },
});

inst('RET', {
  forms: [form([], op(0xc3).sized().force64())],
  semantics(s) {
    const target = s.zeroExtend(s.stackLoad(0, s.size), 64);
    s.checkTarget(target);
    s.stackAdjust(s.size / 8);
    s.jump(target);
  },
});

inst('RET', {
  forms: [form([r(Iw)], op(0xc2).sized().force64())],
  semantics(s, release) {
    const target = s.zeroExtend(s.stackLoad(0, s.size), 64);
    s.checkTarget(target);
    s.stackAdjust(s.add(s.zeroExtend(s.read(release), 64), s.size / 8));
    s.jump(target);
  },
});

const loops: readonly (readonly [string, number, boolean | undefined])[] = [
  ['LOOPNE', 0xe0, false],
  ['LOOPE', 0xe1, true],
  ['LOOP', 0xe2, undefined],
];
for (const [name, opcode, zero] of loops) {
  inst(name, {
    forms: [form([r(Jb)], op(opcode).sized().addressSized().force64())],
    semantics(s, target) {
      const count = s.sub(s.reg(Reg.RCX, s.addressSize), 1);
      let taken = s.isNonZero(count);
      if (zero !== undefined) {
        const flag = s.flag(Flag.ZF);
        taken = s.both(taken, zero ? flag : s.negate(flag));
      }
      s.setReg(Reg.RCX, count);
      s.jumpRelativeIf(taken, target);
    },
  });
}

inst('JrCXZ', {
  forms: [form([r(Jb)], op(0xe3).sized().addressSized().force64())],
  semantics(s, target) {
    s.jumpRelativeIf(s.isZero(s.reg(Reg.RCX, s.addressSize)), target);
  },
});

inst('BOUND', {
  forms: [form([r(Gv), a(M)], op(0x62).not64())],
  semantics(s, src, bounds) {
    const width = s.size === 16 ? 16 : 32;
    const index = s.truncate(s.read(src), width);
    const lower = s.loadAt(bounds, 0, width);
    const upper = s.loadAt(bounds, width / 8, width);
    s.raiseIf(s.either(s.ltS(index, lower), s.gtS(index, upper)), Vector.BR);
  },
});
