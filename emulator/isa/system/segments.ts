/** Segment registers: MOV, PUSH, POP, LES LDS LSS LFS LGS, FS and GS bases (SDM 2A, 2B). */
import { inst } from '../dsl.ts';
import { Seg, Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Ew, Gv, M, Mw, Rv, Ry, Sw, a, r, w } from '../operands.ts';

helpers('segments', {
  readSelector: [[32], { returns: 32, writes: false, touches: 'nothing' }],
  /** (segment register, selector). */
  loadSegment: [[32, 32], { touches: 'nothing' }],
  /** The same with the interrupt shadow of MOV SS. */
  moveToSegment: [[32, 32], { touches: 'nothing' }],
  /** (segment register, operand size in bytes). */
  popSegment: [[32, 32]],
});
helpers('fastCalls', {
  swapGs: [[], { touches: 'nothing' }],
  readSegmentBase: [[32], { returns: 64, writes: false, touches: 'nothing' }],
  writeSegmentBase: [[32, 64], { touches: 'nothing' }],
});

inst('MOV', {
  // To a register the selector is zero-extended, to memory it is always 16 bits.
  forms: [form([w(Rv), r(Sw)], op(0x8c)), form([w(Mw), r(Sw)], op(0x8c))],
  semantics(s, dst, src) {
    const selector = s.call('readSelector', s.index(src));
    const narrow = s.truncate(selector, 16);
    s.write(dst, dst.width === 16 ? narrow : s.zeroExtend(narrow, dst.width as 32 | 64));
  },
});

inst('MOV', {
  forms: [form([w(Sw), r(Ew)], op(0x8e))],
  semantics(s, dst, src) {
    // CS and the numbers beyond GS: before the operand is read.
    const index = s.index(dst);
    s.raiseIf(s.either(s.eq(index, Seg.CS), s.gtU(index, Seg.GS)), Vector.UD);
    s.callVoid('moveToSegment', index, s.zeroExtend(s.read(src), 32));
    s.endBlock();
  },
});

const stackForms: readonly (readonly [
  segment: number,
  push: readonly number[],
  pop: readonly number[],
])[] = [
  [Seg.ES, [0x06], [0x07]],
  [Seg.CS, [0x0e], []],
  [Seg.SS, [0x16], [0x17]],
  [Seg.DS, [0x1e], [0x1f]],
  [Seg.FS, [0x0f, 0xa0], [0x0f, 0xa1]],
  [Seg.GS, [0x0f, 0xa8], [0x0f, 0xa9]],
];

for (const [segment, push, pop] of stackForms) {
  const old = segment < Seg.FS;
  const encoding = (bytes: readonly number[]): ReturnType<typeof op> =>
    old
      ? op(...bytes)
          .sized()
          .not64()
      : op(...bytes)
          .sized()
          .default64();
  inst('PUSH', {
    forms: [form([], encoding(push))],
    semantics(s) {
      const selector = s.truncate(s.call('readSelector', s.const(segment, 32)), 16);
      s.push(s.zeroExtend(selector, s.size));
    },
  });
  if (pop.length === 0) continue;
  inst('POP', {
    forms: [form([], encoding(pop))],
    semantics(s) {
      // SS may change the size of rSP under it.
      if (segment === Seg.SS) {
        s.callVoid('popSegment', s.const(segment, 32), s.const(s.size / 8, 32));
      } else {
        const selector = s.truncate(s.stackLoad(0, s.size), 16);
        s.callVoid('loadSegment', s.const(segment, 32), s.zeroExtend(selector, 32));
        s.stackAdjust(s.size / 8);
      }
      s.endBlock();
    },
  });
}

const pointerLoads: readonly (readonly [
  name: string,
  bytes: readonly number[],
  segment: number,
])[] = [
  ['LES', [0xc4], Seg.ES],
  ['LDS', [0xc5], Seg.DS],
  ['LSS', [0x0f, 0xb2], Seg.SS],
  ['LFS', [0x0f, 0xb4], Seg.FS],
  ['LGS', [0x0f, 0xb5], Seg.GS],
];

for (const [name, bytes, segment] of pointerLoads) {
  const encoding = bytes.length === 1 ? op(...bytes).not64() : op(...bytes);
  inst(name, {
    forms: [form([w(Gv), a(M)], encoding)],
    semantics(s, dst, pointer) {
      const offset = s.loadAt(pointer, 0, s.size);
      const selector = s.loadAt(pointer, s.size / 8, 16);
      // LSS has no interrupt shadow: it loads SS and rSP at once (SDM 3A §6.8.3).
      s.callVoid('loadSegment', s.const(segment, 32), s.zeroExtend(selector, 32));
      s.write(dst, offset);
      s.endBlock();
    },
  });
}

const bases: readonly (readonly [name: string, digit: number, segment: number])[] = [
  ['FSBASE', 0, Seg.FS],
  ['GSBASE', 1, Seg.GS],
];

for (const [name, digit, segment] of bases) {
  inst(`RD${name}`, {
    forms: [form([w(Ry)], op(0x0f, 0xae).f3().digit(digit).only64())],
    semantics(s, dst) {
      const base = s.call('readSegmentBase', s.const(segment, 32));
      s.write(dst, s.truncate(base, dst.width as 32 | 64));
    },
  });
  inst(`WR${name}`, {
    forms: [
      form(
        [r(Ry)],
        op(0x0f, 0xae)
          .f3()
          .digit(digit + 2)
          .only64(),
      ),
    ],
    semantics(s, src) {
      s.callVoid('writeSegmentBase', s.const(segment, 32), s.zeroExtend(s.read(src), 64));
    },
  });
}

inst('SWAPGS', {
  forms: [form([], op(0x0f, 0x01).modrm(0xf8).only64())],
  semantics(s) {
    s.callVoid('swapGs');
  },
});
