/** Moves of MMX and SSE registers (SDM 2B MOV…), non-temporal and masked stores, LDMXCSR. */
import { inst } from '../dsl.ts';
import type { Form } from '../forms.ts';
import { form, op } from '../forms.ts';
import { Reg } from '../flagRules.ts';
import {
  Ey,
  Gy,
  Md,
  Mq,
  Mx,
  My,
  Nq,
  Pq,
  Qq,
  r,
  rw,
  Ud,
  Uq,
  Ux,
  Vd,
  Vq,
  Vx,
  w,
  Wq,
  Wx,
} from '../operands.ts';
import { beginMmx, beginSse, enterMmx, vectorOf, zeroVector } from './helpers.ts';

const both = (load: number, store: number, prefix: 'np' | 'p66' | 'f3' | 'f2'): Form[] => [
  form([w(Vx), r(Wx)], op(0x0f, load)[prefix]()),
  form([w(Wx), r(Vx)], op(0x0f, store)[prefix]()),
];

// -- whole registers -------------------------------------------------------------------------------
for (const [name, forms] of [
  ['MOVAPS', both(0x28, 0x29, 'np')],
  ['MOVAPD', both(0x28, 0x29, 'p66')],
  ['MOVDQA', both(0x6f, 0x7f, 'p66')],
] as const) {
  inst(name, {
    forms,
    semantics(s, destination, source) {
      beginSse(s);
      s.writeAligned(destination, s.readAligned(source));
    },
  });
}

for (const [name, forms] of [
  ['MOVUPS', both(0x10, 0x11, 'np')],
  ['MOVUPD', both(0x10, 0x11, 'p66')],
  ['MOVDQU', both(0x6f, 0x7f, 'f3')],
  ['LDDQU', [form([w(Vx), r(Mx)], op(0x0f, 0xf0).f2())]],
] as const) {
  inst(name, {
    forms,
    semantics(s, destination, source) {
      beginSse(s);
      s.writeVector(destination, s.readVector(source));
    },
  });
}

for (const [name, forms] of [
  ['MOVNTPS', [form([w(Mx), r(Vx)], op(0x0f, 0x2b).np())]],
  ['MOVNTPD', [form([w(Mx), r(Vx)], op(0x0f, 0x2b).p66())]],
  ['MOVNTDQ', [form([w(Mx), r(Vx)], op(0x0f, 0xe7).p66())]],
  ['MOVNTDQA', [form([w(Vx), r(Mx)], op(0x0f, 0x38, 0x2a).p66())]],
] as const) {
  inst(name, {
    forms,
    semantics(s, destination, source) {
      beginSse(s);
      s.writeAligned(destination, s.readAligned(source));
    },
  });
}

inst('MOVNTI', {
  forms: [form([w(My), r(Gy)], op(0x0f, 0xc3).np())],
  semantics(s, destination, source) {
    s.write(destination, s.read(source));
  },
});

inst('MOVNTQ', {
  forms: [form([w(Mq), r(Pq)], op(0x0f, 0xe7).np())],
  semantics(s, destination, source) {
    beginMmx(s);
    s.write(destination, s.read(source));
    enterMmx(s);
  },
});

// -- scalars: a load clears the rest, a register move keeps it --------------------------------------
for (const [name, prefix, register, memory, low, destinationLow] of [
  ['MOVSS', 'f3', Ud, Md, Vd, Ud],
  ['MOVSD', 'f2', Uq, Mq, Vq, Uq],
] as const) {
  inst(name, {
    forms: [
      form([w(low), r(register)], op(0x0f, 0x10)[prefix]()),
      form([w(destinationLow), r(low)], op(0x0f, 0x11)[prefix]()),
      form([w(memory), r(low)], op(0x0f, 0x11)[prefix]()),
    ],
    semantics(s, destination, source) {
      beginSse(s);
      s.write(destination, s.read(source));
    },
  });
  inst(name, {
    forms: [form([w(low), r(memory)], op(0x0f, 0x10)[prefix]())],
    semantics(s, destination, source) {
      beginSse(s);
      s.writeZeroUpper(destination, s.read(source));
    },
  });
}

// -- halves ----------------------------------------------------------------------------------------
for (const [name, opcode, prefix] of [
  ['MOVLPS', 0x12, 'np'],
  ['MOVLPD', 0x12, 'p66'],
] as const) {
  inst(name, {
    forms: [
      form([w(Vq), r(Mq)], op(0x0f, opcode)[prefix]()),
      form([w(Mq), r(Vq)], op(0x0f, opcode + 1)[prefix]()),
    ],
    semantics(s, destination, source) {
      beginSse(s);
      s.write(destination, s.read(source));
    },
  });
}

for (const [name, prefix] of [
  ['MOVHPS', 'np'],
  ['MOVHPD', 'p66'],
] as const) {
  inst(name, {
    forms: [form([rw(Vx), r(Mq)], op(0x0f, 0x16)[prefix]())],
    semantics(s, destination, source) {
      beginSse(s);
      const value = s.read(source);
      s.writeVector(destination, s.withLane('i64x2', s.readVector(destination), 1, value));
    },
  });
  inst(name, {
    forms: [form([w(Mq), r(Vx)], op(0x0f, 0x17)[prefix]())],
    semantics(s, destination, source) {
      beginSse(s);
      s.write(destination, s.lane('i64x2', s.readVector(source), 1));
    },
  });
}

inst('MOVHLPS', {
  forms: [form([rw(Vx), r(Ux)], op(0x0f, 0x12).np())],
  semantics(s, destination, source) {
    beginSse(s);
    const high = s.lane('i64x2', s.readVector(source), 1);
    s.writeVector(destination, s.withLane('i64x2', s.readVector(destination), 0, high));
  },
});

inst('MOVLHPS', {
  forms: [form([rw(Vx), r(Ux)], op(0x0f, 0x16).np())],
  semantics(s, destination, source) {
    beginSse(s);
    const low = s.lane('i64x2', s.readVector(source), 0);
    s.writeVector(destination, s.withLane('i64x2', s.readVector(destination), 1, low));
  },
});

// -- duplicates ------------------------------------------------------------------------------------
for (const [name, opcode, lanes] of [
  ['MOVSLDUP', 0x12, [0, 0, 8, 8]],
  ['MOVSHDUP', 0x16, [4, 4, 12, 12]],
] as const) {
  inst(name, {
    forms: [form([w(Vx), r(Wx)], op(0x0f, opcode).f3())],
    semantics(s, destination, source) {
      beginSse(s);
      const v = s.readAligned(source);
      s.writeVector(
        destination,
        s.shuffle(
          v,
          v,
          lanes.flatMap((from) => [0, 1, 2, 3].map((k) => from + k)),
        ),
      );
    },
  });
}

inst('MOVDDUP', {
  forms: [form([w(Vx), r(Wq)], op(0x0f, 0x12).f2())],
  semantics(s, destination, source) {
    beginSse(s);
    s.writeVector(destination, s.splat('i64x2', s.read(source)));
  },
});

// -- between register files ------------------------------------------------------------------------
inst('MOVD', {
  forms: [form([w(Vx), r(Ey)], op(0x0f, 0x6e).p66())],
  semantics(s, destination, source) {
    beginSse(s);
    const value = s.zeroExtend(s.read(source), 64);
    s.writeVector(destination, s.withLane('i64x2', zeroVector(s), 0, value));
  },
});

inst('MOVD', {
  forms: [form([w(Ey), r(Vx)], op(0x0f, 0x7e).p66())],
  semantics(s, destination, source) {
    beginSse(s);
    const shape = destination.width === 64 ? 'i64x2' : 'i32x4';
    s.write(destination, s.lane(shape, s.readVector(source), 0));
  },
});

inst('MOVD', {
  forms: [form([w(Pq), r(Ey)], op(0x0f, 0x6e).np())],
  semantics(s, destination, source) {
    beginMmx(s);
    const value = s.zeroExtend(s.read(source), 64);
    enterMmx(s);
    s.write(destination, value);
  },
});

inst('MOVD', {
  forms: [form([w(Ey), r(Pq)], op(0x0f, 0x7e).np())],
  semantics(s, destination, source) {
    beginMmx(s);
    const value = s.read(source);
    s.write(destination, destination.width === 64 ? value : s.truncate(value, 32));
    enterMmx(s);
  },
});

inst('MOVQ', {
  forms: [form([w(Vq), r(Wq)], op(0x0f, 0x7e).f3())],
  semantics(s, destination, source) {
    beginSse(s);
    s.writeZeroUpper(destination, s.read(source));
  },
});

inst('MOVQ', {
  forms: [form([w(Wq), r(Vq)], op(0x0f, 0xd6).p66())],
  semantics(s, destination, source) {
    beginSse(s);
    if (destination.isMemory) s.write(destination, s.read(source));
    else s.writeZeroUpper(destination, s.read(source));
  },
});

inst('MOVQ', {
  forms: [form([w(Pq), r(Qq)], op(0x0f, 0x6f).np())],
  semantics(s, destination, source) {
    beginMmx(s);
    const value = s.read(source);
    enterMmx(s);
    s.write(destination, value);
  },
});

inst('MOVQ', {
  forms: [form([w(Qq), r(Pq)], op(0x0f, 0x7f).np())],
  semantics(s, destination, source) {
    beginMmx(s);
    s.write(destination, s.read(source));
    enterMmx(s);
  },
});

inst('MOVQ2DQ', {
  forms: [form([w(Vq), r(Nq)], op(0x0f, 0xd6).f3())],
  semantics(s, destination, source) {
    beginSse(s);
    beginMmx(s);
    const value = s.read(source);
    enterMmx(s);
    s.writeZeroUpper(destination, value);
  },
});

inst('MOVDQ2Q', {
  forms: [form([w(Pq), r(Uq)], op(0x0f, 0xd6).f2())],
  semantics(s, destination, source) {
    beginSse(s);
    beginMmx(s);
    const value = s.read(source);
    enterMmx(s);
    s.write(destination, value);
  },
});

// -- masked stores to DS:rDI -----------------------------------------------------------------------
inst('MASKMOVDQU', {
  forms: [form([r(Vx), r(Ux)], op(0x0f, 0xf7).p66().addressSized().rare())],
  semantics(s, data, mask) {
    beginSse(s);
    const d = s.readVector(data);
    const m = s.readVector(mask);
    s.callVoid(
      'maskedStore',
      s.segment(data),
      s.reg(Reg.RDI, 64),
      s.const(s.addressSize, 32),
      s.const(16, 32),
      d,
      m,
    );
  },
});

inst('MASKMOVQ', {
  forms: [form([r(Pq), r(Nq)], op(0x0f, 0xf7).np().addressSized().rare())],
  semantics(s, data, mask) {
    beginMmx(s);
    const d = vectorOf(s, s.read(data));
    const m = vectorOf(s, s.read(mask));
    s.callVoid(
      'maskedStore',
      s.segment(data),
      s.reg(Reg.RDI, 64),
      s.const(s.addressSize, 32),
      s.const(8, 32),
      d,
      m,
    );
    enterMmx(s);
  },
});

inst('LDMXCSR', {
  forms: [form([r(Md)], op(0x0f, 0xae).digit(2).np())],
  semantics(s, source) {
    beginSse(s);
    s.callVoid('loadMxcsr', s.read(source));
  },
});

inst('STMXCSR', {
  forms: [form([w(Md)], op(0x0f, 0xae).digit(3).np())],
  semantics(s, destination) {
    beginSse(s);
    s.write(destination, s.call('readMxcsr'));
  },
});
