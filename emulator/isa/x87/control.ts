/** x87 control, environment and state images, FXSAVE and FXRSTOR, EMMS (SDM 2A, SDM 1 §8.1, §10.5). */
import { inst } from '../dsl.ts';
import type { Op } from '../forms.ts';
import { form, op } from '../forms.ts';
import { a, AX, M, Mw, r, w } from '../operands.ts';
import { begin, u32 } from './helpers.ts';

inst('FWAIT', {
  forms: [form([], op(0x9b))],
  semantics(s) {
    s.callVoid('fwait');
  },
});

inst('FNOP', {
  forms: [form([], op(0xd9).modrm(0xd0))],
  semantics(s) {
    begin(s);
  },
});

/** FENI, FDISI and FSETPM of older coprocessors do nothing (SDM 3B §23.18.9). */
for (const [name, modrm, helper] of [
  ['FNENI', 0xe0, undefined],
  ['FNDISI', 0xe1, undefined],
  ['FNCLEX', 0xe2, 'fnclex'],
  ['FNINIT', 0xe3, 'fninit'],
  ['FNSETPM', 0xe4, undefined],
] as const) {
  inst(name, {
    forms: [form([], op(0xdb).modrm(modrm))],
    semantics(s) {
      s.callVoid('x87CheckNoWait');
      if (helper !== undefined) s.callVoid(helper);
    },
  });
}

inst('FLDCW', {
  forms: [form([r(Mw)], op(0xd9).digit(5))],
  semantics(s, source) {
    begin(s);
    s.callVoid('fldcw', s.read(source));
  },
});

inst('FNSTCW', {
  forms: [form([w(Mw)], op(0xd9).digit(7))],
  semantics(s, destination) {
    s.callVoid('x87CheckNoWait');
    s.write(destination, s.call('readControlWord'));
  },
});

inst('FNSTSW', {
  forms: [form([w(Mw)], op(0xdd).digit(7)), form([w(AX)], op(0xdf).modrm(0xe0))],
  semantics(s, destination) {
    s.callVoid('x87CheckNoWait');
    s.write(destination, s.call('readStatusWord'));
  },
});

/** Name, encoding, helper, bytes of the 16- and 32-bit image, writes, waits. */
const images: readonly (readonly [string, Op, string, number, number, boolean, boolean])[] = [
  ['FLDENV', op(0xd9).digit(4), 'fldenv', 14, 28, false, true],
  ['FNSTENV', op(0xd9).digit(6), 'fnstenv', 14, 28, true, false],
  ['FRSTOR', op(0xdd).digit(4), 'frstor', 94, 108, false, true],
  ['FNSAVE', op(0xdd).digit(6), 'fnsave', 94, 108, true, false],
];

for (const [name, encoding, helper, bytes16, bytes32, writes, waits] of images) {
  inst(name, {
    forms: [form([a(M)], encoding.sized().rare())],
    semantics(s, image) {
      s.callVoid(waits ? 'x87Check' : 'x87CheckNoWait');
      const linear = s.linear(image, s.size === 16 ? bytes16 : bytes32, writes);
      s.callVoid(helper, linear, u32(s, s.size === 16 ? 16 : 32));
    },
  });
}

for (const [name, digit, helper, writes] of [
  ['FXSAVE', 0, 'fxsave', true],
  ['FXRSTOR', 1, 'fxrstor', false],
] as const) {
  for (const wide of [0, 1] as const) {
    const encoding = op(0x0f, 0xae).digit(digit).np().rare();
    inst(wide ? `${name}64` : name, {
      forms: [form([a(M)], wide ? encoding.w1() : encoding.w0())],
      semantics(s, image) {
        s.callVoid('x87CheckNoWait');
        s.callVoid(helper, s.linear(image, 512, writes), u32(s, wide));
      },
    });
  }
}

inst('EMMS', {
  forms: [form([], op(0x0f, 0x77).np())],
  semantics(s) {
    s.callVoid('mmxCheck');
    s.callVoid('emms');
  },
});
