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
  readTsc: [[], { returns: 64, writes: false }],
  tscAux: [[], { returns: 32, faults: false, writes: false }],
  readCounter: [[], { writes: false }],
  /** (bits): sets CF. */
  random: [[32], { returns: 64, faults: false }],
});
helpers('msr', { readMsr: [[]], writeMsr: [[]] });
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
    s.callVoid('readMsr');
  },
});

inst('WRMSR', {
  forms: [form([], op(0x0f, 0x30))],
  semantics(s) {
    s.callVoid('writeMsr');
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
