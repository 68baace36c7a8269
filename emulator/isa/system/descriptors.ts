/** Descriptor tables and checks: SLDT STR LLDT LTR VERR VERW, LAR LSL, ARPL, SGDT SIDT LGDT LIDT (SDM 2A, 2B). */
import type { Semantics, Val } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Ew, Gv, Gw, M, Mw, Rv, a, r, rw, w } from '../operands.ts';

helpers('segments', {
  readSystemSelector: [[32], { returns: 32, writes: false, touches: 'nothing' }],
  /** (target, source): the new selector, bit 16 = changed. */
  adjustPrivilege: [[32, 32], { returns: 32, writes: false, touches: 'nothing' }],
});
helpers('descriptors', {
  loadLdt: [[32], { touches: 'nothing' }],
  loadTaskRegister: [[32], { touches: 'nothing' }],
  /** (selector, 0 = for reading, 1 = for writing): sets ZF. */
  verify: [[32, 32], { touches: 'flags' }],
  /** (selector, previous value, 0 = access rights, 1 = limit): sets ZF. */
  inspectDescriptor: [[32, 64, 32], { returns: 64, touches: 'flags' }],
});
helpers('control', {
  /** (0 = GDT, 1 = IDT; linear address, bytes of the base). */
  storeTable: [[32, 64, 32], { touches: 'nothing' }],
  /** (table, limit, base). */
  loadTable: [[32, 32, 64], { touches: 'nothing' }],
});

for (const [name, digit, index] of [
  ['SLDT', 0, 6],
  ['STR', 1, 7],
] as const) {
  inst(name, {
    forms: [form([w(Rv)], op(0x0f, 0x00).digit(digit)), form([w(Mw)], op(0x0f, 0x00).digit(digit))],
    semantics(s, dst) {
      const selector = s.truncate(s.call('readSystemSelector', s.const(index, 32)), 16);
      s.write(dst, dst.width === 16 ? selector : s.zeroExtend(selector, dst.width as 32 | 64));
    },
  });
}

for (const [name, digit, helper] of [
  ['LLDT', 2, 'loadLdt'],
  ['LTR', 3, 'loadTaskRegister'],
] as const) {
  inst(name, {
    forms: [form([r(Ew)], op(0x0f, 0x00).digit(digit))],
    semantics(s, src) {
      // Before the operand is read; outside protected mode the helper raises #UD.
      s.raiseIf(s.both(s.inProtectedMode(), s.isNonZero(s.cpl())), Vector.GP, 0);
      s.callVoid(helper, s.zeroExtend(s.read(src), 32));
    },
  });
}

for (const [name, digit] of [
  ['VERR', 4],
  ['VERW', 5],
] as const) {
  inst(name, {
    forms: [form([r(Ew)], op(0x0f, 0x00).digit(digit))],
    semantics(s, src) {
      s.callVoid('verify', s.zeroExtend(s.read(src), 32), s.const(digit - 4, 32));
    },
  });
}

for (const [name, opcode] of [
  ['LAR', 0x02],
  ['LSL', 0x03],
] as const) {
  inst(name, {
    forms: [form([w(Gv), r(Ew)], op(0x0f, opcode))],
    semantics(s, dst, src) {
      const selector = s.zeroExtend(s.read(src), 32);
      const value = s.call('inspectDescriptor', selector, s.const(0, 64), s.const(opcode - 2, 32));
      s.if(s.flag(Flag.ZF), () => s.write(dst, s.truncate(value, s.size)));
    },
  });
}

inst('ARPL', {
  forms: [form([rw(Ew), r(Gw)], op(0x63).not64())],
  semantics(s, dst, src) {
    // Memory is only written, and only has to be writable, if the selector changes.
    const selector = dst.isMemory ? s.displaced(dst, 0, 16, 'r') : dst;
    const target = s.zeroExtend(s.read(selector), 32);
    const result = s.call('adjustPrivilege', target, s.zeroExtend(s.read(src), 32));
    const adjusted = s.truncate(result, 16);
    if (dst.isMemory) {
      s.if(s.bit(result, 16), () => s.write(s.displaced(dst, 0, 16, 'w'), adjusted));
    } else s.write(dst, adjusted);
    s.setFlag(Flag.ZF, s.bit(result, 16));
  },
});

for (const [name, digit, table] of [
  ['SGDT', 0, 0],
  ['SIDT', 1, 1],
] as const) {
  inst(name, {
    forms: [form([a(M)], op(0x0f, 0x01).digit(digit).not64())],
    semantics(s, dst) {
      s.callVoid('storeTable', s.const(table, 32), s.linear(dst, 6, true), s.const(4, 32));
    },
  });
  inst(name, {
    forms: [form([a(M)], op(0x0f, 0x01).digit(digit).only64())],
    semantics(s, dst) {
      s.callVoid('storeTable', s.const(table, 32), s.linear(dst, 10, true), s.const(8, 32));
    },
  });
}

for (const [name, digit, table] of [
  ['LGDT', 2, 0],
  ['LIDT', 3, 1],
] as const) {
  const loadFrom = (s: Semantics, limit: Val, base: Val): void => {
    s.callVoid('loadTable', s.const(table, 32), s.zeroExtend(limit, 32), s.zeroExtend(base, 64));
  };
  inst(name, {
    // With a 16-bit operand size the base has 24 bits.
    forms: [form([a(M)], op(0x0f, 0x01).digit(digit).sized().not64())],
    semantics(s, src) {
      s.raiseIf(s.isNonZero(s.cpl()), Vector.GP, 0);
      const limit = s.loadAt(src, 0, 16);
      const base = s.loadAt(src, 2, 32);
      loadFrom(s, limit, s.size === 16 ? s.and(base, 0xffffff) : base);
    },
  });
  inst(name, {
    forms: [form([a(M)], op(0x0f, 0x01).digit(digit).only64())],
    semantics(s, src) {
      s.raiseIf(s.isNonZero(s.cpl()), Vector.GP, 0);
      const limit = s.loadAt(src, 0, 16);
      loadFrom(s, limit, s.loadAt(src, 2, 64));
    },
  });
}
