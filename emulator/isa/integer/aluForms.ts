/** The nine encodings that ADD, OR, ADC, SBB, AND, SUB, XOR and CMP share (SDM 2D table A-2). */
import type { Form } from '../forms.ts';
import { form, op } from '../forms.ts';
import type { FormOperand, OperandSpec } from '../operands.ts';
import { AL, Eb, Ev, Gb, Gv, Ib, Ibs, Iz, r, rAX, rw } from '../operands.ts';

/** `index` is the operation's number in the opcode map: opcodes 8*index.., 80..83 /index. */
export function aluForms(index: number, destination: 'rw' | 'r' = 'rw'): Form[] {
  const access = (spec: OperandSpec): FormOperand => (destination === 'rw' ? rw(spec) : r(spec));
  const lockable = (opcode: number) => (destination === 'rw' ? op(opcode).lockable() : op(opcode));
  const base = index * 8;
  return [
    form([access(Eb), r(Gb)], lockable(base)),
    form([access(Ev), r(Gv)], lockable(base + 1)),
    form([access(Gb), r(Eb)], op(base + 2)),
    form([access(Gv), r(Ev)], op(base + 3)),
    form([access(AL), r(Ib)], op(base + 4)),
    form([access(rAX), r(Iz)], op(base + 5)),
    form([access(Eb), r(Ib)], lockable(0x80).digit(index)),
    form([access(Eb), r(Ib)], lockable(0x82).digit(index).not64()),
    form([access(Ev), r(Iz)], lockable(0x81).digit(index)),
    form([access(Ev), r(Ibs)], lockable(0x83).digit(index)),
  ];
}
