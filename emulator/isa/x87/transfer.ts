/** x87 loads, stores, exchanges, constants, conditional moves (SDM 2A FLD … FXCH). */
import { inst } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { a, M, Md, Mq, Mw, r, STi } from '../operands.ts';
import { begin, note, u32 } from './helpers.ts';

inst('FLD', {
  forms: [form([r(Md)], op(0xd9).digit(0)), form([r(Mq)], op(0xdd).digit(0))],
  semantics(s, source) {
    begin(s);
    const value = s.read(source);
    note(s, source);
    s.callVoid(source.width === 32 ? 'fldM32' : 'fldM64', value);
  },
});

for (const [name, encoding, helper] of [
  ['FLD', op(0xdb).digit(5), 'fldM80'],
  ['FBLD', op(0xdf).digit(4), 'fbld'],
] as const) {
  inst(name, {
    forms: [form([a(M)], encoding)],
    semantics(s, source) {
      begin(s);
      const low = s.loadAt(source, 0, 64);
      const high = s.loadAt(source, 8, 16);
      note(s, source);
      s.callVoid(helper, low, high);
    },
  });
}

inst('FILD', {
  forms: [
    form([r(Mw)], op(0xdf).digit(0)),
    form([r(Md)], op(0xdb).digit(0)),
    form([r(Mq)], op(0xdf).digit(5)),
  ],
  semantics(s, source) {
    begin(s);
    const value = s.signExtend(s.read(source), 64);
    note(s, source);
    s.callVoid('fild', value);
  },
});

inst('FLD', {
  forms: [form([r(STi)], op(0xd9).digit(0))],
  semantics(s, source) {
    begin(s);
    note(s);
    s.callVoid('fldSt', s.index(source));
  },
});

for (const [i, name] of [
  'FLD1',
  'FLDL2T',
  'FLDL2E',
  'FLDPI',
  'FLDLG2',
  'FLDLN2',
  'FLDZ',
].entries()) {
  inst(name, {
    forms: [form([], op(0xd9).modrm(0xe8 + i))],
    semantics(s) {
      begin(s);
      note(s);
      s.callVoid('fldConstant', u32(s, i));
    },
  });
}

for (const [name, encoding, bytes, pops] of [
  ['FST', op(0xd9).digit(2), 4, 0],
  ['FSTP', op(0xd9).digit(3), 4, 1],
  ['FST', op(0xdd).digit(2), 8, 0],
  ['FSTP', op(0xdd).digit(3), 8, 1],
] as const) {
  inst(name, {
    forms: [form([a(M)], encoding)],
    semantics(s, destination) {
      begin(s);
      const linear = s.linear(destination, bytes, true);
      s.callVoid(bytes === 4 ? 'fstM32' : 'fstM64', linear, u32(s, pops));
      note(s, destination);
    },
  });
}

for (const [name, encoding, helper] of [
  ['FSTP', op(0xdb).digit(7), 'fstpM80'],
  ['FBSTP', op(0xdf).digit(6), 'fbstp'],
] as const) {
  inst(name, {
    forms: [form([a(M)], encoding)],
    semantics(s, destination) {
      begin(s);
      s.callVoid(helper, s.linear(destination, 10, true));
      note(s, destination);
    },
  });
}

/** Name, encoding, bytes, truncate, pops. */
for (const [name, encoding, bytes, truncate, pops] of [
  ['FISTTP', op(0xdf).digit(1), 2, 1, 1],
  ['FISTTP', op(0xdb).digit(1), 4, 1, 1],
  ['FISTTP', op(0xdd).digit(1), 8, 1, 1],
  ['FIST', op(0xdf).digit(2), 2, 0, 0],
  ['FIST', op(0xdb).digit(2), 4, 0, 0],
  ['FISTP', op(0xdf).digit(3), 2, 0, 1],
  ['FISTP', op(0xdb).digit(3), 4, 0, 1],
  ['FISTP', op(0xdf).digit(7), 8, 0, 1],
] as const) {
  inst(name, {
    forms: [form([a(M)], encoding)],
    semantics(s, destination) {
      begin(s);
      const linear = s.linear(destination, bytes, true);
      s.callVoid('fist', linear, u32(s, bytes), u32(s, truncate), u32(s, pops));
      note(s, destination);
    },
  });
}

/** DD is documented; DF D0+i and DF D8+i are twins of FSTP. */
for (const [name, encoding, pops] of [
  ['FST', op(0xdd).digit(2), 0],
  ['FSTP', op(0xdd).digit(3), 1],
  ['FSTP', op(0xdf).digit(2), 1],
  ['FSTP', op(0xdf).digit(3), 1],
] as const) {
  inst(name, {
    forms: [form([r(STi)], encoding)],
    semantics(s, destination) {
      begin(s);
      note(s);
      s.callVoid('fstSt', s.index(destination), u32(s, pops));
    },
  });
}

inst('FSTPNCE', {
  forms: [form([r(STi)], op(0xd9).digit(3))],
  semantics(s, destination) {
    begin(s);
    note(s);
    s.callVoid('fstpNoCheck', s.index(destination));
  },
});

inst('FXCH', {
  forms: [
    form([r(STi)], op(0xd9).digit(1)),
    form([r(STi)], op(0xdd).digit(1)),
    form([r(STi)], op(0xdf).digit(1)),
  ],
  semantics(s, other) {
    begin(s);
    note(s);
    s.callVoid('fxch', s.index(other));
  },
});

for (const [name, encoding, pops] of [
  ['FFREE', op(0xdd).digit(0), 0],
  ['FFREEP', op(0xdf).digit(0), 1],
] as const) {
  inst(name, {
    forms: [form([r(STi)], encoding)],
    semantics(s, other) {
      begin(s);
      note(s);
      s.callVoid('ffree', s.index(other), u32(s, pops));
    },
  });
}

/** Conditions by their numbers of Jcc: B, E, BE, U (parity). */
for (const [name, encoding, condition] of [
  ['FCMOVB', op(0xda).digit(0), 2],
  ['FCMOVE', op(0xda).digit(1), 4],
  ['FCMOVBE', op(0xda).digit(2), 6],
  ['FCMOVU', op(0xda).digit(3), 10],
  ['FCMOVNB', op(0xdb).digit(0), 3],
  ['FCMOVNE', op(0xdb).digit(1), 5],
  ['FCMOVNBE', op(0xdb).digit(2), 7],
  ['FCMOVNU', op(0xdb).digit(3), 11],
] as const) {
  inst(name, {
    forms: [form([r(STi)], encoding)],
    semantics(s, source) {
      begin(s);
      note(s);
      s.callVoid('fcmov', s.index(source), s.fromCond(s.condition(condition), 32));
    },
  });
}
