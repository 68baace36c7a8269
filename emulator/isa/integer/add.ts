/** ADD (SDM 2A). The example of docs/addAnInstruction.md. */
import { inst } from '../dsl.ts';
import { FlagRule } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { AL, Eb, Ev, Gb, Gv, Ib, Ibs, Iz, r, rAX, rw } from '../operands.ts';

inst('ADD', {
  forms: [
    form([rw(Eb), r(Gb)], op(0x00).lockable()),
    form([rw(Ev), r(Gv)], op(0x01).lockable()),
    form([rw(Gb), r(Eb)], op(0x02)),
    form([rw(Gv), r(Ev)], op(0x03)),
    form([rw(AL), r(Ib)], op(0x04)),
    form([rw(rAX), r(Iz)], op(0x05)),
    form([rw(Eb), r(Ib)], op(0x80).digit(0).lockable()),
    form([rw(Eb), r(Ib)], op(0x82).digit(0).not64().lockable()),
    form([rw(Ev), r(Iz)], op(0x81).digit(0).lockable()),
    form([rw(Ev), r(Ibs)], op(0x83).digit(0).lockable()),
  ],
  semantics(s, dst, src) {
    const a = s.read(dst);
    const b = s.read(src);
    const sum = s.add(a, b);
    s.write(dst, sum);
    s.flags(FlagRule.add, sum, a, b);
  },
});
