/** SSE4.2 string comparison and CRC32 (SDM 2A, SDM 2B §4.1). */
import { inst } from '../dsl.ts';
import type { Op, Semantics, V128, Val } from '../dsl.ts';
import { Reg } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Eb, Ev, Gd, Ib, r, rw, Vx, Wx } from '../operands.ts';
import { beginSse } from './helpers.ts';

/** The lengths: EAX and EDX, or RAX and RDX with REX.W. */
function length(s: Semantics, register: number): Val {
  const isWide = s.isNonZero(s.and(s.prefixes(), 16));
  return s.select(isWide, s.reg(register, 64), s.signExtend(s.reg(register, 32), 64));
}

/** Operands of memory may be unaligned. */
for (const [name, opcode, explicit, mask] of [
  ['PCMPESTRM', 0x60, true, true],
  ['PCMPESTRI', 0x61, true, false],
  ['PCMPISTRM', 0x62, false, true],
  ['PCMPISTRI', 0x63, false, false],
] as const) {
  inst(name, {
    forms: [form([r(Vx), r(Wx), r(Ib)], op(0x0f, 0x3a, opcode).p66().rare())],
    semantics(s, first: Op, second: Op, control: Op) {
      beginSse(s);
      const b = s.readVector(second);
      const a = s.readVector(first);
      const lengths = explicit ? [length(s, Reg.RAX), length(s, Reg.RDX)] : [];
      const operands: (Val | V128)[] = [a, b, ...lengths, s.read(control)];
      const helper = name.toLowerCase();
      if (mask) s.writeXmm(0, s.callVector(helper, ...operands));
      else s.setReg(Reg.RCX, s.call(helper, ...operands));
    },
  });
}

inst('CRC32', {
  forms: [
    form([rw(Gd), r(Eb)], op(0x0f, 0x38, 0xf0).f2()),
    form([rw(Gd), r(Ev)], op(0x0f, 0x38, 0xf1).f2()),
  ],
  semantics(s, destination, source) {
    // With REX.W too the upper half of the destination becomes zero.
    const value = s.zeroExtend(s.read(source), 64);
    const crc = s.call('crc32', s.read(destination), value, s.const(source.width / 8, 32));
    s.write(destination, crc);
  },
});
