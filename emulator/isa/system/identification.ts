/**
 * CPUID, MSRs, time-stamp counter, RDRAND, hypercalls (SDM 2A, 2B). MONITOR, MWAIT, XGETBV, RSM, UD0..UD2 are
 * not listed: an unlisted encoding is #UD.
 */
import { inst } from '../dsl.ts';
import { Reg } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Rv, w } from '../operands.ts';

helpers('cpuid', {
  cpuid: [[], { faults: false }],
  readTsc: [[], { returns: 64, writes: false, touches: 'nothing' }],
  tscAux: [[], { returns: 32, faults: false, writes: false, touches: 'nothing' }],
  readCounter: [[], { writes: false, touches: 'nothing' }],
  /** (bits): sets CF. */
  random: [[32], { returns: 64, faults: false, touches: 'flags' }],
});
helpers('msr', {
  /** (index). */
  readMsr: [[32], { returns: 64, writes: false, touches: 'nothing' }],
  /** (index, value). */
  writeMsr: [[32, 64], { touches: 'nothing' }],
});
helpers('kvmPv', { hypercall: [[], { faults: false }] });

inst('CPUID', {
  forms: [form([], op(0x0f, 0xa2))],
  semantics(s) {
    s.callVoid('cpuid');
  },
});

for (const [name, encoding] of [
  ['RDTSC', op(0x0f, 0x31)],
  ['RDTSCP', op(0x0f, 0x01).modrm(0xf9)],
] as const) {
  inst(name, {
    forms: [form([], encoding)],
    semantics(s) {
      const counter = s.call('readTsc');
      s.setReg(Reg.RAX, s.truncate(counter, 32));
      s.setReg(Reg.RDX, s.truncate(s.shrU(counter, 32), 32));
      if (name === 'RDTSCP') s.setReg(Reg.RCX, s.call('tscAux'));
    },
  });
}

inst('RDPMC', {
  forms: [form([], op(0x0f, 0x33))],
  semantics(s) {
    s.callVoid('readCounter');
  },
});

inst('RDMSR', {
  forms: [form([], op(0x0f, 0x32))],
  semantics(s) {
    const value = s.call('readMsr', s.reg(Reg.RCX, 32));
    s.setReg(Reg.RAX, s.truncate(value, 32));
    s.setReg(Reg.RDX, s.truncate(s.shrU(value, 32), 32));
  },
});

inst('WRMSR', {
  forms: [form([], op(0x0f, 0x30))],
  semantics(s) {
    const high = s.shl(s.zeroExtend(s.reg(Reg.RDX, 32), 64), 32);
    const value = s.or(high, s.zeroExtend(s.reg(Reg.RAX, 32), 64));
    s.callVoid('writeMsr', s.reg(Reg.RCX, 32), value);
    s.endBlock();
  },
});

inst('RDRAND', {
  forms: [form([w(Rv)], op(0x0f, 0xc7).digit(6))],
  semantics(s, dst) {
    s.write(dst, s.truncate(s.call('random', s.const(s.size, 32)), s.size));
  },
});

/** VMCALL and VMMCALL mean the same to KVM's guests. */
for (const [name, modrm] of [
  ['VMCALL', 0xc1],
  ['VMMCALL', 0xd9],
] as const) {
  inst(name, {
    forms: [form([], op(0x0f, 0x01).modrm(modrm))],
    semantics(s) {
      s.callVoid('hypercall');
    },
  });
}
