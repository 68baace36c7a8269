/** SSE floating point: arithmetic, comparison, rounding, dot products, logic (SDM 1 §11, SDM 2). */
import { inst } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { Ib, r, rw, Vd, Vq, Vx, w, Wd, Wq, Wx } from '../operands.ts';
import { beginSse, sseBinary } from './helpers.ts';
import type { VectorOperation } from './helpers.ts';

// -- two operands, in packed and scalar, single and double -----------------------------------------
for (const [name, opcode] of [
  ['ADD', 0x58],
  ['MUL', 0x59],
  ['SUB', 0x5c],
  ['MIN', 0x5d],
  ['DIV', 0x5e],
  ['MAX', 0x5f],
] as const) {
  const helper = name.toLowerCase();
  sseBinary(`${name}PS`, op(0x0f, opcode).np(), (s, a, b) => s.callVector(`${helper}Ps`, a, b));
  sseBinary(`${name}PD`, op(0x0f, opcode).p66(), (s, a, b) => s.callVector(`${helper}Pd`, a, b));
  inst(`${name}SS`, {
    forms: [form([rw(Vd), r(Wd)], op(0x0f, opcode).f3())],
    semantics(s, destination, source) {
      beginSse(s);
      const b = s.read(source);
      s.write(destination, s.call(`${helper}Ss`, s.read(destination), b));
    },
  });
  inst(`${name}SD`, {
    forms: [form([rw(Vq), r(Wq)], op(0x0f, opcode).f2())],
    semantics(s, destination, source) {
      beginSse(s);
      const b = s.read(source);
      s.write(destination, s.call(`${helper}Sd`, s.read(destination), b));
    },
  });
}

// -- one operand -----------------------------------------------------------------------------------
for (const [name, encoding, helper] of [
  ['SQRTPS', op(0x0f, 0x51).np(), 'sqrtPs'],
  ['SQRTPD', op(0x0f, 0x51).p66(), 'sqrtPd'],
  ['RSQRTPS', op(0x0f, 0x52).np(), 'rsqrtPs'],
  ['RCPPS', op(0x0f, 0x53).np(), 'rcpPs'],
] as const) {
  sseBinary(name, encoding, (s, _, b) => s.callVector(helper, b));
}

for (const [name, encoding, helper] of [
  ['SQRTSS', op(0x0f, 0x51).f3(), 'sqrtSs'],
  ['RSQRTSS', op(0x0f, 0x52).f3(), 'rsqrtSs'],
  ['RCPSS', op(0x0f, 0x53).f3(), 'rcpSs'],
] as const) {
  inst(name, {
    forms: [form([w(Vd), r(Wd)], encoding)],
    semantics(s, destination, source) {
      beginSse(s);
      s.write(destination, s.call(helper, s.read(source)));
    },
  });
}

inst('SQRTSD', {
  forms: [form([w(Vq), r(Wq)], op(0x0f, 0x51).f2())],
  semantics(s, destination, source) {
    beginSse(s);
    s.write(destination, s.call('sqrtSd', s.read(source)));
  },
});

// -- logic -----------------------------------------------------------------------------------------
const logic: readonly (readonly [string, number, VectorOperation])[] = [
  ['AND', 0x54, (s, a, b) => s.simd('v128.and', a, b)],
  ['ANDN', 0x55, (s, a, b) => s.simd('v128.andnot', b, a)],
  ['OR', 0x56, (s, a, b) => s.simd('v128.or', a, b)],
  ['XOR', 0x57, (s, a, b) => s.simd('v128.xor', a, b)],
];
for (const [name, opcode, f] of logic) {
  sseBinary(`${name}PS`, op(0x0f, opcode).np(), f);
  sseBinary(`${name}PD`, op(0x0f, opcode).p66(), f);
}

// -- SSE3: horizontal and alternating --------------------------------------------------------------
const doubleword = (from: number): number[] => [from, from + 1, from + 2, from + 3];
const evenSingles = [0, 8, 16, 24].flatMap(doubleword);
const oddSingles = [4, 12, 20, 28].flatMap(doubleword);
const evenDoubles = [0, 4, 16, 20].flatMap(doubleword);
const oddDoubles = [8, 12, 24, 28].flatMap(doubleword);

for (const [name, opcode, helper] of [
  ['HADD', 0x7c, 'add'],
  ['HSUB', 0x7d, 'sub'],
] as const) {
  sseBinary(`${name}PS`, op(0x0f, opcode).f2(), (s, a, b) =>
    s.callVector(`${helper}Ps`, s.shuffle(a, b, evenSingles), s.shuffle(a, b, oddSingles)),
  );
  sseBinary(`${name}PD`, op(0x0f, opcode).p66(), (s, a, b) =>
    s.callVector(`${helper}Pd`, s.shuffle(a, b, evenDoubles), s.shuffle(a, b, oddDoubles)),
  );
}
sseBinary('ADDSUBPS', op(0x0f, 0xd0).f2(), (s, a, b) => s.callVector('addSubPs', a, b));
sseBinary('ADDSUBPD', op(0x0f, 0xd0).p66(), (s, a, b) => s.callVector('addSubPd', a, b));

// -- comparison ------------------------------------------------------------------------------------
for (const [name, encoding, helper] of [
  ['CMPPS', op(0x0f, 0xc2).np(), 'cmpPs'],
  ['CMPPD', op(0x0f, 0xc2).p66(), 'cmpPd'],
] as const) {
  inst(name, {
    forms: [form([rw(Vx), r(Wx), r(Ib)], encoding)],
    semantics(s, destination, source, predicate) {
      beginSse(s);
      const b = s.readAligned(source);
      const a = s.readVector(destination);
      s.writeVector(destination, s.callVector(helper, a, b, s.read(predicate)));
    },
  });
}

for (const [name, prefix, low, source, helper] of [
  ['CMPSS', 'f3', Vd, Wd, 'cmpSs'],
  ['CMPSD', 'f2', Vq, Wq, 'cmpSd'],
] as const) {
  inst(name, {
    forms: [form([rw(low), r(source), r(Ib)], op(0x0f, 0xc2)[prefix]())],
    semantics(s, destination, from, predicate) {
      beginSse(s);
      const b = s.read(from);
      s.write(destination, s.call(helper, s.read(destination), b, s.read(predicate)));
    },
  });
}

for (const [name, opcode, quietIsInvalid] of [
  ['UCOMIS', 0x2e, 0],
  ['COMIS', 0x2f, 1],
] as const) {
  for (const [letter, prefix, low, source, helper] of [
    ['S', 'np', Vd, Wd, 'comiSs'],
    ['D', 'p66', Vq, Wq, 'comiSd'],
  ] as const) {
    inst(name + letter, {
      forms: [form([r(low), r(source)], op(0x0f, opcode)[prefix]())],
      semantics(s, first, second) {
        beginSse(s);
        const b = s.read(second);
        const image = s.call(helper, s.read(first), b, s.const(quietIsInvalid, 32));
        s.flagsCompared(s.bit(image, 6), s.bit(image, 2), s.bit(image, 0));
      },
    });
  }
}

// -- SSE4.1: rounding, dot products ----------------------------------------------------------------
for (const [name, opcode, helper] of [
  ['ROUNDPS', 0x08, 'roundPs'],
  ['ROUNDPD', 0x09, 'roundPd'],
] as const) {
  inst(name, {
    forms: [form([w(Vx), r(Wx), r(Ib)], op(0x0f, 0x3a, opcode).p66())],
    semantics(s, destination, source, control) {
      beginSse(s);
      s.writeVector(destination, s.callVector(helper, s.readAligned(source), s.read(control)));
    },
  });
}

for (const [name, opcode, low, source, helper] of [
  ['ROUNDSS', 0x0a, Vd, Wd, 'roundSs'],
  ['ROUNDSD', 0x0b, Vq, Wq, 'roundSd'],
] as const) {
  inst(name, {
    forms: [form([w(low), r(source), r(Ib)], op(0x0f, 0x3a, opcode).p66())],
    semantics(s, destination, from, control) {
      beginSse(s);
      s.write(destination, s.call(helper, s.read(from), s.read(control)));
    },
  });
}

for (const [name, opcode, helper] of [
  ['DPPS', 0x40, 'dpPs'],
  ['DPPD', 0x41, 'dpPd'],
] as const) {
  inst(name, {
    forms: [form([rw(Vx), r(Wx), r(Ib)], op(0x0f, 0x3a, opcode).p66())],
    semantics(s, destination, source, control) {
      beginSse(s);
      const b = s.readAligned(source);
      const a = s.readVector(destination);
      s.writeVector(destination, s.callVector(helper, a, b, s.read(control)));
    },
  });
}
