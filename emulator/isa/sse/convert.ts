/** SSE conversions (SDM 2A CVT…). */
import { inst } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { Ey, Gy, Mq, Nq, Pq, r, rw, Vd, Vq, Vx, w, Wd, Wq, Wx } from '../operands.ts';
import { beginMmx, beginSse, enterMmx, zeroVector } from './helpers.ts';

// -- general registers -----------------------------------------------------------------------------
for (const [name, prefix, low, helper] of [
  ['CVTSI2SS', 'f3', Vd, 'cvtSi2Ss'],
  ['CVTSI2SD', 'f2', Vq, 'cvtSi2Sd'],
] as const) {
  inst(name, {
    forms: [form([w(low), r(Ey)], op(0x0f, 0x2a)[prefix]())],
    semantics(s, destination, source) {
      beginSse(s);
      s.write(destination, s.call(`${helper}${source.width}`, s.read(source)));
    },
  });
}

for (const [name, opcode, prefix, source, helper] of [
  ['CVTTSS2SI', 0x2c, 'f3', Wd, 'cvttSs2Si'],
  ['CVTTSD2SI', 0x2c, 'f2', Wq, 'cvttSd2Si'],
  ['CVTSS2SI', 0x2d, 'f3', Wd, 'cvtSs2Si'],
  ['CVTSD2SI', 0x2d, 'f2', Wq, 'cvtSd2Si'],
] as const) {
  inst(name, {
    forms: [form([w(Gy), r(source)], op(0x0f, opcode)[prefix]())],
    semantics(s, destination, from) {
      beginSse(s);
      s.write(destination, s.call(`${helper}${destination.width}`, s.read(from)));
    },
  });
}

// -- between floats --------------------------------------------------------------------------------
inst('CVTSS2SD', {
  forms: [form([w(Vq), r(Wd)], op(0x0f, 0x5a).f3())],
  semantics(s, destination, source) {
    beginSse(s);
    s.write(destination, s.call('cvtSs2Sd', s.read(source)));
  },
});

inst('CVTSD2SS', {
  forms: [form([w(Vd), r(Wq)], op(0x0f, 0x5a).f2())],
  semantics(s, destination, source) {
    beginSse(s);
    s.write(destination, s.call('cvtSd2Ss', s.read(source)));
  },
});

inst('CVTPS2PD', {
  forms: [form([w(Vx), r(Wq)], op(0x0f, 0x5a).np())],
  semantics(s, destination, source) {
    beginSse(s);
    s.writeVector(destination, s.callVector('cvtPs2Pd', s.read(source)));
  },
});

inst('CVTDQ2PD', {
  forms: [form([w(Vx), r(Wq)], op(0x0f, 0xe6).f3())],
  semantics(s, destination, source) {
    beginSse(s);
    const v = s.withLane('i64x2', zeroVector(s), 0, s.read(source));
    s.writeVector(destination, s.simd('f64x2.convert_low_i32x4_s', v));
  },
});

for (const [name, encoding, helper] of [
  ['CVTPD2PS', op(0x0f, 0x5a).p66(), 'cvtPd2Ps'],
  ['CVTDQ2PS', op(0x0f, 0x5b).np(), 'cvtDq2Ps'],
  ['CVTPS2DQ', op(0x0f, 0x5b).p66(), 'cvtPs2Dq'],
  ['CVTTPS2DQ', op(0x0f, 0x5b).f3(), 'cvttPs2Dq'],
  ['CVTPD2DQ', op(0x0f, 0xe6).f2(), 'cvtPd2Dq'],
  ['CVTTPD2DQ', op(0x0f, 0xe6).p66(), 'cvttPd2Dq'],
] as const) {
  inst(name, {
    forms: [form([w(Vx), r(Wx)], encoding)],
    semantics(s, destination, source) {
      beginSse(s);
      s.writeVector(destination, s.callVector(helper, s.readAligned(source)));
    },
  });
}

// -- MMX: with an MMX register the x87 becomes an MMX unit, even if #XM follows --------------------------
for (const source of [Nq, Mq]) {
  inst('CVTPI2PS', {
    forms: [form([rw(Vq), r(source)], op(0x0f, 0x2a).np())],
    semantics(s, destination, from) {
      beginSse(s);
      if (!from.isMemory) beginMmx(s);
      const value = s.read(from);
      if (!from.isMemory) enterMmx(s);
      s.write(destination, s.call('cvtPi2Ps', value));
    },
  });
  inst('CVTPI2PD', {
    forms: [form([w(Vx), r(source)], op(0x0f, 0x2a).p66())],
    semantics(s, destination, from) {
      beginSse(s);
      if (!from.isMemory) beginMmx(s);
      const v = s.withLane('i64x2', zeroVector(s), 0, s.read(from));
      if (!from.isMemory) enterMmx(s);
      s.writeVector(destination, s.simd('f64x2.convert_low_i32x4_s', v));
    },
  });
}

for (const [name, opcode, helper] of [
  ['CVTTPS2PI', 0x2c, 'cvttPs2Pi'],
  ['CVTPS2PI', 0x2d, 'cvtPs2Pi'],
] as const) {
  inst(name, {
    forms: [form([w(Pq), r(Wq)], op(0x0f, opcode).np())],
    semantics(s, destination, source) {
      beginSse(s);
      beginMmx(s);
      const value = s.read(source);
      enterMmx(s);
      s.write(destination, s.call(helper, value));
    },
  });
}

for (const [name, opcode, helper] of [
  ['CVTTPD2PI', 0x2c, 'cvttPd2Pi'],
  ['CVTPD2PI', 0x2d, 'cvtPd2Pi'],
] as const) {
  inst(name, {
    forms: [form([w(Pq), r(Wx)], op(0x0f, opcode).p66())],
    semantics(s, destination, source) {
      beginSse(s);
      beginMmx(s);
      const value = s.readAligned(source);
      enterMmx(s);
      s.write(destination, s.call(helper, value));
    },
  });
}
