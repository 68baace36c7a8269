/** PUSH, POP, PUSHA, POPA, ENTER, LEAVE (SDM 2A, 2B). PUSHF, POPF and segment registers: isa/system. */
import { inst } from '../dsl.ts';
import { Reg } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Ev, Ib, Ibs, Iw, Iz, Zv, r, w } from '../operands.ts';

helpers('frameInstructions', {
  /** (size in bits): PUSHA or PUSHAD. */
  pushAll: [[32], { faults: true, writes: true }],
  /** (size in bits, allocation, nesting level). */
  enterFrame: [[32, 32, 32], { faults: true, writes: true }],
  /** (size in bits). */
  leaveFrame: [[32], { faults: true, writes: true }],
});

inst('PUSH', {
  forms: [
    form([r(Ev)], op(0xff).digit(6).default64()),
    form([r(Zv)], op(0x50).default64()),
    form([r(Iz)], op(0x68).default64()),
    form([r(Ibs)], op(0x6a).default64()),
  ],
  semantics(s, src) {
    s.push(s.read(src));
  },
});

inst('POP', {
  forms: [
    form([w(Ev)], op(0x8f).digit(0).default64().popAddress()),
    form([w(Zv)], op(0x58).default64()),
  ],
  semantics(s, dst) {
    const value = s.stackLoad(0, s.size);
    if (dst.isMemory) {
      s.write(dst, value);
      s.stackAdjust(s.size / 8);
    } else {
      // POP rSP: the value read wins over the increment.
      s.stackAdjust(s.size / 8);
      s.write(dst, value);
    }
  },
});

inst('PUSHA', {
  forms: [form([], op(0x60).not64().sized().rare())],
  semantics(s) {
    s.callVoid('pushAll', s.const(s.size, 32));
  },
});

inst('POPA', {
  forms: [form([], op(0x61).not64().sized().rare())],
  semantics(s) {
    const size = s.size === 16 ? 16 : 32;
    const order = [7, 6, 5, Reg.RSP, 3, 2, 1, 0];
    const values = order.map((_, i) => s.stackLoad((i * size) / 8, size));
    s.stackAdjust(size);
    order.forEach((register, i) => {
      const value = values[i];
      if (register !== Reg.RSP && value) s.setReg(register, value);
    });
  },
});

inst('ENTER', {
  forms: [form([r(Iw), r(Ib)], op(0xc8).default64().sized().rare())],
  semantics(s, allocation, level) {
    s.callVoid(
      'enterFrame',
      s.const(s.size, 32),
      s.zeroExtend(s.read(allocation), 32),
      s.zeroExtend(s.read(level), 32),
    );
  },
});

inst('LEAVE', {
  forms: [form([], op(0xc9).default64().sized())],
  semantics(s) {
    // A helper: its load is a stack access (#SS) although its offset is in rBP.
    s.callVoid('leaveFrame', s.const(s.size, 32));
  },
});
