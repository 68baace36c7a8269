import { describe, expect, it } from 'vitest';
import type { SemanticsFunction } from '../dsl.ts';
import { FlagRule, Reg } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { Eb, Ev, Gb, Gv, Ib, r, rw, w } from '../operands.ts';
import { printHandler } from './printer.ts';
import type { PrintedHandler } from './printer.ts';
import { decodeTables } from './tables.ts';
import { allInstructions } from '../registry.ts';
import '../instructions.ts';
import { slotCount, variantsOf } from './variants.ts';

const memoryForm = form([rw(Ev), r(Gv)], op(0x01));

function print(
  semantics: SemanticsFunction,
  aForm = memoryForm,
  isMemory = true,
): PrintedHandler[] {
  const instruction = { name: 'TEST', forms: [aForm], semantics };
  return variantsOf(instruction, aForm).flatMap((variant) =>
    variant !== undefined && variant.isMemory === isMemory ? [printHandler(variant)] : [],
  );
}

describe('the generator', () => {
  it('refuses a fault after a write of a register', () => {
    expect(() =>
      print((s, dst, src) => {
        s.setReg(Reg.RAX, s.read(src));
        s.read(dst);
      }),
    ).toThrow('can fault after a write');
  });

  it('refuses a fault after a write in one branch only', () => {
    expect(() =>
      print((s, dst, src) => {
        s.if(s.isZero(s.read(src)), () => s.setReg(Reg.RAX, s.const(0, 32)));
        s.read(dst);
      }),
    ).toThrow('can fault after a write');
  });

  it('allows a fault on a path where the write has left', () => {
    expect(() =>
      print((s, dst, src) => {
        s.if(s.isZero(s.read(src)), () => {
          s.setReg(Reg.RAX, s.const(0, 32));
          s.endBlock();
        });
        s.read(dst);
      }),
    ).not.toThrow();
  });

  it('allows the write of an operand that was checked by its read, after flags', () => {
    const semantics: SemanticsFunction = (s, dst, src) => {
      const a = s.read(dst);
      const sum = s.add(a, s.read(src));
      s.flags(FlagRule.add, sum, a, s.read(src));
      s.write(dst, sum);
    };
    expect(print(semantics)).toHaveLength(3);
    expect(() => print(semantics, form([w(Ev), r(Gv)], op(0x01)))).toThrow('can fault');
  });

  it('refuses operations on values of different widths', () => {
    const mixed = form([rw(Eb), r(Gv)], op(0x02));
    expect(() => print((s, a, b) => void s.add(s.read(a), s.read(b)), mixed, false)).toThrow(
      'width',
    );
  });

  it('counts the slots of a form as it lists them', () => {
    for (const instruction of allInstructions())
      for (const form of instruction.forms)
        expect(variantsOf(instruction, form)).toHaveLength(slotCount(form));
  });

  it('knows which handlers end a block', () => {
    const leaves = print((s) => s.endBlock()).every((handler) => handler.leavesBlock);
    const stays = print((s, _dst, src) => {
      s.if(s.isZero(s.read(src)), () => s.endBlock());
    }).every((handler) => !handler.leavesBlock);
    expect([leaves, stays]).toEqual([true, true]);
  });

  it('reports two forms that no byte tells apart', () => {
    const candidates = [
      { name: 'A', form: form([rw(Eb), r(Ib)], op(0x80).digit(1)), firstSlot: 0 },
      { name: 'B', form: form([rw(Eb), r(Ib)], op(0x80).digit(1)), firstSlot: 2 },
      { name: 'C', form: form([rw(Eb), r(Ib)], op(0x80).digit(2)), firstSlot: 4 },
      { name: 'D', form: form([rw(Eb), r(Gb)], op(0x81)), firstSlot: 6 },
    ];
    const { problems } = decodeTables(candidates);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('A and B');
  });
});
