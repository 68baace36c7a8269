/** Control and debug registers, SMSW LMSW CLTS, INVLPG INVPCID, INVD WBINVD, HLT (SDM 2A, 2B). */
import { inst } from '../dsl.ts';
import { Vector } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Cy, Dy, Ew, Gd, Gq, M, Mw, Rd, Rq, Rv, a, r, w } from '../operands.ts';

helpers('control', {
  readControlRegister: [[32], { returns: 64, writes: false, touches: 'nothing' }],
  writeControlRegister: [[32, 64], { touches: 'nothing' }],
  machineStatus: [[], { returns: 64, faults: false, writes: false, touches: 'nothing' }],
  loadMachineStatus: [[32], { touches: 'nothing' }],
  clearTaskSwitched: [[], { touches: 'nothing' }],
  /** (segment, offset). */
  invalidatePage: [[32, 64], { touches: 'nothing' }],
  /** (type, linear address of the descriptor). */
  invalidatePcid: [[64, 64], { touches: 'nothing' }],
  requirePrivilege: [[], { writes: false, touches: 'nothing' }],
});
helpers('debugRegisters', {
  readDebugRegister: [[32], { returns: 64, touches: 'nothing' }],
  writeDebugRegister: [[32, 64], { touches: 'nothing' }],
});
helpers('interrupts', { halt: [[], { faults: false, touches: 'nothing' }] });

for (const [opcode, register, read, write] of [
  [0x20, Cy, 'readControlRegister', 'writeControlRegister'],
  [0x21, Dy, 'readDebugRegister', 'writeDebugRegister'],
] as const) {
  inst('MOV', {
    forms: [
      form([w(Rd), r(register)], op(0x0f, opcode).not64()),
      form([w(Rq), r(register)], op(0x0f, opcode).only64()),
    ],
    semantics(s, dst, src) {
      s.write(dst, s.truncate(s.call(read, s.index(src)), dst.width as 32 | 64));
    },
  });
  inst('MOV', {
    forms: [
      form([w(register), r(Rd)], op(0x0f, opcode + 2).not64()),
      form([w(register), r(Rq)], op(0x0f, opcode + 2).only64()),
    ],
    semantics(s, dst, src) {
      s.callVoid(write, s.index(dst), s.zeroExtend(s.read(src), 64));
      s.endBlock();
    },
  });
}

inst('SMSW', {
  forms: [form([w(Rv)], op(0x0f, 0x01).digit(4)), form([w(Mw)], op(0x0f, 0x01).digit(4))],
  semantics(s, dst) {
    s.write(dst, s.truncate(s.call('machineStatus'), dst.width as 16 | 32 | 64));
  },
});

inst('LMSW', {
  forms: [form([r(Ew)], op(0x0f, 0x01).digit(6))],
  semantics(s, src) {
    s.raiseIf(s.isNonZero(s.cpl()), Vector.GP, 0);
    s.callVoid('loadMachineStatus', s.zeroExtend(s.read(src), 32));
    s.endBlock();
  },
});

inst('CLTS', {
  forms: [form([], op(0x0f, 0x06))],
  semantics(s) {
    s.callVoid('clearTaskSwitched');
    s.endBlock();
  },
});

inst('INVLPG', {
  forms: [form([a(M)], op(0x0f, 0x01).digit(7))],
  semantics(s, page) {
    s.callVoid('invalidatePage', s.segment(page), s.address(page));
    s.endBlock();
  },
});

inst('INVPCID', {
  forms: [
    form([r(Gd), a(M)], op(0x0f, 0x38, 0x82).p66().not64()),
    form([r(Gq), a(M)], op(0x0f, 0x38, 0x82).p66().only64()),
  ],
  semantics(s, kind, descriptor) {
    const at = s.linear(descriptor, 16, false);
    s.callVoid('invalidatePcid', s.zeroExtend(s.read(kind), 64), at);
    s.endBlock();
  },
});

/** INVD and WBINVD: there are no caches to write back. */
for (const [name, opcode] of [
  ['INVD', 0x08],
  ['WBINVD', 0x09],
] as const) {
  inst(name, {
    forms: [form([], op(0x0f, opcode))],
    semantics(s) {
      s.callVoid('requirePrivilege');
    },
  });
}

inst('HLT', {
  forms: [form([], op(0xf4))],
  semantics(s) {
    s.callVoid('requirePrivilege');
    s.callVoid('halt');
    s.endBlock();
  },
});
